"""Nothing is energised by mistake: opening, reading and checking switch nothing on, and a tube's own rules hold."""

from __future__ import annotations

import importlib
import itertools
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.engine.events import State
from app.pytest_plugin import SimulatedBench
from config.loading import bench_file
from config.mistake import UserMistake
from drivers.duty_cycle import DutyCycle
from drivers.errors import InterlockOpen
from drivers.tube_use import TubeUse
from procedures.procedure import Procedure
from procedures.registry import SHIPPED, procedure_class
from procedures.tube_warm_up import TubeWarmUp
from sim_instruments.faults import Fault, FaultKind
from storage.reader import open_run

sys.path.insert(0, str(Path(__file__).parent))
HoldBeam: Any = importlib.import_module("beam_procedures").HoldBeam

TABLE = """
[[warm_up]]
idle_days = 7.0
start_kv = 30.0
step_kv = 10.0
step_s = 20.0
current_ma = 0.2

[[warm_up]]
idle_days = 30.0
start_kv = 20.0
step_kv = 10.0
step_s = 60.0
current_ma = 0.1
"""


@pytest.fixture
def bench_with(tmp_path: Path) -> Iterator[Callable[..., SimulatedBench]]:
    opened: list[SimulatedBench] = []

    def make(more: str = "", limits: str = "") -> SimulatedBench:
        path = tmp_path / "sim.toml"
        path.write_text(bench_file("sim").text.replace("[limits]", f"[limits]\n{limits}") + more)
        opened.append(SimulatedBench(tmp_path / "runs", bench=str(path)))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def energised(simulated: SimulatedBench) -> list[str]:
    """Ask the world what is on, not the drivers."""
    world = simulated.world
    found = ["beam"] if world.tube.high_voltage_on or world.tube.voltage_kv() > 0.1 else []
    if world.bias_v() != 0:
        found.append("bias")
    if simulated.bench.source_meter.output_on:
        found.append("output")
    return found


def test_opening_reading_identifying_and_checking_switch_nothing_on(bench_with: Callable[..., SimulatedBench]) -> None:
    simulated = bench_with()
    assert energised(simulated) == []
    bench = simulated.bench
    for instrument in bench.instruments.values():
        assert str(instrument.identity)
        instrument.settings()
        instrument.calibration()
        assert energised(simulated) == []
    bench.tube.status()
    bench.tube.watch()
    bench.tube.reset_faults()
    assert not bench.source_meter.in_compliance()
    with pytest.raises(Exception, match="output is off"):
        bench.source_meter.measure()
    bench.dosimeter.dose_rate(0.5)
    bench.spectrometer.spectrum(0.1)
    bench.digitizer.record(0.01, 10)
    for name in SHIPPED:
        procedure: Procedure = procedure_class(name)()
        try:
            procedure.check(bench)
        except UserMistake:
            continue
        procedure.estimate()
        procedure.axes(bench)
    assert energised(simulated) == []
    segments = simulated.world.tube.segments()
    assert all(segment.voltage_to == 0 for segment in segments)


def test_a_beam_needs_an_interlock_that_is_closed_now(bench_with: Callable[..., SimulatedBench]) -> None:
    simulated = bench_with()
    tube = simulated.bench.tube
    tube.set_operating_point(30, 1)
    assert tube.status().interlock_closed
    simulated.faults.add(Fault(FaultKind.DOOR_OPENED))
    with pytest.raises(InterlockOpen):
        tube.switch_on()
    assert energised(simulated) == []


def test_a_bias_ramps_up_and_down_at_the_benchs_rate(
    bench_with: Callable[..., SimulatedBench], monkeypatch: pytest.MonkeyPatch
) -> None:
    simulated = bench_with()
    source, clock = simulated.bench.source_meter, simulated.bench.clock
    sent: list[float] = []
    real = source._send_voltage
    monkeypatch.setattr(source, "_send_voltage", lambda volts: (sent.append(volts), real(volts)))
    begun = clock.now()
    with source.bias(20.0, 1e-4):
        up = clock.now() - begun
        begun = clock.now()
    assert up == pytest.approx(2.0, abs=0.2)
    assert clock.now() - begun == pytest.approx(2.0, abs=0.2)
    # 10 V/s in steps of 50 ms
    assert max(abs(after - before) for before, after in itertools.pairwise(sent)) == pytest.approx(0.5)
    assert (max(sent), sent[-1], simulated.world.bias_v()) == (20.0, 0.0, 0.0)


class Days:
    """A calendar that a test turns."""

    def __init__(self) -> None:
        self.today = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.today

    def pass_by(self, days: float) -> None:
        self.today += timedelta(days=days)


