"""Straight line through points that scatter by more than is stated, perhaps in proportion to the signal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy import special

from analysis.checked_arrays import FloatArray, standard_uncertainties
from analysis.line_fit import LineFit, assembled, checked_points
from analysis.york_regression import YorkLine, york_line

#: Grid: sizes of the excess scatter, and mixtures of its constant and its proportional part.
SCALES = 32
SHAPES = 11
#: Weight of "the stated uncertainties are right", in e-folds of excess scatter.
AS_STATED = 0.5
#: Smallest scatter that is told from none: its square, and the square of that, are still numbers.
SMALLEST = 1e-60
ONE_SIGMA = float(special.ndtr(1.0) - special.ndtr(-1.0))


def fit_line_with_scatter(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    sigma_y: npt.ArrayLike | float | None = None,
    sigma_x: npt.ArrayLike | float | None = None,
    *,
    proportional: bool = True,
) -> LineFit:
    """Line whose points scatter by an unknown amount beyond the stated one.

    The variance of a point is modelled as sigma_y^2 + (slope sigma_x)^2 + c^2 + (p f)^2, f being the line: a source
    that wanders by 4 % gives p = 0.04. Restricted likelihood of c and p on a grid; slope and intercept are averaged
    over it, so that the intervals know how badly a few points determine the scatter. With c alone and nothing
    stated the result is Student's, exactly. Prior: uniform in the logarithm of the total variance and in that of
    p/c, from "no point sees the proportional part" to "no point sees the constant part"; where uncertainties are stated
    for every point, "they are right as they stand" weighs as much as `AS_STATED` e-folds of excess scatter.

    Parameters
    ----------
    x, y
        At least 3 points, any units.
    sigma_y, sigma_x
        Stated standard uncertainties, one for all or one each; None for none.
    proportional
        Whether scatter may grow with the line; in a log-log fit it is constant.

    Returns
    -------
    LineFit
        `slope_uncertainty` and `intercept_uncertainty` are half the central 68.3 % interval; `scatter_constant` and
        `scatter_proportional` the averages of c and p.

    Raises
    ------
    ValueError
        As `analysis.line_fit.fit_line`.
    """
    x, y = checked_points(x, y, 3)
    vy = np.zeros_like(y) if sigma_y is None else standard_uncertainties("sigma_y", sigma_y, y) ** 2
    vx = np.zeros_like(x) if sigma_x is None else standard_uncertainties("sigma_x", sigma_x, x) ** 2
    first = york_line(x, y, np.zeros_like(x), np.ones_like(y))
    line_at_points = first.intercept[0] + first.slope[0] * x
    residual = float(np.sqrt(np.sum((y - line_at_points) ** 2) / (x.size - 2)))
    residual = max(residual, 4 * np.finfo(float).eps * float(np.max(np.abs(y))), SMALLEST)
    slope = float(first.slope[0])
    # Three rounds: the proportional part follows the line that it weights.
    for turn in range(3):
        shapes = _shapes(line_at_points, proportional)
        stated = vy + slope**2 * vx
        if turn == 0:
            scales = _scales_that_matter(x, y, vx, vy, stated, shapes, residual)
        lines, weight = _posterior(x, y, vx, vy, stated, shapes, scales)
        slope = float(weight @ lines.slope)
        line_at_points = float(weight @ lines.intercept) + slope * x
    return _averaged(x, y, vy, vx, lines, weight, scales, shapes, line_at_points, sigma_y is not None)


def _scales_that_matter(
    x: FloatArray,
    y: FloatArray,
    vx: FloatArray,
    vy: FloatArray,
    stated: FloatArray,
    shapes: tuple[FloatArray, FloatArray],
    residual: float,
) -> FloatArray:
    """Find the sizes of excess scatter that carry probability; zero is one where every point has a stated scatter."""
    reach = max(residual, float(np.sqrt(stated.max())))
    low, high = 1e-3 * min(residual, float(np.sqrt(stated.min())) or residual), 1e3 * reach
    none = np.zeros(1) if np.all(stated > 0) else np.zeros(0)
    coarse = np.concatenate([none, np.geomspace(low, high, SCALES)])
    _, weight = _posterior(x, y, vx, vy, stated, shapes, coarse)
    seen = coarse[(weight.reshape(coarse.size, -1).sum(axis=1) > 1e-7) & (coarse > 0)]
    step = (high / low) ** (1.0 / (SCALES - 1))
    first, last = (seen.min(), seen.max()) if seen.size else (low, high)
    return np.concatenate([none, np.geomspace(first / step, last * step, SCALES)])


def _shapes(line: FloatArray, proportional: bool) -> tuple[FloatArray, FloatArray]:
    """Relative variances (shapes, n) of the excess scatter, mean one, and each shape's constant share (shapes)."""
    size = np.abs(line)
    typical = float(np.sqrt(np.mean(size**2)))
    if not proportional or typical == 0.0:
        return np.ones((1, line.size)), np.ones(1)
    relative = np.maximum(size / typical, 1e-3)
    ratios = np.geomspace(0.3 / relative.max(), 12.0 / relative.min(), SHAPES) ** 2
    constant = 1.0 / (1.0 + ratios)
    return constant[:, None] + (1.0 - constant)[:, None] * relative**2, constant


