"""Transients of known mobility through a known amplifier."""

import numpy as np
import pytest

from analysis.time_of_flight import mobility_from_biases, time_of_flight
from analysis.transit_conditions import TransitConditions, transit_warnings
from analysis.transit_fit import fit_transit
from analysis.transit_model import Electronics, transient

THICKNESS = 300e-6
MOBILITY = 19.3  # cm2/(V s)
BIAS = 30.0  # 1 kV/cm
TRANSIT = THICKNESS**2 / (MOBILITY * 1e-4 * BIAS)
TRAPPING = 4.05e-6
AMPLIFIER = TransitConditions(bandwidth=1e6, pulse_fwhm=6e-9)
BOX = Electronics(1e6, 0.0, 6e-9)


def record(times, transit=TRANSIT, trapping=TRAPPING, bias=BIAS, box=BOX, noise=0.01, seed=1):
    rng = np.random.default_rng(seed)
    return transient(times, transit, 1 / trapping, bias, box) + noise * rng.normal(size=times.size)


def test_the_model_returns_the_mobility_that_half_height_misses():
    times = np.arange(-0.5e-6, 5e-6, 1e-8)
    result = time_of_flight(times, record(times), THICKNESS, BIAS, AMPLIFIER)
    assert result.mobility.interval[0] <= MOBILITY <= result.mobility.interval[1]
    assert result.mobility.value == pytest.approx(MOBILITY, rel=0.005)
    assert 17.9 <= result.mobility_half_height.value <= 18.3
    assert result.trapping_time.interval[0] <= TRAPPING <= result.trapping_time.interval[1]
    assert result.knee.value == pytest.approx(TRANSIT, rel=0.15)


@pytest.mark.parametrize("runs", [50, pytest.param(200, marks=pytest.mark.slow)])
def test_intervals_of_transit_and_trapping_time_hold_the_truth(runs):
    times = np.arange(-0.4e-6, 3e-6, 2e-8)
    clean = transient(times, TRANSIT, 1 / TRAPPING, BIAS, BOX)
    rng = np.random.default_rng(2)
    transit = trapping = 0
    for _ in range(runs):
        fit = fit_transit(times, clean + 0.01 * rng.normal(size=times.size), BIAS, BOX)
        transit += abs(fit.transit_time - TRANSIT) <= fit.quantile * fit.transit_uncertainty
        trapping += abs(fit.trapping_rate - 1 / TRAPPING) <= fit.quantile * fit.trapping_uncertainty
    assert 0.90 <= transit / runs <= 1.0
    assert 0.90 <= trapping / runs <= 1.0


def test_dong24_is_called_trapping_limited():
    transit = 1e-8 / (MOBILITY * 1e-4)
    times = np.arange(-1e-6, 20e-6, 5e-8)
    result = time_of_flight(
        times, record(times, transit, bias=1.0, noise=0.002), 100e-6, 1.0, TransitConditions(1e6, mu_tau=7.81e-9)
    )
    assert result.mobility.interval[0] <= MOBILITY <= result.mobility.interval[1]
    assert result.transit_time.value == pytest.approx(5.18e-6, rel=0.02)
    limited = [warning for warning in result.transit_time.warnings if "trapping-limited" in warning]
    assert len(limited) == 2
    assert "4.05e-06" in limited[1]
    assert any("trapping-limited" in warning for warning in result.mobility.warnings)


def test_a_negative_transient_after_a_delay_is_the_same_measurement():
    times = np.arange(-0.5e-6, 5e-6, 1e-8)
    one = time_of_flight(times, record(times), THICKNESS, BIAS, AMPLIFIER)
    other = time_of_flight(times + 3e-6, 3e-7 - 2e-6 * record(times), THICKNESS, -BIAS, AMPLIFIER, delay=3e-6)
    assert other.mobility.value == pytest.approx(one.mobility.value, rel=1e-4)
    assert other.mobility.at["field"][0] == pytest.approx(-1000.0)
    assert other.fit.height < 0 < one.fit.height


@pytest.mark.parametrize(
    "shape",
    [
        lambda t: np.exp(-t / 1e-6),
        lambda t: np.exp(-((t / 1e-6) ** 0.5)),
        lambda t: (1 + t / 1e-7) ** -0.8,
        np.ones_like,
        np.zeros_like,
    ],
    ids=["exponential", "stretched", "power law", "step", "nothing"],
)
def test_a_transient_without_a_knee_gives_no_number(shape):
    times = np.arange(-0.5e-6, 5e-6, 1e-8)
    current = np.where(times > 0, shape(np.maximum(times, 0)), 0)
    noisy = current + 0.01 * np.random.default_rng(3).normal(size=times.size)
    result = time_of_flight(times, noisy, THICKNESS, BIAS, AMPLIFIER)
    assert result.transit_time.value is None
    assert result.mobility.value is None
    assert any(word in result.mobility.warnings[0] for word in ("no knee", "no packet", "does not rise"))


def test_a_record_that_ends_before_the_carriers_arrive_gives_no_number():
    times = np.arange(-0.5e-6, 0.8 * TRANSIT, 1e-8)
    assert time_of_flight(times, record(times), THICKNESS, BIAS, AMPLIFIER).mobility.value is None


