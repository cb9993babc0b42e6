"""What the window saves of runs: pictures, tables, the report."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from config.mistake import UserMistake

if TYPE_CHECKING:
    from app.gui.run_content import RunContent
    from procedures.drawing import Drawing

HEADINGS = ("run", "figure", "at", "value", "uncertainty", "low_95", "high_95", "unit", "method", "warnings")
PICTURES = (".png", ".svg", ".pdf")


def save_picture(runs: Sequence[RunContent], plots: Sequence[tuple[str, Drawing]], path: Path) -> list[Path]:
    """Save a plot as the report draws it; the suffix says which kind.

    Parameters
    ----------
    runs
        Of which the figures of merit are quoted, where there is one.
    plots
        Label and plot; several are laid over one another.
    path
        Of the picture.

    Raises
    ------
    UserMistake
        If it cannot be written.
    """
    from app.report.overlay import overlay
    from app.report.picture import figure_of

    if path.suffix.lower() not in PICTURES:
        raise UserMistake(f"{path}: a picture ends in {', '.join(PICTURES[:-1])} or {PICTURES[-1]}")
    page = overlay(plots) if len(plots) > 1 else figure_of(plots[0][1], runs[0].figures)
    try:
        page.savefig(path, dpi=150)
    except (OSError, ValueError) as error:
        raise UserMistake(f"{path} cannot be written: {getattr(error, 'strerror', None) or error}") from error
    return [path]


def save_figures(runs: Sequence[RunContent], path: Path) -> list[Path]:
    """Save the figures of merit of runs as one table.

    Raises
    ------
    UserMistake
        If it cannot be written.
    """
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(HEADINGS)
            for run in runs:
                for one in run.figures:
                    at = "; ".join(f"{name} {value:g} {unit}" for name, (value, unit) in one.at.items())
                    low, high = one.interval or ("", "")
                    value = "" if one.value is None else one.value
                    uncertainty = "" if one.uncertainty is None else one.uncertainty
                    warnings = "; ".join(one.warnings)
                    numbers = (value, uncertainty, low, high)
                    table.writerow((run.path.name, one.name, at, *numbers, one.unit, one.method, warnings))
    except OSError as error:
        raise UserMistake(f"{path} cannot be written: {error.strerror}") from error
    return [path]


def save_records(runs: Sequence[RunContent], path: Path) -> list[Path]:
    """Save every stream of runs as tables; their names begin with that of `path`.

    Raises
    ------
    UserMistake
        If it cannot be written.
    """
    from app.report.stream_tables import save_streams

    written: list[Path] = []
    for run in runs:
        name = path.stem if len(runs) == 1 else f"{path.stem}-{run.path.stem}"
        written += save_streams(run.path, path.with_name(name))[0]
    return written


def save_report(runs: Sequence[RunContent], path: Path) -> list[Path]:
    """Save runs as one page for a reader, as ``xraybench report`` does.

    Raises
    ------
    UserMistake
        If it cannot be written.
    """
    from app.report.page import html
    from app.report.run_chapter import chapter
    from app.report.sections import Report

    title = f"Report of {len(runs)} runs" if len(runs) > 1 else "Report of a run"
    now = datetime.now().astimezone()
    footer = f"xraybench {version('xraybench')}, {now:%Y-%m-%d %H:%M %Z}, from the run files alone"
    page = html(Report(title, [chapter(run.path) for run in runs], footer))
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UserMistake(f"{path} cannot be written: {error.strerror}") from error
    return [path]