@pytest.fixture
def idle(bench_with: Callable[..., SimulatedBench], tmp_path: Path) -> tuple[SimulatedBench, Days]:
    simulated, days = bench_with(TABLE), Days()
    simulated.bench.tube.use = TubeUse("a tube", tmp_path / "tubes.json", days)
    return simulated, days


def test_a_tube_that_was_idle_is_refused_until_it_is_warm(idle: tuple[SimulatedBench, Days]) -> None:
    simulated, days = idle
    with pytest.raises(UserMistake, match=r"no beam on record.*run tube-warm-up --bench sim --set tube_voltage=30"):
        simulated.run(HoldBeam(), steps=2)
    assert energised(simulated) == []
    assert not list(simulated.folder.glob("**/*.h5"))
    warm = simulated.run(TubeWarmUp(), tube_voltage=50)
    assert warm.state is State.COMPLETED
    assert warm.run_file is not None
    with open_run(warm.run_file) as file:
        steps = file.streams["steps"]
        assert sorted(set(steps["set_voltage"])) == [20, 30, 40, 50]  # nothing known counts as long
        assert abs(steps["tube_voltage"] - steps["set_voltage"]).max() < 0.5
    assert warm.duration > 4 * 60
    assert simulated.run(HoldBeam(), steps=2).state is State.COMPLETED
    days.pass_by(6.9)
    assert simulated.run(HoldBeam(), steps=2).state is State.COMPLETED
    days.pass_by(8)
    with pytest.raises(UserMistake, match=r"had no beam for 8 days at 30 kV"):
        simulated.run(HoldBeam(), steps=2)
    again = simulated.run(TubeWarmUp(), tube_voltage=30)
    assert again.duration < 40  # the row for a week


def test_a_tube_used_at_low_voltage_is_idle_at_a_high_one(idle: tuple[SimulatedBench, Days]) -> None:
    simulated, days = idle
    simulated.run(TubeWarmUp(), tube_voltage=50)
    days.pass_by(5)
    simulated.run(HoldBeam(), steps=1, tube_voltage=30)
    days.pass_by(5)
    assert simulated.run(HoldBeam(), steps=1, tube_voltage=30).state is State.COMPLETED
    with pytest.raises(UserMistake, match="10 days at 50 kV"):
        simulated.run(HoldBeam(), steps=1, tube_voltage=50)


def test_a_bench_without_a_table_needs_no_warm_up_and_says_what_is_missing(
    bench_with: Callable[..., SimulatedBench], tmp_path: Path
) -> None:
    simulated = bench_with()
    simulated.bench.tube.use = TubeUse("a tube", tmp_path / "tubes.json")
    assert simulated.run(HoldBeam(), steps=1).state is State.COMPLETED
    with pytest.raises(UserMistake, match=r"add \[\[warm_up\]\]"):
        simulated.run(TubeWarmUp())


def test_a_damaged_record_counts_as_none(tmp_path: Path) -> None:
    use = TubeUse("tube", tmp_path / "tubes.json")
    for text in ("", "[]", '{"tube": 3}', '{"tube": {"x": "y", "50": "soon"}}', "\x00"):
        (tmp_path / "tubes.json").write_text(text)
        assert use.idle_days(50) is None
    use.record(50.0)
    assert use.idle_days(50) == pytest.approx(0, abs=0.01)
    assert set(json.loads((tmp_path / "tubes.json").read_text())) == {"tube"}


def test_beam_time_is_counted_in_a_window_that_moves() -> None:
    duty = DutyCycle(0.5, 100.0)
    duty.switched(True, 0.0)
    assert duty.left(30.0) == pytest.approx(20.0)
    duty.switched(False, 40.0)
    duty.switched(False, 45.0)
    assert duty.left(60.0) == pytest.approx(10.0)
    assert duty.left(120.0) == pytest.approx(30.0)
    assert duty.left(150.0) == pytest.approx(50.0)
    assert DutyCycle(1.0, 100.0).left(1e9) > 0


def test_a_beam_that_uses_up_its_duty_cycle_trips(bench_with: Callable[..., SimulatedBench]) -> None:
    simulated = bench_with(limits="duty_cycle = 0.25\nduty_window_s = 100.0")
    outcome = simulated.run(HoldBeam(), steps=1000)
    assert outcome.tripped
    assert "limits.duty_cycle" in outcome.reason
    assert 24 < outcome.duration < 32
    tube, clock = simulated.bench.tube, simulated.bench.clock
    begun = clock.now()
    simulated.bench.release()
    with tube.beam(30, 1):
        rested = clock.now() - begun
    # what was on 25 s ago counts until it leaves the window
    assert 60 < rested < 100
