"""Several runs in one plot: each in its own colour, fits and error bars included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.report.picture import COLOURS, MARKERS, PLAIN_TEXT, draw_on, drawings_of
from config.mistake import UserMistake
from procedures.drawing import Drawing, over_one_another
from storage.reader import open_run

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save_overlays(runs: Sequence[tuple[str, Path]], path: Path) -> list[Path]:
    """Draw runs over one another and save.

    Parameters
    ----------
    runs
        What each is called in the legend, and its file.
    path
        Of the picture, ``.png``, ``.svg`` or ``.pdf``; a number is added for further plots.

    Returns
    -------
    list of Path
        One for each kind of plot that at least two runs have.

    Raises
    ------
    UserMistake
        If the picture cannot be written.
    """
    found: list[tuple[str, str, Sequence[Drawing]]] = []
    for label, run_file in runs:
        with open_run(run_file) as file:
            found.append((file.procedure, label, drawings_of(file)))
    written: list[Path] = []
    for group in over_one_another(found):
        if len(group) < 2:
            continue
        picture = path.with_name(f"{path.stem}{f'-{len(written) + 1}' if written else ''}{path.suffix}")
        try:
            overlay(group).savefig(picture, dpi=150)
        except (OSError, ValueError) as error:
            raise UserMistake(f"{picture} cannot be written: {error}") from error
        written.append(picture)
    return written


def overlay(drawings: Sequence[tuple[str, Drawing]]) -> Figure:
    """Draw plots of the same quantities over one another.

    Parameters
    ----------
    drawings
        Label and plot; the title is theirs where it is the same.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    page = Figure(figsize=(7.2, 4.6), layout="constrained")
    with rc_context(PLAIN_TEXT):
        _draw(page, drawings)
    return page


def _draw(page: Figure, drawings: Sequence[tuple[str, Drawing]]) -> None:
    axes = page.add_subplot()
    colours = colours_of(len(drawings))
    for number, (label, drawing) in enumerate(drawings):
        named = replace(
            drawing,
            points=[replace(one, label=f"{label} {one.label}".strip()) for one in drawing.points],
            # the points say which run and which condition it is; the fit through them has their colour
            curves=[replace(one, label="") for one in drawing.curves],
        )
        draw_on(axes, named, [colours[number]], MARKERS)
    titles = {drawing.title for _, drawing in drawings}
    axes.set_title(titles.pop() if len(titles) == 1 else "")
    entries = len(axes.get_legend_handles_labels()[1])
    axes.legend(frameon=False, fontsize=8 if entries <= 10 else 6, ncols=1 if entries <= 10 else 2)


def colours_of(number: int) -> Sequence[str]:
    """Colours that are told apart, also by people who do not see all of them, and in grey."""
    if number <= len(COLOURS):
        return COLOURS
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return [to_hex(colormaps["viridis"](0.95 * index / (number - 1))) for index in range(number)]
