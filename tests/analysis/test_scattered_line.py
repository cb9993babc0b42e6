import numpy as np
import pytest

from analysis.line_fit import fit_line
from analysis.scattered_line import fit_line_with_scatter


def held(x, constant, proportional, stated, seed, runs=200):
    """Share of fits whose 95 % interval holds the true slope, with a line that has an intercept."""
    rng = np.random.default_rng(seed)
    true = 1.0 * x + 0.1
    hits = 0
    for _ in range(runs):
        scatter = np.sqrt(constant**2 + (proportional * true) ** 2 + (stated or 0.0) ** 2)
        low, high = fit_line_with_scatter(x, true + scatter * rng.normal(size=x.size), stated).slope_interval
        hits += low <= 1.0 <= high
    return hits / runs


def test_with_equal_scatter_and_nothing_stated_the_interval_is_students():
    x = np.array([1.0, 2.0, 3.0, 5.0, 8.0])
    y = np.array([1.1, 1.9, 3.2, 4.9, 8.1])
    one, other = fit_line(x, y), fit_line_with_scatter(x, y, proportional=False)
    assert other.slope == pytest.approx(one.slope)
    assert other.slope_interval == pytest.approx(one.slope_interval, rel=1e-4)


def test_scatter_of_four_per_cent_of_the_signal_is_covered_though_nobody_announced_it():
    assert 0.90 <= held(np.geomspace(0.07, 2.7, 10), 0.0, 0.04, None, seed=21) <= 0.99


def test_scatter_far_beyond_the_counting_noise_is_covered():
    assert 0.88 <= held(np.linspace(0.2, 2.4, 8), 0.02, 0.04, 0.002, seed=22, runs=100) <= 0.99


def test_the_plain_fit_would_not_have_covered_proportional_scatter():
    rng = np.random.default_rng(23)
    x = np.geomspace(0.07, 2.7, 10)
    hits = 0
    for _ in range(200):
        low, high = fit_line(x, x * (1 + 0.04 * rng.normal(size=10))).slope_interval
        hits += low <= 1.0 <= high
    assert hits / 200 < 0.85


def test_the_scatter_is_found_in_size_and_kind():
    rng = np.random.default_rng(24)
    x = np.geomspace(0.01, 10, 60)
    by_signal = fit_line_with_scatter(x, 3 * x * (1 + 0.05 * rng.normal(size=60)))
    assert by_signal.scatter_proportional == pytest.approx(0.05, rel=0.25)
    assert by_signal.scatter_constant < 0.005
    everywhere = fit_line_with_scatter(x, 3 * x + 0.5 * rng.normal(size=60))
    assert everywhere.scatter_constant == pytest.approx(0.5, rel=0.25)


def test_scaling_the_signal_scales_slope_and_interval():
    rng = np.random.default_rng(25)
    x = np.linspace(0.2, 2.4, 9)
    y = x * (1 + 0.04 * rng.normal(size=9))
    one, other = fit_line_with_scatter(x, y, 0.01), fit_line_with_scatter(x, -1e-6 * y, 1e-8)
    assert other.slope == pytest.approx(-1e-6 * one.slope, rel=1e-6)
    assert other.slope_interval == pytest.approx(
        (-1e-6 * one.slope_interval[1], -1e-6 * one.slope_interval[0]), rel=1e-5
    )


def test_the_order_of_the_points_does_not_matter():
    rng = np.random.default_rng(26)
    x = np.linspace(0.2, 2.4, 9)
    y = x * (1 + 0.04 * rng.normal(size=9))
    order = rng.permutation(9)
    one, other = fit_line_with_scatter(x, y, 0.01, 0.01), fit_line_with_scatter(x[order], y[order], 0.01, 0.01)
    assert other.slope_interval == pytest.approx(one.slope_interval, rel=1e-7)


def test_a_perfect_line_and_a_flat_one_are_no_trouble():
    fit = fit_line_with_scatter([1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 6.0, 8.0])
    assert fit.slope == pytest.approx(2)
    assert fit.slope_uncertainty < 1e-9
    flat = fit_line_with_scatter([1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 0.0, 0.0])
    assert flat.slope == 0
    assert flat.slope_interval[0] <= 0 <= flat.slope_interval[1]


@pytest.mark.parametrize(
    "arguments",
    [([1.0, 2.0], [1.0, 2.0]), ([2.0, 2.0, 2.0], [1.0, 2.0, 3.0]), ([1.0, 2.0, 3.0], [1.0, 2.0, np.nan])],
)
def test_points_that_no_line_can_go_through_are_an_error(arguments):
    with pytest.raises(ValueError, match=r"^(x|y) "):
        fit_line_with_scatter(*arguments)
