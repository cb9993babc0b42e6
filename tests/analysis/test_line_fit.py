import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.line_fit import fit_line

# K. Pearson, Phil. Mag. 2 (1901) 559, with the weights of D. York, Can. J. Phys. 44 (1966) 1079.
PEARSON_X = np.array([0.0, 0.9, 1.8, 2.6, 3.3, 4.4, 5.2, 6.1, 6.5, 7.4])
PEARSON_Y = np.array([5.9, 5.4, 4.4, 4.6, 3.5, 3.7, 2.8, 2.8, 2.4, 1.5])
WEIGHTS_X = np.array([1000.0, 1000.0, 500.0, 800.0, 200.0, 80.0, 60.0, 20.0, 1.8, 1.0])
WEIGHTS_Y = np.array([1.0, 1.8, 4.0, 8.0, 20.0, 20.0, 70.0, 70.0, 100.0, 500.0])


def test_pearsons_data_with_yorks_weights_give_the_published_line():
    fit = fit_line(PEARSON_X, PEARSON_Y, WEIGHTS_Y**-0.5, WEIGHTS_X**-0.5)
    assert fit.slope == pytest.approx(-0.480533407, abs=1e-8)
    assert fit.intercept == pytest.approx(5.47991022, abs=1e-7)
    assert fit.slope_uncertainty == pytest.approx(0.057985, abs=2e-6)
    assert fit.intercept_uncertainty == pytest.approx(0.294971, abs=2e-6)
    assert fit.chi2_reduced == pytest.approx(1.4832941, abs=1e-6)
    assert "York" in fit.method


def test_without_scatter_in_x_the_line_is_the_weighted_one_of_numpy():
    sigma = WEIGHTS_Y**-0.5
    fit = fit_line(PEARSON_X, PEARSON_Y, sigma)
    coefficients, covariance = np.polyfit(PEARSON_X, PEARSON_Y, 1, w=1 / sigma, cov="unscaled")
    assert [fit.slope, fit.intercept] == pytest.approx(coefficients.tolist())
    enlarged = covariance * fit.birge**2
    assert fit.covariance[::-1, ::-1] == pytest.approx(enlarged)
    assert fit.method == "weighted least squares"


def test_tiny_scatter_in_x_changes_neither_the_line_nor_its_name():
    plain = fit_line(PEARSON_X, PEARSON_Y, 0.2)
    tiny = fit_line(PEARSON_X, PEARSON_Y, 0.2, 1e-5)
    assert tiny.slope == pytest.approx(plain.slope, rel=1e-6)
    assert tiny.method == plain.method


def test_scatter_in_x_alone_is_the_line_the_other_way_round():
    along_y = fit_line(PEARSON_Y, PEARSON_X, 0.1)
    along_x = fit_line(PEARSON_X, PEARSON_Y, None, 0.1)
    assert along_x.slope == pytest.approx(1 / along_y.slope)


def test_a_line_with_unknown_scatter_has_students_intervals():
    fit = fit_line([1.0, 2.0, 3.0, 4.0], [1.0, 2.1, 2.9, 4.0])
    # By hand: slope 0.98, residuals -0.02 0.1 -0.08 ... ; t(2; 0.975) = 4.3027.
    residuals = np.array([1.0, 2.1, 2.9, 4.0]) - np.polyval(
        np.polyfit([1, 2, 3, 4], [1.0, 2.1, 2.9, 4.0], 1), [1, 2, 3, 4]
    )
    deviation = np.sqrt(residuals @ residuals / 2 / 5)
    assert fit.slope_uncertainty == pytest.approx(deviation)
    assert fit.slope_interval[1] - fit.slope == pytest.approx(4.302653 * deviation, rel=1e-6)


def test_uncertainties_that_are_stated_too_small_are_enlarged_with_a_warning():
    rng = np.random.default_rng(11)
    x = np.linspace(0, 10, 12)
    y = 2 * x + 1 + rng.normal(size=12)
    honest, small = fit_line(x, y, 1.0), fit_line(x, y, 0.1)
    assert honest.birge == 1.0
    assert not honest.warnings
    assert small.birge == pytest.approx(np.sqrt(small.chi2_reduced))
    assert "too small" in small.warnings[0]
    assert small.slope_uncertainty == pytest.approx(fit_line(x, y).slope_uncertainty)
    assert "too small" in small.slope_figure("1").warnings[0]


