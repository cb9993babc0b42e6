"""Straight line with free intercept, uncertainties in y and, where they matter, in x."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from analysis.checked_arrays import FloatArray, finite_vector, matching_vector, standard_uncertainties
from analysis.figure import NORMAL_95, FigureOfMerit
from analysis.york_regression import YorkLine, york_line

#: The x scatter is left out of the fit's name, not of the fit, below this share of a point's variance.
X_SCATTER_MATTERS = 0.01
#: Stated uncertainties are called too small when chi2 is this improbable (one-sided).
TOO_SMALL_AT = 0.05


@dataclass(frozen=True)
class LineFit:
    """A fitted straight line y = intercept + slope x.

    Attributes
    ----------
    slope, intercept
        In the units of y/x and y.
    slope_uncertainty, intercept_uncertainty
        One standard deviation.
    slope_interval, intercept_interval
        95 %.
    covariance
        2 x 2, order (intercept, slope); its diagonal holds the squares of the uncertainties.
    x, y, residuals
        The points in the order they came, and y minus the line.
    sigma
        Standard deviation of each residual under the model that was fitted, x scatter included.
    r2
        Ordinary unweighted R2 of a least-squares line through the same points, the one that papers print; None when
        all y are equal.
    r2_weighted
        1 - sum w r2 / sum w (y - weighted mean)2 with w = 1/sigma2.
    chi2_reduced
        Of the stated uncertainties; None when none were stated or there are only two points.
    dof
        Number of points minus two.
    birge
        Factor by which the stated uncertainties were enlarged; 1 when they were taken as stated.
    scatter_constant, scatter_proportional
        Standard deviations of the scatter estimated beyond the stated one: in the unit of y, and as a share of the
        line. Zero when none was looked for.
    method, warnings
        How it was fitted and what to know.
    """

    slope: float
    slope_uncertainty: float
    slope_interval: tuple[float, float]
    intercept: float
    intercept_uncertainty: float
    intercept_interval: tuple[float, float]
    covariance: FloatArray
    x: FloatArray
    y: FloatArray
    residuals: FloatArray
    sigma: FloatArray
    r2: float | None
    r2_weighted: float | None
    chi2_reduced: float | None
    dof: int
    method: str
    birge: float = 1.0
    scatter_constant: float = 0.0
    scatter_proportional: float = 0.0
    warnings: tuple[str, ...] = ()

    def predict(self, x: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Line and its standard uncertainty at `x`, same shape."""
        at = np.asarray(x, dtype=np.float64)
        variance = self.covariance[0, 0] + 2 * at * self.covariance[0, 1] + at**2 * self.covariance[1, 1]
        return self.intercept + self.slope * at, np.sqrt(np.maximum(variance, 0.0))

    def slope_figure(self, unit: str, name: str = "slope") -> FigureOfMerit:
        """Slope as a figure of merit; its uncertainty is statistical."""
        return self._figure(name, self.slope, self.slope_uncertainty, self.slope_interval, unit)

    def intercept_figure(self, unit: str, name: str = "intercept") -> FigureOfMerit:
        """Intercept as a figure of merit; its uncertainty is statistical."""
        return self._figure(name, self.intercept, self.intercept_uncertainty, self.intercept_interval, unit)

    def r2_figure(self, name: str = "r2") -> FigureOfMerit:
        """Unweighted R2; uncertainty and interval through Fisher's z of the correlation coefficient."""
        method = "unweighted least squares, interval by Fisher's z"
        details = {"r2_weighted": self.r2_weighted, "points": self.x.size}
        if self.r2 is None:
            return FigureOfMerit.refused(name, "1", method, "all y are equal, R2 is not defined", details=details)
        correlation = np.sqrt(np.clip(self.r2, 0.0, 1.0))
        if self.x.size < 4 or correlation >= 1.0 - 1e-15:
            warning = "fewer than four points: no uncertainty" if self.x.size < 4 else "points lie on the line exactly"
            return FigureOfMerit(name, self.r2, None, None, "1", method, (warning,), details=details)
        z, width = np.arctanh(correlation), 1.0 / np.sqrt(self.x.size - 3.0)
        low, high = np.tanh(max(0.0, z - NORMAL_95 * width)) ** 2, np.tanh(z + NORMAL_95 * width) ** 2
        # d(r2)/dz = 2 r (1 - r2)
        deviation = 2.0 * correlation * (1.0 - self.r2) * width
        return FigureOfMerit(
            name,
            self.r2,
            float(deviation),
            (float(low), float(high)),
            "1",
            method,
            statistical=deviation,
            details=details,
        )

    def _figure(
        self, name: str, value: float, uncertainty: float, interval: tuple[float, float], unit: str
    ) -> FigureOfMerit:
        return FigureOfMerit(
            name,
            value,
            uncertainty,
            interval,
            unit,
            self.method,
            self.warnings,
            statistical=uncertainty,
            details={
                "r2": self.r2,
                "r2_weighted": self.r2_weighted,
                "chi2_reduced": self.chi2_reduced,
                "degrees_of_freedom": self.dof,
                "birge_ratio": self.birge,
                "scatter_constant": self.scatter_constant,
                "scatter_proportional": self.scatter_proportional,
                "points": self.x.size,
            },
        )


