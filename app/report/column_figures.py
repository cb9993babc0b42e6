"""Plots in the size and style of a journal's column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app.report.picture import PLAIN_TEXT, add_legend, draw_on, drawings_of
from config.mistake import UserMistake
from storage.reader import open_run

COLUMN_WIDTH_CM = 8.5
"""One column of two: ACS 8.25 cm, Wiley 8.5 cm, Nature 8.9 cm, IEEE 8.9 cm."""

FORMATS = ("png", "svg", "pdf")

_STYLE: dict[Any, object] = {
    "font.size": 8.0,
    "axes.labelsize": 8.0,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "legend.fontsize": 6.5,
    "font.family": "sans-serif",
    "font.sans-serif": ["Arial", "Helvetica", "Liberation Sans", "DejaVu Sans"],
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "lines.markersize": 3.0,
    "pdf.fonttype": 42,  # TrueType: journals' checks refuse type 3
    "svg.fonttype": "path",
}


def save_column_figures(
    run_file: Path, formats: tuple[str, ...] = FORMATS, width_cm: float = COLUMN_WIDTH_CM, stem: Path | None = None
) -> list[Path]:
    """Draw a run for a journal: no title, no grid, lettering of 7 to 8 pt.

    Parameters
    ----------
    run_file
        Path.
    formats
        Of `FORMATS`.
    width_cm
        Of the column.
    stem
        Path without ending that the names begin with; the run file's by default.

    Returns
    -------
    list of Path
        ``STEM-figure-1.png`` and so on.

    Raises
    ------
    UserMistake
        If it cannot be written.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with open_run(run_file) as file:
        drawings = drawings_of(file)
    stem = stem or run_file.with_suffix("")
    written = []
    for number, drawing in enumerate(drawings, start=1):
        with rc_context({**_STYLE, **PLAIN_TEXT}):
            page = Figure(figsize=(width_cm / 2.54, 0.75 * width_cm / 2.54), layout="constrained")
            axes = page.add_subplot()
            draw_on(axes, drawing)
            add_legend(axes)
            axes.grid(visible=False)
            for suffix in formats:
                path = stem.with_name(f"{stem.name}-figure-{number}.{suffix}")
                try:
                    page.savefig(path, dpi=600)
                except OSError as error:
                    raise UserMistake(f"{path} cannot be written: {error.strerror}") from error
                written.append(path)
    return written
