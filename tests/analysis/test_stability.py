"""Decaying lights and drifting dark currents whose truth is known."""

import numpy as np
import pytest
from scipy.signal import lfilter

from analysis.stability import dark_current_drift, ratio_to_monitor, relative_slope, remaining, t95

MINUTES = 60.0
LIFE = 617 * MINUTES  # 74.7 % after 180 min
DENSE_EARLY = np.unique(np.concatenate([np.linspace(0, 20, 21), np.linspace(20, 180, 33)])) * MINUTES


def correlated(rng, size, memory=0.8):
    noise = lfilter([np.sqrt(1 - memory**2)], [1, -memory], rng.normal(size=size + 100))
    return noise[100:]


def test_the_published_share_of_the_light_is_left_after_three_hours():
    figure = remaining(DENSE_EARLY, np.exp(-DENSE_EARLY / LIFE), 180 * MINUTES)
    assert figure.value == pytest.approx(74.7, abs=0.05)
    assert figure.unit == "%"
    assert figure.at["time"] == (10800.0, "s")


@pytest.mark.parametrize("memory", [0.0, 0.4])
def test_intervals_of_the_share_left_and_of_t95_hold_the_truth(memory):
    rng = np.random.default_rng(1)
    clean = np.exp(-DENSE_EARLY / LIFE)
    truth = {"remaining": 100 * np.exp(-180 / 617), "t95": -np.log(0.95) * LIFE}
    hits, given = dict.fromkeys(truth, 0), dict.fromkeys(truth, 0)
    for _ in range(runs := 100):
        noisy = clean * (1 + 0.005 * correlated(rng, clean.size, memory))
        for figure in (remaining(DENSE_EARLY, noisy), t95(DENSE_EARLY, noisy)):
            if figure.interval is not None:
                given[figure.name] += 1
                hits[figure.name] += figure.interval[0] <= truth[figure.name] <= figure.interval[1]
    for name, count in hits.items():
        assert given[name] >= 0.97 * runs
        assert 0.90 <= count / given[name] <= 1.0


def test_noise_with_a_long_memory_is_warned_of():
    rng = np.random.default_rng(9)
    warned = 0
    for _ in range(30):
        noisy = np.exp(-DENSE_EARLY / LIFE) * (1 + 0.005 * correlated(rng, DENSE_EARLY.size, 0.85))
        warned += any("independent" in warning for warning in remaining(DENSE_EARLY, noisy).warnings)
    assert warned >= 15


def test_a_light_that_lasts_has_no_t95_but_a_lower_bound():
    rng = np.random.default_rng(2)
    times = np.linspace(0, 100, 60) * 3600
    figure = t95(times, 1 + 0.003 * rng.normal(size=60))
    assert figure.value is None
    assert "not reached" in figure.warnings[0]
    assert figure.details["lower_bound_s"] == pytest.approx(360_000)


def test_a_t95_at_the_very_end_of_the_record_is_not_quoted():
    rng = np.random.default_rng(3)
    times = np.linspace(0, 1.02 * 0.05129 * LIFE, 30)
    figure = t95(times, np.exp(-times / LIFE) * (1 + 0.01 * rng.normal(size=30)))
    assert figure.value is None
    assert figure.details["lower_bound_s"] < times[-1]


def test_another_level_has_another_name():
    times = np.linspace(0, 400, 60) * MINUTES
    figure = t95(times, np.exp(-times / LIFE), level=0.8)
    assert figure.name == "t80"
    assert figure.value == pytest.approx(-np.log(0.8) * LIFE, rel=3e-3)


def test_the_tubes_own_drift_cancels_in_the_ratio_to_the_monitor():
    tube = 1 + 0.1 * np.sin(DENSE_EARLY / 3000)
    light = 500 * tube * np.exp(-DENSE_EARLY / LIFE)
    figure = remaining(DENSE_EARLY, ratio_to_monitor(light, 3e-6 * tube), monitor_uncertainty=0.01)
    assert figure.value == pytest.approx(74.7, abs=0.05)
    assert figure.systematic == pytest.approx(0.747, rel=1e-2)
    with pytest.raises(ValueError, match="beam was off"):
        ratio_to_monitor([1, 2], [1, 0])


def test_the_share_left_is_not_extrapolated_and_needs_a_start():
    late = remaining(DENSE_EARLY, np.exp(-DENSE_EARLY / LIFE), 200 * MINUTES)
    assert late.value is None
    assert "not extrapolated" in late.warnings[0]
    rng = np.random.default_rng(4)
    assert remaining(DENSE_EARLY, rng.normal(size=DENSE_EARLY.size)).value is None
    assert remaining([0, 1, 2], [1, 1, 1]).value is None
    with pytest.raises(ValueError, match="do not rise"):
        remaining(DENSE_EARLY[::-1], DENSE_EARLY)


def test_the_slope_is_relative_per_hour_and_its_interval_knows_of_the_correlation():
    rng = np.random.default_rng(5)
    times = np.linspace(0, 36_000, 200)
    held = 0
    for _ in range(200):
        signal = 7e-9 * (1 - 0.002 * times / 3600 + 0.005 * correlated(rng, 200))
        low, high = relative_slope(times, signal).interval
        held += low <= -0.2 <= high
    assert 0.88 <= held / 200 <= 0.99
    bent = relative_slope(times, np.exp(-times / 5000) + 0.001 * rng.normal(size=200))
    assert "not straight" in bent.warnings[0]


def test_the_interval_of_a_dark_current_drift_holds_the_truth_through_correlated_noise():
    rng = np.random.default_rng(6)
    times = np.linspace(0, 3600, 240)
    truth = 0.04 / (100 * 3600)
    held = 0
    for _ in range(200):
        current = 4e-3 * (1 + 0.04 * times / 3600 + 0.01 * correlated(rng, 240))
        low, high = dark_current_drift(times, current, -1e4).interval
        held += low <= truth <= high
    assert 0.89 <= held / 200 <= 0.995


def test_a_dark_current_that_stays_has_no_significant_drift():
    rng = np.random.default_rng(7)
    times = np.linspace(0, 3600, 240)
    figure = dark_current_drift(times, -4e-3 * (1 + 0.01 * correlated(rng, 240)), -1e4)
    assert figure.interval[0] <= 0 <= figure.interval[1]
    assert "no significant drift" in figure.warnings[0]
    assert figure.unit == "cm/(V s)"
    assert figure.at["field"] == (-100.0, "V/cm")


def test_a_current_that_settles_is_told_from_one_that_drifts():
    rng = np.random.default_rng(8)
    times = np.concatenate([np.arange(0, 60, 2.0), np.arange(60, 3600, 30.0)])
    settle = 1 + 0.3 * np.exp(-((times / 30) ** 0.5)) + 0.001 * rng.normal(size=times.size)
    figure = dark_current_drift(times, 4e-3 * settle, 1e4)
    assert "settles" in figure.warnings[0]
    truth = (1 + 0.3 * np.exp(-(120**0.5))) / 1.3 - 1
    assert figure.details["relative_change"] == pytest.approx(truth, abs=0.02)
    waited = dark_current_drift(times, 4e-3 * settle, 1e4, settling=1200)
    assert abs(waited.details["relative_change"]) < 0.003
    with pytest.raises(ValueError, match="field is 0"):
        dark_current_drift(times, settle, 0.0)