def fit_line(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    sigma_y: npt.ArrayLike | float | None = None,
    sigma_x: npt.ArrayLike | float | None = None,
) -> LineFit:
    """Least-squares line through points whose uncertainties are known, or all equal and unknown.

    With stated uncertainties the line is York's best one (which is ordinary weighted least squares where x has no
    scatter). When chi2 says, at the 5 % level, that they are too small, they are enlarged by the Birge
    ratio sqrt(chi2/dof), the intervals are Student's, and a warning says so. Without stated uncertainties the
    residuals give the scatter, equal for all points, and the intervals are Student's. For points whose scatter grows
    with the signal see `analysis.scattered_line.fit_line_with_scatter`.

    Parameters
    ----------
    x, y
        At least 2 points, 3 when no uncertainty is stated. Any units.
    sigma_y, sigma_x
        Standard uncertainties, one for all or one each; those of x and y are independent of each other. None for
        `sigma_x` means none. The method is called orthogonal (York 2004) where x makes up more than 1 % of a
        point's variance.

    Raises
    ------
    ValueError
        If the arrays do not match, hold NaN, hold too few or equal x, or a point has no uncertainty at all while
        others do.

    References
    ----------
    D. York et al., Am. J. Phys. 72 (2004) 367. R. T. Birge, Phys. Rev. 40 (1932) 207.
    """
    x, y = checked_points(x, y, 2 if sigma_y is not None or sigma_x is not None else 3)
    if sigma_y is None and sigma_x is None:
        return _equal_unknown_scatter(x, y)
    sy = np.zeros_like(y) if sigma_y is None else standard_uncertainties("sigma_y", sigma_y, y)
    sx = np.zeros_like(x) if sigma_x is None else standard_uncertainties("sigma_x", sigma_x, x)
    if np.any((sy == 0) & (sx == 0)):
        raise ValueError("sigma_y is zero at a point without x uncertainty: its weight would be infinite")
    line = york_line(x, y, sx**2, sy**2)
    dof = x.size - 2
    slope, intercept, covariance = float(line.slope[0]), float(line.intercept[0]), line.covariance[0]
    residuals, sigma = y - intercept - slope * x, 1.0 / np.sqrt(line.weights[0])
    chi2 = float(np.sum((residuals / sigma) ** 2))
    birge, factor = 1.0, NORMAL_95
    warnings: tuple[str, ...] = ()
    if dof > 0 and special.chdtrc(dof, chi2) < TOO_SMALL_AT:
        birge, factor = float(np.sqrt(chi2 / dof)), float(special.stdtrit(dof, 0.975))
        warnings = (f"stated uncertainties too small (reduced chi2 {chi2 / dof:.3g}): enlarged {birge:.3g} times",)
    shares = (slope * sx) ** 2 / ((slope * sx) ** 2 + sy**2) if slope != 0.0 else np.zeros_like(x)
    method = "orthogonal regression (York 2004)" if shares.max() > X_SCATTER_MATTERS else "weighted least squares"
    return assembled(
        x, y, line, covariance * birge**2, factor, sigma * birge, method, chi2 / dof if dof else None, birge, warnings
    )


