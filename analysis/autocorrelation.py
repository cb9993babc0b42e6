"""Mean and standard deviation of samples that are correlated with each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.checked_arrays import FloatArray, finite_vector

#: Sokal's window: the sum of the autocorrelation stops at the first lag beyond this many correlation times.
WINDOW = 5.0


@dataclass(frozen=True)
class SteadySignal:
    """A signal that was read while nothing was changed.

    Attributes
    ----------
    mean
        In the unit of the samples, and so are `uncertainty`, `deviation`.
    uncertainty
        Standard uncertainty of the mean: deviation / sqrt(effective_count).
    deviation
        Standard deviation of the process, the noise: what an endless record would show, not the smaller one of a
        window that shares its mean with its samples.
    deviation_dof
        Degrees of freedom of `deviation`: its relative standard uncertainty is 1/sqrt(2 dof).
    count, effective_count
        Number of samples, and of independent ones that would fix the mean as well.
    correlation
        Integrated autocorrelation time, samples; 1 for white noise.
    drifting
        Whether a straight trend explains more of the variance than correlated noise of this kind would.
    """

    mean: float
    uncertainty: float
    deviation: float
    deviation_dof: float
    count: int
    effective_count: float
    correlation: float
    drifting: bool


def autocorrelation(samples: npt.ArrayLike) -> FloatArray:
    """Autocorrelation of the samples about their mean, lags 0 to n - 1, one at lag 0.

    The biased estimator (divided by n at every lag), which is positive definite; for constant samples it is zero
    at every lag but the first.
    """
    deviations = finite_vector("samples", samples, 2)
    deviations = deviations - deviations.mean()
    n = deviations.size
    size = 1 << (2 * n - 1).bit_length()
    transform = np.fft.rfft(deviations, size)
    covariance = np.fft.irfft(transform * np.conj(transform), size)[:n]
    # A constant record leaves rounding errors, which must not pass for a correlation.
    if covariance[0] <= n * (np.finfo(float).eps * max(1e-300, float(np.max(np.abs(np.asarray(samples)))))) ** 2:
        return np.concatenate([[1.0], np.zeros(n - 1)])
    return np.asarray(covariance / covariance[0], dtype=np.float64)


def correlation_time(samples: npt.ArrayLike) -> float:
    """Integrated autocorrelation time tau = 1 + 2 sum rho_k, in samples, between 1 and n.

    The sum stops at Sokal's window, the smallest lag M with M >= 5 (1/2 + sum of rho up to M); the
    bias of the sample autocorrelation, which is taken about the sample mean, is removed by the factor 1 + (2 M + 1)/n.
    Anticorrelated samples count as white.

    References
    ----------
    A. Sokal, Monte Carlo methods in statistical mechanics (1997), section 3.
    U. Wolff, Comput. Phys. Commun. 156 (2004) 143, equations 35 and 49.
    """
    tau, _ = _windowed_sums(samples)
    return tau


def effective_sample_size(samples: npt.ArrayLike) -> float:
    """Count the independent samples that would give the mean as well: n / `correlation_time`, at least 1."""
    n = finite_vector("samples", samples, 2).size
    return n / correlation_time(samples)


def steady_signal(samples: npt.ArrayLike) -> SteadySignal:
    """Mean, noise and their uncertainties from samples of a stationary, possibly correlated process.

    The variance about the sample mean is too small by (n - tau)/(n - 1) and is divided by that. Its degrees of
    freedom are n / (1 + 2 sum rho_k^2) - 1 (Bartlett), n - 1 for white noise.

    Parameters
    ----------
    samples
        At least 4, equally spaced in time, any unit.

    Raises
    ------
    ValueError
        If there are fewer, or one is not finite.
    """
    record = finite_vector("samples", samples, 4)
    n = record.size
    tau, tau_squares = _windowed_sums(record)
    # A record shorter than about three correlation times cannot tell its own variance: the correction is bounded there.
    tau = min(tau, n / 3.0)
    variance = float(np.var(record, ddof=1)) * (n - 1.0) / (n - tau)
    effective = n / tau
    return SteadySignal(
        mean=float(record.mean()),
        uncertainty=float(np.sqrt(variance / effective)),
        deviation=float(np.sqrt(variance)),
        deviation_dof=max(1.0, n / tau_squares - 1.0),
        count=n,
        effective_count=effective,
        correlation=tau,
        drifting=_drifting(record),
    )


def _windowed_sums(samples: npt.ArrayLike) -> tuple[float, float]:
    rho = autocorrelation(samples)
    n = rho.size
    half_time = 0.5 + np.concatenate([[0.0], np.cumsum(rho[1:])])
    inside = np.arange(n) >= WINDOW * half_time
    window = int(np.argmax(inside)) if inside.any() else n - 1
    window = max(1, min(window, n - 1))
    tau = 2.0 * half_time[window] * (1.0 + (2.0 * window + 1.0) / n)
    # Squares of pure noise add up to about 1/n a lag; without removing that, white noise would lose degrees of freedom.
    squares = 1.0 + 2.0 * float(np.sum(rho[1 : window + 1] ** 2 - 1.0 / n))
    return float(np.clip(tau, 1.0, n)), float(np.clip(squares, 1.0, n / 2.0))


def _drifting(record: FloatArray) -> bool:
    time = np.arange(record.size) - (record.size - 1) / 2.0
    deviations = record - record.mean()
    total = float(deviations @ deviations)
    if total == 0.0:
        return False
    slope = float(time @ deviations) / float(time @ time)
    explained = slope**2 * float(time @ time) / total
    if explained <= 0.2:
        return False
    # What is left without the trend tells how many independent samples there are: the trend itself looks correlated.
    independent = effective_sample_size(deviations - slope * time)
    # For white noise n times the explained share is chi2 with one degree of freedom; 10.8 is its 0.1 % point.
    return bool(explained * independent > 10.83 * (1.0 - explained))
