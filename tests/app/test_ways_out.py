"""Whatever way a run ends, the beam goes off in time and is confirmed, and what cannot be confirmed is said aloud."""

from __future__ import annotations

import importlib
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from app.cli.terminal_operator import TerminalOperator
from app.engine.engine import Engine, Request
from app.engine.events import Event, Noted, State
from app.engine.one_run import OneRun
from app.engine.outcome import Outcome
from app.pytest_plugin import SimulatedBench
from config.loading import bench_file
from drivers.bench import Bench
from procedures.run import Run
from sim_instruments.faults import Fault, FaultKind
from storage.errors import RunFileError
from storage.reader import open_run
from storage.writer import RunWriter

sys.path.insert(0, str(Path(__file__).parent))
HoldBeam: Any = importlib.import_module("beam_procedures").HoldBeam

IN_TIME = 0.5
"""s from an event to a beam that is off and confirmed"""


def lit_until(simulated: SimulatedBench) -> float:
    """Return when the high voltage was switched off, s on the bench's clock: the world's word."""
    segments = simulated.world.tube.segments()
    last_on = max(i for i, segment in enumerate(segments) if segment.voltage_to > 0)
    return float(segments[last_on + 1].start)


def leaving(simulated: SimulatedBench, how: Any) -> tuple[Outcome, float]:
    """Hold the beam, leave in its third step by `how`; return the outcome and how long the beam was still on, s."""
    engine = Engine(simulated.bench)
    left: list[float] = []

    class Leaving(HoldBeam):  # type: ignore[misc]
        """Hold the beam until something happens."""

        def in_beam(self, bench: Bench, run: Run, step: int) -> None:
            """Let it happen."""
            if step == 2:
                left.append(bench.clock.now())
                how(engine, run)

    procedure = Leaving()
    procedure.set_values({"steps": 1000, "step_time": 1.0})
    outcome = engine.run(Request(procedure, folder=simulated.folder))
    return outcome, lit_until(simulated) - left[0]


def raising(error: BaseException) -> Any:
    def fail(engine: Engine, run: Run) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("how", "state"),
    [
        (raising(ZeroDivisionError("in the procedure")), State.FAILED),
        (raising(KeyboardInterrupt()), State.ABORTED),
        (raising(SystemExit(1)), State.FAILED),
        (lambda engine, run: engine.abort("stop"), State.ABORTED),
        (lambda engine, run: run.record(HoldBeam.doses, wrong=1.0), State.FAILED),
    ],
    ids=["procedure", "ctrl-c", "exit", "abort", "wrong record"],
)
def test_the_beam_is_off_in_time(simulated_bench: SimulatedBench, how: Any, state: State) -> None:
    outcome, lit = leaving(simulated_bench, how)
    assert outcome.state is state
    assert lit < IN_TIME
    assert not simulated_bench.world.tube.high_voltage_on
    assert simulated_bench.world.tube.programmed_voltage_kv == 0.0
    assert not outcome.beam_unknown


