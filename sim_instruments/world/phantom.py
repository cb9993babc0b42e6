"""Objects that are put before the camera: what they are made of, where, and what their image is made of.

A phantom divides the field of view into a few kinds of layers; its image is how much of each a pixel sees, behind blur
and aperture. What gets through a kind of layers is the beam's business (`sim_instruments.world.attenuation`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim_instruments.world.attenuation import Layers
from sim_instruments.world.blurred_shapes import bars_coverage, edge_coverage, interval_coverage

Floats = NDArray[np.float64]
Part = tuple[Layers, Floats]
"""Layers, and (rows, columns) how much of each pixel they cover."""


@dataclass(frozen=True)
class View:
    """What the camera looks at, in the object's plane; its middle is (0, 0)."""

    rows: int
    columns: int
    pixel_m: float
    sigma_m: float
    aperture_m: float

    @property
    def x(self) -> Floats:
        """(columns,) middle of each column, m."""
        return np.asarray((np.arange(self.columns) - 0.5 * (self.columns - 1)) * self.pixel_m, dtype=np.float64)

    @property
    def y(self) -> Floats:
        """(rows,) middle of each row, m."""
        return np.asarray((np.arange(self.rows) - 0.5 * (self.rows - 1)) * self.pixel_m, dtype=np.float64)


@dataclass(frozen=True)
class PhantomParameters:
    """What phantoms are made of and how they lie.

    Parameters
    ----------
    edge_angle_deg
        Between the tungsten edge and the columns.
    edge_offset_m
        Of the edge from the middle of the view.
    edge_thickness_m
        Of the tungsten.
    line_pairs_per_mm
        Groups of the pattern, from top to bottom.
    bars
        In each group.
    bar_thickness_m
        Of the lead.
    """

    edge_angle_deg: float = 5.0
    edge_offset_m: float = 0.0
    edge_thickness_m: float = 0.5e-3
    line_pairs_per_mm: tuple[float, ...] = (6.0, 8.0, 10.0, 12.0, 14.0, 16.0, 18.0, 20.0)
    bars: int = 5
    bar_thickness_m: float = 0.1e-3

    def __post_init__(self) -> None:
        if not 0.0 < self.edge_thickness_m < 1.0 or not 0.0 < self.bar_thickness_m < 1.0:
            msg = "the thicknesses of a phantom must be positive, and are in metres"
            raise ValueError(msg)
        if not self.line_pairs_per_mm or not all(0.0 < f <= 1000.0 for f in self.line_pairs_per_mm) or self.bars < 1:
            msg = "a line-pair pattern has at least one bar, and frequencies between 0 and 1000 line pairs per mm"
            raise ValueError(msg)


PHANTOMS = ("edge", "line-pairs", "chip", "pen")
"""What can be put before the camera."""


def image_parts(phantom: str, view: View, parameters: PhantomParameters) -> list[Part]:
    """Return the phantom's image: kinds of layers and how much of each pixel they cover; the coverages add up to one.

    Raises
    ------
    ValueError
        If there is no such phantom.
    """
    if phantom == "edge":
        covered = _edge(view, parameters)
        return [({}, 1.0 - covered), ({"W": parameters.edge_thickness_m}, covered)]
    if phantom == "line-pairs":
        covered = _line_pairs(view, parameters)
        return [({}, 1.0 - covered), ({"Pb": parameters.bar_thickness_m}, covered)]
    if phantom in ("chip", "pen"):
        kinds, index, finer = _chip(view) if phantom == "chip" else _pen(view)
        return _blurred_parts(kinds, index, finer, view)
    msg = f"no phantom is named '{phantom}', but {', '.join(PHANTOMS)}"
    raise ValueError(msg)


def _edge(view: View, parameters: PhantomParameters) -> Floats:
    angle = math.radians(parameters.edge_angle_deg)
    distance = view.x * math.cos(angle) + view.y[:, None] * math.sin(angle) - parameters.edge_offset_m
    return edge_coverage(distance, view.sigma_m, view.aperture_m, angle)


@dataclass(frozen=True)
class LinePairGroup:
    """Where a group of bars lies, in pixels of the whole sensor."""

    line_pairs_per_mm: float
    x: int
    y: int
    width: int
    height: int


def _layout(view: View, parameters: PhantomParameters) -> list[tuple[float, float, float, list[tuple[float, float]]]]:
    """Return frequency, top, bottom and bars of each group, m: one below the other, centred."""
    height = view.rows * view.pixel_m / len(parameters.line_pairs_per_mm)
    top = -0.5 * view.rows * view.pixel_m
    groups = []
    for number, frequency in enumerate(parameters.line_pairs_per_mm):
        period = 1e-3 / frequency
        left = -0.5 * (parameters.bars - 0.5) * period
        bars = [(left + k * period, left + (k + 0.5) * period) for k in range(parameters.bars)]
        begin = top + (number + 0.05) * height
        groups.append((frequency, begin, begin + 0.9 * height, bars))
    return groups


def _line_pairs(view: View, parameters: PhantomParameters) -> Floats:
    covered = np.zeros((view.rows, view.columns))
    for _, top, bottom, bars in _layout(view, parameters):
        across = bars_coverage(view.x, bars, view.sigma_m, view.aperture_m)
        along = interval_coverage(view.y, top, bottom, view.sigma_m, view.aperture_m)
        covered += along[:, None] * across
    return covered


