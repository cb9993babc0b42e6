"""Exponentials through the instrument response, fitted to photon counts by their Poisson likelihood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize

from analysis.checked_arrays import FloatArray, finite_vector, matching_vector
from analysis.decay_model import Response, bin_width, expected_shape

METHOD = "exponentials through the instrument response, Poisson likelihood"
TAIL_METHOD = "exponentials from the peak on, Poisson likelihood, no instrument response"
MOST_COMPONENTS = 4
#: Pearson's chi2 this many of its standard deviations above its expectation: the model does not describe the counts.
MISFIT = 3.5
FEWEST_COUNTS = 200


class DecayRefused(ValueError):  # noqa: N818 (a refusal is a result)
    """The counts give no lifetime; the message says why."""


@dataclass(frozen=True)
class DecayFit:
    """Exponentials that describe a decay.

    Attributes
    ----------
    times, counts
        (n) s, and the counts that were fitted.
    expected
        (n) counts of the model.
    lifetimes
        (k) s, the shortest first.
    amplitudes
        (k) counts a bin at time zero.
    background
        Counts a bin.
    shift
        s by which the response had to be moved; 0 without one.
    covariance
        Of ln lifetimes, ln amplitudes, background, shift (in bins), in this order; from the Fisher information.
    deviance, pearson, dof
        Of the fit.
    aic
        Akaike's information criterion.
    method, warnings
        Of every figure.
    """

    times: FloatArray
    counts: FloatArray
    expected: FloatArray
    lifetimes: FloatArray
    amplitudes: FloatArray
    background: float
    shift: float
    covariance: FloatArray
    deviance: float
    pearson: float
    dof: int
    aic: float
    method: str
    warnings: tuple[str, ...] = ()

    def average(self, power: int) -> tuple[float, float]:
        """Return sum(A tau^(power+1)) / sum(A tau^power) and its standard uncertainty, s: 0 amplitude, 1 intensity."""
        weights = self.amplitudes * self.lifetimes**power
        total, value = weights.sum(), float(weights @ self.lifetimes / weights.sum())
        # derivatives by ln tau and by ln A
        by_tau = weights * ((power + 1) * self.lifetimes - power * value) / total
        by_amplitude = weights * (self.lifetimes - value) / total
        gradient = np.concatenate([by_tau, by_amplitude])
        own = self.covariance[: gradient.size, : gradient.size]
        return value, float(np.sqrt(gradient @ own @ gradient))


def fit_decay(
    times: npt.ArrayLike,
    counts: npt.ArrayLike,
    response: Response | None = None,
    *,
    components: int = 2,
) -> DecayFit:
    """Fit exponentials and a background to a decay.

    Maximum likelihood for Poisson counts: least squares of the deviance's residuals, several starts. With a response,
    the model is reconvolved and its shift in time is fitted; without one, the decay is followed from its peak on.

    Parameters
    ----------
    times
        (n) middles of even bins, s.
    counts
        (n) raw counts, whole numbers.
    response
        Of the instrument, with bins of the same width.
    components
        1 to 4.

    Raises
    ------
    DecayRefused
        If the counts are no counts, too few, or the components cannot be told apart.
    ValueError
        If the arrays do not match, or the bins are uneven or differ from the response's.

    References
    ----------
    M. Maus et al., Anal. Chem. 73 (2001) 2078 (likelihood instead of least squares).
    D. V. O'Connor, D. Phillips, Time-Correlated Single Photon Counting (1984), chapter 6.
    """
    if components not in range(1, MOST_COMPONENTS + 1):
        raise ValueError(f"components is {components}, it must be 1 to {MOST_COMPONENTS}")
    axis = finite_vector("times", times, 8)
    measured = matching_vector("counts", counts, axis, "times")
    width = bin_width(axis)
    _check_counts(measured)
    if response is not None and abs(response.width / width - 1.0) > 1e-3:
        raise ValueError(
            f"the instrument response has bins of {response.width:.6g} s, the decay of {width:.6g} s: record both with "
            f"the same bins"
        )
    method = METHOD
    if response is None:
        peak = int(np.argmax(measured))
        axis, measured = axis[peak:], measured[peak:]
        if axis.size < 4 * components + 4:
            raise DecayRefused(f"{axis.size} bins after the peak are too few for {components} exponentials")
        shape = Response.pulse(float(axis[0]) - 0.5 * width, width)
        method = TAIL_METHOD
    else:
        shape = response
    problem = _Problem(axis, measured, shape, components, free_shift=response is not None)
    solution = problem.solve()
    return problem.fitted(solution, method)


def _check_counts(counts: FloatArray) -> None:
    if np.any(counts < 0) or np.max(np.abs(counts - np.round(counts))) > 1e-6:
        raise DecayRefused(
            "the counts are not whole numbers of at least 0: the likelihood needs raw counts, neither normalised nor "
            "with a background taken off"
        )
    if counts.sum() < FEWEST_COUNTS:
        raise DecayRefused(f"{counts.sum():.0f} counts in all, at least {FEWEST_COUNTS} are needed")


class _Problem:
    """The likelihood as least squares: ln lifetimes, ln amplitudes, ln background, shift in bins."""

    def __init__(self, times: FloatArray, counts: FloatArray, response: Response, components: int, *, free_shift: bool):
        self.times, self.counts, self.response, self.components = times, counts, response, components
        self.free_shift = free_shift
        self.floor = 1e-4 * max(1.0, float(counts.mean()))

    def expected(self, parameters: FloatArray) -> FloatArray:
        k = self.components
        shift = parameters[2 * k + 1] * self.response.width if self.free_shift else 0.0
        total = np.full(self.times.size, np.exp(parameters[2 * k]))
        for lifetime, amplitude in zip(np.exp(parameters[:k]), np.exp(parameters[k : 2 * k]), strict=True):
            total += amplitude * expected_shape(self.times, self.response, lifetime, shift)
        return np.asarray(np.maximum(total, 1e-12), dtype=np.float64)

    def residuals(self, parameters: FloatArray) -> FloatArray:
        model, seen = self.expected(parameters), self.counts
        logs = np.where(seen > 0, seen * np.log(np.maximum(seen, 1e-300) / model), 0.0)
        return np.asarray(np.sign(seen - model) * np.sqrt(np.maximum(2.0 * (model - seen + logs), 0.0)))

    def solve(self) -> FloatArray:
        """Return the best of several starts."""
        k, width = self.components, self.response.width
        peak = float(self.counts.max())
        after = self.times[int(np.argmax(self.counts)) :]
        base = max(float(np.median(np.sort(self.counts)[: max(4, self.counts.size // 20)])), self.floor)
        net = np.maximum(self.counts[int(np.argmax(self.counts)) :] - base, 0.0)
        mean = float(net @ (after - after[0])) / max(float(net.sum()), 1.0)
        mean = min(max(mean, width), float(after[-1] - after[0]))
        low = np.log([0.05 * width] * k + [peak * 1e-6] * k + [self.floor * 1e-3])
        high = np.log([50.0 * float(np.ptp(self.times))] * k + [peak * 1e6] * k + [peak])
        # the light comes before the counts rise most steeply; the response may have been recorded with another delay
        reach = max(5.0, 3.0 * self.response.fwhm / width)
        offset = self._first_shift() if self.free_shift else 0.0
        best: tuple[float, FloatArray] | None = None
        for spread in (2.0, 6.0):
            factors = spread ** (np.arange(k) - 0.5 * (k - 1))
            start = np.log(np.concatenate([mean * factors, np.full(k, peak / k), [base]]))
            bounds_low, bounds_high = low, high
            if self.free_shift:
                start = np.append(start, offset)
                bounds_low, bounds_high = np.append(low, offset - reach), np.append(high, offset + reach)
            start = np.clip(start, bounds_low + 1e-6, bounds_high - 1e-6)
            found = optimize.least_squares(
                self.residuals, start, bounds=(bounds_low, bounds_high), x_scale="jac", max_nfev=200
            )
            if best is None or found.cost < best[0]:
                best = (float(found.cost), np.asarray(found.x, dtype=np.float64))
            if k == 1:
                break
        assert best is not None  # noqa: S101  (there is always one start)
        return best[1]

    def _first_shift(self) -> float:
        """Bins by which the response has to move so that its middle lies where the decay rises."""
        rise = int(np.argmax(self.counts >= 0.5 * self.counts.max()))
        shift = (float(self.times[rise]) - self.response.centre) / self.response.width
        return 0.0 if abs(shift) * self.response.width < 2.0 * self.response.fwhm else shift

    def fitted(self, parameters: FloatArray, method: str) -> DecayFit:
        k = self.components
        order = np.argsort(parameters[:k])
        parameters = np.concatenate([parameters[:k][order], parameters[k : 2 * k][order], parameters[2 * k :]])
        model = self.expected(parameters)
        covariance = self._covariance(parameters, model)
        lifetimes, amplitudes = np.exp(parameters[:k]), np.exp(parameters[k : 2 * k])
        errors = np.sqrt(np.diag(covariance)[: 2 * k])
        if not np.all(np.isfinite(errors)) or np.any(errors > 2.0):
            raise DecayRefused(
                f"{k} exponentials cannot be told apart in these counts: fit fewer"
                if k > 1
                else "the decay is not seen within the record: its lifetime is far longer or shorter than it"
            )
        residuals = self.residuals(parameters)
        deviance = float(residuals @ residuals)
        dof = self.times.size - parameters.size
        pearson = float(np.sum((self.counts - model) ** 2 / model))
        # the variance of a Poisson bin's (n - m)^2/m is 2 + 1/m
        excess = (pearson - dof) / float(np.sqrt(np.sum(2.0 + 1.0 / model)))
        warnings = self._warnings(lifetimes, pearson / dof, excess)
        return DecayFit(
            self.times,
            self.counts,
            model,
            lifetimes,
            amplitudes,
            float(np.exp(parameters[2 * k])),
            float(parameters[-1] * self.response.width) if self.free_shift else 0.0,
            covariance,
            deviance,
            pearson,
            dof,
            deviance + 2.0 * parameters.size,
            method,
            warnings,
        )

    def _warnings(self, lifetimes: FloatArray, chi2: float, excess: float) -> tuple[str, ...]:
        found = []
        if excess > MISFIT:
            found.append(
                f"the model does not describe the counts: chi2 per degree of freedom {chi2:.3g}, beyond the intervals"
            )
        record = float(self.times[-1] - self.times[int(np.argmax(self.counts))])
        if record < 3.0 * lifetimes[-1]:
            found.append(f"the record ends {record / lifetimes[-1]:.2g} of the longest lifetime after the peak")
        if self.free_shift and lifetimes[0] < 0.3 * self.response.fwhm:
            found.append(f"the shortest lifetime is {lifetimes[0] / self.response.fwhm:.2g} of the response's width")
        if not self.free_shift:
            found.append("no instrument response: amplitudes are those at the peak, what is faster is not seen")
        return tuple(found)

    def _covariance(self, parameters: FloatArray, model: FloatArray) -> FloatArray:
        """Return the inverse of the Fisher information, by central differences."""
        columns = []
        for index in range(parameters.size):
            step = np.zeros(parameters.size)
            step[index] = 1e-4
            columns.append((self.expected(parameters + step) - self.expected(parameters - step)) / 2e-4)
        slopes = np.array(columns)
        information = (slopes / model) @ slopes.T
        # a background of nothing has no information of its own: it is held where it is
        held = np.diag(information) < 1e-12 * np.max(np.diag(information))
        information[held, :] = information[:, held] = 0.0
        information[held, held] = 1.0
        scale = 1.0 / np.sqrt(np.diag(information))
        try:
            inverse = np.linalg.inv(information * np.outer(scale, scale)) * np.outer(scale, scale)
        except np.linalg.LinAlgError:
            return np.full(information.shape, np.nan)
        bad = np.diag(inverse) <= 0
        inverse[bad, bad] = np.nan
        return np.asarray(inverse, dtype=np.float64)