def test_a_writer_that_fails_between_two_records_ends_the_run(
    simulated_bench: SimulatedBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = threading.Event()
    real = RunWriter.error.fget  # type: ignore[attr-defined]
    full = RunFileError("run.h5: the run file cannot be written: No space left on device")
    monkeypatch.setattr(RunWriter, "error", property(lambda self: full if broken.is_set() else real(self)))

    def fill_disk(engine: Engine, run: Run) -> None:
        broken.set()
        run.wait(3600.0)

    outcome, lit = leaving(simulated_bench, fill_disk)
    assert outcome.state is State.FAILED
    assert "No space left" in outcome.reason
    assert lit < 2 * IN_TIME


def test_the_engines_own_fault_leaves_no_beam(simulated_bench: SimulatedBench, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: OneRun) -> None:
        raise RuntimeError("a fault of the engine's")

    monkeypatch.setattr(OneRun, "_make_safe", broken)
    engine = Engine(simulated_bench.bench)

    class Stays(HoldBeam):  # type: ignore[misc]
        """Leave the beam on."""

        def measure(self, bench: Bench, run: Run) -> None:
            """Switch on and forget."""
            bench.tube.set_operating_point(30, 1)
            bench.tube.switch_on()

    with pytest.raises(RuntimeError, match="of the engine's"):
        engine.run(Request(Stays(), folder=simulated_bench.folder))
    assert engine.state is State.FAILED
    assert not simulated_bench.world.tube.high_voltage_on


def test_a_watchdog_that_cannot_be_armed_is_a_failed_run_and_not_one_for_ever(
    simulated_bench: SimulatedBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(seconds: float) -> bool:
        raise OSError("no")

    monkeypatch.setattr(simulated_bench.bench.tube, "arm_watchdog", broken)
    outcome = simulated_bench.run(HoldBeam())
    assert outcome.state is State.FAILED


def test_a_question_left_unanswered_ends_the_run_with_the_beam_off(tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text(bench_file("sim").text + "\n[policies]\nanswer_within_s = 0.3\n")
    simulated = SimulatedBench(tmp_path, bench=str(tmp_path / "b.toml"))
    withdrawn = threading.Event()

    class Away:
        def confirm(self, question: str) -> bool:
            withdrawn.wait(20)
            return True

        def withdraw(self) -> None:
            withdrawn.set()

    class Asks(HoldBeam):  # type: ignore[misc]
        """Ask with the beam on."""

        def in_beam(self, bench: Bench, run: Run, step: int) -> None:
            """Ask."""
            run.ask("Is the shutter open?")

    try:
        started = time.monotonic()
        outcome = Engine(simulated.bench, Away()).run(Request(Asks(), folder=tmp_path))
        assert time.monotonic() - started < 10
        assert outcome.state is State.ABORTED
        assert "nobody answered: Is the shutter open?" in outcome.reason
        assert withdrawn.is_set()
        assert not simulated.world.tube.high_voltage_on
    finally:
        simulated.close()


def test_an_abort_does_not_wait_for_an_open_question(simulated_bench: SimulatedBench) -> None:
    asked = threading.Event()

    class Away:
        def confirm(self, question: str) -> bool:
            asked.set()
            return threading.Event().wait(30)

    class Asks(HoldBeam):  # type: ignore[misc]
        """Ask with the beam on."""

        def in_beam(self, bench: Bench, run: Run, step: int) -> None:
            """Ask."""
            run.ask("Well?")

    engine = Engine(simulated_bench.bench, Away())
    threading.Thread(target=lambda: (asked.wait(10), engine.abort("stop")), daemon=True).start()
    started = time.monotonic()
    outcome = engine.run(Request(Asks(), folder=simulated_bench.folder))
    assert (outcome.state, outcome.reason) == (State.ABORTED, "stop")
    assert time.monotonic() - started < 10


def test_a_beam_that_stays_on_is_said_at_once_and_stands_in_the_file(simulated_bench: SimulatedBench) -> None:
    engine = Engine(simulated_bench.bench)
    seen: list[Event] = []
    engine.watch(seen.append)

    class Stuck(HoldBeam):  # type: ignore[misc]
        """Abort while the supply does not switch off."""

        def in_beam(self, bench: Bench, run: Run, step: int) -> None:
            """Abort."""
            simulated_bench.faults.add(Fault(FaultKind.STUCK_BEAM))
            engine.abort("stop")

    outcome = engine.run(Request(Stuck(), folder=simulated_bench.folder))
    simulated_bench.faults.clear()
    assert (outcome.state, outcome.beam_unknown) == (State.FAILED, True)
    assert outcome.as_dict()["beam_unknown"] is True
    notes = [event for event in seen if isinstance(event, Noted) and "BEAM STATE UNKNOWN" in event.message]
    assert notes
    assert outcome.run_file is not None
    with open_run(outcome.run_file) as file:
        assert file.status == "failed"
        assert any(event.get("beam_unknown") for event in file.journal)


@pytest.mark.skipif(sys.platform == "win32", reason="select on a pipe")
def test_a_withdrawn_question_leaves_the_terminal_to_the_next_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    end, typing = os.pipe()
    operator = TerminalOperator()
    answers: list[bool] = []
    with os.fdopen(end) as stdin, os.fdopen(typing, "w", buffering=1) as keyboard:
        monkeypatch.setattr(sys, "stdin", stdin)
        asked = threading.Thread(target=lambda: answers.append(operator.confirm("first?")))
        asked.start()
        said = ""
        while "first?" not in said:
            said += capsys.readouterr().err
        operator.withdraw()
        asked.join(5)
        assert answers == [False]
        keyboard.write("perhaps\ny\n")
        assert operator.confirm("second?")
