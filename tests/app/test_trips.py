"""What trips a run, what the bench file's policies make of it, and that nothing measured without the beam counts."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.engine.engine import Engine, Request
from app.engine.events import Event, State, StateChanged
from app.engine.outcome import Outcome
from app.engine.reading import analyse_path
from app.pytest_plugin import SimulatedBench
from config.bench_file import Policies
from config.loading import bench_file, check
from config.mistake import UserMistake
from drivers.bench import Bench
from procedures.iv import CurrentVoltage
from procedures.rl_stability import RLStability
from procedures.run import Run
from procedures.sensitivity import Sensitivity
from sim_instruments.faults import Fault, FaultKind
from storage.reader import open_run

pytestmark = pytest.mark.usefixtures("untraced")

sys.path.insert(0, str(Path(__file__).parent))
HoldBeam: Any = importlib.import_module("beam_procedures").HoldBeam

Opener = Callable[..., SimulatedBench]


@pytest.fixture
def bench_with(tmp_path: Path) -> Iterator[Opener]:
    """Open simulated benches with policies of their own."""
    opened: list[SimulatedBench] = []

    def make(policies: str = "", tube_timeout: float = 2.0, **given: Any) -> SimulatedBench:
        path = tmp_path / "sim.toml"
        text = bench_file("sim").text + f"\n[policies]\n{policies}\n"
        # a tube that is silent costs real time
        options = f"options = {{ timeout_s = {tube_timeout} }}"
        text = text.replace('driver = "spellman-xrv"', f'driver = "spellman-xrv"\n{options}')
        path.write_text(text)
        opened.append(SimulatedBench(tmp_path / "runs", bench=str(path), **given))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def meanwhile(what: Callable[[Run, int], None]) -> Any:
    class Meanwhile(HoldBeam):  # type: ignore[misc]
        """Hold the beam, and do something in a step."""

        def in_beam(self, bench: Bench, run: Run, step: int) -> None:
            """Do it."""
            what(run, step)

    return Meanwhile()


def journal(outcome: Outcome, kind: str) -> list[dict[str, Any]]:
    assert outcome.run_file is not None
    with open_run(outcome.run_file) as file:
        return [dict(event) for event in file.journal if event["kind"] == kind]


def fault_at(simulated: SimulatedBench, seconds: float, kind: str, role: str | None = None, **more: Any) -> float:
    at = simulated.bench.clock.now() + seconds
    simulated.faults.add(Fault(FaultKind(kind), role, at=at, **more))
    return at


@pytest.mark.parametrize(
    ("kind", "role", "trip"),
    [
        ("door-opened", None, "interlock"),
        ("arc", None, "arc"),
        ("tube-fault", None, "tube_fault"),
        ("kv-off", None, "off_tolerance"),
        ("ma-off", None, "off_tolerance"),
        ("silent", "dosimeter", "silent"),
        ("dosimeter-out-of-range", None, "dosimeter"),
    ],
)
def test_each_kind_ends_the_run_with_its_name_and_its_time(
    simulated_bench: SimulatedBench, kind: str, role: str | None, trip: str
) -> None:
    fault_at(simulated_bench, 5.0, kind, role, duration=20.0 if kind == "silent" else None)
    outcome = simulated_bench.run(HoldBeam(), steps=1000)
    assert (outcome.state, outcome.tripped, outcome.exit_status) == (State.ABORTED, True, 3)
    (event,) = journal(outcome, "trip")
    assert (event["trip"], event["policy"]) == (trip, "abort")
    assert 4.5 < float(event["time"]) < (12 if kind == "silent" else 7.5)
    assert not simulated_bench.world.tube.high_voltage_on
    assert sum(note.kind == "trip" for note in outcome.notes) == 1


def test_a_silent_tube_is_no_confirmation_that_the_beam_is_off(bench_with: Opener) -> None:
    simulated = bench_with(tube_timeout=0.3)
    fault_at(simulated, 5.0, "silent", "tube")
    outcome = simulated.run(HoldBeam(), steps=1000)
    assert (outcome.state, outcome.beam_unknown, outcome.exit_status) == (State.FAILED, True, 1)
    assert "BEAM STATE UNKNOWN" in outcome.reason
    (event,) = journal(outcome, "trip")
    assert event["trip"] == "silent"
    assert any("BEAM STATE UNKNOWN" in str(event["message"]) for event in journal(outcome, "unsafe"))
    simulated.faults.clear()


@pytest.mark.simulated_bench(sample="dong24-tio2")
def test_a_source_in_compliance_trips_a_run_that_believes_in_its_bias(simulated_bench: SimulatedBench) -> None:
    def bias(run: Run, step: int) -> None:
        source = simulated_bench.bench.source_meter
        if step == 0:
            source.configure(1e-6)
            source.switch_on()
            source.ramp_to(-5.0)

    fault_at(simulated_bench, 6.0, "compliance")
    outcome = simulated_bench.run(meanwhile(bias), steps=1000)
    assert outcome.tripped
    assert "in compliance at -5 V" in outcome.reason
    assert simulated_bench.world.bias_v() == 0.0


@pytest.mark.simulated_bench(sample="dong24-tio2")
def test_compliance_is_part_of_an_iv_curve_and_only_noted(simulated_bench: SimulatedBench) -> None:
    simulated_bench.faults.add(Fault(FaultKind.COMPLIANCE))
    outcome = simulated_bench.run(CurrentVoltage(), voltages="0, 1, 2", compliance=1, readings=4)
    assert outcome.state is State.COMPLETED
    assert all(event["policy"] == "note" for event in journal(outcome, "trip"))
    assert journal(outcome, "trip")
    assert not any("in doubt" in warning for figure in outcome.figures for warning in figure.warnings)


def test_what_is_dangerous_cannot_be_only_noted() -> None:
    for kind in ("interlock", "arc", "tube_fault", "silent", "dosimeter"):
        with pytest.raises(UserMistake, match=f"policies: {kind}: .note. .* Allowed: abort, pause"):
            check({kind: "note"}, Policies, "bench.toml: policies")


def test_a_point_after_the_beam_went_off_is_not_recorded(simulated_bench: SimulatedBench) -> None:
    def open_door_and_record(run: Run, step: int) -> None:
        if step == 2:
            simulated_bench.faults.add(Fault(FaultKind.DOOR_OPENED))
            # no time passes: the monitor cannot have looked
            run.record(HoldBeam.doses, dose_rate=1.0, dose_rate_errors=0.1, step=99.0)

    outcome = simulated_bench.run(meanwhile(open_door_and_record), steps=5)
    assert outcome.tripped
    assert outcome.run_file is not None
    with open_run(outcome.run_file) as file:
        assert list(file.streams["doses"]["step"]) == [0, 1, 2]


def test_a_point_beside_a_tube_that_cannot_be_read_is_not_recorded(simulated_bench: SimulatedBench) -> None:
    def garble_and_record(run: Run, step: int) -> None:
        if step == 2:
            simulated_bench.faults.add(Fault(FaultKind.GARBAGE_REPLY, "tube", count=4))
            run.record(HoldBeam.doses, dose_rate=1.0, dose_rate_errors=0.1, step=99.0)

    outcome = simulated_bench.run(meanwhile(garble_and_record), steps=5)
    assert outcome.tripped
    assert outcome.run_file is not None
    with open_run(outcome.run_file) as file:
        assert 99.0 not in file.streams["doses"]["step"]


def test_the_last_point_before_a_trip_counts_in_no_figure(simulated_bench: SimulatedBench) -> None:
    def open_door(run: Run, step: int) -> None:
        if step == 3:
            simulated_bench.faults.add(Fault(FaultKind.DOOR_OPENED))

    outcome = simulated_bench.run(meanwhile(open_door), steps=50)
    assert outcome.tripped
    assert outcome.run_file is not None
    with open_run(outcome.run_file) as file:
        rates = list(file.streams["doses"]["dose_rate"])
    assert len(rates) == 4
    assert outcome.figures[0].value == pytest.approx(float(np.mean(rates[:3])))


def test_a_block_whose_beam_went_off_raises_at_its_end(simulated_bench: SimulatedBench) -> None:
    tube = simulated_bench.bench.tube
    with pytest.raises(Exception, match="the interlock opened"), tube.beam(30, 1):
        simulated_bench.faults.add(Fault(FaultKind.DOOR_OPENED))
    assert not simulated_bench.world.tube.high_voltage_on


def test_an_opened_door_pauses_the_run_and_the_point_is_measured_again(bench_with: Opener) -> None:
    simulated = bench_with('interlock = "pause"')
    opened = fault_at(simulated, 12.3, "door-opened", duration=40.0)
    states: list[State] = []
    lit_in_pause: list[bool] = []

    def watch(event: Event) -> None:
        if isinstance(event, StateChanged):
            states.append(event.state)
            if event.state is State.PAUSED:
                lit_in_pause.append(simulated.world.tube.high_voltage_on)

    engine = Engine(simulated.bench)
    engine.watch(watch)
    procedure = HoldBeam()
    procedure.set_values({"steps": 15, "step_time": 1.0})
    begun = simulated.bench.clock.now()
    outcome = engine.run(Request(procedure, folder=simulated.folder))
    assert outcome.state is State.COMPLETED
    assert [state for state in states if state in (State.RUNNING, State.PAUSED)] == [
        State.RUNNING,
        State.PAUSED,
        State.RUNNING,
    ]
    assert lit_in_pause == [False]
    assert outcome.run_file is not None
    (interrupted,) = journal(outcome, "interrupted")
    with open_run(outcome.run_file) as file:
        steps, times = file.streams["doses"]["step"], file.streams["doses"]["time"]
        rates = file.streams["doses"]["dose_rate"]
    first, last = interrupted["set_aside"]["doses"]
    assert last == first + 1
    kept = np.delete(steps, slice(first, last))
    assert list(kept) == list(range(15))
    assert steps[first] == steps[last]
    assert not np.any((times > opened - begun) & (times < opened + 40 - begun))
    assert rates.min() > 0.8 * rates.max()
    assert any("interrupted once" in warning for warning in outcome.figures[0].warnings)
    again = analyse_path(outcome.run_file, kind=HoldBeam)
    assert again[0].as_dict() == outcome.figures[0].as_dict()
    assert outcome.figures[0].value == pytest.approx(float(np.delete(rates, slice(first, last)).mean()))


def test_a_door_that_is_open_when_a_beam_is_wanted_pauses_as_well(bench_with: Opener) -> None:
    simulated = bench_with('interlock = "pause"')
    simulated.faults.add(Fault(FaultKind.DOOR_OPENED, duration=25.0))
    outcome = simulated.run(HoldBeam(), steps=2)
    assert outcome.state is State.COMPLETED
    assert outcome.duration > 25


def test_a_door_that_stays_open_ends_the_run(bench_with: Opener) -> None:
    simulated = bench_with('interlock = "pause"\nlongest_pause_s = 60.0')
    fault_at(simulated, 3.0, "door-opened")
    outcome = simulated.run(HoldBeam(), steps=100)
    assert (outcome.state, outcome.tripped) == (State.ABORTED, True)
    assert "the interlock is open still after 60 s" in outcome.reason
    assert not simulated.world.tube.high_voltage_on


def test_a_run_goes_on_only_if_somebody_says_so(bench_with: Opener) -> None:
    simulated = bench_with('interlock = "pause"')
    fault_at(simulated, 3.0, "door-opened", duration=5.0)

    class Declines:
        def confirm(self, question: str) -> bool:
            assert "the interlock opened" in question
            return False

    procedure = HoldBeam()
    procedure.steps = 100
    outcome = Engine(simulated.bench, Declines()).run(Request(procedure, folder=simulated.folder))
    assert (outcome.state, outcome.tripped) == (State.ABORTED, True)
    assert "not to go on" in outcome.reason


def test_a_tube_that_arcs_again_and_again_is_not_switched_on_for_ever(bench_with: Opener) -> None:
    simulated = bench_with('arc = "pause"\nmost_pauses = 2\nresume = "automatically"')

    def arc(run: Run, step: int) -> None:
        if step == 3:
            simulated.faults.add(Fault(FaultKind.ARC))
            run.wait(1.0)

    outcome = simulated.run(meanwhile(arc), steps=6)
    assert (outcome.state, outcome.tripped) == (State.ABORTED, True)
    assert sum("trip" in event for event in journal(outcome, "interrupted")) == 2
    assert not simulated.world.tube.high_voltage_on


def test_an_instrument_that_comes_back_lets_the_run_go_on(bench_with: Opener) -> None:
    simulated = bench_with('silent = "pause"')
    fault_at(simulated, 4.0, "lost-connection", "dosimeter", duration=8.0)
    outcome = simulated.run(HoldBeam(), steps=8)
    assert outcome.state is State.COMPLETED, outcome.reason
    assert journal(outcome, "interrupted")


def test_what_is_off_tolerance_and_only_noted_leaves_its_figures_in_doubt(bench_with: Opener) -> None:
    simulated = bench_with('off_tolerance = "note"')
    fault_at(simulated, 4.0, "ma-off")
    outcome = simulated.run(HoldBeam(), steps=8)
    assert outcome.state is State.COMPLETED
    assert any("in doubt: the tube is at" in warning for warning in outcome.figures[0].warnings)


def test_time_under_the_beam_does_not_go_on_while_a_run_is_interrupted(bench_with: Opener) -> None:
    simulated = bench_with('interlock = "pause"', sample="chen24-pnc-silicone")
    fault_at(simulated, 100.0, "door-opened", duration=600.0)
    outcome = simulated.run(
        RLStability(), tube_voltage=50, tube_current=2, duration=4, first_interval=20, longest_interval=30, averages=2
    )
    assert outcome.state is State.COMPLETED
    assert outcome.run_file is not None
    with open_run(outcome.run_file) as file:
        series = file.streams["series"]
        elapsed, dose = np.asarray(series["elapsed"]), np.asarray(series["dose"])
    assert 230 < elapsed[-1] < 290
    assert dose[-1] == pytest.approx(simulated.world.beam.dose(), rel=0.05)


def test_a_sensitivity_that_was_interrupted_holds_the_truth(bench_with: Opener) -> None:
    from procedures.registry import preset

    content = preset("dong24-sensitivity", "sensitivity").content
    assert content.geometry is not None
    simulated = bench_with('interlock = "pause"', sample=content.sample, geometry=content.geometry.model_dump(), seed=2)
    fault_at(simulated, 60.0, "door-opened", duration=30.0)
    outcome = simulated.run(
        Sensitivity(),
        tube_currents="0.05, 0.2, 0.5, 0.8",
        fields="-100",
        samples=50,
        bias_settling_time=20,
        dose_time=2,
    )
    assert outcome.state is State.COMPLETED, outcome.reason
    assert journal(outcome, "interrupted")
    (sensitivity,) = [figure for figure in outcome.figures if figure.name == "sensitivity"]
    assert sensitivity.interval is not None
    assert sensitivity.interval[0] <= 13_700 <= sensitivity.interval[1]
