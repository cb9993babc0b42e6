"""Edge spread function with four bins a pixel, and its scatter by resampling the rows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.checked_arrays import FloatArray
from analysis.edge_fit import EdgeRows, FittedEdge
from analysis.edge_region import BoolArray, EdgeRefused

#: Bins a pixel (ISO 12233).
BINS = 4
#: A pixel farther from the edge spread function than so many of its bin's sigmas is no measurement of it.
OUTLYING = 6.0
#: Largest gap between the sub-pixel phases of the rows that interpolation may bridge, pixels.
LARGEST_GAP = 0.55


@dataclass(frozen=True)
class EdgeSpread:
    """Edge spread function, normalised to 0 and 1, both sides' tilts taken out.

    Attributes
    ----------
    distance
        Bin centres, pixels of x from the edge; ascending, `BINS` a pixel.
    values
        Edge spread function there.
    resampled
        resamples x bins: the same from rows weighted anew.
    offsets
        Distance of each row's pixels from their bins' centres, pixels; what widens the bins.
    phases
        Which of the `BINS` bins of a pixel each row falls into.
    contrast
        Michelson contrast of the two sides.
    step
        Difference of the two sides, in the image's unit.
    noise
        Standard deviation of the pixels of the (first, last) side, as a share of the step.
    rejected
        Share of the pixels that were no measurement of it.
    empty
        Bins that no row fell into and that were interpolated.
    correlation_rows
        How many rows their noise stays correlated for; rows were resampled in blocks of that.
    """

    distance: FloatArray
    values: FloatArray
    resampled: FloatArray
    offsets: FloatArray
    phases: npt.NDArray[np.intp]
    contrast: float
    step: float
    noise: tuple[float, float]
    rejected: float
    empty: int
    correlation_rows: float


def edge_spread(
    rows: EdgeRows, edge: FittedEdge, flat: float, resamples: int, seed: int, level: bool = True
) -> EdgeSpread:
    """Edge spread function of rows about their fitted edge, trimmed to whole cycles of its phase.

    Parameters
    ----------
    rows, edge
        From `analysis.edge_fit`.
    flat
        From this distance on the sides are flat, pixels.
    resamples
        Weighted resamples for the uncertainty; 0 for none.
    seed
        Of the random weights.
    level
        Whether the tilts of both sides are taken out.

    Notes
    -----
    Both sides are fitted by planes. Each row is normalised by the planes at the edge, the bins' means by their slopes
    across it; so neither an added nor a multiplied tilt is left. Rows are resampled by exponential weights
    (Bayesian bootstrap, Rubin, Ann. Statist. 9 (1981) 130) on what is left of each pixel after the edge spread
    function at its own distance: no bin runs empty, and the rows' phases do not count as noise.
    """
    count = _whole_cycles(edge, rows.values.shape[0])
    fraction = edge.positions[:count] - rows.middle[:count]
    _check_phases(fraction)
    # an edge whose tangent is a simple fraction has few phases: the bins are laid about them, not their borders on them
    clustered = np.mean(np.exp(2j * np.pi * BINS * fraction))
    fraction -= (np.angle(clustered) / (2 * np.pi) - 0.5) / BINS
    codes = np.floor(-BINS * fraction).astype(np.intp)  # bin of column j: BINS j + code
    offsets = (-fraction - (codes + 0.5) / BINS).astype(np.float64)
    order = np.argsort(codes, kind="stable")
    values = rows.values[:count]
    valid = None if rows.valid is None else rows.valid[:count]
    first, last = _sides_at_edge(values, valid, rows.half_width, flat)
    if not level:
        first, last = np.full_like(first, first.mean()), np.full_like(last, last.mean())
    step = last - first
    if np.any(step * step.mean() <= 0) or abs(step).min() < 0.1 * abs(step.mean()):
        raise EdgeRefused("no edge: the two sides are not told apart all along it")
    values = values[order]
    values -= first[order, None]
    values /= step[order, None]
    bins = _Bins(codes[order], offsets[order], None if valid is None else valid[order], values.shape[1])
    sums, counts = bins.sums(values)
    spread = _at_centres(sums, counts, bins.mean_offsets())
    residuals = bins.minus(values, spread)
    outlying, noise = bins.outlying(residuals, spread, flat, rows.half_width)
    if outlying is not None:
        # the outliers drew the means along: what is left must be about the means without them
        spread += bins.recentre(residuals, outlying)
    distance = (np.arange(bins.size) + bins.first + 0.5) / BINS - rows.half_width
    correlation = _correlation_rows(residuals[np.argsort(order)], flat)
    middle = np.abs(distance) <= rows.half_width - np.abs(fraction).max() - 0.5
    values = spread[None, middle]
    drawn = np.empty((0, int(middle.sum())))
    if resamples:
        # blocks several times as long as the correlation hold nearly all of it
        block = round(3 * correlation) if correlation > 1.2 else 1
        weights = _block_weights(count, block, resamples, seed)
        drawn = bins.resampled(residuals, weights[:, order], counts / block)
        drawn += spread
        drawn = drawn[:, middle]
        if level:
            drawn = _levelled(drawn, distance[middle], flat)
    if level:
        values = _levelled(values, distance[middle], flat)
    levels = float(np.mean(first)), float(np.mean(last))
    total = abs(levels[0] + levels[1])
    return EdgeSpread(
        distance=distance[middle],
        values=values[0],
        resampled=drawn,
        offsets=offsets,
        phases=codes % BINS,
        contrast=abs(levels[1] - levels[0]) / total if total > 0 else 1.0,
        step=levels[1] - levels[0],
        noise=noise,
        rejected=0.0 if outlying is None else float(outlying.mean()),
        empty=int(np.count_nonzero(counts[middle] == 0)),
        correlation_rows=correlation,
    )


class _Bins:
    """Where sorted rows fall: row `y` puts its column `j` into bin BINS j + code, counted from `first`."""

    def __init__(self, codes: npt.NDArray[np.intp], offsets: FloatArray, valid: BoolArray | None, columns: int) -> None:
        self.first = int(codes[0])
        self.size = BINS * (columns - 1) + int(codes[-1]) - self.first + 1
        self.columns, self.offsets, self.valid = columns, offsets, valid
        starts = np.nonzero(np.diff(codes, prepend=codes[0] - 1))[0]
        self.groups = [
            (slice(start, stop), slice(code - self.first, code - self.first + BINS * (columns - 1) + 1, BINS))
            for start, stop, code in zip(starts, [*starts[1:], codes.size], codes[starts].tolist(), strict=True)
        ]

    def sums(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Sum of the values, and number of pixels, of each bin."""
        sums, counts = np.zeros(self.size), np.zeros(self.size)
        for group, bins in self.groups:
            if self.valid is None:
                sums[bins] += values[group].sum(axis=0)
                counts[bins] += group.stop - group.start
            else:
                sums[bins] += np.where(self.valid[group], values[group], 0.0).sum(axis=0)
                counts[bins] += self.valid[group].sum(axis=0)
        return sums, counts

    def mean_offsets(self) -> FloatArray:
        """Mean distance of each bin's pixels from its centre, bins; 0 where it holds none."""
        sums, counts = np.zeros(self.size), np.zeros(self.size)
        for group, bins in self.groups:
            # which pixels of a row are valid does not matter to a mean over its phase
            sums[bins] += self.offsets[group].sum() * BINS
            counts[bins] += group.stop - group.start
        return np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)

    def minus(self, values: FloatArray, spread: FloatArray) -> FloatArray:
        """Values minus the edge spread function at each pixel's own distance; 0 where not valid. In place."""
        steepness = np.gradient(spread, 1.0 / BINS)
        for group, bins in self.groups:
            values[group] -= spread[bins]
            # single precision noise of a product of two vectors is not worth a full-size temporary
            values[group] -= self.offsets[group, None] * steepness[bins]
        if self.valid is not None:
            values[~self.valid] = 0.0
        return values

    def recentre(self, residuals: FloatArray, outlying: BoolArray) -> FloatArray:
        """Set outliers to 0 and the others about their bins' means, in place; by how much these moved."""
        change = np.zeros(self.size)
        for _ in range(2):
            residuals[outlying] = 0.0
            sums, counts = self.sums(residuals)
            means = np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)
            change += means
            for group, bins in self.groups:
                residuals[group] -= means[bins]
        residuals[outlying] = 0.0
        if self.valid is not None:
            residuals[~self.valid] = 0.0
        return change

    def outlying(
        self, residuals: FloatArray, spread: FloatArray, flat: float, half_width: int
    ) -> tuple[BoolArray | None, tuple[float, float]]:
        """Which residuals are no measurement of the edge, None when none are; and the noise of the two sides."""
        columns = np.arange(self.columns) - half_width
        few = slice(None, None, max(1, residuals.shape[0] // 256))
        scatter = 1.4826 * np.median(np.abs(residuals[few]), axis=0)
        sides = (float(np.median(scatter[columns < -flat])), float(np.median(scatter[columns > flat])))
        # between the sides a pixel may be off by the bin's width times the steepness, whatever its noise
        steepness = np.abs(np.gradient(spread, 1.0 / BINS))
        steepest = np.array([steepness[BINS * j : BINS * (j + 1)].max() for j in range(self.columns)])
        limit = OUTLYING * np.maximum(np.where(columns < 0, *sides), max(sides) * (np.abs(columns) <= flat))
        limit = np.maximum(limit, OUTLYING * scatter) + 0.25 * steepest + 1e-9
        # most images have none: one look at the extremes is cheaper than a comparison of every pixel
        if np.all(residuals.max(axis=0) <= limit) and np.all(residuals.min(axis=0) >= -limit):
            return None, sides
        return np.abs(residuals) > limit, sides

    def resampled(self, residuals: FloatArray, weights: FloatArray, independent: FloatArray) -> FloatArray:
        """Weighted mean residual of each bin, for each set of row weights; `independent` pixels are in a bin."""
        sums = np.zeros((weights.shape[0], self.size))
        totals = np.zeros((weights.shape[0], self.size))
        for group, bins in self.groups:
            sums[:, bins] += weights[:, group] @ residuals[group]
            if self.valid is None:
                totals[:, bins] += weights[:, group].sum(axis=1, keepdims=True)
            else:
                totals[:, bins] += weights[:, group] @ self.valid[group].astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            sums /= totals
        # of n rows the bootstrap's weights give a mean's variance (n - 1)/(n + 1) of what it is
        per_bin = np.maximum(independent, 2.0)
        sums *= np.sqrt((per_bin + 1.0) / (per_bin - 1.0))
        gaps = independent == 0
        if gaps.any():
            at = np.arange(self.size)
            sums[:, gaps] = 0.0
            nearest = at[~gaps][np.searchsorted(at[~gaps], at[gaps]).clip(max=int((~gaps).sum()) - 1)]
            sums[:, gaps] = sums[:, nearest]
        return sums


def _whole_cycles(edge: FittedEdge, rows: int) -> int:
    """Rows in which the edge crosses a whole number of pixels, so that no phase counts twice (ISO 12233)."""
    cycles = int(rows * abs(edge.slope))
    angle = np.degrees(np.arctan(abs(edge.slope)))
    if abs(edge.slope) < 5 * edge.slope_uncertainty and cycles >= 1:
        raise EdgeRefused(f"no edge: noise leaves its angle unknown, {angle:.2g} degrees")
    if cycles < 1:
        raise EdgeRefused(
            f"edge at {angle:.2g} degrees crosses {rows * abs(edge.slope):.2g} pixels in {rows} rows, one at least is "
            "needed: tilt it by 2 to 10 degrees, or take a longer region"
        )
    if angle > 43.5:
        raise EdgeRefused(f"edge at {angle:.3g} degrees lies along the pixels' diagonal: tilt it by 2 to 10 degrees")
    return min(rows, max(12, round(cycles / abs(edge.slope))))


def _check_phases(fraction: FloatArray) -> None:
    phases = np.sort(fraction % 1.0)
    gap = float(np.diff(phases, append=phases[0] + 1.0).max())
    if gap > LARGEST_GAP:
        raise EdgeRefused(
            f"rows see the edge at too few phases of a pixel (gap of {gap:.2g} pixels): change its angle by a degree"
        )


def _sides_at_edge(
    values: FloatArray, valid: BoolArray | None, half_width: int, flat: float
) -> tuple[FloatArray, FloatArray]:
    """Brightness of both sides, planes fitted to them, at the edge in each row."""
    x = np.arange(values.shape[1]) - float(half_width)
    y = np.arange(values.shape[0], dtype=np.float64)
    y -= y.mean()
    sides = []
    for inside in (x < -flat, x > flat):
        # powers of x summed over each row's pixels: all that the normal equations of a plane need
        powers = np.stack([inside, inside * x], axis=1)
        if valid is None:
            sums = np.broadcast_to((inside * x[None] ** np.arange(3)[:, None]).sum(1), (y.size, 3))
            products = values @ powers
        else:
            there = valid.astype(np.float64)
            sums = there @ (inside * x[None] ** np.arange(3)[:, None]).T
            products = np.where(valid, values, 0.0) @ powers
        n, nx, nxx = sums.T
        normal = np.array(
            [
                [n.sum(), y @ n, nx.sum()],
                [y @ n, y**2 @ n, y @ nx],
                [nx.sum(), y @ nx, nxx.sum()],
            ]
        )
        right = np.array([products[:, 0].sum(), y @ products[:, 0], products[:, 1].sum()])
        if n.sum() < 24:
            raise EdgeRefused("too few pixels are left beside the edge")
        level, along, _ = np.linalg.solve(normal, right)
        sides.append(level + along * y)
    return sides[0], sides[1]


def _at_centres(sums: FloatArray, counts: FloatArray, offsets: FloatArray) -> FloatArray:
    """Means of the bins at the bins' centres, by a cubic spline where the pixels lie elsewhere or are missing."""
    there = counts > 0
    means = np.divide(sums, counts, out=np.zeros_like(sums), where=there)
    if there.all() and np.abs(offsets).max() < 0.02:
        return means
    from scipy.interpolate import CubicSpline

    at = np.arange(sums.size, dtype=np.float64)
    places, values, weights = (at + offsets)[there], means[there], counts[there]
    # a cluster of phases on the border of two bins is one knot, not two that pull a steep spline between them
    knots = np.cumsum(np.diff(places, prepend=places[0]) >= 0.5)
    total = np.bincount(knots, weights)
    places, values = np.bincount(knots, places * weights) / total, np.bincount(knots, values * weights) / total
    spline: FloatArray = CubicSpline(places, values)(at)
    # not outside what was seen
    first, last = np.nonzero(there)[0][[0, -1]]
    spline[:first], spline[last + 1 :] = means[first], means[last]
    return spline


def _levelled(spread: FloatArray, distance: FloatArray, flat: float) -> FloatArray:
    """Edge spread functions, one a row, between straight lines through their two sides."""
    lines = []
    for inside in (distance < -flat, distance > flat):
        x = distance[inside]
        slope = spread[:, inside] @ (x - x.mean()) / np.sum((x - x.mean()) ** 2)
        level = spread[:, inside].mean(axis=1) - slope * x.mean()
        lines.append((level[:, None], slope[:, None]))
    (low, low_slope), (high, high_slope) = lines
    bottom = low + low_slope * distance
    between = (high - low) + (high_slope - low_slope) * distance
    # the extrapolated far side must not vanish where a strong tilt meets a wide region
    between = np.where(between > 0.2 * (high - low), between, 0.2 * (high - low))
    levelled: FloatArray = (spread - bottom) / between
    return levelled


def _correlation_rows(residuals: FloatArray, flat: float) -> float:
    """Integrated autocorrelation of the noise along the edge, rows; 1 for white noise."""
    half, beyond, reach = residuals.shape[1] // 2, math.ceil(flat), math.ceil(4 * flat)
    # beside the edge: on it, the bins' width leaves a pattern that is no noise
    near = np.hstack(
        [residuals[:, max(0, half - reach) : half - beyond], residuals[:, half + beyond + 1 : half + reach]]
    )
    near = near - near.mean(axis=0)
    power = float(np.mean(near**2))
    if power <= 1e-12:
        return 1.0
    total, longest = 1.0, min(near.shape[0] // 8, 200)
    uncertain = 2.0 / np.sqrt(near.size)
    for lag in range(1, longest + 1):
        shared = float(np.mean(near[lag:] * near[:-lag])) / power
        if shared < max(0.02, uncertain):
            break
        total += 2 * shared
    return total


def _block_weights(rows: int, block: int, resamples: int, seed: int) -> FloatArray:
    """Exponential weights of mean 1, resamples x rows, one for each block of rows."""
    blocks = -(-rows // block)
    drawn = np.random.default_rng(seed).exponential(size=(resamples, blocks))
    return np.repeat(drawn, block, axis=1)[:, :rows]
