"""The photoconductor has the paper's sensitivity, dark current and noise."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

from sim_instruments.faults import Fault, FaultKind
from sim_instruments.world.geometry import DONG24
from sim_instruments.world.photoconductor import collection_efficiency
from sim_instruments.world.world import World

MakeWorld = Callable[..., World]

FIELD_V = 0.03  # volts for 1 V/cm across 300 um


def test_hecht_and_gain_give_the_papers_sensitivities(make_world: MakeWorld) -> None:
    world = make_world("dong24")
    assert world.truth("sensitivity", field=-100.0) == pytest.approx(13_700.0, rel=1e-12)
    ratio = world.truth("sensitivity", field=-300.0) / 13_700.0
    assert 2.17 <= ratio <= 2.25
    assert ratio == pytest.approx(2.21, abs=0.01)
    assert world.truth("sensitivity", field=0.0) == pytest.approx(1500.0, rel=1e-12)
    assert world.truth("gain", field=-100.0) == pytest.approx(21.0, abs=0.1)
    assert world.truth("gain", field=0.0) == pytest.approx(10.0, abs=0.2)
    assert world.truth("lod_line", field=-100.0) == pytest.approx(20.9, abs=0.01)
    assert world.truth("lod_line", field=0.0) == pytest.approx(40.1, abs=0.01)
    assert world.truth("dark_current_density", field=-100.0) == pytest.approx(-403.0 / 300.0, rel=0.001)
    fields = np.linspace(0.0, 400.0, 81)
    assert np.all(np.diff([world.truth("sensitivity", field=field) for field in fields]) > 0)


def test_collection_efficiency_is_hechts() -> None:
    x = 7.81e-5 * 100.0 / 0.03
    assert collection_efficiency(-100.0, 7.81e-9, 300e-6) == pytest.approx(x * (1 - np.exp(-1 / x)))
    assert collection_efficiency(1e9, 7.81e-9, 300e-6) == pytest.approx(1.0, abs=1e-6)
    assert collection_efficiency(0.0, 7.81e-9, 300e-6) == 0.0


@pytest.mark.parametrize("field", [-100.0, 100.0, -300.0, 0.0])
def test_the_photocurrent_is_the_sensitivity_times_the_dose_rate(make_world: MakeWorld, field: float) -> None:
    world = make_world("dong24", DONG24)
    world.set_bias("source_meter", field * FIELD_V)
    world.clock.sleep(36_000.0)  # the drift after the bias has gone
    dark = float(world.photoconductor.noiseless_current())
    world.tube.set_voltage_kv(50.0)
    world.tube.set_current_ma(0.4)
    world.tube.switch_on()
    world.clock.sleep(60.0)
    signal = float(world.photoconductor.noiseless_current()) - dark
    expected = world.truth("sensitivity", field=field) * 1e-6 * float(world.beam.dose_rate()) * 0.1
    assert signal == pytest.approx(expected if field > 0 else -expected, rel=1e-9)
    assert dark == pytest.approx(field / 7.44e10 * 0.1, rel=1e-6, abs=1e-18)


@pytest.mark.parametrize(("bandwidth", "step"), [(100.0, 0.01), (15.0, 0.05)])
@pytest.mark.parametrize("field", [-100.0, 0.0])
def test_the_noise_behind_one_pole_is_the_stated_one(
    make_world: MakeWorld, bandwidth: float, step: float, field: float
) -> None:
    world = make_world("dong24")
    world.set_bias("source_meter", field * FIELD_V)
    world.clock.sleep(36_000.0)
    fine = 0.5e-3
    times = world.clock.now() + np.arange(500_000) * fine
    current = world.device_current(times, noise_bandwidth_hz=0.5 / fine) / 0.1
    decay = np.exp(-fine * 2 * np.pi * bandwidth)
    from sim_instruments.world.recursion import first_order

    filtered = first_order(np.full(times.shape, decay), (1 - decay) * current, float(current[0]), even=True)
    readings = filtered[2000 :: round(step / fine)]
    # 250 s of noise that is correlated over 0.2 s: the standard deviation is known to 3 %
    assert readings.std() * 1e9 == pytest.approx(
        world.truth("noise_current_density", field=field, bandwidth_hz=bandwidth), rel=0.1
    )


def test_an_integrating_meter_sees_the_noise_of_its_window(make_world: MakeWorld) -> None:
    world = make_world("dong24")
    world.set_bias("source_meter", -3.0)
    world.clock.sleep(36_000.0)
    means = []
    for _ in range(1200):
        world.clock.sleep(0.3)
        means.append(world.mean_device_current(0.02) / 0.1)
    expected = world.truth("noise_current_density", field=-100.0, integration_time=0.02)
    assert np.std(means) * 1e9 == pytest.approx(expected, rel=0.11)
    assert np.mean(means) * 1e9 == pytest.approx(-403.0 / 300.0, abs=0.02)


def test_traces_go_on_where_the_last_one_ended(make_world: MakeWorld) -> None:
    def trace(pieces: int) -> np.ndarray:
        world = make_world("dong24", DONG24, kv=50.0, ma=0.8)
        world.set_bias("preamp", -3.0)
        start = world.clock.now()
        world.clock.sleep(2.0)
        times = start + np.arange(400) * 0.005
        return np.concatenate([world.photoconductor._response(part) for part in np.array_split(times, pieces)])

    assert trace(8) == pytest.approx(trace(1), rel=1e-9)


def test_a_look_back_sees_what_flowed_then(make_world: MakeWorld) -> None:
    world = make_world("dong24", DONG24, kv=50.0, ma=0.8)
    world.set_bias("source_meter", -3.0)
    start = world.clock.now()
    world.clock.sleep(2.0)
    world.tube.switch_off()
    world.clock.sleep(3.0)
    times = start + np.arange(1000) * 0.005
    first = world.device_current(times)
    again = world.device_current(times)
    assert np.corrcoef(first, again)[0, 1] > 0.999
    assert first[:300].mean() == pytest.approx(again[:300].mean(), rel=0.01)
    assert 1e-12 < (first - again).std() < 30e-12  # twice the noise's variance, and not the same noise


def test_the_photocurrent_rises_with_the_beam_and_its_own_response(make_world: MakeWorld) -> None:
    world = make_world("dong24", DONG24, settings={"tube": {"current_time": 1e-6, "voltage_time": 1e-6}})
    world.tube.set_voltage_kv(50.0)
    world.tube.set_current_ma(0.8)
    world.device_current()
    start = world.clock.now()
    world.tube.switch_on()
    world.clock.sleep(1.0)
    response = world.photoconductor._response(start + np.linspace(1e-5, 0.9, 2000))
    settled = float(world.beam.dose_rate())
    times = np.linspace(1e-5, 0.9, 2000)
    assert np.interp(0.02, times, response) / settled == pytest.approx(1 - np.exp(-1), abs=0.005)
    assert response[-1] / settled == pytest.approx(1.0, abs=1e-3)


def test_the_dark_current_drifts_after_a_step_of_the_bias_and_settles(make_world: MakeWorld) -> None:
    world = make_world("dong24")
    world.set_bias("source_meter", -3.0)
    settled = world.truth("dark_current_density", field=-100.0) * 1e-10
    world.clock.sleep(1e-3)
    assert float(world.photoconductor.noiseless_current()) / settled == pytest.approx(1.05, abs=0.001)
    world.clock.sleep(30.0)
    assert float(world.photoconductor.noiseless_current()) / settled == pytest.approx(1 + 0.05 / np.e, abs=0.001)
    world.clock.sleep(7200.0)
    assert float(world.photoconductor.noiseless_current()) / settled == pytest.approx(1.0, abs=1e-4)


def test_the_biases_of_two_sources_add_up_and_ramps_are_lines(make_world: MakeWorld) -> None:
    world = make_world("dong24")
    world.set_bias("source_meter", -9.0, ramp_time=3.0)
    world.preamp.bias_v = 1.0
    world.clock.sleep(1.0)
    assert world.bias_v() == pytest.approx(-2.0)
    world.clock.sleep(5.0)
    assert world.bias_v(np.array([0.5, 1.5, 4.0])) == pytest.approx([-0.5, -3.5, -8.0])
    with pytest.raises(ValueError, match="source_meter, preamp"):
        world.set_bias("battery", 1.0)
    with pytest.raises(ValueError, match="finite"):
        world.set_bias("preamp", float("nan"))


def test_a_driver_that_ramps_in_many_small_steps_leaves_the_drift_of_one(make_world: MakeWorld) -> None:
    steps: World = make_world("dong24")
    for volts in np.linspace(0.0, -3.0, 301)[1:]:
        steps.set_bias("source_meter", float(volts))
        steps.clock.sleep(0.01)
    line: World = make_world("dong24")
    line.set_bias("source_meter", -3.0, ramp_time=3.0)
    line.clock.sleep(3.0)
    for world in (steps, line):
        world.clock.sleep(20.0)
    assert len(steps.bias.steps()[0]) <= 13
    ratio = float(steps.photoconductor.noiseless_current() / line.photoconductor.noiseless_current())
    assert ratio == pytest.approx(1.0, abs=2e-4)


def test_a_short_circuit_drives_the_source_into_compliance(make_world: MakeWorld) -> None:
    world = make_world("dong24")
    world.set_bias("source_meter", -3.0)
    fault = world.faults.add(Fault(FaultKind.COMPLIANCE))
    assert float(world.device_current()) == pytest.approx(-3e-3, rel=1e-3)
    world.faults.clear(fault)
    world.clock.sleep(1.0)
    assert abs(float(world.device_current())) < 1e-8


def test_a_trace_of_two_hundred_samples_is_quick(make_world: MakeWorld) -> None:
    world = make_world("dong24", DONG24, kv=50.0, ma=0.8)
    world.set_bias("source_meter", -3.0)
    quickest = 1.0
    for _ in range(30):
        times = world.clock.now() + np.arange(200) * 0.005
        world.clock.sleep(1.0)
        start = time.perf_counter()
        world.device_current(times)
        quickest = min(quickest, time.perf_counter() - start)
    # 0.3 ms on an idle core; the margin is for a machine that does other things as well
    assert quickest < 3e-3
