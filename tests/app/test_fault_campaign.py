"""The fault campaign finds what is wrong, and with the program as it is finds nothing."""

from __future__ import annotations

import contextlib
import itertools
import random
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.engine.events import State
from app.fault_injection import FaultInjection
from app.faults.__main__ import CASES, main
from app.faults.cases import KINDS, MOMENTS, Case, PlannedFault, cases
from app.faults.full_disk import FULL_AFTER, fill, small_disk
from app.faults.kills import IN_TIME, MOST_LOST, after, arranged
from app.faults.run_events import RunEvent
from app.faults.subjects import SUBJECTS
from app.faults.trial import try_case
from app.pytest_plugin import SimulatedBench
from drivers.bench import Bench
from drivers.roles import XrayTube
from procedures.iv import CurrentVoltage
from procedures.registry import SHIPPED
from sim_instruments.faults import FaultKind
from storage.reader import open_run

pytestmark = pytest.mark.usefixtures("untraced")

CHEAP = ("dose-calibration", "tube-warm-up", "rl-linearity", "iv", "imaging", "activation-energy")
no_windows = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit to the size of files")
SLOW_FAULTS = {FaultKind.SILENT, FaultKind.TRUNCATED_REPLY, FaultKind.STUCK_BEAM}
"""Kinds that cost time-outs, which are real time."""


def cheap_cases() -> list[Case]:
    quick = (
        case
        for case in cases(7)
        if case.subject.procedure in CHEAP and not {fault.kind for fault in case.faults} & SLOW_FAULTS
    )
    return list(itertools.islice(quick, 7))


def one(procedure: str, moment: str, *faults: PlannedFault, record: int = 2, delay: float = 0.5) -> Case:
    subject = next(one for one in SUBJECTS if one.procedure == procedure)
    return Case(1, 0, subject, moment, faults, record, delay)


def test_every_procedure_kind_and_moment_has_its_turn() -> None:
    assert {subject.procedure for subject in SUBJECTS} == set(SHIPPED)
    first = list(itertools.islice(cases(1), CASES))
    assert {case.subject.procedure for case in first} == set(SHIPPED)
    assert {(case.faults[0].kind, case.moment) for case in first} == set(itertools.product(KINDS, MOMENTS))
    assert all(len(case.faults) == 2 for case in first if case.moment == "two")
    again = next(itertools.islice(cases(1), 137, None))
    assert again == first[137]
    assert "--case 137" in again.replay


@pytest.mark.parametrize("case", cheap_cases(), ids=str)
def test_whatever_goes_wrong_the_bench_is_safe_and_the_run_says_what_became_of_it(case: Case) -> None:
    finding = try_case(case)
    assert not finding.problems, finding.reason


def test_a_tube_that_was_lost_is_switched_off_by_its_own_watchdog() -> None:
    lost = PlannedFault(FaultKind.LOST_CONNECTION, {"instrument": "tube", "duration": 5.0})
    finding = try_case(one("tube-warm-up", "during", lost, record=4, delay=2.1))
    assert not finding.problems
    assert finding.said_unknown
    assert finding.by_watchdog is not None
    assert 5.0 < finding.by_watchdog < 15.0


def test_the_campaign_notices_a_beam_that_nobody_switches_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(XrayTube, "switch_off", lambda self: None)
    monkeypatch.setattr(Bench, "make_safe", lambda self: ())
    case = one("tube-warm-up", "between", PlannedFault(FaultKind.MA_OFF, {"factor": 0.5}))
    assert any("BEAM IS ON" in problem for problem in try_case(case).problems)


