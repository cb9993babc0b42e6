"""Best value and interval of a parameter from its profile likelihood on a grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from analysis.checked_arrays import FloatArray

TWO_SIDED_95 = 0.975
ONE_SIGMA = float(special.ndtr(1.0))


@dataclass(frozen=True)
class Profile:
    """What a profile likelihood says of one parameter.

    Attributes
    ----------
    value
        Where it is largest.
    uncertainty
        Half the width of the 68.3 % interval; None when that is open.
    low, high
        Ends of the 95 % interval; None where the profile does not fall that far within the grid.
    """

    value: float
    uncertainty: float | None
    low: float | None
    high: float | None


def likelihood_drop(dof: float, probability: float = TWO_SIDED_95) -> float:
    """Fall of the log profile likelihood at the ends of an interval, the scatter being estimated.

    With an integrated variance the profile of a linear parameter falls as (1 + t^2/dof)^(-dof/2): its ends are
    Student's. For many degrees of freedom this is the usual 1.92.
    """
    quantile = float(special.stdtrit(dof, probability))
    return 0.5 * dof * float(np.log1p(quantile**2 / dof))


def profile_interval(grid: FloatArray, log_likelihood: FloatArray, dof: float) -> Profile:
    """Interval of the parameter whose log profile likelihood was computed on a rising grid.

    Parameters
    ----------
    grid, log_likelihood
        (n) at least 5.
    dof
        Degrees of freedom of the scatter.
    """
    best = int(np.argmax(log_likelihood))
    value, top = float(grid[best]), float(log_likelihood[best])
    if 0 < best < grid.size - 1:
        bend = np.polyfit(grid[best - 1 : best + 2] - value, log_likelihood[best - 1 : best + 2] - top, 2)
        if bend[0] < 0:
            shift = float(np.clip(-bend[1] / (2 * bend[0]), grid[best - 1] - value, grid[best + 1] - value))
            top += float(bend[0] * shift**2 + bend[1] * shift)
            value += shift
    ends = [_ends(grid, log_likelihood, value, top - likelihood_drop(dof, p)) for p in (TWO_SIDED_95, ONE_SIGMA)]
    (low, high), (near, far) = ends
    return Profile(value, None if near is None or far is None else 0.5 * (far - near), low, high)


def _ends(grid: FloatArray, values: FloatArray, centre: float, level: float) -> tuple[float | None, float | None]:
    # The outermost crossings: a second mode above the level belongs to the interval.
    above = np.flatnonzero(values >= level)
    first, last = (int(above[0]), int(above[-1])) if above.size else (int(np.argmax(values)),) * 2
    low = None if first == 0 else min(centre, _crossing(grid, values, first - 1, first, level))
    high = None if last == grid.size - 1 else max(centre, _crossing(grid, values, last + 1, last, level))
    return low, high


def _crossing(grid: FloatArray, values: FloatArray, outside: int, inside: int, level: float) -> float:
    fall = values[inside] - values[outside]
    share = 1.0 if fall <= 0 else float(np.clip((values[inside] - level) / fall, 0.0, 1.0))
    return float(grid[inside] + share * (grid[outside] - grid[inside]))
