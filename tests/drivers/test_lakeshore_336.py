"""The temperature stage's driver, and other people's, against the simulated controller."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from config.mistake import UserMistake
from drivers.errors import BadReply, ConnectionLost, Inhibited, InstrumentError, Overloaded, WrongInstrument
from drivers.lakeshore_336 import LakeShore336Options, LakeShore336Stage
from drivers.roles import Surroundings
from sim_instruments.faults import Fault, FaultKind
from sim_instruments.wire.keithley_2450 import Keithley2450Wire
from sim_instruments.wire.lakeshore_336 import LakeShore336Wire
from sim_instruments.wire.server import WireServer
from sim_instruments.wire.wire_faults import WireFaults
from sim_instruments.world.clock import VirtualClock
from sim_instruments.world.world import World


@dataclass
class Bench:
    world: World
    server: WireServer
    surroundings: Surroundings
    resource: str
    wire: LakeShore336Wire

    def open(self, **options: Any) -> LakeShore336Stage:
        return LakeShore336Stage(
            self.resource, LakeShore336Options(**({"timeout_s": 0.5} | options)), self.surroundings
        )


@pytest.fixture
def bench() -> Iterator[Bench]:
    world = World(3, VirtualClock())
    wire = LakeShore336Wire(world)
    server = WireServer(world.clock, world.lock, WireFaults(world.faults))
    yield Bench(world, server, Surroundings(clock=world.clock), server.serve_tcp("temperature_stage", wire), wire)
    world.close()
    server.close()


@pytest.fixture
def stage(bench: Bench) -> Iterator[LakeShore336Stage]:
    opened = bench.open()
    yield opened
    opened.close()


def test_opening_identifies_the_controller_and_heats_nothing(bench, stage):
    assert stage.identity.model == "MODEL336"
    assert not stage.heating
    assert stage.temperature() == pytest.approx(295.0, abs=0.05)


def test_the_sample_comes_to_the_temperature_that_was_set(bench, stage):
    stage.set_temperature(340.0)
    assert stage.heating
    reached = stage.settle(tolerance_k=0.05, stable_for=60.0)
    assert reached == pytest.approx(340.0, abs=0.02)
    assert float(bench.world.stage.temperature()) == pytest.approx(340.0, abs=0.02)


def test_it_cools_as_well(bench, stage):
    stage.set_temperature(230.0)
    assert stage.settle() == pytest.approx(230.0, abs=0.1)


def test_a_ramp_moves_at_its_rate_from_where_the_sample_is(bench, stage):
    stage.set_temperature(315.0, rate_k_per_min=4.0)
    bench.world.clock.sleep(150.0)
    # a first-order lag stays rate times lag behind a ramp
    lag = bench.world.stage.parameters.follow_s * 4.0 / 60.0
    assert stage.temperature() == pytest.approx(295.0 + 10.0 - lag, abs=0.05)
    stage.settle()
    assert stage.temperature() == pytest.approx(315.0, abs=0.1)


def test_a_second_ramp_begins_where_the_first_one_is(bench, stage):
    stage.set_temperature(315.0, rate_k_per_min=4.0)
    bench.world.clock.sleep(60.0)
    stage.set_temperature(295.0, rate_k_per_min=4.0)
    bench.world.clock.sleep(600.0)
    assert stage.temperature() == pytest.approx(295.0, abs=0.1)


def test_making_safe_switches_the_heater_off_and_the_stage_drifts_to_the_room(bench, stage):
    stage.set_temperature(380.0)
    stage.settle()
    stage.make_safe()
    assert not stage.heating
    bench.world.clock.sleep(600.0)
    expected = 295.0 + 85.0 * math.exp(-1.0)
    assert stage.temperature() == pytest.approx(expected, abs=0.3)


def test_temperatures_beyond_the_bench_files_limits_are_not_sent(bench, stage):
    for kelvin in (199.0, 401.0, math.nan):
        with pytest.raises(UserMistake, match="is not within 200 to 400 K"):
            stage.set_temperature(kelvin)
    with pytest.raises(UserMistake, match="ramped at 0 K/min"):
        stage.set_temperature(300.0, rate_k_per_min=0.0)
    assert not stage.heating


def test_nothing_is_heated_once_the_bench_was_told_to_stop(bench, stage):
    bench.surroundings.stop.set()
    with pytest.raises(Inhibited):
        stage.set_temperature(340.0)
    assert not stage.heating


def test_settling_ends_when_it_takes_too_long_or_the_heater_is_off(bench, stage):
    stage.set_temperature(340.0)
    with pytest.raises(InstrumentError, match=r"does not settle at 340 K within 20 s: it is at [23]"):
        stage.settle(timeout=20.0)
    stage.make_safe()
    with pytest.raises(InstrumentError, match="the heater is off"):
        stage.settle()


def test_an_input_without_a_sensor_has_no_temperature(bench):
    opened = bench.open(input="B")
    with pytest.raises(Overloaded, match="input B: sensor units over range"):
        opened.temperature()
    opened.close()


def test_garbage_is_no_temperature_and_the_next_one_is(bench, stage):
    bench.world.faults.add(Fault(FaultKind.GARBAGE_REPLY, "temperature_stage", count=1))
    with pytest.raises(BadReply, match="KRDG"):
        stage.temperature()
    assert stage.temperature() == pytest.approx(295.0, abs=0.05)
    bench.world.faults.add(Fault(FaultKind.SILENT, "temperature_stage", count=1))
    with pytest.raises(ConnectionLost):
        stage.temperature()
    assert stage.temperature() == pytest.approx(295.0, abs=0.05)


def test_another_instrument_at_the_address_is_named(bench):
    other = bench.server.serve_tcp("other", Keithley2450Wire(bench.world))
    with pytest.raises(WrongInstrument, match="MODEL 2450"):
        LakeShore336Stage(other, LakeShore336Options(timeout_s=0.3), bench.surroundings)


def test_qcodes_own_driver_controls_the_same_stage():
    lakeshore = pytest.importorskip("qcodes.instrument_drivers.Lakeshore", reason="QCoDeS is not installed")
    world = World(3, VirtualClock())
    server = WireServer(world.clock, world.lock)
    address = server.serve_tcp("temperature_stage", LakeShore336Wire(world))
    theirs = lakeshore.LakeshoreModel336("stage", address, visalib="@py")
    try:
        assert theirs.A.temperature() == pytest.approx(295.0, abs=0.05)
        theirs.output_1.mode("closed_loop")
        theirs.output_1.input_channel("A")
        theirs.output_1.setpoint(330.0)
        theirs.output_1.output_range("high")
        world.clock.sleep(600.0)
        assert theirs.A.temperature() == pytest.approx(330.0, abs=0.05)
        assert theirs.output_1.setpoint() == pytest.approx(330.0)
    finally:
        theirs.close()
        world.close()
        server.close()


def test_pymeasures_own_driver_reads_the_same_temperature(bench):
    from pymeasure.instruments.lakeshore import LakeShore3xx

    from drivers.wire import Wire

    theirs = LakeShore3xx(Wire(bench.resource, "theirs", 0.5, read_termination="\r\n", write_termination="\n"))
    assert theirs.input_A.kelvin == pytest.approx(295.0, abs=0.05)
    theirs.output_1.setpoint = 310
    theirs.output_1.range = "medium"
    assert theirs.output_1.range == "medium"
    bench.world.clock.sleep(400.0)
    assert theirs.input_A.kelvin == pytest.approx(310.0, abs=0.05)
    theirs.adapter.close()


def test_the_dark_current_follows_the_temperature_with_the_worlds_activation_energy(bench):
    from sim_instruments.world.photoconductor import BOLTZMANN_OVER_CHARGE

    bench.world.set_sample(
        {
            "thickness_um": 300.0,
            "area_cm2": 0.25,
            "world": {
                "model": "photoconductor", "mu_tau_m2_per_v": 7.81e-9, "theoretical_sensitivity": 3007.0,
                "absorbed_fraction": 0.85, "sensitivity": 6000.0, "sensitivity_at_0v": 100.0,
                "resistivity_ohm_cm": 2.48e8, "noise_density_na_cm2": 0.0884, "noise_density_at_0v_na_cm2": 0.02,
                "activation_energy_ev": 0.632, "activation_energy_below_ev": 0.2, "breakpoint_k": 280.0,
            },
        }
    )  # fmt: skip
    device = bench.world.photoconductor
    assert float(device.relative_conductivity(295.0)) == pytest.approx(1.0)
    for low, high, energy in ((285.0, 340.0, 0.632), (230.0, 275.0, 0.2)):
        temperatures = np.linspace(low, high, 6)
        slope = np.polyfit(1 / temperatures, np.log(device.relative_conductivity(temperatures) * temperatures), 1)[0]
        assert -slope * BOLTZMANN_OVER_CHARGE == pytest.approx(energy, rel=1e-6)
    bench.world.set_bias("source_meter", 30.0)
    bench.world.clock.sleep(5.0)
    stage = bench.open()
    cold = bench.world.mean_device_current(1.0)
    stage.set_temperature(320.0)
    stage.settle()
    bench.world.clock.sleep(120.0)
    warm = bench.world.mean_device_current(1.0)
    assert warm / cold == pytest.approx(float(device.relative_conductivity(320.0)), rel=0.01)
    stage.close()
