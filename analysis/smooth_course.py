"""Smooth course of a noisy quantity over time, with the uncertainty that correlated noise leaves it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from analysis.autocorrelation import correlation_time
from analysis.checked_arrays import FloatArray, finite_vector, matching_vector

#: Highest power of each kind of course that is tried.
HIGHEST = 4
#: Time scales, as shares of the span, of the courses that are dense early and sparse late.
EARLY = (0.3, 0.02, 0.0005)
#: Models with less than this Akaike weight are left out.
LIGHTEST = 1e-3
FEWEST = 6


@dataclass(frozen=True)
class SmoothCourse:
    """Average of the smooth curves that the data support, each with its weight.

    Attributes
    ----------
    start, span
        First time, and time from first to last point, s.
    scales, powers
        (models) the curve is a polynomial of that degree in ln(1 + t/scale) (t from the start), in t where the scale is
        infinite.
    coefficients, covariances
        One array a model.
    weights
        (models) Akaike weights.
    correlation
        Correlation time of the residuals, points.
    dof
        Effective number of independent points minus the parameters, averaged.
    scatter
        Standard deviation of the points about the curve.
    """

    start: float
    span: float
    scales: tuple[float, ...]
    powers: tuple[int, ...]
    coefficients: tuple[FloatArray, ...]
    covariances: tuple[FloatArray, ...]
    weights: FloatArray
    correlation: float
    dof: float
    scatter: float

    @property
    def quantile(self) -> float:
        """Student's factor of a 95 % interval."""
        return float(special.stdtrit(self.dof, 0.975))

    def at(self, times: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Curve and its standard uncertainty at `times` (s)."""
        return self.combined(np.asarray(times, dtype=np.float64), None)

    def ratio_to_start(self, times: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Curve over its value at the start, and the standard uncertainty of that."""
        return self.combined(np.asarray(times, dtype=np.float64), self.start)

    def combined(self, times: FloatArray, over: float | None) -> tuple[FloatArray, FloatArray]:
        """Curve, or its ratio to the one at time `over`, averaged over the models; their disagreement counts."""
        means, variances = [], []
        for scale, power, coefficients, covariance in zip(
            self.scales, self.powers, self.coefficients, self.covariances, strict=True
        ):
            design = _design(times - self.start, self.span, scale, power)
            mean = design @ coefficients
            if over is not None:
                base = _design(np.array([over - self.start]), self.span, scale, power)[0]
                first = float(base @ coefficients)
                mean = mean / first
                design = (design - mean[:, None] * base) / first
            means.append(mean)
            variances.append(np.einsum("na,ab,nb->n", design, covariance, design))
        table = np.array(means)
        average = self.weights @ table
        variance = self.weights @ (np.array(variances) + (table - average) ** 2)
        return np.asarray(average), np.asarray(np.sqrt(np.maximum(variance, 0.0)))


def smooth_course(times: npt.ArrayLike, values: npt.ArrayLike) -> SmoothCourse:
    """Fit polynomials in t and in ln(1 + t/scale), averaged with Akaike weights.

    The logarithmic ones follow what is fast at first and slow later (a stretched exponential), on times that are
    dense early. Scatter, equal for all points, comes from the residuals; it counts for fewer points than there are when
    neighbours are correlated, in the weights as in the covariance.

    Parameters
    ----------
    times
        (n) rising, s; n at least 6.
    values
        (n) any unit.

    Raises
    ------
    ValueError
        If the arrays do not match, hold NaN, are too short, or the times do not rise.
    """
    at = finite_vector("times", times, FEWEST)
    y = matching_vector("values", values, at, "times")
    if np.any(np.diff(at) <= 0):
        raise ValueError("times do not rise")
    span = float(at[-1] - at[0])
    kinds = [(np.inf, power) for power in range(HIGHEST + 1)]
    kinds += [(share * span, power) for share in EARLY for power in range(1, HIGHEST + 1)]
    kinds = [(scale, power) for scale, power in kinds if at.size >= power + 4]
    floor = at.size * (1e-12 * max(float(np.max(np.abs(y))), 1e-300)) ** 2
    fits = []
    for scale, power in kinds:
        design = _design(at - at[0], span, scale, power)
        inverse = np.linalg.pinv(design.T @ design)
        coefficients = inverse @ (design.T @ y)
        rest = y - design @ coefficients
        fits.append((coefficients, inverse, rest, max(float(rest @ rest), floor)))
    # A sparing choice: a course too stiff would take its misfit for correlation, one too rich would fit it away.
    sparing = [
        at.size * np.log(sum_ / at.size) + 1.5 * (power + 1) * np.log(at.size)
        for (*_, sum_), (_, power) in zip(fits, kinds, strict=True)
    ]
    chosen = int(np.argmin(sparing))
    correlation = _correlation(fits[chosen][2], kinds[chosen][1] + 1)
    effective = max(at.size / correlation, kinds[chosen][1] + 3.0)
    criteria = np.array(
        [_criterion(sum_ / at.size, effective, power + 2) for (*_, sum_), (_, power) in zip(fits, kinds, strict=True)]
    )
    weights = np.exp(-0.5 * (criteria - criteria.min()))
    weights = weights / weights.sum()
    kept = np.flatnonzero(weights > LIGHTEST)
    weights = weights[kept] / weights[kept].sum()
    covariances: list[FloatArray] = []
    dof = scatter = 0.0
    for weight, index in zip(weights.tolist(), kept.tolist(), strict=True):
        coefficients, inverse, _, sum_ = fits[index]
        freedom = max(1.0, effective - coefficients.size)
        variance = sum_ / at.size * effective / freedom
        covariances.append(np.asarray(inverse * variance * (at.size / effective), dtype=np.float64))
        dof += weight * freedom
        scatter += weight * float(np.sqrt(variance))
    return SmoothCourse(
        float(at[0]),
        span,
        tuple(kinds[index][0] for index in kept),
        tuple(kinds[index][1] for index in kept),
        tuple(fits[index][0] for index in kept),
        tuple(covariances),
        weights,
        correlation,
        dof,
        scatter,
    )


def _correlation(residual: FloatArray, parameters: int) -> float:
    """Correlation time of the noise, points: a first-order process', or the windowed sum's where that is much longer.

    Residuals of a fit are less correlated than the noise was; the first-order coefficient is corrected for that
    (Kendall's (1 + 4 rho)/n, and 1/n for each further parameter).
    """
    n = residual.size
    power = float(residual @ residual)
    if n < 8 or power <= 0.0 or float(np.ptp(residual)) == 0.0:
        return 1.0
    rho = float(residual[1:] @ residual[:-1]) / power
    rho = min(rho + (1.0 + 4.0 * max(rho, 0.0) + parameters - 1.0) / n, 0.95)
    first_order = max(1.0, (1.0 + rho) / (1.0 - rho))
    # The larger of two noisy estimates would always be too large: the windowed one counts where memory is long.
    windowed = correlation_time(residual)
    return windowed if windowed > 1.5 * first_order else first_order


def _design(after: FloatArray, span: float, scale: float, power: int) -> FloatArray:
    elapsed = after / span if not np.isfinite(scale) else np.log1p(after / scale) / np.log1p(span / scale)
    return np.vander(2.0 * elapsed - 1.0, power + 1, increasing=True)


def _criterion(mean_square: float, effective: float, parameters: int) -> float:
    spare = effective - parameters - 1.0
    if spare <= 0:
        return np.inf
    return effective * float(np.log(mean_square)) + 2.0 * parameters * effective / spare
