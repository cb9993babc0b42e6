"""Whatever happens in a run, the beam is off after it and the file says what happened."""

from __future__ import annotations

import importlib.util
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.engine.engine import Engine, Request
from app.engine.events import Event, Noted, Progressed, Recorded, State, StateChanged
from app.engine.operator import Nobody
from app.engine.outcome import Outcome
from app.pytest_plugin import SimulatedBench
from config.mistake import UserMistake
from drivers.bench import Bench
from procedures.run import Run
from sim_instruments.faults import Fault, FaultKind
from storage.reader import open_run

_spec = importlib.util.spec_from_file_location("beam_procedures", Path(__file__).with_name("beam_procedures.py"))
assert _spec is not None
assert _spec.loader is not None
beam_procedures = importlib.util.module_from_spec(_spec)
sys.modules["beam_procedures"] = beam_procedures
_spec.loader.exec_module(beam_procedures)

HoldBeam: Any = beam_procedures.HoldBeam


def hold_beam(meanwhile: Callable[[Bench, Run, int], None]) -> Any:
    """Make a procedure that does something while it holds the beam."""

    class Meanwhile(HoldBeam):
        """Hold the beam, and do something meanwhile."""

        def in_beam(self, bench: Bench, run: Run, step: int) -> None:
            """Do it."""
            meanwhile(bench, run, step)

        def analyse(self, data: Any) -> Any:
            """Nothing to find."""
            return []

    return Meanwhile()


def is_dark(simulated: SimulatedBench) -> bool:
    """Ask the world, not the driver."""
    return not simulated.world.tube.high_voltage_on


def told(outcome: Outcome) -> str:
    return " | ".join(note.message for note in outcome.notes)


def test_a_completed_run_leaves_figures_in_the_file(simulated_bench: SimulatedBench) -> None:
    outcome = simulated_bench.run(HoldBeam(), steps=4)
    assert outcome.state is State.COMPLETED
    assert outcome.exit_status == 0
    assert outcome.records == 4
    assert is_dark(simulated_bench)
    assert outcome.run_file is not None
    with open_run(outcome.run_file) as file:
        assert file.status == "completed"
        assert list(file.streams["doses"]["step"]) == [0, 1, 2, 3]
        assert file.figures[0]["value"] == outcome.figures[0].value
        assert file.provenance["seed"] == 1
        assert file.verify()


def test_beam_is_off_after_the_procedure_raises(simulated_bench: SimulatedBench) -> None:
    def fail(bench: Bench, run: Run, step: int) -> None:
        assert simulated_bench.world.tube.high_voltage_on
        if step == 2:
            raise ZeroDivisionError("a fault of the procedure's")

    outcome = simulated_bench.run(hold_beam(fail))
    assert outcome.state is State.FAILED
    assert outcome.exit_status == 1
    assert is_dark(simulated_bench)
    assert outcome.run_file is not None
    with open_run(outcome.run_file) as file:
        assert file.status == "failed"
        assert file.streams["doses"].rows == 3
        failure = next(event for event in file.journal if event["kind"] == "failure")
        assert "ZeroDivisionError" in str(failure)


def test_an_abort_switches_off_at_once_and_keeps_what_was_recorded(simulated_bench: SimulatedBench) -> None:
    engine = Engine(simulated_bench.bench)

    def abort(bench: Bench, run: Run, step: int) -> None:
        if step == 3:
            engine.abort("the user pressed stop")

    procedure = hold_beam(abort)
    procedure.steps = 1000
    outcome = engine.run(Request(procedure, folder=simulated_bench.folder))
    assert outcome.state is State.ABORTED
    assert outcome.exit_status == 3
    assert outcome.reason == "the user pressed stop"
    assert outcome.records == 4
    assert is_dark(simulated_bench)
    assert outcome.duration < 10


def test_nothing_is_energised_after_an_abort(simulated_bench: SimulatedBench) -> None:
    engine = Engine(simulated_bench.bench)
    tried: list[str] = []

    def abort(bench: Bench, run: Run, step: int) -> None:
        engine.abort("stop")
        try:
            bench.tube.switch_on()
        except Exception as error:
            tried.append(type(error).__name__)
        try:
            bench.source_meter.switch_on()
        except Exception as error:
            tried.append(type(error).__name__)

    assert engine.run(Request(hold_beam(abort), folder=simulated_bench.folder)).state is State.ABORTED
    assert tried == ["Inhibited", "Inhibited"]
    assert is_dark(simulated_bench)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (FaultKind.DOOR_OPENED, "interlock"),
        (FaultKind.ARC, "fault"),
        (FaultKind.TUBE_FAULT, "fault"),
    ],
)
def test_a_tube_that_trips_ends_the_run(simulated_bench: SimulatedBench, kind: FaultKind, said: str) -> None:
    simulated_bench.faults.add(Fault(kind, "tube", at=simulated_bench.bench.clock.now() + 5.0))
    outcome = simulated_bench.run(HoldBeam(), steps=1000)
    assert outcome.state is State.ABORTED
    assert outcome.tripped
    assert outcome.exit_status == 3
    assert said in outcome.reason.lower()
    assert outcome.duration < 15
    assert is_dark(simulated_bench)


