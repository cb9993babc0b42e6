"""Differences and means of several runs: what they share cancels in the one and stays in the other."""

from __future__ import annotations

import math

import numpy as np
import pytest

from analysis.comparison import Compared, differences, holm, weighted_mean
from analysis.figure import FigureOfMerit


def figure(value: float, statistical: float, systematic: float = 0.0) -> FigureOfMerit:
    return FigureOfMerit.normal("slope", value, "V", "m", statistical=statistical, systematic=systematic)


def test_what_two_runs_share_cancels_in_their_difference() -> None:
    one, other = Compared(100.0, 1.0, 5.0), Compared(103.0, 1.0, 5.15)
    (independent,) = differences([one, other], [[0, 0], [0, 0]])
    assert independent.uncertainty == pytest.approx(math.sqrt(2 + 25 + 5.15**2))
    (shared,) = differences([one, other], [[5.0, 5.0], [5.15, 5.15]])
    assert shared.uncertainty == pytest.approx(math.hypot(math.sqrt(2), 0.15))
    assert shared.z == pytest.approx(-3.0 / shared.uncertainty)
    assert abs(shared.z) > 2 > 1 > abs(independent.z)
    (partly,) = differences([one, other], [[3.0, 3.0], [3.09, 3.09]])
    assert shared.uncertainty < partly.uncertainty < independent.uncertainty


def test_values_of_opposite_sign_do_not_cancel() -> None:
    (found,) = differences([Compared(10.0, 0.1, 1.0), Compared(-10.0, 0.1, 1.0)], [[1, 1], [1, 1]])
    assert found.uncertainty == pytest.approx(math.sqrt(0.02 + 4.0))


def test_the_p_value_is_right_for_equal_runs_of_a_shared_calibration() -> None:
    random = np.random.default_rng(5)
    below = 0
    for _ in range(2000):
        scale = 1 + 0.05 * random.standard_normal()
        runs = [Compared(scale * 100 + random.standard_normal(), 1.0, 5.0) for _ in range(2)]
        (found,) = differences(runs, [[5.0, 5.0], [5.0, 5.0]])
        below += found.p < 0.05
    assert 70 <= below <= 130, "5 % of 2000, 3 sigma either way"


def test_many_pairs_are_corrected_for_their_number() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_the_weighted_mean_of_consistent_runs() -> None:
    mean = weighted_mean([figure(10.0, 1.0, 0.5), figure(11.0, 2.0, 0.55), figure(9.5, 1.0, 0.475)])
    weights = np.array([1, 0.25, 1]) / 2.25
    assert mean.value == pytest.approx(weights @ [10, 11, 9.5])
    assert mean.statistical == pytest.approx(2.25**-0.5)
    assert mean.systematic == pytest.approx(weights @ [0.5, 0.55, 0.475]), "a common calibration does not average out"
    assert mean.details["birge_ratio"] < 1
    assert mean.warnings == ()


def test_scatter_beyond_the_uncertainties_widens_the_mean_and_is_said() -> None:
    mean = weighted_mean([figure(10.0, 1.0), figure(13.0, 1.0), figure(8.0, 1.0)])
    assert mean.details["birge_ratio"] == pytest.approx(math.sqrt(12.6667 / 2), rel=1e-4)
    assert mean.statistical == pytest.approx(3**-0.5 * mean.details["birge_ratio"])
    assert "not consistent" in mean.warnings[0]
    low, high = mean.interval
    assert high - low == pytest.approx(2 * 4.3027 * mean.statistical, rel=1e-3), "two degrees of freedom: Student's t"


def test_runs_that_did_not_measure_the_same_have_no_mean() -> None:
    mean = weighted_mean([figure(10.0, 1.0), figure(20.0, 1.0)])
    assert mean.value is None
    assert "not measured the same" in mean.warnings[0]


def test_a_mean_needs_two_values_of_the_same_quantity() -> None:
    refused = FigureOfMerit.refused("slope", "V", "m", "no light")
    assert weighted_mean([figure(1.0, 0.1), refused]).value is None
    assert "1 of 3" in weighted_mean([figure(1.0, 0.1), figure(1.1, 0.1), refused]).warnings[0]
    with pytest.raises(ValueError, match="one name, unit and condition"):
        weighted_mean([figure(1.0, 0.1), figure(1.0, 0.1).at_condition(field=(1.0, "V/cm"))])


def test_the_interval_of_the_mean_holds_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(8)
    held = 0
    for _ in range(1500):
        shift = 0.5 * random.standard_normal()
        mean = weighted_mean([figure(50 + shift + random.standard_normal(), 1.0, 0.5) for _ in range(4)])
        held += mean.interval is None or mean.interval[0] <= 50 <= mean.interval[1]
    assert held >= 0.94 * 1500
