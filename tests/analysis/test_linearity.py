import numpy as np
import pytest

from analysis.line_fit import fit_line
from analysis.linearity import lack_of_fit, linear_dynamic_range, power_law_exponent
from analysis.scattered_line import fit_line_with_scatter


def test_repeats_tell_a_bent_response_from_a_straight_one():
    rng = np.random.default_rng(31)
    settings = np.repeat([0.2, 0.6, 1.0, 1.6, 2.4], 4)
    noise = 0.01 * rng.normal(size=20)
    straight = lack_of_fit(fit_line(settings, settings + noise))
    bent = lack_of_fit(fit_line(settings, settings + 0.05 * settings**2 + noise))
    assert (straight.dof_misfit, straight.dof_scatter) == (3, 15)
    assert straight.p_value > 0.05
    assert bent.p_value < 1e-6


def test_the_p_value_of_lack_of_fit_is_uniform_when_the_line_holds():
    rng = np.random.default_rng(32)
    x = np.repeat([1.0, 2.0, 3.0, 4.0], 3)
    p_values = [lack_of_fit(fit_line(x, x + 0.1 * rng.normal(size=12))).p_value for _ in range(400)]
    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.05, abs=0.035)
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.06)


def test_measured_dose_rates_need_labels_to_count_as_repeats():
    rng = np.random.default_rng(33)
    currents = np.repeat([0.2, 0.8, 1.4, 2.0], 3)
    dose = currents * (1 + 0.01 * rng.normal(size=12))
    fit = fit_line(dose, dose + 0.01 * rng.normal(size=12))
    assert lack_of_fit(fit) is None
    assert lack_of_fit(fit, currents).dof_scatter == 8
    with pytest.raises(ValueError, match="groups"):
        lack_of_fit(fit, [1, 2])


def test_the_exponent_of_a_super_linear_response_lies_in_its_interval():
    rng = np.random.default_rng(34)
    dose = np.geomspace(1e-6, 2e-4, 10)
    inside = []
    for _ in range(60):
        signal = 3e5 * dose**1.12 * (1 + 0.03 * rng.normal(size=10))
        figure = power_law_exponent(dose, signal, 1e-4 * signal)
        inside.append(figure.interval[0] <= 1.12 <= figure.interval[1])
    assert 0.88 <= np.mean(inside) <= 1.0
    assert figure.interval[0] > 1.0
    assert figure.unit == "1"


def test_an_exponent_is_refused_when_the_points_are_not_above_zero():
    figure = power_law_exponent([1.0, 2.0, 3.0, 4.0], [-1.0, 0.0, 2.0, 3.0])
    assert figure.value is None
    assert "2 of 4" in figure.warnings[0]


def test_points_lost_on_the_log_axis_are_counted_in_a_warning_and_not_shifted():
    x = np.arange(1.0, 11.0)
    y = x**1.5 * np.array([1, 1.01, 0.99, 1, 1.01, 0.99, 1, 1, 1.01, 0.99])
    figure = power_law_exponent(x, np.where(x == 1, -0.1, y))
    assert "1 points" in figure.warnings[0]
    assert figure.value == pytest.approx(1.5, abs=0.02)
    assert figure.details["points_left_out"] == 1


def test_points_drowned_in_noise_do_not_count_as_above_zero():
    assert power_law_exponent([1.0, 2.0, 3.0, 4.0], [0.1, 0.2, 0.3, 0.4], 0.3).value is None


@pytest.mark.parametrize("x", [[1.0], [1.0, 2.0], [2.0, 2.0, 2.0, 2.0]])
def test_too_few_or_equal_dose_rates_never_give_an_exponent(x):
    assert power_law_exponent(x, x).value is None


def test_no_points_at_all_are_an_error():
    with pytest.raises(ValueError, match="x has 0"):
        power_law_exponent([], [])


def test_a_straight_response_is_linear_as_far_as_it_was_measured_and_says_so():
    x = np.geomspace(1, 1000, 13)
    y = 2 * x * (1 + 0.01 * np.resize([1, -1], 13))
    figure = linear_dynamic_range(fit_line(x, y, 0.012 * y), sigma_x=0.01 * x)
    assert figure.value == pytest.approx(1000)
    assert figure.uncertainty == pytest.approx(1000 * 0.01 * np.sqrt(2))
    assert figure.details["decibels"] == pytest.approx(60)
    assert sum("lower bound" in warning for warning in figure.warnings) == 2


def test_saturation_ends_the_linear_range():
    x = np.geomspace(1, 1000, 13)
    y = 2 * x / (1 + (x / 900) ** 4)
    fit = fit_line(x, y, np.where(x < 300, 0.002 * y, y))
    figure = linear_dynamic_range(fit_line(x, y, 0.01 * 2 * x + np.where(x > 300, 1e6, 0)), 0.05)
    assert figure.value < 400
    estimated = linear_dynamic_range(fit_line_with_scatter(x, y, 0.002 * y))
    assert estimated.value is None or estimated.details["maximum"] < 1000
    assert fit.slope == pytest.approx(2, rel=0.02)


def test_points_too_noisy_to_tell_do_not_widen_the_range():
    x = np.array([1.0, 10.0, 100.0, 1000.0])
    fit = fit_line(x, 2 * x, [1.0, 0.2, 2.0, 20.0])
    figure = linear_dynamic_range(fit)
    assert figure.details["minimum"] == 10
    assert figure.value == pytest.approx(100)


def test_a_range_without_two_telling_points_is_refused():
    assert linear_dynamic_range(fit_line([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], 5.0)).value is None
    with pytest.raises(ValueError, match="tolerance"):
        linear_dynamic_range(fit_line([1.0, 2.0, 3.0], [1.0, 2.0, 3.1]), 0.0)
