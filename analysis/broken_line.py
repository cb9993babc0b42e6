"""Two straight lines that meet: segmented regression with a fitted breakpoint."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from analysis.checked_arrays import FloatArray, standard_uncertainties
from analysis.line_fit import LineFit, checked_points, fit_line
from analysis.profile_likelihood import Profile, profile_interval

#: Points that each side of the breakpoint must have.
EACH_SIDE = 3
GRID = 400
#: Breakpoints whose Student distributions are mixed, about.
MIXED = 30
#: A breakpoint is believed when AICc falls by more than this.
BELIEVED = 4.0


@dataclass(frozen=True)
class BrokenLine:
    """Two lines that meet at a breakpoint.

    Attributes
    ----------
    breakpoint
        Where they meet, with its profile interval.
    left, right
        Slopes below and above it, with 95 % intervals that know of the breakpoint's uncertainty.
    level
        y at the breakpoint.
    left_points, right_points
        How many points lie on each side.
    aicc_gain
        AICc of one straight line minus that of the two; positive when the break is real.
    residuals
        (n) in the order the points came.
    dof
        Number of points minus four.
    slope_sum
        Sum of the slopes, with its interval.
    """

    breakpoint: Profile
    left: Profile
    right: Profile
    level: float
    left_points: int
    right_points: int
    aicc_gain: float
    residuals: FloatArray
    dof: int
    slope_sum: Profile

    def predict(self, x: npt.ArrayLike) -> FloatArray:
        """Ordinate of the best fit at `x`."""
        away = np.asarray(x, dtype=np.float64) - self.breakpoint.value
        return self.level + np.where(away < 0, self.left.value, self.right.value) * away


def fit_broken_line(
    x: npt.ArrayLike, y: npt.ArrayLike, sigma_y: npt.ArrayLike | float | None = None
) -> tuple[LineFit, BrokenLine | None]:
    """Straight line, and two that meet if there are points enough to look for them.

    The breakpoint's profile likelihood is computed on a grid; scatter is estimated from the residuals, stated
    uncertainties serve as relative weights. Whether the break is real is for the caller to read from `aicc_gain`: about
    `BELIEVED` or more.

    Parameters
    ----------
    x, y
        At least 3 points; 8 for a breakpoint.
    sigma_y
        Standard uncertainties.

    Raises
    ------
    ValueError
        As `fit_line`.

    References
    ----------
    V. M. R. Muggeo, Statist. Med. 22 (2003) 3055.
    """
    line = fit_line(x, y, sigma_y)
    xs, ys = checked_points(x, y, 3)
    if np.unique(xs).size < 2 * EACH_SIDE + 2:
        return line, None
    weights = np.ones_like(ys) if sigma_y is None else standard_uncertainties("sigma_y", sigma_y, ys) ** -2.0
    weights = weights / weights.mean()
    distinct = np.unique(xs)
    grid = np.linspace(distinct[EACH_SIDE - 1], distinct[-EACH_SIDE], GRID)
    away = xs - grid[:, None]
    design = np.stack([np.ones_like(away), np.minimum(away, 0.0), np.maximum(away, 0.0)], axis=-1)
    normal = np.einsum("gna,n,gnb->gab", design, weights, design)
    inverse = np.linalg.inv(normal)
    coefficients = np.einsum("gab,gnb,n->ga", inverse, design, weights * ys)
    rest = np.einsum("n,gn->g", weights, (ys - np.einsum("gna,ga->gn", design, coefficients)) ** 2)
    dof = xs.size - 4
    scatter = max(float(rest.min()), xs.size * (1e-9 * float(np.ptp(ys))) ** 2, 1e-300)
    # The scatter integrated over: a power of the residual sum, whose fall at an interval's ends is Student's.
    profile = -0.5 * dof * np.log(np.maximum(rest, scatter))
    best = int(np.argmax(profile))
    variance = np.maximum(rest, scatter) / dof
    slopes = {
        "left": np.array([0.0, 1.0, 0.0]),
        "right": np.array([0.0, 0.0, 1.0]),
        "sum": np.array([0.0, 1.0, 1.0]),
    }
    posterior = np.exp(profile - profile.max())
    profiles = {
        name: _slope(one, coefficients, inverse, variance, posterior, dof, best) for name, one in slopes.items()
    }
    residuals = ys - design[best] @ coefficients[best]
    return line, BrokenLine(
        profile_interval(grid, profile, dof),
        profiles["left"],
        profiles["right"],
        float(coefficients[best, 0]),
        int(np.sum(xs < grid[best])),
        int(np.sum(xs >= grid[best])),
        _criterion(_straight_rest(xs, ys, weights), scatter, xs.size, 3)
        - _criterion(float(rest.min()), scatter, xs.size, 5),
        residuals,
        dof,
        profiles["sum"],
    )


def _slope(
    direction: FloatArray,
    coefficients: FloatArray,
    inverse: FloatArray,
    variance: FloatArray,
    posterior: FloatArray,
    dof: int,
    best: int,
) -> Profile:
    """Slope at the best breakpoint; interval from the Student distributions at all breakpoints, mixed."""
    centre = coefficients @ direction
    width = np.sqrt(np.einsum("a,gab,b->g", direction, inverse, direction) * variance)
    kept = np.flatnonzero(posterior > 1e-5 * posterior.max())
    kept = kept[:: kept.size // MIXED + 1]
    centre, width, share = centre[kept], width[kept], posterior[kept] / posterior[kept].sum()
    wanted = np.array([0.025, 0.975, 1.0 - special.ndtr(1.0), special.ndtr(1.0)])
    low, high = np.full(4, np.min(centre - 60.0 * width)), np.full(4, np.max(centre + 60.0 * width))
    for _ in range(36):
        middle = 0.5 * (low + high)
        below = special.stdtr(dof, (middle[:, None] - centre) / width) @ share < wanted
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    ends = (0.5 * (low + high)).tolist()
    return Profile(float(coefficients[best] @ direction), 0.5 * (ends[3] - ends[2]), ends[0], ends[1])


def _straight_rest(x: FloatArray, y: FloatArray, weights: FloatArray) -> float:
    design = np.stack([np.ones_like(x), x - x.mean()], axis=1) * np.sqrt(weights)[:, None]
    solution = np.linalg.lstsq(design, y * np.sqrt(weights), rcond=None)[0]
    return float(np.sum((y * np.sqrt(weights) - design @ solution) ** 2))


def _criterion(rest: float, least: float, points: int, parameters: int) -> float:
    penalty = 2.0 * parameters + 2.0 * parameters * (parameters + 1.0) / max(points - parameters - 1.0, 0.5)
    return points * float(np.log(max(rest, least))) + penalty
