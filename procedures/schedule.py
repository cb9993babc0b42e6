"""When to look at something that changes quickly at first and slowly later."""

from __future__ import annotations

import math


def dense_then_sparse(duration: float, first: float, longest: float, a_decade: int = 10) -> list[float]:
    """Return moments from the start to the end, evenly spaced in log time, but never further apart than `longest`.

    Parameters
    ----------
    duration
        s, the last moment.
    first
        s, the first moment, and the shortest distance.
    longest
        s, the largest distance between two.
    a_decade
        Moments a decade of time.

    Returns
    -------
    list of float
        Rising, s; the last is `duration`.

    Raises
    ------
    ValueError
        If one of them is not positive and finite.
    """
    for name, value in (("duration", duration), ("first", first), ("longest", longest), ("a_decade", a_decade)):
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{name} is {value}, it must be above zero")
    growth = 10 ** (1 / a_decade)
    moments = [min(first, duration)]
    while moments[-1] < duration:
        step = min(max(moments[-1] * (growth - 1), first), longest)
        following = moments[-1] + step
        # a last step of less than half a step is no moment of its own
        moments.append(duration if following + 0.5 * step >= duration else following)
    return moments
