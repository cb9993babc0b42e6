"""I-V curves and conductivities of known materials."""

import numpy as np
import pytest

from analysis.activation_energy import activation_energy
from analysis.conduction import hysteresis, rectification_ratio, resistivity, settled

THICKNESS = 300e-6
AREA = 4e-6
RESISTIVITY = 2.48e8  # ohm cm
CONDUCTANCE = AREA / THICKNESS / (RESISTIVITY / 100)
BOLTZMANN = 8.617333262e-5


def conductivity(kelvin, energy, prefactor=1.0):
    return prefactor / kelvin * np.exp(-energy / (BOLTZMANN * kelvin))


def test_the_published_resistivity_comes_back_from_both_polarities():
    volts = np.concatenate([-np.geomspace(0.3, 30, 10), np.geomspace(0.3, 30, 10)])
    figure = resistivity(volts, CONDUCTANCE * volts, THICKNESS, AREA, area_uncertainty=0.03)
    assert figure.value == pytest.approx(RESISTIVITY, rel=1e-6)
    assert figure.unit == "ohm cm"
    assert figure.systematic == pytest.approx(0.03 * RESISTIVITY, rel=1e-3)
    assert figure.details["window_high_v"] == pytest.approx(30)
    assert not figure.warnings


def test_the_interval_of_the_resistivity_holds_the_truth():
    rng = np.random.default_rng(1)
    volts = np.linspace(1, 10, 10)
    held = 0
    for _ in range(40):
        noisy = CONDUCTANCE * volts * (1 + 0.02 * rng.normal(size=10))
        low, high = resistivity(volts, noisy, THICKNESS, AREA).interval
        held += low <= RESISTIVITY <= high
    assert 0.87 <= held / 40 <= 1.0


def test_space_charge_at_high_voltage_is_left_out_of_the_window():
    volts = np.geomspace(0.1, 100, 25)
    current = CONDUCTANCE * (volts + volts**2 / 20 * (volts > 8))
    noisy = current * (1 + 0.01 * np.random.default_rng(2).normal(size=25))
    figure = resistivity(volts, noisy, THICKNESS, AREA)
    assert figure.value == pytest.approx(RESISTIVITY, rel=0.05)
    assert figure.details["window_high_v"] < 8
    assert "ohmic from" in figure.warnings[0]


def test_a_space_charge_limited_curve_has_no_resistivity():
    volts = np.geomspace(0.3, 30, 12)
    figure = resistivity(volts, 1e-12 * volts**2, THICKNESS, AREA)
    assert figure.value is None
    assert "no ohmic window" in figure.warnings[0]


def test_noise_and_too_few_points_have_no_resistivity():
    rng = np.random.default_rng(3)
    volts = np.linspace(1, 10, 12)
    for seed_noise in (rng.normal(size=12), np.zeros(12)):
        assert resistivity(volts, 1e-12 * seed_noise, THICKNESS, AREA).value is None
    assert resistivity([1, 2], [1e-9, 2e-9], THICKNESS, AREA).value is None
    with pytest.raises(ValueError, match="thickness is 0"):
        resistivity(volts, volts, 0.0, AREA)


def test_rectification_names_the_forward_side_and_bounds_what_drowns():
    volts = [-10, -10, 10, 10]
    figure = rectification_ratio(volts, [-3.0e-7, -3.1e-7, 1.0e-9, 1.02e-9], 10.0)
    assert figure.value == pytest.approx(302, rel=0.01)
    assert figure.details["forward"] == "-"
    assert figure.interval[0] < figure.value < figure.interval[1]
    drowned = rectification_ratio(volts, [-3e-7, -3e-7, 1e-10, -1e-10], 10.0, 1e-10)
    assert drowned.value is None
    assert "at least" in drowned.warnings[0]
    assert rectification_ratio([1, 10], [1e-9, 1e-8], 10.0).value is None