def test_a_lost_dosimeter_is_named_and_the_beam_is_off(simulated_bench: SimulatedBench) -> None:
    at = simulated_bench.bench.clock.now() + 5.0
    simulated_bench.faults.add(Fault(FaultKind.LOST_CONNECTION, "dosimeter", at=at))
    outcome = simulated_bench.run(HoldBeam(), steps=1000)
    assert outcome.state is State.ABORTED
    assert outcome.tripped
    assert "dosimeter at TCPIP" in outcome.reason
    assert is_dark(simulated_bench)


def test_a_beam_that_does_not_go_off_is_said_aloud(simulated_bench: SimulatedBench) -> None:
    at = simulated_bench.bench.clock.now() + 2.0
    fault = simulated_bench.faults.add(Fault(FaultKind.STUCK_BEAM, "tube", at=at))
    outcome = simulated_bench.run(HoldBeam(), steps=3)
    assert outcome.beam_unknown
    assert outcome.state is State.FAILED
    assert "BEAM STATE UNKNOWN" in outcome.reason
    assert outcome.run_file is not None
    with open_run(outcome.run_file) as file:
        assert any("BEAM STATE UNKNOWN" in str(event["message"]) for event in file.journal)
    del fault
    simulated_bench.faults.clear()


def test_a_dose_budget_ends_the_run(tmp_path: Path) -> None:
    from config.loading import bench_file

    text = bench_file("sim").text.replace("dose_per_run_gy = 500.0", "dose_per_run_gy = 0.02")
    (tmp_path / "small.toml").write_text(text)
    simulated = SimulatedBench(tmp_path, bench=str(tmp_path / "small.toml"))
    try:
        outcome = simulated.run(HoldBeam(), steps=1000)
        assert outcome.state is State.ABORTED
        assert outcome.tripped
        assert "dose budget" in outcome.reason
        assert simulated.world.beam.dose() == pytest.approx(0.02, rel=0.1)
        assert is_dark(simulated)
    finally:
        simulated.close()


def test_a_mistake_is_found_before_anything_is_written_or_switched_on(simulated_bench: SimulatedBench) -> None:
    with pytest.raises(UserMistake, match=r"limits\.tube_voltage_kv"):
        simulated_bench.run(HoldBeam(), tube_voltage=100)
    assert list(simulated_bench.folder.iterdir()) == []
    assert is_dark(simulated_bench)


def test_the_beam_is_off_while_a_run_is_paused(simulated_bench: SimulatedBench) -> None:
    engine = Engine(simulated_bench.bench)
    dark: list[bool] = []
    paused = threading.Event()

    def watch(event: Event) -> None:
        if event == StateChanged(State.PAUSED):
            dark.append(is_dark(simulated_bench))
            paused.set()

    def pause(bench: Bench, run: Run, step: int) -> None:
        if step == 1:
            engine.pause()

    engine.watch(watch)
    threading.Thread(target=lambda: (paused.wait(10), engine.resume())).start()
    outcome = engine.run(Request(hold_beam(pause), folder=simulated_bench.folder))
    assert dark == [True]
    assert outcome.state is State.COMPLETED
    assert outcome.records == 5


def test_a_question_that_nobody_answers_ends_the_run(simulated_bench: SimulatedBench) -> None:
    engine = Engine(simulated_bench.bench, Nobody())

    def ask(bench: Bench, run: Run, step: int) -> None:
        run.ask("Is the sample in?")

    outcome = engine.run(Request(hold_beam(ask), folder=simulated_bench.folder))
    assert outcome.state is State.ABORTED
    assert "Is the sample in?" in told(outcome)
    assert is_dark(simulated_bench)


def test_watchers_see_every_record_and_a_failing_one_harms_nobody(simulated_bench: SimulatedBench) -> None:
    engine = Engine(simulated_bench.bench)
    seen: list[Event] = []

    def broken(event: Event) -> None:
        raise RuntimeError("a watcher's fault")

    engine.watch(broken)
    engine.watch(seen.append)
    outcome = engine.run(Request(HoldBeam(), folder=simulated_bench.folder))
    assert outcome.state is State.COMPLETED
    assert [event.values["step"] for event in seen if isinstance(event, Recorded)] == [0, 1, 2, 3, 4]
    states = [event.state for event in seen if isinstance(event, StateChanged)]
    assert states == [State.PREPARING, State.RUNNING, State.FINISHING, State.COMPLETED]
    last = [event for event in seen if isinstance(event, Progressed)][-1]
    assert (last.done, last.total) == (5, 5)
    assert last.dose == pytest.approx(simulated_bench.world.beam.dose(), rel=0.2)
    assert any(isinstance(event, Noted) for event in seen)


def test_a_disk_that_fails_ends_the_run_with_the_beam_off(
    simulated_bench: SimulatedBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from storage.errors import RunFileError
    from storage.writer import RunWriter

    real = RunWriter.record
    calls = 0

    def failing(self: RunWriter, *args: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise RunFileError("No space left on device")
        real(self, *args)

    monkeypatch.setattr(RunWriter, "record", failing)
    outcome = simulated_bench.run(HoldBeam(), steps=100)
    assert outcome.state is State.FAILED
    assert "No space left" in outcome.reason
    assert is_dark(simulated_bench)
    assert outcome.records == 2


def test_the_same_seed_gives_the_same_figures_bit_for_bit(tmp_path: Path) -> None:
    values = []
    for name in ("first", "second"):
        simulated = SimulatedBench(tmp_path / name, seed=7)
        try:
            outcome = simulated.run(HoldBeam(), steps=20)
            values.append([figure.as_dict() for figure in outcome.figures])
        finally:
            simulated.close()
    assert values[0] == values[1]
