import numpy as np
import pytest

from analysis.sensitivity import sensitivity, sensitivity_of_points
from analysis.signal_points import SignalPoints

TRUE = 13_700.0  # uC/(Gy cm2)
DOSE = np.linspace(70, 2726, 8) * 1e-9
CURRENT = TRUE / 100 * DOSE  # A/m2


def test_a_hundred_microcoulomb_per_gray_and_cm2_are_one_coulomb_per_gray_and_m2():
    figure = sensitivity(DOSE, CURRENT, 1e-8, 0.0, 0.0)
    assert figure.value == pytest.approx(TRUE)
    assert figure.unit == "uC/(Gy cm2)"


def test_a_negative_bias_gives_the_same_sensitivity_and_keeps_the_sign():
    rng = np.random.default_rng(61)
    current = CURRENT * (1 + 0.02 * rng.normal(size=8))
    plus, minus = sensitivity(DOSE, current, 1e-8, 0.05, 0.01), sensitivity(DOSE, -current, 1e-8, 0.05, 0.01)
    assert minus.value == pytest.approx(plus.value)
    assert minus.interval == pytest.approx(plus.interval)
    assert (plus.details["slope_sign"], minus.details["slope_sign"]) == (1.0, -1.0)


def test_statistical_and_systematic_parts_are_listed_apart_and_combined():
    rng = np.random.default_rng(62)
    figure = sensitivity(DOSE, CURRENT * (1 + 0.02 * rng.normal(size=8)), 1e-8, 0.05, 0.02)
    assert figure.systematic == pytest.approx(figure.value * np.hypot(0.05, 0.02))
    assert 0 < figure.statistical < figure.systematic
    assert figure.uncertainty == pytest.approx(np.hypot(figure.statistical, figure.systematic))
    low, high = figure.interval
    assert high - figure.value > 1.95 * figure.systematic
    assert low < TRUE < high


def test_the_truth_lies_in_the_interval_when_calibration_area_dose_and_current_all_err():
    rng = np.random.default_rng(63)
    held = 0
    for _ in range(200):
        calibration, area = 1 + 0.05 * rng.normal(), 1 + 0.02 * rng.normal()
        dose = DOSE * calibration * (1 + 0.015 * rng.normal(size=8))
        current = (CURRENT + 7e-8 * rng.normal(size=8)) / area
        low, high = sensitivity(dose, current, 7e-8, 0.05, 0.02).interval
        held += low <= TRUE <= high
    assert 180 <= held <= 198


def test_points_of_a_detection_limit_give_the_same_sensitivity():
    points = SignalPoints(DOSE, -CURRENT, np.full(8, 1e-8), np.full(8, 1e-7), np.full(8, 99.0))
    assert sensitivity_of_points(points, 0.05, 0.02) == sensitivity(DOSE, -CURRENT, 1e-8, 0.05, 0.02, 0.0)


@pytest.mark.parametrize("dose", [[1e-6], [1e-6, 2e-6], [1e-6, 1e-6, 1e-6, 1e-6]])
def test_too_few_or_equal_dose_rates_are_refused(dose):
    figure = sensitivity(dose, np.ones(len(dose)), 0.1, 0.05, 0.02)
    assert figure.value is None
    assert "three points" in figure.warnings[0]


def test_a_detector_that_does_not_answer_is_refused():
    rng = np.random.default_rng(64)
    figure = sensitivity(DOSE, 1e-6 * rng.normal(size=8), 1e-6, 0.05, 0.02)
    assert figure.value is None
    assert "zero" in figure.warnings[0]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (([], [], 1.0, 0.05, 0.02), "dose_rates"),
        ((DOSE, CURRENT[:3], 1e-8, 0.05, 0.02), "current_densities has 3"),
        ((DOSE, CURRENT * np.nan, 1e-8, 0.05, 0.02), "current_densities"),
        ((DOSE, CURRENT, -1e-8, 0.05, 0.02), "uncertainties"),
        ((DOSE, CURRENT, 1e-8, 5.0, 0.02), "dose_calibration_uncertainty"),
        ((DOSE, CURRENT, 1e-8, 0.05, np.nan), "area_uncertainty"),
    ],
)
def test_numbers_that_make_no_sense_are_an_error(arguments, named):
    with pytest.raises(ValueError, match=named):
        sensitivity(*arguments)