def line_pair_groups(view: View, parameters: PhantomParameters) -> list[LinePairGroup]:
    """Return where the groups lie: the middle of their bars' length, and as many periods as there are in view."""
    found = []
    for frequency, top, bottom, bars in _layout(view, parameters):
        middle, length = 0.5 * (top + bottom), 0.5 * (bottom - top)
        y0, y1 = (np.array([middle - length / 2, middle + length / 2]) / view.pixel_m + 0.5 * view.rows).round()
        x0, x1 = (np.array([bars[0][0], bars[-1][1]]) / view.pixel_m + 0.5 * view.columns).round()
        x0, x1 = max(0, int(x0)), min(view.columns, int(x1))
        found.append(LinePairGroup(frequency, x0, int(y0), x1 - x0, int(y1) - int(y0)))
    return found


# --- drawn ones


def _blurred_parts(kinds: Sequence[Layers], index: NDArray[np.uint8], finer: int, view: View) -> list[Part]:
    from scipy.ndimage import gaussian_filter

    parts: list[Part] = []
    rest = np.ones((view.rows, view.columns))
    for number, kind in enumerate(kinds[1:], start=1):
        # averaging over the pixel's square first: a blur and an aperture commute
        drawn = (index == number).reshape(view.rows, finer, view.columns, finer)
        seen = drawn.sum(axis=3, dtype=np.uint8).sum(axis=1, dtype=np.uint8) / float(finer**2)
        seen = gaussian_filter(seen, view.sigma_m / view.pixel_m, mode="nearest", truncate=5.0)
        parts.append((kind, seen))
        rest -= seen
    return [(kinds[0], rest), *parts]


class _Canvas:
    """Something to draw on, finer than the view's pixels; its coordinates are parts of the view's smaller side."""

    def __init__(self, view: View) -> None:
        self.finer = 4 if view.rows * view.columns <= 500_000 else 2
        rows, columns = view.rows * self.finer, view.columns * self.finer
        side = min(rows, columns)
        self.x = (np.arange(columns) + 0.5 - 0.5 * columns) / side
        self.y = (np.arange(rows) + 0.5 - 0.5 * rows) / side
        self.index = np.zeros((rows, columns), dtype=np.uint8)

    def rectangle(self, kind: int, x: tuple[float, float], y: tuple[float, float]) -> None:
        """Fill a rectangle."""
        self.index[_slice(self.y, y), _slice(self.x, x)] = kind

    def shape(
        self, kind: int, x: tuple[float, float], y: tuple[float, float], inside: Callable[[Floats, Floats], Floats]
    ) -> None:
        """Fill where `inside` of x and y is positive, within a rectangle: only there is it looked at."""
        rows, columns = _slice(self.y, y), _slice(self.x, x)
        part = self.index[rows, columns]
        part[inside(self.x[columns], self.y[rows][:, None]) > 0.0] = kind


def _slice(coordinates: Floats, limits: tuple[float, float]) -> slice:
    first, last = np.searchsorted(coordinates, limits)
    return slice(int(first), int(last))


def _chip(view: View) -> tuple[list[Layers], NDArray[np.uint8], int]:
    """Return a chip in its package: epoxy, copper leads and pad, silicon die, gold wires."""
    package: Mapping[str, float] = {"epoxy": 1.0e-3}
    kinds: list[Layers] = [
        {},
        package,
        {**package, "Cu": 0.15e-3},
        {**package, "Cu": 0.15e-3, "Si": 0.3e-3},
        {**package, "Au": 25e-6},
    ]
    canvas = _Canvas(view)
    canvas.rectangle(1, (-0.36, 0.36), (-0.28, 0.28))
    for k in range(-4, 5):
        lead = (0.08 * k - 0.02, 0.08 * k + 0.02)
        canvas.rectangle(2, lead, (0.2, 0.42))
        canvas.rectangle(2, lead, (-0.42, -0.2))
        for sign in (1.0, -1.0):
            # a wire from the die to the lead
            place = (0.1, 0.21) if sign > 0 else (-0.21, -0.1)
            canvas.shape(
                4,
                (-0.36, 0.36),
                place,
                lambda x, y, k=k, sign=sign: 0.004 - abs(x - k * (0.03 + 0.05 * (sign * y - 0.1) / 0.11)),  # type: ignore[misc]
            )
    canvas.rectangle(2, (-0.2, 0.2), (-0.15, 0.15))
    canvas.rectangle(3, (-0.15, 0.15), (-0.11, 0.11))
    return kinds, canvas.index, canvas.finer


def _pen(view: View) -> tuple[list[Layers], NDArray[np.uint8], int]:
    """Return a ballpoint pen: polymer barrel, refill, steel spring, brass tip (as copper) with its ball."""
    kinds: list[Layers] = [
        {},
        {"polymer": 2.0e-3},
        {"polymer": 5.0e-3},
        {"polymer": 3.0e-3, "Fe": 0.3e-3},
        {"Cu": 1.0e-3},
        {"W": 0.5e-3},
    ]
    canvas = _Canvas(view)
    left = -10.0
    canvas.rectangle(1, (left, 0.3), (-0.18, 0.18))
    canvas.rectangle(2, (left, 0.3), (0.14, 0.18))
    canvas.rectangle(2, (left, 0.3), (-0.18, -0.14))
    canvas.rectangle(2, (left, 0.34), (-0.05, 0.05))
    canvas.shape(3, (-0.35, 0.25), (-0.13, 0.13), lambda x, y: 0.012 - abs(y - 0.11 * np.sin(2.0 * math.pi * x / 0.06)))
    canvas.shape(4, (0.3, 0.45), (-0.2, 0.2), lambda x, y: 0.16 * (0.47 - x) / 0.17 - abs(y))
    canvas.shape(5, (0.44, 0.47), (-0.02, 0.02), lambda x, y: 0.012**2 - (x - 0.455) ** 2 - y**2)
    return kinds, canvas.index, canvas.finer
