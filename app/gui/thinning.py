"""Fewer points that look the same: what a plot of a million points draws."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

BLOCK = 64
"""Rows that `Extremes` looks at together"""


def visible_part(x: Array, low: float, high: float) -> slice:
    """Return which part of ascending values lies in a range, with one value more at each end.

    >>> visible_part(np.arange(10.0), 2.5, 5.5)
    slice(2, 7, None)
    """
    first = int(np.searchsorted(x, low, side="left"))
    last = int(np.searchsorted(x, high, side="right"))
    return slice(max(0, first - 1), min(len(x), last + 1))


class Extremes:
    """Where the extremes of a growing column are: of each full block the first, the last and the extremes.

    An outline that is chosen among these is the one of all rows, to a block, and a million rows need not be looked
    through each time that some are added.
    """

    def __init__(self) -> None:
        self._found = np.empty(0, dtype=np.intp)
        self._looked_at = 0

    def of(self, values: Array) -> Indices:
        """Return the indices, ascending; rows behind the last full block are all among them.

        Parameters
        ----------
        values
            The column: that of the last time, with rows added at its end.
        """
        whole = BLOCK * (len(values) // BLOCK)
        if whole > self._looked_at:
            fresh = values[self._looked_at : whole].reshape(-1, BLOCK)
            starts = np.arange(self._looked_at, whole, BLOCK)
            missing = np.isnan(fresh)
            low = np.argmin(np.where(missing, np.inf, fresh), axis=1)
            high = np.argmax(np.where(missing, -np.inf, fresh), axis=1)
            new = np.stack([starts, starts + np.minimum(low, high), starts + np.maximum(low, high), starts + BLOCK - 1])
            self._found = np.concatenate([self._found, new.T.ravel()])
            self._looked_at = whole
        return np.concatenate([self._found, np.arange(whole, len(values))])


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
