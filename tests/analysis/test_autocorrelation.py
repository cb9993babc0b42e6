import numpy as np
import pytest
from scipy.signal import lfilter

from analysis.autocorrelation import autocorrelation, correlation_time, effective_sample_size, steady_signal


def red_noise(rng: np.random.Generator, memory: float, count: int, level: float = 0.0) -> np.ndarray:
    """First-order autoregressive noise of unit standard deviation: tau = (1 + a)/(1 - a)."""
    kicks = rng.normal(size=count + 300) * np.sqrt(1.0 - memory**2)
    return level + lfilter([1.0], [1.0, -memory], kicks)[300:]


def test_white_samples_are_nearly_all_independent():
    rng = np.random.default_rng(1)
    sizes = [effective_sample_size(rng.normal(size=400)) for _ in range(100)]
    assert 330 < np.mean(sizes) <= 400


@pytest.mark.parametrize("memory", [0.5, 0.8])
def test_the_correlation_time_is_the_one_of_the_process(memory):
    rng = np.random.default_rng(2)
    times = [correlation_time(red_noise(rng, memory, 2000)) for _ in range(60)]
    assert np.mean(times) == pytest.approx((1 + memory) / (1 - memory), rel=0.06)


def test_the_noise_of_a_short_correlated_record_is_corrected_for_its_shared_mean():
    rng = np.random.default_rng(3)
    records = [red_noise(rng, 0.8, 80) for _ in range(600)]
    plain = np.sqrt(np.mean([np.var(record, ddof=1) for record in records]))
    corrected = np.sqrt(np.mean([steady_signal(record).deviation ** 2 for record in records]))
    assert plain < 0.96
    assert corrected == pytest.approx(1.0, abs=0.025)


@pytest.mark.parametrize(("memory", "count"), [(0.0, 50), (0.5, 200), (0.8, 400)])
def test_the_mean_of_correlated_samples_lies_within_its_interval_as_often_as_it_should(memory, count):
    rng = np.random.default_rng(4)
    signals = [steady_signal(red_noise(rng, memory, count, 5.0)) for _ in range(400)]
    inside = np.mean([abs(one.mean - 5.0) < 1.96 * one.uncertainty for one in signals])
    assert 0.90 < inside < 0.99


def test_the_degrees_of_freedom_say_how_well_the_noise_is_known():
    rng = np.random.default_rng(5)
    signals = [steady_signal(red_noise(rng, 0.8, 1000)) for _ in range(400)]
    scatter = np.std([one.deviation for one in signals])
    claimed = np.mean([one.deviation / np.sqrt(2 * one.deviation_dof) for one in signals])
    assert claimed == pytest.approx(scatter, rel=0.12)
    assert claimed > 1.5 / np.sqrt(2 * 999)


def test_a_drift_inside_a_record_is_noticed():
    rng = np.random.default_rng(6)
    assert not any(steady_signal(red_noise(rng, memory, 200)).drifting for memory in (0.0, 0.5) for _ in range(20))
    assert steady_signal(rng.normal(size=200) + np.linspace(0, 6, 200)).drifting


def test_samples_that_do_not_move_have_no_noise_and_no_correlation():
    signal = steady_signal(np.full(50, 3.3e-9))
    assert signal.mean == pytest.approx(3.3e-9)
    assert signal.deviation < 1e-20
    assert signal.effective_count > 40
    assert autocorrelation(np.full(5, 2.0)).tolist() == [1, 0, 0, 0, 0]


@pytest.mark.parametrize("samples", [[], [1.0], [1.0, 2.0, 3.0], [1.0, np.nan, 2.0, 3.0], [[1.0, 2.0], [3.0, 4.0]]])
def test_samples_that_cannot_be_judged_are_an_error_that_names_them(samples):
    with pytest.raises(ValueError, match="samples"):
        steady_signal(samples)
