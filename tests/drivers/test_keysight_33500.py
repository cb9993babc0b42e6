"""The pulsed light's driver against the simulated generator, and what the oscilloscope then sees."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from config.mistake import UserMistake
from drivers.errors import ConnectionLost, Inhibited, InstrumentError, WrongInstrument
from drivers.keysight_33500 import Keysight33500Light, Keysight33500Options
from drivers.keysight_dsox1000 import DSOX1000Options, KeysightDSOX1000Digitizer
from drivers.roles import Surroundings
from sim_instruments.faults import Fault, FaultKind
from sim_instruments.wire.keysight_33500 import Keysight33500Wire
from sim_instruments.wire.keysight_dsox1000 import KeysightDSOX1000Wire
from sim_instruments.wire.server import WireServer
from sim_instruments.wire.wire_faults import WireFaults
from sim_instruments.world.clock import VirtualClock
from sim_instruments.world.transit import BOLTZMANN_OVER_CHARGE, Packet, ideal_current, transient
from sim_instruments.world.world import World

CLEAN = {
    "thickness_um": 300.0,
    "area_cm2": 0.25,
    "relative_permittivity": 25.0,
    "world": {
        "model": "photoconductor", "mu_tau_m2_per_v": 7.81e-9, "theoretical_sensitivity": 3007.0,
        "absorbed_fraction": 0.85, "sensitivity": 6000.0, "sensitivity_at_0v": 100.0, "built_in_potential_v": 0.1,
        "resistivity_ohm_cm": 2.48e8, "noise_density_na_cm2": 0.0884, "noise_density_at_0v_na_cm2": 0.02,
        "mobility_m2_per_v_s": 19.3e-4,
    },
}  # fmt: skip


@dataclass
class Bench:
    world: World
    server: WireServer
    surroundings: Surroundings
    resource: str
    scope_resource: str
    wire: Keysight33500Wire

    def open(self, **options: Any) -> Keysight33500Light:
        return Keysight33500Light(
            self.resource, Keysight33500Options(**({"timeout_s": 0.5} | options)), self.surroundings
        )

    def scope(self) -> KeysightDSOX1000Digitizer:
        return KeysightDSOX1000Digitizer(
            self.scope_resource, DSOX1000Options(timeout_s=0.5, points=5000), self.surroundings
        )


@pytest.fixture
def bench() -> Iterator[Bench]:
    world = World(9, VirtualClock(), CLEAN, settings={"laser": {"jitter": 0.0}})
    wire = Keysight33500Wire(world)
    server = WireServer(world.clock, world.lock, WireFaults(world.faults))
    scope = server.serve_tcp("digitizer", KeysightDSOX1000Wire(world, memory_points=5000))
    yield Bench(world, server, Surroundings(clock=world.clock), server.serve_tcp("light", wire), scope, wire)
    world.close()
    server.close()


@pytest.fixture
def light(bench: Bench) -> Iterator[Keysight33500Light]:
    opened = bench.open()
    yield opened
    opened.close()


def edges(bench: Bench, seconds: float) -> list[float]:
    found, moment = [], bench.world.clock.now()
    end = moment + seconds
    while (edge := bench.world.next_trigger(moment)) is not None and edge < end:
        found.append(edge)
        moment = edge + 1e-6
    return found


def test_opening_identifies_the_generator_and_fires_nothing(bench, light):
    assert light.identity.model == "33522B"
    assert not light.on
    assert edges(bench, 10.0) == []


def test_it_fires_at_the_rate_that_was_set_until_it_is_switched_off(bench, light):
    with light.pulses(20.0):
        assert light.on
        times = edges(bench, 1.0)
        assert len(times) == 20
        assert np.diff(times) == pytest.approx(0.05)
    assert not light.on
    assert edges(bench, 1.0) == []


def test_it_is_off_after_a_measurement_that_raises(bench, light):
    with pytest.raises(RuntimeError, match="in the middle"), light.pulses(10.0):
        raise RuntimeError("in the middle")
    assert not bench.world.laser.firing


def test_an_output_that_somebody_left_on_is_off_after_opening(bench, light):
    light.switch_on()
    light.close()
    again = bench.open()
    assert not again.on
    assert not bench.world.laser.firing
    again.close()


def test_a_single_pulse_is_one_and_a_second_one_another(bench, light):
    fired: list[float] = []
    bench.world.on_trigger(fired.append)
    light.pulse()
    bench.world.clock.sleep(1.0)
    light.pulse()
    bench.server.drain()
    assert len(fired) == 2
    assert not light.on
    bench.world.clock.sleep(0.1)
    assert edges(bench, 5.0) == []
    light.switch_on()
    with pytest.raises(InstrumentError, match="is firing regularly"):
        light.pulse()
    light.make_safe()
    assert edges(bench, 5.0) == []


def test_rates_and_energies_that_cannot_be_are_not_sent(light):
    with pytest.raises(UserMistake, match=r"200 Hz is not within 0.001 to 100 Hz \(options.highest_rate_hz\)"):
        light.set_rate(200.0)
    with pytest.raises(UserMistake, match="nothing sets this light's pulse energy"):
        light.set_energy_fraction(0.5)
    with pytest.raises(UserMistake, match="a part of the full one"):
        light.set_energy_fraction(1.5)
    light.set_energy_fraction(1.0)
    for wrong in (
        {"energy_channel": 1},
        {"trigger_low_v": 4.0, "trigger_high_v": 3.0},
        {"trigger_width_s": 0.01, "highest_rate_hz": 100.0},
    ):
        with pytest.raises(ValidationError):
            Keysight33500Options(**wrong)


def test_the_second_channel_sets_the_pulse_energy(bench):
    light = bench.open(energy_channel=2, pulse_energy_j=2e-6)
    light.set_energy_fraction(0.25)
    bench.server.drain()
    assert bench.world.laser.energy == pytest.approx(0.25)
    assert light.pulse_energy == pytest.approx(0.5e-6)
    light.close()


def test_a_pulse_below_ttl_fires_no_laser(bench):
    light = bench.open(trigger_high_v=1.0)
    light.switch_on()
    bench.server.drain()
    assert edges(bench, 1.0) == []
    light.close()


def test_nothing_fires_once_the_bench_was_told_to_stop(bench, light):
    bench.surroundings.stop.set()
    for action in (light.switch_on, light.pulse):
        with pytest.raises(Inhibited):
            action()
    assert not bench.world.laser.firing
    light.make_safe()


def test_another_generator_or_nobody_at_the_address_is_said(bench):
    with pytest.raises(WrongInstrument, match="is no Keysight 33500 but 'KEYSIGHT TECHNOLOGIES,DSO-X"):
        Keysight33500Light(bench.scope_resource, Keysight33500Options(timeout_s=0.3), bench.surroundings)
    with pytest.raises(ConnectionLost):
        Keysight33500Light("TCPIP::127.0.0.1::1::SOCKET", Keysight33500Options(timeout_s=0.3), bench.surroundings)


def test_a_lost_answer_is_an_error_and_the_next_one_an_answer(bench, light):
    bench.world.faults.add(Fault(FaultKind.SILENT, "light", count=1))
    with pytest.raises(ConnectionLost):
        _ = light.on
    assert light.on is False


def test_pymeasures_own_driver_triggers_the_same_laser(bench):
    from pymeasure.instruments.agilent import Agilent33500

    from drivers.wire import Wire

    theirs = Agilent33500(Wire(bench.resource, "theirs", 0.5, read_termination="\n", write_termination="\n"))
    theirs.shape = "PULS"
    theirs.output_load = "INF"
    theirs.pulse_period = 0.1
    theirs.ch_1.voltage_high = 5
    theirs.ch_1.voltage_low = 0
    theirs.output = True
    assert theirs.ch_1.frequency == pytest.approx(10.0)
    assert len(edges(bench, 1.0)) == 10
    theirs.burst_state = True
    theirs.trigger_source = "BUS"
    fired: list[float] = []
    bench.world.on_trigger(fired.append)
    theirs.trigger()
    bench.server.drain()
    assert len(fired) == 1
    theirs.adapter.close()


# --- what the pulse does


def packet(**changes: float) -> Packet:
    values = {
        "mobility": 19.3e-4, "voltage": 30.0, "thickness": 300e-6, "lifetime": math.inf, "spread": 0.0,
        "temperature": 1e-6, "pulse_fwhm": 0.0, "rc": 0.0,
    }  # fmt: skip
    return Packet(**(values | changes))


def test_without_diffusion_or_trapping_the_whole_charge_flows_in_one_transit_time():
    shape = transient(packet())
    times = shape.start + shape.step * np.arange(len(shape.current))
    assert packet().transit_time == pytest.approx(1.554e-6, rel=1e-3)
    assert np.trapezoid(shape.current, times) == pytest.approx(1.0, rel=2e-3)
    assert shape.at(np.array([0.5e-6]))[0] == pytest.approx(1.0 / packet().transit_time, rel=1e-3)
    assert shape.at(np.array([1.56e-6]))[0] < 0.01 / packet().transit_time


def test_trapping_takes_the_charge_that_hecht_says():
    lifetime = 1.0e-6
    shape = transient(packet(lifetime=lifetime))
    times = shape.start + shape.step * np.arange(len(shape.current))
    ratio = lifetime / packet().transit_time
    assert np.trapezoid(shape.current, times) == pytest.approx(ratio * (1 - math.exp(-1 / ratio)), rel=3e-3)


def test_half_of_the_packet_has_arrived_at_the_transit_time_and_diffusion_widens_the_end():
    at = packet(temperature=295.0)
    shape = transient(at)
    plateau = 1.0 / at.transit_time
    assert shape.at(np.array([at.transit_time]))[0] == pytest.approx(0.5 * plateau, rel=0.01)
    sigma_t = math.sqrt(2 * BOLTZMANN_OVER_CHARGE * 295.0 / 30.0) * at.transit_time
    early, late = shape.at(at.transit_time + np.array([-sigma_t, sigma_t])) / plateau
    assert early == pytest.approx(0.841, abs=0.02)
    assert late == pytest.approx(0.159, abs=0.02)


def test_pulse_and_circuit_delay_the_current_by_what_they_take():
    slow = packet(pulse_fwhm=100e-9, rc=200e-9)
    ideal, shape = transient(packet()), transient(slow)
    middles = []
    for known in (ideal, shape):
        times = known.start + known.step * np.arange(len(known.current))
        assert np.trapezoid(known.current, times) == pytest.approx(1.0, rel=3e-3)
        middles.append(np.trapezoid(times * known.current, times))
    assert middles[1] - middles[0] == pytest.approx(200e-9, rel=0.03)


def test_the_closed_form_is_the_papers():
    from scipy.special import erfc

    at = packet(temperature=295.0, lifetime=4.05e-6, spread=0.5e-6)
    t = np.array([0.1e-6, 1.0e-6, 1.5e-6, 1.7e-6])
    v = 19.3e-4 * 30 / 300e-6
    sigma = np.sqrt(2 * 19.3e-4 * 8.617333262e-5 * 295 * t + (0.5e-6) ** 2)
    expected = v / 300e-6 * 0.5 * erfc((v * t - 300e-6) / (np.sqrt(2) * sigma)) * np.exp(-t / 4.05e-6)
    assert ideal_current(at, t) == pytest.approx(expected, rel=1e-12)


def test_the_oscilloscope_sees_the_transit_at_the_lights_trigger(bench, light):
    preamp = bench.world.preamp
    preamp.sensitivity, preamp.gain_mode = 1e-5, "high_bandwidth"
    bench.world.set_bias("source_meter", 30.0)
    bench.world.clock.sleep(5.0)
    scope = bench.scope()
    scope.set_range(2.0)
    with light.pulses(50.0):
        trace = scope.record_triggered(6e-6, 2000, averages=16, pre_trigger=1e-6)
    before = trace.volts[trace.times < -0.2e-6]
    signal = trace.volts - before.mean()
    plateau = signal[(trace.times > 0.6e-6) & (trace.times < 1.0e-6)].mean()
    expected = 10e-12 * 19.3e-4 * 30 / 300e-6**2 / 1e-5  # Q mu V / d2 over the sensitivity
    assert plateau == pytest.approx(expected * math.exp(-0.6e-6 / 4.05e-6), rel=0.06)  # trapped meanwhile
    falling = trace.times[(signal < 0.5 * plateau) & (trace.times > 1.0e-6)][0]
    assert falling == pytest.approx(1.554e-6 + 0.2e-6, rel=0.15)  # the amplifier's 800 kHz comes late
    assert abs(signal[trace.times > 4.5e-6].mean()) < 0.02 * plateau
    scope.close()


def test_a_single_pulse_is_seen_by_an_oscilloscope_that_waits_for_it(bench, light):
    bench.world.preamp.sensitivity, bench.world.preamp.gain_mode = 1e-5, "high_bandwidth"
    bench.world.set_bias("source_meter", 30.0)
    bench.world.clock.sleep(5.0)
    scope = bench.scope()
    scope.set_range(2.0)
    bench.world.clock.call_at(bench.world.clock.now() + 0.5, lambda: bench.world.laser.trigger_once())
    trace = scope.record_triggered(6e-6, 2000, pre_trigger=1e-6, timeout=5.0)
    assert trace.volts[(trace.times > 0.6e-6) & (trace.times < 1.0e-6)].mean() > 0.3
    scope.close()


def test_without_light_no_trigger_comes(bench, light):
    scope = bench.scope()
    with pytest.raises(InstrumentError, match="saw no trigger"):
        scope.record_triggered(6e-6, 2000, timeout=1.0)
    scope.close()


def test_the_current_has_the_biass_sign_and_a_negative_ones_own_mobility(bench):
    sample = {**CLEAN, "world": {**CLEAN["world"], "mobility_negative_m2_per_v_s": 5e-4}}
    bench.world.set_sample(sample)
    bench.world.set_bias("source_meter", -30.0)
    bench.world.clock.sleep(1.0)
    bench.world.laser.trigger_once()
    start = bench.world.clock.now()
    current = bench.world.laser.current(start + np.array([0.5e-6, 3.0e-6, 20e-6]))
    expected = -10e-12 * 5e-4 * 30 / 300e-6**2
    lifetime = 7.81e-9 / 19.3e-4
    assert current[0] == pytest.approx(expected * math.exp(-0.5e-6 / lifetime), rel=0.02)
    assert current[2] == 0.0
