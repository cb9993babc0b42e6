"""Lifetimes of counts whose truth is known, and what a reader is told where there is none."""

import numpy as np
import pytest

from analysis.decay import decay_figures
from analysis.decay_model import Response, expected_shape, instrument_response
from analysis.figure import FigureOfMerit
from analysis.recombination import recombination_rates

BIN = 0.1e-9
TIMES = np.arange(2000) * BIN
TRUTH = ((0.7, 10e-9), (0.3, 40e-9))


def pulse(start=5e-9, sigma=0.3e-9):
    weights = np.exp(-0.5 * ((TIMES - start) / sigma) ** 2)
    return weights / weights.sum()


def decay(rng, parts=TRUTH, scale=2000.0, background=3.0, lag=0.03e-9):
    response = Response(pulse()[:200], 0.0, BIN, 0.7e-9)
    shape = sum(amplitude * expected_shape(TIMES, response, lifetime, lag) for amplitude, lifetime in parts)
    return rng.poisson(scale * shape + background).astype(float)


def measured_response(rng, start=5e-9):
    return TIMES, rng.poisson(2e5 * pulse(start) + 2).astype(float)


def by_name(figures):
    return {figure.name: figure for figure in figures}


@pytest.mark.parametrize("seed", range(4))
def test_both_averages_hold_the_truth(seed):
    rng = np.random.default_rng(seed)
    _, figures = decay_figures(TIMES, decay(rng), measured_response(rng))
    found = by_name(figures)
    # A = 0.7/0.3, tau = 10/40 ns
    truth = {"lifetime_intensity_average": 550 / 19, "lifetime_amplitude_average": 19.0}
    for name, value in (truth | {"lifetime_1": 10.0, "lifetime_2": 40.0, "amplitude_1": 0.7}).items():
        figure = found[name]
        # four seeds of a 95 % interval: three standard deviations, so that no lucky seed has to be chosen
        assert abs(figure.value - value) < 3 * figure.uncertainty, name
        assert figure.uncertainty < 0.05 * value
        assert not figure.warnings


def test_the_shift_between_decay_and_response_is_found():
    rng = np.random.default_rng(7)
    fit, _ = decay_figures(TIMES, decay(rng, lag=1.3e-9), measured_response(rng))
    assert fit.shift == pytest.approx(1.3e-9, abs=0.02e-9)


def test_a_lifetime_shorter_than_the_response_is_found_and_warned_of():
    rng = np.random.default_rng(8)
    _, figures = decay_figures(TIMES, decay(rng, ((1.0, 0.2e-9),), 2e5), measured_response(rng), components=1)
    lifetime = by_name(figures)["lifetime_1"]
    assert lifetime.value == pytest.approx(0.2, rel=0.1)
    assert "response's width" in lifetime.warnings[0]


def test_without_a_response_the_tail_still_gives_the_lifetime():
    rng = np.random.default_rng(9)
    _, figures = decay_figures(TIMES, decay(rng, ((1.0, 15e-9),)), components=1)
    lifetime = by_name(figures)["lifetime_1"]
    assert lifetime.interval[0] <= 15 <= lifetime.interval[1]
    assert "no instrument response" in lifetime.warnings[0]


def test_one_exponential_where_two_are_asked_for_is_said():
    rng = np.random.default_rng(10)
    _, figures = decay_figures(TIMES, decay(rng, ((1.0, 15e-9),)), measured_response(rng), components=2)
    said = " ".join(warning for figure in figures for warning in figure.warnings)
    assert "1 exponential describe" in said or "cannot be told apart" in said


def test_two_exponentials_where_one_is_fitted_is_said():
    rng = np.random.default_rng(11)
    _, figures = decay_figures(TIMES, decay(rng), measured_response(rng), components=1)
    assert "does not describe the counts" in figures[0].warnings[0]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda counts: counts / counts.max(), "raw counts"),
        (lambda counts: counts - 5, "raw counts"),
        (lambda counts: np.zeros_like(counts), "0 counts in all"),
    ],
)
def test_what_is_no_counting_histogram_is_refused(spoil, said):
    rng = np.random.default_rng(12)
    fit, figures = decay_figures(TIMES, spoil(decay(rng)))
    assert fit is None
    assert figures[0].value is None
    assert said in figures[0].warnings[0]


def test_bins_of_another_width_are_refused():
    rng = np.random.default_rng(13)
    times, counts = measured_response(rng)
    _, figures = decay_figures(TIMES, decay(rng), (times * 2, counts))
    assert "same bins" in figures[0].warnings[0]


def test_baseline_and_empty_bins_of_a_response_are_left_out():
    rng = np.random.default_rng(14)
    times, counts = measured_response(rng)
    response = instrument_response(times, counts - 2.5)
    assert response.weights.sum() == pytest.approx(1)
    assert response.weights.size < 60
    assert response.centre == pytest.approx(5e-9, abs=0.01e-9)
    assert response.fwhm == pytest.approx(2.3548 * 0.3e-9, abs=1.5 * BIN)
    with pytest.raises(ValueError, match="no pulse"):
        instrument_response(times, rng.poisson(3.0, times.size))


def lifetime_of(value, uncertainty=0.0):
    return FigureOfMerit.normal("lifetime_intensity_average", value, "ns", "fit", statistical=uncertainty)


@pytest.mark.parametrize(
    ("quantum_yield", "lifetime", "radiative", "other"), [(0.806, 22.7, 3.55e7, 8.55e6), (0.717, 20.0, 3.59e7, 1.42e7)]
)
def test_rates_are_those_of_chen24(quantum_yield, lifetime, radiative, other):
    k_r, k_nr = recombination_rates(lifetime_of(lifetime), quantum_yield, published=True)
    assert k_r.name == "k_r_published"
    assert k_r.value == pytest.approx(radiative, rel=2e-3)
    assert k_nr.value == pytest.approx(other, rel=4e-3)


def test_rates_carry_both_uncertainties():
    k_r, k_nr = recombination_rates(lifetime_of(20.0, 0.2), 0.8, 0.02)
    assert k_r.uncertainty / k_r.value == pytest.approx(np.hypot(0.01, 0.025), rel=1e-6)
    assert k_nr.uncertainty / k_nr.value == pytest.approx(np.hypot(0.01, 0.1), rel=1e-6)
