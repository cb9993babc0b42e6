"""A picture of a run: points with error bars, fits with their interval, the figures of merit beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.figure import FigureOfMerit
from app.engine.reading import procedure_of, run_data
from config.mistake import UserMistake
from procedures.drawing import Box, Drawing, Raster
from storage.reader import RunFile, open_run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#1f5fa8", "#c8501e", "#2f8f4e", "#8b4fa8", "#8a6d00")
"""Told apart by people who do not see all colours, and in grey."""

BOX_COLOUR = "#ff8c2a"
"""Of regions in an image: seen on black and on white."""

PLAIN_TEXT: dict[Any, object] = {"text.parse_math": False}
"""A sample's name is no formula, and one with a dollar sign would be a wrong one."""

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
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    page = Figure(figsize=(6.4, 4.4), layout="constrained")
    with rc_context(PLAIN_TEXT):
        axes = page.add_subplot()
        draw_on(axes, drawing)
        add_legend(axes)
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
    if drawing.raster is not None:
        _draw_image(axes, drawing.raster)
    for box in drawing.boxes:
        _draw_box(axes, box)
    for place, label in drawing.marks:
        axes.axvline(place, color="0.4", linestyle="--", linewidth=1.0, label=label)
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
    axes.grid(alpha=0.0 if drawing.raster is not None else 0.25)


def add_legend(axes: Axes) -> None:
    """Name what is drawn, where it has names: once for all that is in the axes, as it takes longer than drawing."""
    if axes.get_legend_handles_labels()[1]:
        axes.legend(frameon=False)


def _draw_image(axes: Axes, raster: Raster) -> None:
    """Draw an image as it is seen, its first row at the top, between its darkest and brightest percentile."""
    known = raster.values[np.isfinite(raster.values)]
    low, high = np.percentile(known, (0.5, 99.5)) if known.size else (0.0, 1.0)
    shown = axes.imshow(
        raster.values,
        cmap="gray",
        vmin=float(low),
        vmax=float(high),
        extent=(0.0, raster.width, raster.height, 0.0),
        interpolation="nearest" if min(raster.values.shape) < 200 else "antialiased",
    )
    page = axes.get_figure()
    if page is not None:
        page.colorbar(shown, ax=axes, label=raster.label)


def _draw_box(axes: Axes, box: Box) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((box.x, box.y), box.width, box.height, fill=False, edgecolor=BOX_COLOUR, linewidth=1.0))
    axes.text(box.x, box.y, f" {box.label}", color=BOX_COLOUR, fontsize=7, va="top", ha="left", clip_on=True)


def _quote(page: Figure, figures: Sequence[FigureOfMerit]) -> None:
    """Write the figures of merit under the plot, with their uncertainty; there they hide nothing."""
    lines = []
    for figure in figures:
        at = ", ".join(f"{value:g} {unit}" for value, unit in figure.at.values())
        lines.append(f"{figure.name.replace('_', ' ')} {figure}{f' at {at}' if at else ''}")
    if lines:
        page.supxlabel("\n".join(lines), fontsize=8, x=0.02, ha="left")
