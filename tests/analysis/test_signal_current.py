import numpy as np
import pytest

from analysis.signal_current import (
    CurrentReading,
    dark_current_density,
    pooled_deviation,
    signal_current,
    signal_points,
)
from analysis.signal_points import Acquisition

AREA = 1e-5  # m2


def readings(rng, signal, drift, noise, times=(0.0, 12.0, 20.0), count=200):
    """Dark, beam on, dark over a dark current of 40 nA that drifts linearly, amperes."""
    return [
        CurrentReading(time, 40e-9 + drift * time + beam + noise * rng.normal(size=count))
        for time, beam in zip(times, (0.0, signal, 0.0), strict=True)
    ]


def test_a_linear_drift_of_the_dark_current_cancels_although_the_signal_is_not_half_way():
    still = (
        CurrentReading(0.0, np.full(10, 40e-9)),
        CurrentReading(12.0, np.full(10, 52e-9)),
        CurrentReading(20.0, np.full(10, 60e-9)),
    )
    signal = signal_current(*still, AREA)
    assert signal.density == pytest.approx(0.0, abs=1e-12 * 52e-9 / AREA)
    assert signal.dark_density == pytest.approx(52e-9 / AREA)


def test_the_signal_lies_in_its_interval_as_often_as_it_should():
    rng = np.random.default_rng(51)
    inside = []
    for _ in range(300):
        one = signal_current(*readings(rng, -3e-9, 0.2e-9, 1e-9), AREA)
        inside.append(abs(one.density + 3e-9 / AREA) < 1.96 * one.uncertainty)
    assert 0.91 < np.mean(inside) < 0.99
    assert one.density < 0
    assert one.noise == pytest.approx(1e-9 / AREA, rel=0.2)
    assert one.dark_noise == pytest.approx(1e-9 / AREA, rel=0.15)
    assert one.dark_noise_dof > 1.5 * one.noise_dof


def test_a_drift_while_the_beam_is_on_is_warned_of():
    rng = np.random.default_rng(52)
    before, on, after = readings(rng, 3e-9, 0.0, 1e-10)
    drifting = CurrentReading(on.time, np.asarray(on.samples) + np.linspace(0, 2e-9, 200))
    assert not signal_current(before, on, after, AREA).warnings
    assert "drifted" in signal_current(before, drifting, after, AREA).warnings[0]


def test_signals_become_the_points_of_a_limit_of_detection():
    rng = np.random.default_rng(53)
    signals = [signal_current(*readings(rng, level, 0.0, 1e-9), AREA) for level in (1e-9, 2e-9, 4e-9)]
    points = signal_points([1e-8, 2e-8, 4e-8], signals, [1e-10, 2e-10, 4e-10], Acquisition(10.0, 50.0, 200))
    assert points.signal.tolist() == [one.density for one in signals]
    assert points.noise_dof.tolist() == [one.noise_dof for one in signals]
    assert points.acquisition.bandwidth == 10.0
    assert points.signal_to_noise == pytest.approx(points.signal / points.noise)


def test_pooling_weighs_records_by_their_degrees_of_freedom():
    deviation, dof = pooled_deviation([1.0, 2.0], [30.0, 10.0])
    assert (deviation, dof) == (pytest.approx(np.sqrt((30 + 40) / 40)), 40.0)


def test_the_dark_current_is_quoted_with_its_sign_and_its_drift():
    steady = dark_current_density([-4e-3, -4.001e-3, -3.999e-3], 1e-6, area_uncertainty=0.02)
    assert steady.value == pytest.approx(-400)
    assert steady.unit == "nA/cm2"
    assert steady.systematic == pytest.approx(8.0)
    assert not dark_current_density([-4e-3, -4.001e-3, -3.999e-3], 1e-6).warnings
    drifted = dark_current_density([4e-3, 4.4e-3, 4.8e-3], 1e-6)
    assert "drifted" in drifted.warnings[0]
    assert drifted.statistical == pytest.approx(40 / np.sqrt(3))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"area": 0.0}, "area"),
        ({"area": np.nan}, "area"),
        ({"beam_on": CurrentReading(30.0, np.zeros(10))}, "between the two dark readings"),
        ({"beam_on": CurrentReading(np.nan, np.zeros(10))}, "between"),
        ({"after": CurrentReading(20.0, [1.0, 2.0])}, "after: samples"),
        ({"before": CurrentReading(0.0, [1.0, np.nan, 1.0, 1.0])}, "before: samples"),
    ],
)
def test_readings_that_make_no_sense_are_an_error_that_names_them(change, named):
    parts = {
        "before": CurrentReading(0.0, np.zeros(10)),
        "beam_on": CurrentReading(10.0, np.ones(10)),
        "after": CurrentReading(20.0, np.zeros(10)),
        "area": AREA,
    }
    with pytest.raises(ValueError, match=named):
        signal_current(**(parts | change))


def test_no_dark_reading_at_all_is_an_error():
    with pytest.raises(ValueError, match="dark_densities"):
        dark_current_density([], [])