def test_hysteresis_of_a_loop_is_its_share_and_that_of_noise_is_none():
    volts = np.linspace(0, 10, 50)
    loop = hysteresis(volts, 1.1e-9 * volts, volts[::-1], 0.9e-9 * volts[::-1])
    assert loop.value == pytest.approx(0.1, rel=1e-3)
    rng = np.random.default_rng(4)
    noise = hysteresis(volts, volts + rng.normal(size=50), volts, volts + rng.normal(size=50))
    assert "noise" in noise.warnings[0]
    with pytest.raises(ValueError, match="share no voltages"):
        hysteresis([0, 1, 2], [0, 1, 2], [3, 4, 5], [3, 4, 5])


def test_a_relaxing_current_settles_only_when_it_has():
    times = np.arange(0, 200, 1.0)
    rng = np.random.default_rng(5)
    current = 1e-9 * (1 + 0.5 * np.exp(-times / 20)) + 1e-12 * rng.normal(size=200)
    first = next(n for n in range(8, 200) if settled(current[:n], times[:n]).settled)
    assert 60 < times[first] < 150
    assert abs(settled(current[:first], times[:first]).mean / 1e-9 - 1) < 0.03
    assert not settled(current[:5], times[:5]).settled


def test_a_current_below_its_noise_is_not_waited_for_for_ever():
    rng = np.random.default_rng(6)
    times = np.arange(40.0)
    done = [settled(1e-12 + 1e-11 * rng.normal(size=40), times).settled for _ in range(50)]
    assert np.mean(done) > 0.85


def test_the_published_activation_energy_comes_back():
    kelvin = np.linspace(300, 380, 9)
    result = activation_energy(kelvin, conductivity(kelvin, 0.632))
    (figure,) = result.figures
    assert figure.value == pytest.approx(0.632, rel=1e-6)
    assert figure.unit == "eV"
    assert result.breakpoint.value is None


@pytest.mark.parametrize("runs", [80, pytest.param(200, marks=pytest.mark.slow)])
def test_intervals_of_the_activation_energy_hold_the_truth_and_no_break_is_invented(runs):
    rng = np.random.default_rng(7)
    kelvin = np.linspace(290, 390, 11)
    clean = conductivity(kelvin, 0.632)
    held = broken = 0
    for _ in range(runs):
        result = activation_energy(kelvin, clean * np.exp(0.05 * rng.normal(size=11)))
        broken += len(result.figures) > 1
        held += all(low <= 0.632 <= high for low, high in (one.interval or (1, 0) for one in result.figures))
    assert 0.90 <= held / runs <= (0.99 if runs >= 200 else 1.0)
    assert broken / runs < 0.10


@pytest.mark.parametrize("runs", [60, pytest.param(200, marks=pytest.mark.slow)])
def test_a_breakpoint_is_found_with_both_energies_and_their_intervals_hold(runs):
    rng = np.random.default_rng(8)
    kelvin = np.linspace(240, 400, 17)
    steep, flat = conductivity(kelvin, 0.632), conductivity(kelvin, 0.25)
    flat = flat * conductivity(320.0, 0.632) / conductivity(320.0, 0.25)
    clean = np.where(kelvin > 320, steep, flat)
    hits = np.zeros(3)
    for _ in range(runs):
        result = activation_energy(kelvin, clean * np.exp(0.04 * rng.normal(size=17)))
        assert len(result.figures) == 2
        for index, (figure, truth) in enumerate(
            zip((*result.figures, result.breakpoint), (0.632, 0.25, 320.0), strict=True)
        ):
            hits[index] += figure.interval[0] <= truth <= figure.interval[1]
    assert np.all(hits / runs >= 0.90)
    assert np.all(hits / runs <= (0.995 if runs >= 200 else 1.0))


def test_conductivity_that_does_not_rise_with_temperature_has_no_activation_energy():
    kelvin = np.linspace(300, 380, 9)
    falling = activation_energy(kelvin, 1 / kelvin**3).figures[0]
    assert falling.value is None
    assert "does not rise" in falling.warnings[0]
    assert activation_energy([300, 310], [1, 2]).figures[0].value is None
    with pytest.raises(ValueError, match="Celsius"):
        activation_energy([-10, 0, 10], [1, 2, 3])
    with pytest.raises(ValueError, match="not positive"):
        activation_energy([300, 310, 320], [1, -2, 3])