def test_a_dispersive_transient_shows_its_crossing_and_its_slopes():
    times = np.arange(-1e-6, 200e-6, 2e-8)
    late = np.maximum(times, 1e-9) / 5e-6
    current = np.where(times > 0, 1 / (late**0.4 + late**1.6), 0)
    noisy = current + 0.0005 * np.random.default_rng(4).normal(size=times.size)
    result = time_of_flight(times, noisy, THICKNESS, BIAS)
    assert result.dispersive.value == pytest.approx(5e-6, rel=0.12)
    assert result.dispersive.interval[0] <= 5e-6 <= result.dispersive.interval[1]
    assert result.dispersive.details["slope_sum"] == pytest.approx(-2, abs=0.15)
    assert result.dispersive.details["slope_before"] == pytest.approx(-0.4, abs=0.15)
    assert result.mobility.value is None


def test_an_amplifier_slower_than_the_transit_is_refused_and_a_slow_one_named():
    times = np.arange(-1e-6, 30e-6, 5e-8)
    slow = Electronics(1e5)
    refused = time_of_flight(times, record(times, box=slow), THICKNESS, BIAS, TransitConditions(1e5))
    assert refused.transit_time.value is None
    assert "rise time" in refused.transit_time.warnings[0] or "knee" in refused.transit_time.warnings[0]
    times = np.arange(-0.5e-6, 5e-6, 1e-8)
    named = time_of_flight(times, record(times), THICKNESS, BIAS, AMPLIFIER)
    assert any("amplifier slow" in warning for warning in named.transit_time.warnings)


@pytest.mark.parametrize(
    ("conditions", "word"),
    [
        (TransitConditions(bandwidth=1e6), "amplifier slow"),
        (TransitConditions(rc=2e-7), "RC"),
        (TransitConditions(pulse_fwhm=2e-7), "light pulse"),
        (TransitConditions(mu_tau=1e-9), "trapping-limited"),
        (TransitConditions(built_in=-0.67), "built-in"),
        (TransitConditions(drawn_charge=1e-9, capacitance=1e-10), "drawn charge"),
        (TransitConditions(light_depth=5e-5), "light reaches"),
        (TransitConditions(resistivity=1e4, relative_permittivity=30), "dielectric relaxation"),
    ],
)
def test_each_circumstance_has_its_warning_and_is_silent_when_all_is_well(conditions, word):
    (warning,) = transit_warnings(conditions, 1.55e-6, THICKNESS, BIAS)
    assert word in warning
    fine = TransitConditions(1e7, 1e-8, 0.05, 1e-12, 1e-10, 1e-6, 2.5e6, 30, 1e-8, 6e-9)
    assert transit_warnings(fine, 1.55e-6, THICKNESS, BIAS, 1e-5) == ()


def test_four_biases_give_the_mobility_whatever_the_built_in_potential():
    bias = np.array([10.0, 15.0, 20.0, 30.0, 40.0])
    transit = THICKNESS**2 / (MOBILITY * 1e-4 * (bias + 0.67))
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(50):
        noisy = transit * (1 + 0.01 * rng.normal(size=5))
        mobility, built_in = mobility_from_biases(bias, noisy, 0.01 * transit, THICKNESS)
        held += mobility.interval[0] <= MOBILITY <= mobility.interval[1]
    assert 0.90 <= held / 50 <= 1.0
    mobility, built_in = mobility_from_biases(bias, transit, 1e-4 * transit, THICKNESS, thickness_uncertainty=0.01)
    assert mobility.value == pytest.approx(MOBILITY, rel=1e-6)
    assert built_in.value == pytest.approx(0.67, rel=1e-3)
    assert "meets zero" in mobility.warnings[0]
    assert mobility.systematic == pytest.approx(0.02 * MOBILITY, rel=1e-3)


def test_three_biases_are_too_few_and_a_mobility_that_grows_with_the_field_is_named():
    few, _ = mobility_from_biases([10, 20, 30], [3e-6, 1.5e-6, 1e-6], [1e-8] * 3, THICKNESS)
    assert few.value is None
    assert "at least 4" in few.warnings[0]
    bias = np.linspace(10, 60, 8)
    transit = THICKNESS**2 / (MOBILITY * 1e-4 * bias * np.exp(bias / 60))
    bent, _ = mobility_from_biases(bias, transit, 0.003 * transit, THICKNESS)
    assert any("depends on the bias" in warning for warning in bent.warnings)


def test_bad_input_is_one_line():
    times = np.arange(0, 5e-6, 1e-8)
    with pytest.raises(ValueError, match="thickness is 0"):
        time_of_flight(times, record(times), 0.0, BIAS)
    with pytest.raises(ValueError, match="bias is 0"):
        time_of_flight(times, record(times), THICKNESS, 0.0)
    with pytest.raises(ValueError, match="not finite"):
        time_of_flight(times, np.full(times.size, np.nan), THICKNESS, BIAS)
    with pytest.raises(ValueError, match="not evenly spaced"):
        time_of_flight(np.geomspace(1e-8, 1e-5, 100), np.ones(100), THICKNESS, BIAS)
