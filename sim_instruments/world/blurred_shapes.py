"""Coverage of pixels by shapes behind a Gaussian blur and a square aperture, in closed form.

The blur is a Gaussian of standard deviation sigma; the aperture is a square of side a along rows and columns, over
which a pixel averages (0: a pixel is a point, which is how a stated sigma that includes the aperture is taken).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)
_SMALL = 1e-12


def edge_coverage(distance: Floats, sigma: float, aperture: float, angle: float) -> Floats:
    """Return the covered part of pixels whose centre is `distance` m inside a half plane.

    Parameters
    ----------
    distance
        From the edge along its normal, m, positive inside; any shape.
    sigma
        Of the blur, m.
    aperture
        Side of a pixel's square, m.
    angle
        Between the edge and the columns, rad: the square's projection is a trapezoid, two boxes on each other.

    Returns
    -------
    numpy.ndarray
        The same shape, 0 to 1.
    """
    wide, narrow = aperture * abs(math.cos(angle)), aperture * abs(math.sin(angle))
    reach = 8.0 * sigma + wide + narrow + _SMALL
    step = max(sigma, 0.25 * (wide + narrow), _SMALL) / 200.0
    grid = np.arange(-reach, reach + step, step)
    values = np.zeros_like(grid)
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        values += 0.5 * weight * _box_step(grid + 0.5 * narrow * node, sigma, wide)
    return np.asarray(np.interp(distance, grid, values, left=0.0, right=1.0))


def interval_coverage(positions: Floats, begin: float, end: float, sigma: float, aperture: float) -> Floats:
    """Return the covered part of pixels at `positions` (m) by the interval from `begin` to `end`, in one direction."""
    return _box_step(positions - begin, sigma, aperture) - _box_step(positions - end, sigma, aperture)


def bars_coverage(positions: Floats, edges: Sequence[tuple[float, float]], sigma: float, aperture: float) -> Floats:
    """Return the covered part of pixels at `positions` (m) by bars that do not overlap."""
    total = np.zeros_like(positions)
    for begin, end in edges:
        total += interval_coverage(positions, begin, end, sigma, aperture)
    return total


def _box_step(x: Floats, sigma: float, width: float) -> Floats:
    """Return a step that was blurred by a Gaussian and then averaged over a box."""
    from scipy.special import ndtr

    if width <= _SMALL:
        return np.asarray(ndtr(x / sigma)) if sigma > _SMALL else (x > 0) + 0.5 * (x == 0)
    if sigma <= _SMALL:
        return np.clip(x / width + 0.5, 0.0, 1.0)

    def integral(at: Floats) -> Floats:
        z = at / sigma
        return np.asarray(at * ndtr(z) + sigma * np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi))

    return (integral(x + width / 2.0) - integral(x - width / 2.0)) / width


def modulation_transfer(frequency: Floats | float, sigma: float, aperture: float) -> Floats:
    """Return the MTF of blur and aperture at spatial frequencies (1/m) along rows or columns."""
    f = np.asarray(frequency, dtype=float)
    return np.asarray(np.exp(-2.0 * (math.pi * sigma * f) ** 2) * np.abs(np.sinc(aperture * f)))


def frequency_at(level: float, sigma: float, aperture: float) -> float:
    """Return the lowest spatial frequency, 1/m, at which the MTF has fallen to `level`.

    Raises
    ------
    ValueError
        If `level` is not between 0 and 1, or there is no blur.
    """
    if not 0.0 < level < 1.0 or sigma + aperture <= 0.0:
        msg = f"the MTF of a blur of {sigma} m and an aperture of {aperture} m is nowhere {level}"
        raise ValueError(msg)
    high = math.sqrt(-math.log(level) / 2.0) / (math.pi * sigma) if sigma > 0.0 else math.inf
    low, high = 0.0, min(high, 1.0 / aperture if aperture > 0.0 else math.inf)
    for _ in range(100):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if float(modulation_transfer(middle, sigma, aperture)) > level else (low, middle)
    return 0.5 * (low + high)


def line_pair_contrast(frequency: float, sigma: float, aperture: float, bar_transmission: float = 0.0) -> float:
    """Return (Imax - Imin)/(Imax + Imin) in an endless pattern of bars and gaps of equal width.

    Parameters
    ----------
    frequency
        Line pairs per metre.
    sigma, aperture
        m
    bar_transmission
        What the detector sees behind a bar, relative to a gap.
    """
    orders = np.arange(1, 2001, 2, dtype=float)
    transfer = np.exp(-2.0 * (math.pi * sigma * frequency * orders) ** 2) * np.sinc(aperture * frequency * orders)
    signs = np.where(orders % 4 == 1, 1.0, -1.0)
    # the square wave's series at the middle of a gap; at the middle of a bar it is the opposite
    swing = float(np.sum(4.0 / (math.pi * orders) * signs * transfer))
    return (1.0 - bar_transmission) * swing / (1.0 + bar_transmission)
