"""A picture of a run: points with error bars, fits with their interval, the figures of merit beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analysis.figure import FigureOfMerit
from app.engine.reading import procedure_of, run_data
from config.mistake import UserMistake
from procedures.drawing import Drawing
from storage.reader import RunFile, open_run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#1f5fa8", "#c8501e", "#2f8f4e", "#8b4fa8", "#8a6d00")
"""Told apart by people who do not see all colours, and in grey."""

MARKERS = ("o", "s", "^", "D", "v")


def save_pictures(run_file: Path, suffix: str = ".png") -> list[Path]:
    """Draw a run file and save beside it.

    Parameters
    ----------
    run_file
        Path.
    suffix
        ``.png``, ``.svg`` or ``.pdf``.

    Returns
    -------
    list of Path
        What was written; empty where the procedure has nothing to draw.
    """
    with open_run(run_file) as file:
        drawings = drawings_of(file)
        figures = [FigureOfMerit.from_dict(figure) for figure in file.figures]
    written = []
    for number, drawing in enumerate(drawings):
        path = run_file.with_name(f"{run_file.stem}{f'-{number + 1}' if number else ''}{suffix}")
        try:
            figure_of(drawing, figures).savefig(path, dpi=150)
        except OSError as error:
            raise UserMistake(f"{path} cannot be written: {error.strerror}") from error
        written.append(path)
    return written


def drawings_of(file: RunFile) -> Sequence[Drawing]:
    """Return what a run looks like.

    Raises
    ------
    UserMistake
        If the file's procedure is not known here.
    """
    procedure = procedure_of(file)
    data = run_data(file, procedure.values())
    procedure.sample = data.sample
    return procedure.drawings(data)


def figure_of(drawing: Drawing, figures: Sequence[FigureOfMerit]) -> Figure:
    """Draw one plot; no window and no global state is involved."""
    from matplotlib.figure import Figure

    page = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes = page.add_subplot()
    draw_on(axes, drawing)
    axes.set_title(drawing.title)
    _quote(page, [figure for figure in figures if figure.name in drawing.quoted])
    return page


def draw_on(axes: Axes, drawing: Drawing, colours: Sequence[str] = COLOURS, markers: Sequence[str] = MARKERS) -> None:
    """Draw points with error bars and fits with their interval into axes, and label these.

    Parameters
    ----------
    axes
        Empty.
    drawing
        What the procedure gave.
    colours, markers
        Of its curves and points in turn.
    """
    for number, curve in enumerate(drawing.curves):
        colour = colours[number % len(colours)]
        axes.plot(curve.x, curve.y, color=colour, linewidth=1.2, label=curve.label or None)
        if curve.low is not None and curve.high is not None:
            axes.fill_between(curve.x, curve.low, curve.high, color=colour, alpha=0.25, linewidth=0)
    for number, points in enumerate(drawing.points):
        colour = colours[number % len(colours)]
        if points.joined:
            axes.plot(points.x, points.y, color=colour, linewidth=1.0, label=points.label or None)
            if points.y_errors is not None and np.isfinite(points.y_errors).any():
                low, high = points.y - points.y_errors, points.y + points.y_errors
                axes.fill_between(points.x, low, high, color=colour, alpha=0.3, linewidth=0)
            continue
        axes.errorbar(
            points.x,
            points.y,
            yerr=points.y_errors,
            xerr=points.x_errors,
            fmt=markers[number % len(markers)],
            markersize=4,
            capsize=2,
            linewidth=1,
            color=colour,
            label=points.label or None,
        )
    axes.set_xlabel(drawing.x_label)
    axes.set_ylabel(drawing.y_label)
    if drawing.log_x:
        axes.set_xscale("log")
    if drawing.log_y:
        axes.set_yscale("log")
    axes.grid(alpha=0.25)
    if any(points.label for points in drawing.points) or any(curve.label for curve in drawing.curves):
        axes.legend(frameon=False)


def _quote(page: Figure, figures: Sequence[FigureOfMerit]) -> None:
    """Write the figures of merit under the plot, with their uncertainty; there they hide nothing."""
    lines = []
    for figure in figures:
        at = ", ".join(f"{value:g} {unit}" for value, unit in figure.at.values())
        lines.append(f"{figure.name.replace('_', ' ')} {figure}{f' at {at}' if at else ''}")
    if lines:
        page.supxlabel("\n".join(lines), fontsize=8, x=0.02, ha="left")
