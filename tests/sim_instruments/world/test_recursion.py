"""Relaxation and correlated noise, exact at any times."""

from __future__ import annotations

import numpy as np
import pytest

from sim_instruments.world.recursion import Lags, OrnsteinUhlenbeck, first_order, white_noise_gain


@pytest.mark.parametrize("size", [1, 2, 7, 200])
@pytest.mark.parametrize("even", [True, False])
def test_the_recursion_is_the_loop(size: int, even: bool) -> None:
    random = np.random.default_rng(5)
    decay, drive = random.random((3, size)), random.standard_normal((3, size))
    decay[0] *= 1e-200
    if even:
        decay[:, 1:] = decay[:, -1:]
    before = np.array([1.0, -2.0, 3.0])
    expected = np.zeros((3, size))
    y = before.copy()
    for n in range(size):
        y = decay[:, n] * y + drive[:, n]
        expected[:, n] = y
    assert first_order(decay, drive, before, even=even) == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_a_lag_follows_a_ramp_by_its_time_constant_and_in_any_pieces() -> None:
    times = np.linspace(0.0, 1.0, 300)
    whole = Lags(0.02, 0.3).follow(times, 5.0 * times)
    exact = 5.0 * (times - 0.02 * (1.0 - np.exp(-times / 0.02)))
    assert whole[0] == pytest.approx(exact, abs=1e-12)
    lags = Lags(0.02, 0.3)
    pieces = [lags.follow(part, 5.0 * part) for part in (times[:1], times[1:50], times[50:230], times[230:])]
    assert np.concatenate(pieces, axis=1) == pytest.approx(whole, abs=1e-12)


@pytest.mark.parametrize("step", [1e-3, 0.05])
def test_the_noise_has_unit_variance_and_its_correlation_time(step: float) -> None:
    noise = OrnsteinUhlenbeck(np.array([0.02, 0.2]), np.random.default_rng(11))
    times = np.cumsum(np.full(400_000, step))
    y = noise.sample(times)
    for row, tau in zip(y, (0.02, 0.2), strict=True):
        independent = len(times) * min(1.0, step / (2 * tau))
        assert row.var() == pytest.approx(1.0, abs=5 * np.sqrt(2 / independent))
        lag = max(1, round(tau / step))
        correlation = np.mean(row[lag:] * row[:-lag])
        assert correlation == pytest.approx(np.exp(-lag * step / tau), abs=5 / np.sqrt(independent))


def test_the_noise_at_uneven_times_is_the_same_process() -> None:
    random = np.random.default_rng(3)
    noise = OrnsteinUhlenbeck(np.array([0.1]), random)
    gaps = random.exponential(0.1, 200_000)
    (row,) = noise.sample(np.cumsum(gaps))
    assert row.var() == pytest.approx(1.0, abs=0.03)
    # mean of exp(-gap/tau) over exponential gaps of mean tau is one half
    assert np.mean(row[1:] * row[:-1]) == pytest.approx(0.5, abs=0.02)


def test_a_look_back_gets_noise_of_its_own() -> None:
    noise = OrnsteinUhlenbeck(np.array([0.02]), np.random.default_rng(8))
    noise.sample(np.array([100.0]))
    (back,) = noise.sample(np.arange(0.0, 90.0, 0.01))
    assert back.std() == pytest.approx(1.0, abs=0.1)


def test_white_noise_behind_a_lag_has_the_stated_variance() -> None:
    white = np.random.default_rng(4).standard_normal(400_000)
    for step in (0.003, 0.05, 0.4):
        (y,) = Lags(0.05).follow(np.arange(len(white)) * step, white)
        assert y.var() == pytest.approx(white_noise_gain(step, 0.05), rel=0.05)


def test_means_over_windows_have_the_variance_of_the_integral() -> None:
    noise = OrnsteinUhlenbeck(np.array([0.02]), np.random.default_rng(8))
    means = np.array([noise.mean(0.05 * k, 0.05 * k + 0.02)[0] for k in range(6000)])
    assert means.var() == pytest.approx(2.0 * np.exp(-1.0), rel=0.1)
    # a window that follows at once goes on where the last one ended
    touching = np.array([noise.mean(3000 + 0.02 * k, 3000 + 0.02 * (k + 1))[0] for k in range(6000)])
    assert np.mean(touching[1:] * touching[:-1]) == pytest.approx((1.0 - np.exp(-1.0)) ** 2, rel=0.2)