def _posterior(
    x: FloatArray,
    y: FloatArray,
    vx: FloatArray,
    vy: FloatArray,
    stated: FloatArray,
    shapes: tuple[FloatArray, FloatArray],
    scales: FloatArray,
) -> tuple[YorkLine, FloatArray]:
    """Fit a line for every (scale, shape) of the excess scatter and give each its probability."""
    shape = shapes[0]
    excess = (scales[:, None, None] ** 2 * shape).reshape(-1, x.size)
    lines = york_line(x, y, np.broadcast_to(vx, excess.shape), vy + excess)
    residuals = y - lines.intercept[:, None] - lines.slope[:, None] * x
    # Restricted likelihood: det(X'WX) is the sum of the weights over the variance of the slope.
    log_likelihood = 0.5 * (
        np.log(lines.weights).sum(axis=1)
        - (lines.weights * residuals**2).sum(axis=1)
        + np.log(lines.covariance[:, 1, 1])
        - np.log(lines.weights.sum(axis=1))
    )
    # Uniform in log(stated + excess): Jeffreys where nothing is stated, fading where the excess would not be seen.
    noticeable = np.median(stated / shape, axis=1)
    prior = scales[:, None] ** 2 / (scales[:, None] ** 2 + noticeable) * np.log(scales[-1] / scales[-2])
    prior[scales == 0.0] = AS_STATED
    log_posterior = log_likelihood + np.log(prior).ravel()
    weight = np.exp(log_posterior - log_posterior.max())
    return lines, weight / weight.sum()


def _averaged(
    x: FloatArray,
    y: FloatArray,
    vy: FloatArray,
    vx: FloatArray,
    lines: YorkLine,
    weight: FloatArray,
    scales: FloatArray,
    shapes: tuple[FloatArray, FloatArray],
    line_at_points: FloatArray,
    sigma_stated: bool,
) -> LineFit:
    slope, intercept = float(weight @ lines.slope), float(weight @ lines.intercept)
    widths = np.sqrt(lines.covariance[:, [0, 1], [0, 1]])
    slope_ends, slope_u = _intervals(lines.slope, widths[:, 1], weight)
    intercept_ends, intercept_u = _intervals(lines.intercept, widths[:, 0], weight)
    within = np.einsum("g,gij->ij", weight, lines.covariance)
    correlation = within[0, 1] / np.sqrt(within[0, 0] * within[1, 1])
    cross = correlation * slope_u * intercept_u
    covariance = np.array([[intercept_u**2, cross], [cross, slope_u**2]])
    sigma = np.sqrt(weight @ (1.0 / lines.weights))
    constant = np.sqrt(np.outer(scales**2, shapes[1]).ravel())
    typical = np.sqrt(np.mean(line_at_points**2))
    share = np.sqrt(np.outer(scales**2, 1.0 - shapes[1]).ravel()) / (typical if typical > 0 else 1.0)
    chi2 = None
    if sigma_stated and x.size > 2:
        stated = vy + slope**2 * vx
        if np.all(stated > 0):
            chi2 = float(np.sum((y - intercept - slope * x) ** 2 / stated)) / (x.size - 2)
    method = "weighted least squares, scatter beyond the stated one estimated (restricted likelihood, averaged)"
    if np.any(slope**2 * vx > 0.01 * sigma**2):
        method = "orthogonal regression (York 2004), scatter beyond the stated one estimated (restricted likelihood)"
    mean = YorkLine(np.array([slope]), np.array([intercept]), covariance[None], sigma[None] ** -2)
    fit = assembled(x, y, mean, covariance, 1.0, sigma, method, chi2, 1.0, ())
    return replace(
        fit,
        slope_interval=slope_ends,
        intercept_interval=intercept_ends,
        scatter_constant=float(weight @ constant),
        scatter_proportional=float(weight @ share),
    )


def _intervals(centre: FloatArray, width: FloatArray, weight: FloatArray) -> tuple[tuple[float, float], float]:
    """95 % interval and half of the 68.3 % interval of a mixture of normal distributions."""
    heavy = weight > 1e-7
    centre, width, weight = centre[heavy], width[heavy], weight[heavy] / weight[heavy].sum()
    wanted = np.array([0.025, 0.975, (1.0 - ONE_SIGMA) / 2.0, (1.0 + ONE_SIGMA) / 2.0])
    low = np.full(4, float(np.min(centre - 9.0 * width)))
    high = np.full(4, float(np.max(centre + 9.0 * width)))
    # Bisection, the four quantiles at once; 40 halvings are far below the grid's own accuracy.
    for _ in range(40):
        middle = 0.5 * (low + high)
        below = special.ndtr((middle[:, None] - centre) / width) @ weight < wanted
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    ends = (0.5 * (low + high)).tolist()
    return (ends[0], ends[1]), (ends[3] - ends[2]) / 2.0
