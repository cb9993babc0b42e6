"""Fewer points that look the same: what a plot of a million points draws."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]


def visible_part(x: Array, low: float, high: float) -> slice:
    """Return which part of ascending values lies in a range, with one value more at each end.

    >>> visible_part(np.arange(10.0), 2.5, 5.5)
    slice(2, 7, None)
    """
    first = int(np.searchsorted(x, low, side="left"))
    last = int(np.searchsorted(x, high, side="right"))
    return slice(max(0, first - 1), min(len(x), last + 1))


def outline(x: Array, y: Array, groups: int, *, ascending: bool) -> Indices:
    """Choose the points that show the outline of many: of each group the first, the last and the extremes.

    Parameters
    ----------
    x, y
        The points, (points,), in the order in which a line joins them.
    groups
        How many groups of neighbours to make; one for each column of pixels shows all there is to see.
    ascending
        Whether x never falls; its extremes are then the first and the last.

    Returns
    -------
    (at most 6 x groups,)
        Indices in ascending order; all of them where the points are few.
    """
    size = len(x) // max(1, groups)
    if size < 4:
        return np.arange(len(x))
    whole = size * (len(x) // size)
    starts = np.arange(0, whole, size)
    chosen = [starts, starts + size - 1]
    for values, wanted in ((y, True), (x, not ascending)):
        if wanted:
            groups_of_values = values[:whole].reshape(-1, size)
            missing = np.isnan(groups_of_values)
            if missing.any():
                chosen.append(starts + np.argmin(np.where(missing, np.inf, groups_of_values), axis=1))
                chosen.append(starts + np.argmax(np.where(missing, -np.inf, groups_of_values), axis=1))
            else:
                chosen.append(starts + np.argmin(groups_of_values, axis=1))
                chosen.append(starts + np.argmax(groups_of_values, axis=1))
    # what does not fill a group is fewer points than the last group has
    return np.unique(np.concatenate([*chosen, np.arange(whole, len(x))]))