def test_stated_uncertainties_hold_the_truth_as_often_as_they_should():
    rng = np.random.default_rng(12)
    x = np.linspace(0, 10, 8)
    sigma_y, sigma_x = 0.05 + 0.1 * x, np.full(8, 0.1)
    held = 0
    for _ in range(250):
        fit = fit_line(x + sigma_x * rng.normal(size=8), 2 * x + 1 + sigma_y * rng.normal(size=8), sigma_y, sigma_x)
        held += fit.slope_interval[0] <= 2 <= fit.slope_interval[1]
    assert 0.92 < held / 250 < 0.985


def test_r2_is_the_one_papers_print_and_has_an_interval():
    x = np.linspace(1, 10, 12)
    y = x + np.array([0.3, -0.2] * 6)
    fit = fit_line(x, y, 0.25)
    figure = fit.r2_figure()
    assert figure.value == pytest.approx(np.corrcoef(x, y)[0, 1] ** 2)
    low, high = figure.interval
    assert low < figure.value < high < 1
    assert fit_line(x, np.full(12, 2.0)).r2_figure().value is None


def test_a_perfect_line_is_no_trouble():
    fit = fit_line([1.0, 2.0, 3.0], [2.0, 4.0, 6.0])
    assert fit.slope == pytest.approx(2)
    assert fit.slope_uncertainty < 1e-12
    assert fit.r2_figure().uncertainty is None


def test_the_prediction_is_least_certain_far_from_the_points():
    fit = fit_line(PEARSON_X, PEARSON_Y, 0.2)
    value, deviation = fit.predict([0.0, 3.8, 100.0])
    assert value[0] == pytest.approx(fit.intercept)
    assert deviation[0] == pytest.approx(fit.intercept_uncertainty)
    assert deviation[1] < deviation[0] < deviation[2]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (([], []), "x"),
        (([1.0], [1.0]), "x"),
        (([1.0, 2.0], [1.0, 2.0]), "x"),
        (([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]), "all equal"),
        (([1.0, 2.0, 3.0], [1.0, 2.0]), "y"),
        (([1.0, np.nan, 3.0], [1.0, 2.0, 3.0]), "x"),
        (([1.0, 2.0, 3.0], [1.0, np.inf, 3.0]), "y"),
        (([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [0.1, -0.1, 0.1]), "sigma_y"),
        (([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [0.1, 0.1]), "sigma_y"),
        (([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [0.1, 0.0, 0.1]), "sigma_y is zero"),
        (([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], 0.1, [0.1, np.nan, 0.1]), "sigma_x"),
        (([[1.0, 2.0, 3.0]], [1.0, 2.0, 3.0]), "x"),
    ],
)
def test_points_that_no_line_can_go_through_are_an_error_that_names_the_argument(arguments, named):
    with pytest.raises(ValueError, match=named):
        fit_line(*arguments)


finite = st.floats(-50, 50)


@settings(deadline=None, max_examples=60, derandomize=True)
@given(
    noise=st.lists(st.floats(-1, 1), min_size=6, max_size=6),
    slope=finite,
    factor=st.floats(0.01, 100) | st.floats(-100, -0.01),
)
def test_scaling_the_signal_scales_slope_and_interval(noise, slope, factor):
    x = np.array([1.0, 2.0, 4.0, 5.0, 7.0, 9.0])
    y = slope * x + np.array(noise) + np.array([0.1, -0.1, 0.2, 0.0, -0.3, 0.1])
    one, other = fit_line(x, y, 0.5, 0.1), fit_line(x, factor * y, 0.5 * abs(factor), 0.1)
    scale = max(1.0, abs(slope))
    assert other.slope == pytest.approx(factor * one.slope, abs=1e-8 * scale * abs(factor))
    assert other.slope_uncertainty == pytest.approx(abs(factor) * one.slope_uncertainty, rel=1e-6)
    ends = sorted(factor * end for end in one.slope_interval)
    assert list(other.slope_interval) == pytest.approx(ends, rel=1e-6, abs=1e-7 * scale * abs(factor))


@settings(deadline=None, max_examples=40, derandomize=True)
@given(order=st.permutations(range(10)))
def test_the_order_of_the_points_does_not_matter(order):
    order = np.array(order)
    one = fit_line(PEARSON_X, PEARSON_Y, WEIGHTS_Y**-0.5, WEIGHTS_X**-0.5)
    other = fit_line(PEARSON_X[order], PEARSON_Y[order], WEIGHTS_Y[order] ** -0.5, WEIGHTS_X[order] ** -0.5)
    assert other.slope == pytest.approx(one.slope, rel=1e-10)
    assert other.covariance == pytest.approx(one.covariance, rel=1e-9)
    assert other.residuals == pytest.approx(one.residuals[order], abs=1e-9)
