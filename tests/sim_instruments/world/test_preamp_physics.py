"""The preamplifier amplifies within its band, and clips."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sim_instruments.faults import Fault, FaultKind
from sim_instruments.world.geometry import DONG24
from sim_instruments.world.preamp import SPECIFICATIONS, PreampPhysics
from sim_instruments.world.world import World

MakeWorld = Callable[..., World]


@pytest.fixture
def fed(make_world: MakeWorld):
    """Return a preamplifier and the function of time that is its input current."""
    world = make_world()
    inputs = {"current": lambda times: np.zeros(times.shape)}
    preamp = PreampPhysics(
        lambda times, band: inputs["current"](times),
        lambda volts: None,
        world.clock,
        np.random.default_rng(1),
        world.faults,
    )
    return preamp, inputs, world


def amplitude(preamp: PreampPhysics, inputs, frequency: float, peak: float) -> float:
    inputs["current"] = lambda times: peak * np.sin(2 * np.pi * frequency * times)
    times = np.arange(40_000) / (frequency * 200.0)
    preamp.reset_filter()
    volts = preamp.output_voltage(times)[20_000:]
    wave = np.exp(2j * np.pi * frequency * times[20_000:])
    return float(2 * abs(np.mean(volts * wave)))


def test_the_gain_is_the_sensitivity(fed) -> None:
    preamp, inputs, _ = fed
    preamp.sensitivity = 1e-8
    inputs["current"] = lambda times: np.full(times.shape, 1.5e-8)
    assert preamp.output_voltage(np.arange(100) * 1e-3).mean() == pytest.approx(1.5, abs=1e-3)
    preamp.invert = True
    preamp.reset_filter()
    assert preamp.output_voltage(1.0 + np.arange(100) * 1e-3).mean() == pytest.approx(-1.5, abs=1e-3)
    preamp.input_offset_current = -1e-8
    assert preamp.output_voltage(2.0 + np.arange(100) * 1e-3)[50:].mean() == pytest.approx(-0.5, abs=1e-3)
    preamp.blanked = True
    assert preamp.output_voltage(3.0 + np.arange(100) * 1e-3)[50:] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("mode", ["low_noise", "high_bandwidth"])
@pytest.mark.parametrize("sensitivity", [1e-9, 1e-8, 1e-6])
def test_the_band_ends_at_three_decibels(fed, mode: str, sensitivity: float) -> None:
    preamp, inputs, _ = fed
    preamp.sensitivity, preamp.gain_mode = sensitivity, mode
    corner = preamp.bandwidth_hz()
    assert corner == SPECIFICATIONS[sensitivity][0 if mode == "high_bandwidth" else 1]
    assert amplitude(preamp, inputs, corner, sensitivity) == pytest.approx(np.sqrt(0.5), rel=0.01)
    assert amplitude(preamp, inputs, corner / 50, sensitivity) == pytest.approx(1.0, rel=0.01)


@pytest.mark.parametrize(
    ("kind", "frequency", "expected"),
    [
        ("6dB_lowpass", 100.0, 0.5**0.5),
        ("12dB_lowpass", 100.0, 0.5),
        ("12dB_lowpass", 1000.0, 1 / 101.0),
        ("6dB_highpass", 10.0, 0.5**0.5),
        ("12dB_highpass", 1.0, 1 / 101.0),
        ("6dB_bandpass", 100.0, 0.5**0.5),
        ("none", 100.0, 1.0),
    ],
)
def test_filters_have_their_corners_and_slopes(fed, kind: str, frequency: float, expected: float) -> None:
    preamp, inputs, _ = fed
    preamp.sensitivity, preamp.gain_mode = 1e-6, "high_bandwidth"
    preamp.filter_type, preamp.lowpass_hz, preamp.highpass_hz = kind, 100.0, 10.0
    if kind == "6dB_bandpass":
        preamp.highpass_hz = 0.3
    assert amplitude(preamp, inputs, frequency, 1e-6) == pytest.approx(expected, rel=0.02)


def test_it_clips_at_five_volts_and_says_so(fed) -> None:
    preamp, inputs, world = fed
    preamp.sensitivity = 1e-9
    inputs["current"] = lambda times: np.full(times.shape, -1e-8)
    assert preamp.output_voltage(np.arange(50) * 1e-3).min() == -5.0
    assert preamp.overloaded
    preamp.sensitivity = 1e-8
    preamp.reset_filter()
    assert preamp.output_voltage(1 + np.arange(50) * 1e-3).mean() == pytest.approx(-1.0, abs=1e-3)
    assert not preamp.overloaded
    world.faults.add(Fault(FaultKind.PREAMP_OVERLOAD))
    assert preamp.output_voltage(2 + np.arange(50) * 1e-3).max() == 5.0
    assert preamp.overloaded


@pytest.mark.parametrize("step", [1e-5, 1e-3, 0.1])
def test_its_own_noise_is_the_specified_one_however_it_is_sampled(fed, step: float) -> None:
    preamp, _, _ = fed
    preamp.sensitivity = 1e-8
    volts = preamp.output_voltage(np.arange(200_000) * step)
    expected = 60e-15 / 1e-8 * np.sqrt(200.0 * np.pi / 2)
    assert volts[1000:].std() == pytest.approx(expected, rel=0.1)


def test_the_device_is_read_through_it(make_world: MakeWorld) -> None:
    world = make_world("dong24", DONG24, kv=50.0, ma=0.8)
    world.preamp.sensitivity = 1e-8
    world.preamp.bias_v = -3.0
    world.clock.sleep(600.0)
    times = world.clock.now() + np.arange(400) * 0.01
    world.clock.sleep(4.0)
    volts = world.preamp.output_voltage(times)
    expected = float(world.photoconductor.noiseless_current()) / 1e-8
    assert volts.mean() == pytest.approx(expected, rel=2e-3)
    with pytest.raises(ValueError, match=r"\+-5 V"):
        world.preamp.bias_v = 5.1


def test_a_record_after_a_pause_begins_with_no_more_noise_than_it_goes_on_with(fed) -> None:
    preamp, _, _ = fed
    preamp.sensitivity, preamp.gain_mode = 1e-4, "high_bandwidth"
    grid = np.arange(4000) * 1e-9
    records = [preamp.output_voltage(0.1 * number + grid) for number in range(60)]
    first = np.std([record[0] for record in records])
    later = np.std([record[2000:] for record in records])
    assert first < 1.5 * later
    # the band of one pole at 1 MHz
    assert later * 1e-4 == pytest.approx(100e-12 * np.sqrt(0.5 * np.pi * 1e6), rel=0.1)