@pytest.mark.parametrize(
    ("event", "moment", "state"),
    [
        (RunEvent.STOP, "before", "aborted"),
        (RunEvent.STOP, "between", "aborted"),
        (RunEvent.CTRL_C, "between", "aborted"),
        (RunEvent.CTRL_C, "shutdown", "interrupted"),
        (RunEvent.PROCEDURE_BUG, "between", "failed"),
        (RunEvent.PROCEDURE_BUG, "shutdown", "failed"),
        (RunEvent.PAUSE, "between", "completed"),
        pytest.param(RunEvent.DISK_FULL, "before", "refused", marks=no_windows),
        pytest.param(RunEvent.DISK_FULL, "shutdown", "failed", marks=no_windows),
    ],
    ids=str,
)
def test_what_happens_to_a_run_ends_it_as_it_should(event: RunEvent, moment: str, state: str) -> None:
    finding = try_case(one("dose-calibration", moment, PlannedFault(event)))
    assert not finding.problems, finding.reason
    assert finding.happened
    assert finding.state == state


def test_what_was_to_happen_after_the_runs_end_happens_to_no_later_run() -> None:
    # after the last record of a run that is soon over, and the number asks for another run afterwards
    case = replace(one("iv", "during", PlannedFault(RunEvent.DISK_FULL), record=5, delay=20.0), number=4)
    finding = try_case(case)
    assert not finding.problems
    assert finding.state == "completed"


def test_a_full_disk_is_over_once_the_case_is(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    finding = try_case(one("dose-calibration", "between", PlannedFault(RunEvent.DISK_FULL)))
    assert "too large" in finding.reason.lower()
    assert finding.file_verified
    assert resource.getrlimit(resource.RLIMIT_FSIZE) == before


def test_a_case_is_tried_again_by_its_number(capsys: pytest.CaptureFixture[str]) -> None:
    number = next(case.number for case in cases(3) if case.subject.procedure == "iv" and case.moment == "shutdown")
    assert main(["--case", str(number), "--seed", "3"]) == 0
    assert f"--seed 3 --case {number}" in capsys.readouterr().out


@pytest.mark.simulated_bench(sample="dong24-tio2")
def test_a_run_whose_bias_may_be_on_has_failed_and_keeps_what_it_measured(
    simulated_bench: SimulatedBench, faults: FaultInjection
) -> None:
    faults.in_shutdown("lost-connection", instrument="source_meter")
    outcome = simulated_bench.run(CurrentVoltage(), voltages="-4:4:5")
    assert outcome.state is State.FAILED
    assert "source_meter could not be made safe" in outcome.reason
    # the measurement itself was complete
    assert any(figure.value is not None for figure in outcome.figures)
    assert outcome.run_file is not None
    with open_run(outcome.run_file) as file:
        assert file.status == "failed"


def test_how_long_something_stayed_on_is_read_from_what_the_world_remembers() -> None:
    states: list[list[Any]] = [[0.0, False], [1.0, True], [5.0, False]]
    assert after(states, 3.0) == (True, 2.0)
    assert after(states, 6.0) == (False, 0.0)
    assert after(states[:2], 3.0) == (True, None)
    assert after([*states, [6.0, True], [7.5, False]], 5.5) == (False, 2.0)
    assert after([*states, [6.0, True]], 5.5) == (False, None)


def test_a_full_disk_ends_a_run_with_one_message_and_nothing_on(tmp_path: Path) -> None:
    copies = tmp_path / "copies"
    copies.mkdir()
    with contextlib.ExitStack() as mounted:
        try:
            disk = mounted.enter_context(small_disk(tmp_path / "disk"))
        except OSError as error:
            pytest.skip(f"no small disk: {error}")
        filled = fill(disk, copies)
    assert not filled.problems
    assert filled.kept > 0.8 * FULL_AFTER


@pytest.fixture(scope="module")
def arrangement(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with arranged(Path(tmp_path_factory.mktemp("kills"))) as made:
        yield made


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("number", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_killed_run_leaves_no_beam_no_process_and_a_file(arrangement: Any, number: int) -> None:
    killed = arrangement.run_and_kill(number, random.Random(number))
    assert not killed.problems
    assert killed.seconds_to_beam_off <= IN_TIME
    assert killed.seconds_lost <= MOST_LOST
