"""Where the straight edge of an image lies, and how much of the image around it belongs to it alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from analysis.checked_arrays import FloatArray

BoolArray = npt.NDArray[np.bool_]

#: A region needs this many rows and columns.
SMALLEST_SIDE = 20
#: The edge is looked for in an image averaged down to about this many pixels a side.
COARSE_SIDE = 192
#: A gradient counts as the edge's above this share of the strongest, and above this many of its noise's sigmas.
STRONG_SHARE = 0.3
STRONG_SIGMAS = 5.0
#: Share of its length on which a line must be seen, in order to be an edge and not a chance alignment.
SEEN_SHARE = 0.7


class EdgeRefused(ValueError):  # noqa: N818 (a refusal is a result)
    """The image gives no slanted-edge result; the message says why and what would mend it."""


@dataclass(frozen=True)
class EdgeRegion:
    """Part of an image that holds one straight edge.

    Attributes
    ----------
    rows, columns
        First and one past the last, pixels of the whole image.
    horizontal
        Whether the edge is nearer to horizontal. Its line is then that of the transposed image.
    slope, offset
        x = offset + slope y along the edge, x and y in pixels of the whole image (transposed when `horizontal`).
    half_width
        How far from the edge, along x, nothing but the edge is seen, pixels.
    """

    rows: tuple[int, int]
    columns: tuple[int, int]
    horizontal: bool
    slope: float
    offset: float
    half_width: int

    @property
    def angle(self) -> float:
        """Angle between the edge and the nearest image axis, degrees, 0 to 45."""
        return math.degrees(math.atan(abs(self.slope)))


def find_edge_region(
    image: npt.ArrayLike, mask: npt.ArrayLike | None = None, region: tuple[slice, slice] | None = None
) -> EdgeRegion:
    """Find the strongest straight edge of an image, or of a given region of it.

    The image is averaged down and freed of single bright pixels; every strong gradient votes for the line through it
    and across its direction (Hough transform); the line with the most votes is refined by total least squares. With
    no region given, the region is the part of the line that is seen without a gap, and the band around it that no
    other edge reaches.

    Parameters
    ----------
    image
        2-D, any unit. Pixels that are not finite are left out.
    mask
        True at pixels to leave out, shape of the image.
    region
        (rows, columns) to look in; the region returned is then this one, whole.

    Raises
    ------
    EdgeRefused
        If there is no edge, or too little image.
    """
    whole = np.asarray(image)
    if whole.ndim != 2:
        raise EdgeRefused(f"an edge needs an image of two dimensions, this array has {whole.ndim}")
    rows, columns = _bounds(whole.shape, region)
    part = whole[rows[0] : rows[1], columns[0] : columns[1]]
    if min(part.shape) < SMALLEST_SIDE:
        raise EdgeRefused(
            f"region of {part.shape[0]} x {part.shape[1]} pixels is too small for a slanted edge, "
            f"{SMALLEST_SIDE} x {SMALLEST_SIDE} are needed"
        )
    left_out = None if mask is None else np.asarray(mask, dtype=bool)[rows[0] : rows[1], columns[0] : columns[1]]
    block = max(1, max(part.shape) // COARSE_SIDE, min(2, min(part.shape) // 40))
    line = _strongest_line(*_coarse(part, left_out, block))
    # centre of coarse pixel j in pixels of the whole image: origin + block j + (block - 1)/2
    first_x, first_y = columns[0] + (block - 1) / 2, rows[0] + (block - 1) / 2
    if line.horizontal:
        first_x, first_y = first_y, first_x
    offset = first_x + block * line.offset - line.slope * first_y
    along, across = (columns, rows) if line.horizontal else (rows, columns)
    half = across[1] - across[0]
    if region is None:
        # the seen part, one coarse pixel less where it ends inside the image: there may be a corner
        start = along[0] + block * (line.start + (1 if line.start > 0 else 0))
        stop = along[1] if line.at_end else along[0] + block * (line.stop - 1)
        half = min(half, block * line.free)
        ends = [offset + line.slope * y for y in (start, stop)]
        along = (start, min(stop, along[1]))
        across = (max(across[0], math.floor(min(ends)) - half), min(across[1], math.ceil(max(ends)) + half + 1))
    if min(along[1] - along[0], across[1] - across[0]) < SMALLEST_SIDE:
        raise EdgeRefused(f"the edge found is too small: {along[1] - along[0]} x {across[1] - across[0]} pixels")
    if line.horizontal:
        return EdgeRegion(across, along, True, line.slope, offset, half)
    return EdgeRegion(along, across, False, line.slope, offset, half)


@dataclass(frozen=True)
class _Line:
    """Line in coarse pixels: x = offset + slope y from row `start` to `stop`; `free` columns each side are its own."""

    horizontal: bool
    slope: float
    offset: float
    start: int
    stop: int
    at_end: bool
    free: int


def _bounds(shape: tuple[int, ...], region: tuple[slice, slice] | None) -> tuple[tuple[int, int], tuple[int, int]]:
    if region is None:
        return (0, shape[0]), (0, shape[1])
    bounds = []
    for name, part, size in zip(("rows", "columns"), region, shape, strict=True):
        start, stop, step = part.indices(size)
        asked = [end for end in (part.start, part.stop) if end is not None]
        if step != 1 or any(end < 0 or end > size for end in asked):
            raise EdgeRefused(f"region's {name} {part.start}..{part.stop} are not inside the image's 0..{size}")
        bounds.append((start, stop))
    return bounds[0], bounds[1]


def _coarse(part: npt.NDArray[np.generic], left_out: BoolArray | None, block: int) -> tuple[FloatArray, BoolArray]:
    """Means of blocks of pixels without outliers, and which of them hold a pixel."""
    high, wide = part.shape[0] // block, part.shape[1] // block
    part = part[: high * block, : wide * block]
    bad = None if left_out is None else left_out[: high * block, : wide * block]
    if part.dtype.kind == "f" and not np.isfinite(part.sum(dtype=np.float64)):
        bad = ~np.isfinite(part) if bad is None else bad | ~np.isfinite(part)
    # two short sums are many times faster than one mean over two axes of four
    if bad is None:
        sums = part.reshape(high, block, wide * block).sum(1, dtype=np.float64).reshape(high, wide, block).sum(2)
        seen = np.ones((high, wide), dtype=bool)
        means = sums / block**2
    else:
        kept = np.where(bad, 0.0, part.astype(np.float64)).reshape(high, block, wide, block).sum((1, 3))
        counts = (~bad).reshape(high, block, wide, block).sum((1, 3))
        seen = counts > 0
        if not seen.any():
            raise EdgeRefused("no pixel of the region is finite and unmasked")
        means = kept / np.maximum(counts, 1)
        if not seen.all():
            nearest = ndimage.distance_transform_edt(~seen, return_distances=False, return_indices=True)
            means = means[tuple(nearest)]
    return ndimage.median_filter(means, 3, mode="nearest"), seen


def _strongest_line(coarse: FloatArray, seen: BoolArray) -> _Line:
    smooth: FloatArray = ndimage.gaussian_filter(coarse, 1.0, mode="nearest")
    gy, gx = (np.asarray(part, dtype=np.float64) for part in np.gradient(smooth))
    strength: FloatArray = np.asarray(np.hypot(gx, gy))
    strength[~ndimage.binary_erosion(seen, np.ones((3, 3), dtype=bool), border_value=1)] = 0.0
    top = float(np.sort(strength.ravel())[-max(4, strength.size // 500) :].mean())
    # median of a Rayleigh distribution is 1.177 sigma
    noise = float(np.median(strength)) / 1.177
    if top <= 1e-9 * float(np.abs(coarse).max(initial=0.0)) or top == 0.0:
        raise EdgeRefused("no edge: the image is uniform")
    strong = strength > max(STRONG_SHARE * top, min(STRONG_SIGMAS * noise, 0.6 * top))
    ys, xs = np.nonzero(strong)
    weights = strength[strong]
    direction = np.arctan2(gy[strong], gx[strong])
    normal, rho = _votes(xs, ys, direction, weights, coarse.shape)
    for reach, turn in ((4.0, 0.5), (3.0, 0.35), (3.0, 0.35)):
        near = np.abs(xs * math.cos(normal) + ys * math.sin(normal) - rho) < reach
        near &= np.abs(np.angle(np.exp(1j * (direction - normal)))) < turn
        if near.sum() < 8:
            raise EdgeRefused("no edge: no straight line of gradients is seen")
        normal, rho = _total_least_squares(xs[near], ys[near], weights[near], normal)
    cosine, sine = math.cos(normal), math.sin(normal)
    horizontal = abs(sine) > abs(cosine)
    if horizontal:
        xs, ys, cosine, sine = ys, xs, sine, cosine
    slope, offset = -sine / cosine, rho / cosine
    length = coarse.shape[1] if horizontal else coarse.shape[0]
    start, stop = _seen_part(ys[near], length)
    inside = offset + slope * np.arange(start, stop)
    across = coarse.shape[0] if horizontal else coarse.shape[1]
    if not np.any((inside >= 0) & (inside <= across - 1)):
        raise EdgeRefused("no edge: the line found lies outside the image")
    distance = np.abs(xs - offset - slope * ys)
    # steep along the same direction, out to the first gap: the same edge, blurred
    same = np.abs(np.angle(np.exp(1j * (direction - normal)))) < 0.5
    counts = np.bincount(distance[same].astype(np.intp), minlength=4)
    breadth = int(np.argmax(np.append(counts < 0.1 * counts[:3].max(), True)))
    others = (ys >= start) & (ys < stop) & ~near & ~(same & (distance < breadth + 2)) & (distance > 6.0)
    at_end = stop >= length
    first, last, free = _roomiest_part(ys[others] - start, distance[others], stop - start, across)
    return _Line(horizontal, slope, offset, start + first, start + last, at_end and last == stop - start, free)


def _roomiest_part(rows: npt.NDArray[np.intp], distance: FloatArray, length: int, across: int) -> tuple[int, int, int]:
    """Part of the line, and the room on each side of it that no other gradient reaches, largest in area."""
    if rows.size == 0:
        return 0, length, across
    room = np.full(length, float(across))
    np.minimum.at(room, rows, distance - 3.0)
    best, best_area = (0, length, 2), 0.0
    for first in range(length - 5):
        free = np.minimum.accumulate(room[first:])
        lengths = np.arange(1, free.size + 1)
        # room beyond the length is worth little: without rows there is no uncertainty
        area = lengths * np.minimum(free, lengths)
        last = int(np.argmax(area))
        if area[last] > best_area:
            best, best_area = (first, first + last + 1, max(2, int(free[last]))), float(area[last])
    return best


def _votes(
    xs: npt.NDArray[np.intp],
    ys: npt.NDArray[np.intp],
    direction: FloatArray,
    weights: FloatArray,
    shape: tuple[int, ...],
) -> tuple[float, float]:
    """Direction of the normal, radians, and distance from the origin, of the line with the most votes."""
    reach = math.hypot(*shape) + 2
    turns, steps = 180, math.ceil(2 * reach)
    votes = np.zeros((turns, steps))
    # gradients of noise scatter by some degrees: each pixel votes for its direction and the neighbouring ones
    for turn in range(-6, 7, 2):
        angle = direction + math.radians(turn)
        place = xs * np.cos(angle) + ys * np.sin(angle)
        index = np.floor(angle / (2 * math.pi) * turns).astype(np.intp) % turns
        np.add.at(votes, (index, np.floor(place + reach).astype(np.intp)), weights)
    votes = ndimage.gaussian_filter(votes, 1.0, mode=("wrap", "constant"))
    most = divmod(int(np.argmax(votes)), steps)
    return (most[0] + 0.5) * 2 * math.pi / turns, most[1] + 0.5 - reach


def _total_least_squares(
    xs: npt.NDArray[np.intp], ys: npt.NDArray[np.intp], weights: FloatArray, near: float
) -> tuple[float, float]:
    points = np.stack((xs, ys)).astype(np.float64)
    centre = np.average(points, axis=1, weights=weights)
    apart = points - centre[:, None]
    spread = (apart * weights) @ apart.T
    across = np.linalg.eigh(spread)[1][:, 0]
    # of the two normals the one along the gradient
    if across @ np.array([math.cos(near), math.sin(near)]) < 0:
        across = -across
    return math.atan2(across[1], across[0]), float(across @ centre)


def _seen_part(rows: npt.NDArray[np.intp], length: int) -> tuple[int, int]:
    """Longest part of the line without a gap."""
    there = np.zeros(length, dtype=bool)
    there[rows] = True
    closed = ndimage.binary_closing(np.pad(there, 3, mode="edge"), np.ones(5, dtype=bool))[3:-3]
    labels, found = ndimage.label(closed)
    if found == 0:
        raise EdgeRefused("no edge: no straight line of gradients is seen")
    sizes = np.bincount(labels)[1:]
    best = int(np.argmax(sizes)) + 1
    where = np.nonzero(labels == best)[0]
    start, stop = int(where[0]), int(where[-1]) + 1
    # a gradient of noise is steep here and there, an edge everywhere along it
    if there[start:stop].mean() < SEEN_SHARE or stop - start < max(6, length // 8):
        raise EdgeRefused("no edge: gradients line up on too short a part of the image")
    return start, stop