def _equal_unknown_scatter(x: FloatArray, y: FloatArray) -> LineFit:
    line = york_line(x, y, np.zeros_like(x), np.ones_like(y))
    dof = x.size - 2
    residuals = y - line.intercept[0] - line.slope[0] * x
    scatter = float(np.sqrt(residuals @ residuals / dof))
    factor = float(special.stdtrit(dof, 0.975))
    sigma = np.full_like(y, scatter)
    method = "least squares, equal scatter estimated from the residuals, Student intervals"
    return assembled(x, y, line, line.covariance[0] * scatter**2, factor, sigma, method, None, 1.0, ())


def assembled(
    x: FloatArray,
    y: FloatArray,
    line: YorkLine,
    covariance: FloatArray,
    factor: float,
    sigma: FloatArray,
    method: str,
    chi2_reduced: float | None,
    birge: float,
    warnings: tuple[str, ...],
) -> LineFit:
    """`LineFit` of the first line in `line`, symmetric intervals `factor` standard deviations each way."""
    slope, intercept = float(line.slope[0]), float(line.intercept[0])
    u_intercept, u_slope = np.sqrt(np.diag(covariance)).tolist()
    return LineFit(
        slope=slope,
        slope_uncertainty=u_slope,
        slope_interval=(slope - factor * u_slope, slope + factor * u_slope),
        intercept=intercept,
        intercept_uncertainty=u_intercept,
        intercept_interval=(intercept - factor * u_intercept, intercept + factor * u_intercept),
        covariance=covariance,
        x=x,
        y=y,
        residuals=y - intercept - slope * x,
        sigma=sigma,
        r2=ordinary_r2(x, y),
        r2_weighted=weighted_r2(y, y - intercept - slope * x, sigma),
        chi2_reduced=chi2_reduced,
        dof=x.size - 2,
        method=method,
        birge=birge,
        warnings=warnings,
    )


def checked_points(x: npt.ArrayLike, y: npt.ArrayLike, minimum: int) -> tuple[FloatArray, FloatArray]:
    """Points a line can go through.

    Raises
    ------
    ValueError
        If they do not match, hold NaN, are fewer than `minimum`, or all x are equal.
    """
    xs = finite_vector("x", x, minimum)
    ys = matching_vector("y", y, xs, "x")
    if np.ptp(xs) <= 8 * np.finfo(float).eps * np.max(np.abs(xs)):
        raise ValueError("x values are all equal: no line can be fitted")
    return xs, ys


def ordinary_r2(x: FloatArray, y: FloatArray) -> float | None:
    """Square of Pearson's correlation coefficient; None when all y are equal."""
    dx, dy = x - x.mean(), y - y.mean()
    total = float(dy @ dy)
    if total <= y.size * (np.finfo(float).eps * np.max(np.abs(y), initial=0.0)) ** 2:
        return None
    return min(1.0, float(dx @ dy) ** 2 / (float(dx @ dx) * total))


def weighted_r2(y: FloatArray, residuals: FloatArray, sigma: FloatArray) -> float | None:
    """Share of the weighted variance of y that the line explains; None when a point has no scatter or y none."""
    if np.any(sigma <= 0):
        return None
    weights = sigma**-2.0
    mean = np.average(y, weights=weights)
    total = float(weights @ (y - mean) ** 2)
    return None if total == 0.0 else 1.0 - float(weights @ residuals**2) / total
