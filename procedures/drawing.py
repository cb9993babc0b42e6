"""What a run looks like when it is drawn, whoever draws it: points with error bars, fits with their interval."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from analysis.line_fit import LineFit
from procedures.run_data import Array


@dataclass(frozen=True)
class Points:
    """Measured points."""

    x: Array
    y: Array
    y_errors: Array | None = None
    x_errors: Array | None = None
    label: str = ""
    joined: bool = False
    """Drawn as a line: for spectra and traces, whose points lie close."""


@dataclass(frozen=True)
class Curve:
    """A fit, and the 95 % interval of it."""

    x: Array
    y: Array
    low: Array | None = None
    high: Array | None = None
    label: str = ""


@dataclass(frozen=True)
class Raster:
    """An image under the points, in grey; NaN stays empty."""

    values: Array
    """(rows, columns), the first row at the top."""
    width: float
    """Of the whole image, in the unit of the x axis, which begins at its left."""
    height: float
    """In the unit of the y axis, which begins at its top."""
    label: str
    """What the grey levels are: quantity and unit."""


@dataclass(frozen=True)
class Box:
    """A region of an image, in the units of the axes."""

    x: float
    y: float
    width: float
    height: float
    label: str = ""


@dataclass(frozen=True)
class Drawing:
    """One plot."""

    title: str
    x_label: str
    """Quantity and unit."""
    y_label: str
    points: Sequence[Points] = ()
    curves: Sequence[Curve] = ()
    log_x: bool = False
    log_y: bool = False
    quoted: Sequence[str] = field(default_factory=tuple)
    """Names of the figures of merit that stand in the plot."""
    raster: Raster | None = None
    boxes: Sequence[Box] = ()
    marks: Sequence[tuple[float, str]] = ()
    """Upright lines: where on the x axis, and what they are."""


def over_one_another(runs: Iterable[tuple[str, str, Sequence[Drawing]]]) -> list[list[tuple[str, Drawing]]]:
    """Put together the plots of several runs that show the same against the same.

    Parameters
    ----------
    runs
        Of each its procedure, its label and its plots.

    Returns
    -------
    list of list of (str, Drawing)
        Groups, each with the runs' labels.
    """
    groups: dict[tuple[str, int, str, str], list[tuple[str, Drawing]]] = {}
    for procedure, label, drawings in runs:
        for number, drawing in enumerate(drawings):
            key = (procedure, number, drawing.x_label, drawing.y_label)
            groups.setdefault(key, []).append((label, drawing))
    return list(groups.values())


def quantity_with_unit(name: str, unit: str) -> str:
    """Make an axis' label of a column's name and unit."""
    quantity = name.replace("_", " ")
    quantity = quantity[:1].upper() + quantity[1:]
    return quantity if unit in ("", "1") else f"{quantity} ({unit})"


def line_curve(fit: LineFit, x_scale: float = 1.0, y_scale: float = 1.0, label: str = "") -> Curve:
    """Turn a fitted line into a curve with its interval, over the range of its points.

    Parameters
    ----------
    x_scale, y_scale
        From the fit's units to those drawn.
    """
    x = np.linspace(0.0, 1.05 * float(fit.x.max()), 200)
    y, error = fit.predict(x)
    half = (
        0.5 * (fit.slope_interval[1] - fit.slope_interval[0]) / fit.slope_uncertainty if fit.slope_uncertainty else 2.0
    )
    return Curve(x * x_scale, y * y_scale, (y - half * error) * y_scale, (y + half * error) * y_scale, label)
