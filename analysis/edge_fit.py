"""Position of an edge in each row of an image: rows laid side by side along it, centroids, polynomial."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.checked_arrays import FloatArray
from analysis.edge_region import BoolArray, EdgeRefused, EdgeRegion

#: Beyond so many 10-90 % widths from the edge a side counts as flat (5 sigma of a Gaussian).
FLAT_FROM_WIDTHS = 2.0
#: But never nearer than this, pixels.
FLAT_FROM_PIXELS = 4.0
#: Rows whose centroid lies farther from the polynomial than this many sigmas are left out of it.
OUTLYING = 5.0


@dataclass(frozen=True)
class EdgeRows:
    """Rows of an image, each shifted by whole pixels so that the edge stands in its middle column.

    Attributes
    ----------
    values
        rows x (2 half_width + 1); where `valid` is False, the row's nearest valid value.
    valid
        Same shape; None when all are.
    middle
        Column of the image that stands in the middle, for each row.
    half_width
        Pixels.
    """

    values: FloatArray
    valid: BoolArray | None
    middle: npt.NDArray[np.intp]
    half_width: int


@dataclass(frozen=True)
class FittedEdge:
    """Polynomial through the edge's positions.

    Attributes
    ----------
    positions
        Of the polynomial, column of the image, for each row.
    slope, slope_uncertainty
        Of the straight line through the same centroids, pixels of x per row.
    scatter
        Standard deviation of a row's centroid about the polynomial, pixels.
    bow
        Largest distance between polynomial and straight line, pixels.
    bow_significant
        Whether chance would bend it so in fewer than one case of 1000.
    """

    positions: FloatArray
    slope: float
    slope_uncertainty: float
    scatter: float
    bow: float
    bow_significant: bool


def rows_along_edge(
    image: npt.NDArray[np.generic], bad: BoolArray | None, region: EdgeRegion, every: int = 1
) -> EdgeRows:
    """Rows of the region about its edge, as far on each side as a quarter of them reach, or `every` so many of them.

    Raises
    ------
    EdgeRefused
        If there is too little on one side of the edge.
    """
    if region.horizontal:
        image, bad = image.T, None if bad is None else bad.T
    (first, last), (left, right) = (region.columns, region.rows) if region.horizontal else (region.rows, region.columns)
    ys = np.arange(first, last, every)
    middle = np.rint(region.offset + region.slope * ys).astype(np.intp)
    inside = (middle > left + 2) & (middle < right - 3)
    if not inside.any():
        raise EdgeRefused("the edge lies outside the region")
    # only the rows that the edge crosses inside the region
    ys, middle = ys[inside], middle[inside]
    half = int(min(np.percentile(middle - left, 75), np.percentile(right - 1 - middle, 75), region.half_width))
    if half < 8 or ys.size < 12:
        raise EdgeRefused(f"only {half} pixels beside the edge on {ys.size} rows: the region is too small")
    columns = middle[:, None] + np.arange(-half, half + 1)
    valid: BoolArray | None = None
    if columns.min() < left or columns.max() >= right:
        valid = (columns >= left) & (columns < right)
        np.clip(columns, left, right - 1, out=columns)
    values = image[ys[:, None], columns].astype(np.float64)
    if bad is not None or not np.isfinite(values.sum()):
        good = np.isfinite(values)
        if bad is not None:
            good &= ~bad[ys[:, None], columns]
        if not good.all():
            valid = good if valid is None else valid & good
            if good.mean() < 0.5:
                raise EdgeRefused("most pixels of the region are masked or not finite")
            _fill_rows(values, good)
    return EdgeRows(values, valid, middle, half)


def _fill_rows(values: FloatArray, good: BoolArray) -> None:
    """Interpolate the gaps of each row, so that its derivative does not see them."""
    at = np.arange(values.shape[1])
    for row in np.nonzero(~good.all(axis=1))[0]:
        there = good[row]
        # a row without any pixel has no edge; its centroid will be an outlier, its pixels are never used
        values[row] = np.interp(at, at[there], values[row, there]) if there.any() else 0.0


def edge_width(rows: EdgeRows) -> tuple[float, float]:
    """Distance over which the edge goes from 10 to 90 %, and from where on its sides are flat; pixels.

    Raises
    ------
    EdgeRefused
        If the sides do not become flat within the rows.
    """
    sampled = rows.values[:: max(1, rows.values.shape[0] // 256)]
    profile = np.median(sampled, axis=0)
    # straight lines through the outer halves of both sides: a tilt is no part of the rise
    x = np.arange(profile.size) - float(rows.half_width)
    outer = max(4, rows.half_width // 2)
    left = np.polynomial.Polynomial.fit(x[:outer], profile[:outer], 1)(x)
    right = np.polynomial.Polynomial.fit(x[-outer:], profile[-outer:], 1)(x)
    height = right - left
    if np.abs(height[rows.half_width]) <= 1e-9 * np.abs(profile).max():
        raise EdgeRefused("no edge: both sides are equally bright")
    if height.min() * height.max() <= 0:
        # sides that are curved, or blurred into each other, cross somewhere when continued
        left, height = np.full_like(x, profile[:4].mean()), np.full_like(x, profile[-4:].mean() - profile[:4].mean())
        if height[0] == 0:
            raise EdgeRefused("no edge: both sides are equally bright")
    rise = (profile - left) / height
    low, high = np.nonzero(rise < 0.1)[0], np.nonzero(rise > 0.9)[0]
    middle = rows.half_width
    before, after = low[low <= middle + 2], high[high >= middle - 2]
    if before.size == 0 or after.size == 0 or after[0] <= before[-1]:
        raise EdgeRefused("no edge: brightness does not rise across the line found")
    lower, upper = int(before[-1]), int(after[0])
    # fraction of a pixel at either end, by the two values about the level
    width = upper - lower - 1.0
    width += (rise[upper] - 0.9) / -(rise[upper] - rise[upper - 1]) + 1.0
    width += (0.1 - rise[lower]) / -(rise[lower + 1] - rise[lower])
    width = max(0.8, float(width))
    flat = max(FLAT_FROM_PIXELS, FLAT_FROM_WIDTHS * width)
    if rows.half_width - flat < max(4.0, 0.15 * rows.half_width):
        raise EdgeRefused(
            f"edge is {width:.3g} pixels wide (10 to 90 %) and the region reaches {rows.half_width} beside it: "
            f"its sides are not seen to become flat, at least {1.2 * flat:.0f} are needed"
        )
    return width, flat


def fit_edge(rows: EdgeRows, width: float, order: int) -> FittedEdge:
    """Centroids of the rows' windowed derivatives, and the polynomial through them, refitted once.

    Parameters
    ----------
    rows
        About a first guess of the edge.
    width
        10-90 % width of the edge, pixels.
    order
        Of the polynomial, 1 to 5.

    References
    ----------
    ISO 12233:2023, annex D; P. D. Burns, sfrmat5 (2023): window about the first fit, second fit.
    """
    # as wide as the edge needs: noise in the centroid grows with the window, and a tilt draws it to the middle
    window_half = min(float(rows.half_width), max(8.0, 4.0 * width))
    tilt = _tilt(rows.values, max(FLAT_FROM_PIXELS, FLAT_FROM_WIDTHS * width))
    positions = rows.middle.astype(np.float64)
    for _ in range(2):
        found = rows.middle + _centroids(rows, positions - rows.middle, window_half, tilt)
        positions, kept = _robust_polynomial(found, order)
        if np.abs(positions - rows.middle).max() > rows.half_width - 4:
            raise EdgeRefused("no edge: its positions do not follow a line")
    return _fitted(found, positions, kept, order)


def fit_edge_as_published(rows: EdgeRows, region: EdgeRegion, order: int, window: str) -> FittedEdge:
    """As `fit_edge`, with windows as wide as the region, as ISO 12233 and sfrmat5 have them.

    A tilted background draws such a centroid to the middle of the window, differently in each row: polynomials of
    high order then bend with it.
    """
    left, right = region.rows if region.horizontal else region.columns
    columns = np.arange(left, right)
    positions = np.full(rows.middle.size, (left + right - 1) / 2)
    for _ in range(2):
        found = np.empty(positions.size)
        for row, (values, middle, position) in enumerate(zip(rows.values, rows.middle, positions, strict=True)):
            inside = columns[max(0, middle - rows.half_width - left) : middle + rows.half_width + 1 - left]
            start = inside[0] - (middle - rows.half_width)
            rise = np.diff(values[start : start + inside.size])
            between = inside[:-1] + 0.5 - position
            reach = max(position - left, right - 1 - position) + 0.5
            if window == "tukey":
                weights = 0.95 * np.cos(0.5 * np.pi * between / reach) ** 2 + 0.05
            else:
                weights = 0.54 + 0.46 * np.cos(np.pi * between / reach)
            weights *= rise
            total = weights.sum()
            found[row] = position + weights @ between / total if total != 0 else np.inf
        positions, kept = _robust_polynomial(found, order)
        if np.abs(positions - rows.middle).max() > rows.half_width - 4:
            raise EdgeRefused("no edge: its positions do not follow a line")
    return _fitted(found, positions, kept, order)


def _fitted(found: FloatArray, positions: FloatArray, kept: BoolArray, order: int) -> FittedEdge:
    y = np.arange(found.size, dtype=np.float64)
    # a bow is looked for whatever the order asked, so that a straight fit to a bent edge is noticed
    curved = positions if order >= 3 else np.polynomial.Polynomial.fit(y[kept], found[kept], 3)(y)
    line = np.polynomial.Polynomial.fit(y[kept], found[kept], 1)
    off_line, off_curve = (found - line(y))[kept], (found - curved)[kept]
    misfit, rest = float(off_line @ off_line), float(off_curve @ off_curve) + 1e-12
    centred = y[kept] - y[kept].mean()
    return FittedEdge(
        positions=positions,
        slope=float(line.deriv()(0.0)),
        slope_uncertainty=float(np.std(off_line) / np.sqrt(centred @ centred)),
        scatter=float(np.std((found - positions)[kept])),
        bow=float(np.abs(curved - line(y)).max()),
        # chi2 of up to four parameters more exceeds 18.5 by chance in one case of 1000
        bow_significant=misfit - rest > 18.5 * rest / max(1, centred.size - 6),
    )


def _tilt(values: FloatArray, flat: float) -> float:
    """Mean slope of the two sides, brightness per pixel."""
    profile = values[:: max(1, values.shape[0] // 256)].mean(axis=0)
    n = int(profile.size // 2 - flat)
    at = np.arange(n) - (n - 1) / 2
    return float((at @ profile[:n] + at @ profile[-n:]) / (2 * (at @ at)))


def _centroids(rows: EdgeRows, place: FloatArray, window_half: float, tilt: float) -> FloatArray:
    """Centroid of each row's derivative in a window about `place`, pixels from the middle column."""
    centroids = np.empty(place.size)
    shifts = np.rint(place).astype(np.intp)
    x = np.arange(-rows.half_width, rows.half_width) + 0.5  # where a two-point difference stands
    for shift in np.unique(shifts):
        inside = np.clip((x - shift) / window_half, -1.0, 1.0)
        window = 0.95 * np.cos(0.5 * np.pi * inside) ** 2 + 0.05
        window[np.abs(inside) >= 1.0] = 0.0
        # sums of (a[j+1] - a[j]) w[j] written as sums of a[j]: one matrix product for all rows
        kernels = np.zeros((x.size + 1, 2))
        for column, factor in enumerate((window, window * x)):
            kernels[1:, column] += factor
            kernels[:-1, column] -= factor
        here = shifts == shift
        area, moment = (rows.values[here] @ kernels).T
        area, moment = area - tilt * window.sum(), moment - tilt * (window @ x)
        with np.errstate(divide="ignore", invalid="ignore"):
            centroids[here] = moment / area
    # inf stands for a row without an edge
    return np.where(np.abs(centroids) <= rows.half_width, centroids, np.inf)


def _robust_polynomial(found: FloatArray, order: int) -> tuple[FloatArray, BoolArray]:
    """Polynomial through the positions found, its outliers left out, and which are not."""
    y = np.arange(found.size, dtype=np.float64)
    kept = np.isfinite(found)
    place = np.zeros_like(y)
    for _ in range(4):
        if kept.sum() < max(12, order + 2, y.size // 2):
            raise EdgeRefused("no edge: its position is found on too few rows")
        place = np.polynomial.Polynomial.fit(y[kept], found[kept], order, domain=[0.0, float(y[-1])])(y)
        off = np.abs(found - place)
        # without noise the centroids still follow the pixels' phase by some hundredths of a pixel
        now = off <= OUTLYING * 1.4826 * float(np.median(off[kept])) + 0.05
        if np.array_equal(now, kept):
            break
        kept = now
    return place, kept
