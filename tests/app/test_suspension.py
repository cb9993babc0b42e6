"""A computer that slept in the middle of a run: the journal says how long, and by which rule the times count."""

from __future__ import annotations

import importlib
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from app.engine import suspension
from app.engine.events import State
from app.engine.suspension import SLEPT, SuspensionWatch, time_asleep
from app.pytest_plugin import SimulatedBench
from drivers.bench import Bench
from procedures.run import Run
from storage.reader import open_run

sys.path.insert(0, str(Path(__file__).parent))
HoldBeam: Any = importlib.import_module("beam_procedures").HoldBeam


def test_each_sleep_is_told_once() -> None:
    told: list[tuple[str, str, float]] = []
    asleep = 1000.0  # before the run, which is nobody's business

    def journal(level: str, kind: str, message: str, **fields: object) -> None:
        told.append((level, kind, float(str(fields["seconds"]))))

    watch = SuspensionWatch(journal, lambda: asleep)
    watch.look()
    asleep += 0.1  # the clocks are not read at once
    watch.look()
    assert told == []
    asleep = 1007.0
    watch.look()
    watch.look()
    asleep += 3600.0
    watch.look()
    assert told == [("warning", SLEPT, 7.0), ("warning", SLEPT, 3600.0)]


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="the system does not say how long it slept")
def test_the_clocks_agree_while_the_computer_is_awake() -> None:
    assert time_asleep() > -suspension.LEAST
    assert abs(time_asleep() - time_asleep()) < suspension.LEAST


def test_a_run_through_which_the_computer_slept_says_so_in_its_file(
    simulated_bench: SimulatedBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Sleeping(HoldBeam):  # type: ignore[misc]
        """Hold the beam, and let the computer sleep in the second step."""

        def in_beam(self, bench: Bench, run: Run, step: int) -> None:
            asleep[0] += 90.0 * (step == 1)

    asleep = [time_asleep()]
    monkeypatch.setattr(suspension, "time_asleep", lambda: asleep[0])
    outcome = simulated_bench.run(Sleeping(), steps=4)
    assert (outcome.state, outcome.records) == (State.COMPLETED, 4)
    assert outcome.run_file is not None
    assert [note.kind for note in outcome.notes if note.kind == SLEPT] == [SLEPT]
    with open_run(outcome.run_file) as run:
        (event,) = (event for event in run.journal if event["kind"] == SLEPT)
    assert event["seconds"] == pytest.approx(90.0)
    assert "slept for 90.0 s; the times of records count the seconds" in str(event["message"])
