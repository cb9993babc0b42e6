"""How linear a response is: lack of fit, power-law exponent, linear dynamic range."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import special

from analysis.checked_arrays import FloatArray, finite_vector, matching_vector, standard_uncertainties
from analysis.figure import NORMAL_95, FigureOfMerit
from analysis.line_fit import LineFit
from analysis.scattered_line import fit_line_with_scatter

#: A signal counts as above the noise from this many standard uncertainties on.
ABOVE_NOISE = 2.0
#: An exponent is refused when more than this share of the points cannot be drawn on a log-log plot.
MOST_LOST = 0.25


@dataclass(frozen=True)
class LackOfFit:
    """F test of the line's misfit against the scatter of repeated points.

    Attributes
    ----------
    f
        Variance ratio: misfit of the groups' means over scatter within the groups.
    p_value
        Probability of at least such an F when the line holds; a small one says that it does not.
    dof_misfit, dof_scatter
        Degrees of freedom of the two.
    """

    f: float
    p_value: float
    dof_misfit: int
    dof_scatter: int


def lack_of_fit(fit: LineFit, groups: npt.ArrayLike | None = None) -> LackOfFit | None:
    """Test whether repeated points scatter about the line or about something else.

    Parameters
    ----------
    fit
        The line.
    groups
        One label a point; points of one label are repeats of one setting. By default equal x are repeats; a
        measured x is never equal twice, so there the setting (the tube current) is the label.

    Returns
    -------
    LackOfFit or None
        None when nothing was repeated, or there are only two different settings.

    Raises
    ------
    ValueError
        If there are not as many labels as points.

    References
    ----------
    N. R. Draper, H. Smith, Applied Regression Analysis, 3rd ed. (1998), section 2.1.
    """
    labels = fit.x if groups is None else np.asarray(groups)
    if labels.shape != fit.x.shape:
        raise ValueError(f"groups has {labels.size} elements, the fit has {fit.x.size} points")
    _, member = np.unique(labels, return_inverse=True)
    settings = int(member.max()) + 1
    dof_scatter, dof_misfit = fit.x.size - settings, settings - 2
    if dof_scatter < 1 or dof_misfit < 1 or np.any(fit.sigma <= 0):
        return None
    # Residuals are compared, so that repeats at slightly different x do not pass for scatter.
    weights = fit.sigma**-2.0
    totals = np.bincount(member, weights)
    means = np.bincount(member, weights * fit.residuals) / totals
    within = float(weights @ (fit.residuals - means[member]) ** 2)
    between = float(totals @ means**2)
    if within == 0.0:
        return None
    f = (between / dof_misfit) / (within / dof_scatter)
    return LackOfFit(f, float(special.fdtrc(dof_misfit, dof_scatter, f)), dof_misfit, dof_scatter)


def power_law_exponent(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    sigma_y: npt.ArrayLike | float | None = None,
    sigma_x: npt.ArrayLike | float | None = None,
    name: str = "exponent",
) -> FigureOfMerit:
    """Exponent n of y = A x^n: slope of log y on log x, scatter beyond the stated one estimated.

    Nothing is subtracted first: an offset left in y bends the line and the exponent with it. Points that are not
    positive, or less than two standard uncertainties above zero, cannot be drawn on a logarithmic axis; they are left
    out and counted in a warning, and when they are more than a quarter, or fewer than three points remain, the figure
    is refused.

    Parameters
    ----------
    x, y
        Dose rate and signal, any units.
    sigma_y, sigma_x
        Random standard uncertainties, one for all or one each.

    Raises
    ------
    ValueError
        If the arrays do not match or hold NaN.
    """
    method = "straight line of log signal on log dose rate"
    xs = finite_vector("x", x)
    ys = matching_vector("y", y, xs, "x")
    sy = np.zeros_like(ys) if sigma_y is None else standard_uncertainties("sigma_y", sigma_y, ys)
    sx = np.zeros_like(xs) if sigma_x is None else standard_uncertainties("sigma_x", sigma_x, xs)
    usable = (xs > 0) & (ys > 0) & (ys >= ABOVE_NOISE * sy) & (xs >= ABOVE_NOISE * sx)
    lost, kept = int(np.sum(~usable)), int(np.sum(usable))
    details = {"points": kept, "points_left_out": lost}
    if lost > MOST_LOST * xs.size or kept < 3:
        reason = f"{lost} of {xs.size} points are not above zero and noise, {kept} remain: no exponent"
        return FigureOfMerit.refused(name, "1", method, reason, details=details)
    xs, ys, sx, sy = xs[usable], ys[usable], sx[usable], sy[usable]
    if np.ptp(np.log(xs)) < 1e-9:
        return FigureOfMerit.refused(name, "1", method, "all dose rates are equal: no exponent", details=details)
    stated = sy / ys if sigma_y is not None else None
    fit = fit_line_with_scatter(np.log(xs), np.log(ys), stated, sx / xs, proportional=False)
    figure = fit.slope_figure("1", name)
    warnings = (f"{lost} points not above zero and noise left out",) if lost else ()
    return FigureOfMerit(
        name,
        fit.slope,
        fit.slope_uncertainty,
        fit.slope_interval,
        "1",
        f"{method}, {fit.method}",
        warnings,
        statistical=fit.slope_uncertainty,
        details={**figure.details, **details},
    )


def linear_dynamic_range(
    fit: LineFit,
    tolerance: float = 0.05,
    sigma_x: npt.ArrayLike | float | None = None,
    name: str = "linear_dynamic_range",
) -> FigureOfMerit:
    """Ratio of the ends of the largest stretch of x in which the signal keeps to the line.

    A point keeps to the line when its residual is under `tolerance` of the line within its own 95 % uncertainty. A
    point whose uncertainty exceeds the tolerance keeps to any line: it cannot be the end of the range. Where the fit
    estimated the scatter from the residuals, a bent response would excuse itself: the uncertainty of a point is then
    at most what its neighbours show (median second difference of the relative residuals).

    Parameters
    ----------
    fit
        Signal against dose rate, positive dose rates.
    tolerance
        Relative residual allowed.
    sigma_x
        Standard uncertainties of x, which become the ratio's.

    Returns
    -------
    FigureOfMerit
        Dimensionless; details `minimum` and `maximum` (unit of x), `decibels` (20 log10 of the ratio) and `points`.
        With a warning when the range ends with the data: a departure was not seen and the true range is wider.

    Raises
    ------
    ValueError
        If `tolerance` is not between 0 and 1, or `sigma_x` does not match.
    """
    if not 0 < tolerance < 1:
        raise ValueError(f"tolerance is {tolerance}, it must lie between 0 and 1")
    method = f"largest contiguous range of dose rates with residuals under {tolerance:.0%} within their uncertainty"
    sx = np.zeros_like(fit.x) if sigma_x is None else standard_uncertainties("sigma_x", sigma_x, fit.x)
    order = np.argsort(fit.x, kind="stable")
    x, residual, sigma, sx = fit.x[order], fit.residuals[order], fit.sigma[order], sx[order]
    line = np.abs(fit.intercept + fit.slope * x)
    if fit.scatter_constant > 0 or fit.scatter_proportional > 0:
        sigma = np.minimum(sigma, _scatter_of_neighbours(residual, line))
    residual = np.abs(residual)
    linear = (x > 0) & (residual <= tolerance * line + NORMAL_95 * sigma)
    telling = linear & (sigma <= tolerance * line)
    best = _widest(x, linear, telling)
    if best is None:
        return FigureOfMerit.refused(name, "1", method, "no two neighbouring points are known to lie on the line")
    first, last = best
    ratio = float(x[last] / x[first])
    relative = float(np.hypot(sx[first] / x[first], sx[last] / x[last]))
    seen = np.flatnonzero(telling | ~linear)
    warnings = []
    if last == seen[-1] or last == x.size - 1:
        warnings.append("lower bound: no departure from the line seen up to the highest dose rate")
    if first == 0:
        warnings.append("lower bound: no departure from the line seen down to the lowest dose rate")
    known = sigma_x is not None
    uncertainty = ratio * relative if known else None
    ends = (max(1.0, ratio * (1 - NORMAL_95 * relative)), ratio * (1 + NORMAL_95 * relative)) if known else None
    return FigureOfMerit(
        name,
        ratio,
        uncertainty,
        ends,
        "1",
        method,
        tuple(warnings),
        statistical=uncertainty,
        details={
            "minimum": float(x[first]),
            "maximum": float(x[last]),
            "decibels": 20.0 * float(np.log10(ratio)),
            "points": last - first + 1,
        },
    )


def _scatter_of_neighbours(residual: FloatArray, line: FloatArray) -> FloatArray:
    """Estimate each point's standard deviation from how much its neighbours differ, blind to a smooth misfit."""
    if line.size < 5 or np.any(line == 0):
        return np.full_like(line, np.inf)
    relative = residual / line
    bends = relative[:-2] - 2.0 * relative[1:-1] + relative[2:]
    # sqrt(6): standard deviation of a second difference; 0.6745: median of the absolute normal deviate.
    return np.asarray(np.median(np.abs(bends)) / (np.sqrt(6.0) * 0.6745) * line, dtype=np.float64)


def _widest(x: FloatArray, linear: npt.NDArray[np.bool_], telling: npt.NDArray[np.bool_]) -> tuple[int, int] | None:
    """Find the run of linear points with the largest ratio of its ends, both of them telling."""
    best: tuple[int, int] | None = None
    breaks = [-1, *np.flatnonzero(~linear).tolist(), x.size]
    for before, after in pairwise(breaks):
        inside = np.flatnonzero(telling[before + 1 : after]) + before + 1
        if inside.size < 2 or x[inside[-1]] <= x[inside[0]]:
            continue
        ends = int(inside[0]), int(inside[-1])
        if best is None or x[ends[1]] / x[ends[0]] > x[best[1]] / x[best[0]]:
            best = ends
    return best
