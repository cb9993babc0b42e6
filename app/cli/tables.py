"""Tables on the terminal."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from analysis.figure import FigureOfMerit, rounded
from app.cli.folding import KEPT, Folded


def console() -> Console:
    """Make a console on stdout; wide enough for a table when nobody looks at a terminal."""
    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=max(terminal.width, 140))


def print_json(document: Any) -> None:
    """Print one JSON document and nothing else; a number that is not finite would be none."""
    json.dump(document, sys.stdout, indent=2, allow_nan=False, default=str)
    sys.stdout.write("\n")


def print_table(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; what it shows is text and never markup."""
    table = Table(title=title or None, title_justify="left")
    for heading in headings:
        table.add_column(Folded(heading))
    for row in rows:
        table.add_row(*map(Folded, row))
    console().print(table)


class Notes:
    """What has to be said about single rows of a table: numbered, and printed in full below it."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def marks(self, texts: Iterable[str]) -> str:
        """Return the numbers of a row's notes, rising."""
        numbers = [self._numbers.setdefault(text, len(self._numbers) + 1) for text in texts]
        return ", ".join(map(str, sorted(numbers)))

    def print(self) -> None:
        """Print every note once."""
        grid = Table.grid(padding=(0, 1))
        grid.add_column(justify="right")
        grid.add_column()
        for text, number in self._numbers.items():
            grid.add_row(f"{number}", Folded(text))
        if self._numbers:
            console().print(grid)


def path_text(path: Path | None) -> str:
    """Say a path as short as it can be typed from here."""
    if path is None:
        return ""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def at_text(figure: FigureOfMerit) -> str:
    """Say the conditions of a figure."""
    return ", ".join(f"{name} {condition_text(*condition)}" for name, condition in figure.at.items())


def condition_text(value: float, unit: str) -> str:
    """Say a condition; doses, dose rates and long times in the unit that suits them."""
    if unit == "1":
        return f"{value:.5g}"
    if unit == "s" and abs(value) >= 3600.0:
        return f"{value / 3600.0:.4g} h"
    if unit.startswith("Gy") and value:
        for prefix, size in (("", 1.0), ("m", 1e-3), ("u", 1e-6), ("n", 1e-9)):
            if abs(value) >= size or prefix == "n":
                return f"{value / size:.4g} {prefix}{unit}"
    return f"{value:.5g} {unit}"


def at_column(figures: Sequence[FigureOfMerit]) -> tuple[str, list[str]]:
    """Say the conditions of many figures: heading and cells; a name that they all share stands in the heading."""
    names = {name for figure in figures for name in figure.at}
    if len(names) != 1:
        return "at", [at_text(figure) for figure in figures]
    (shared,) = names
    return f"at {shared}", [at_text(figure).removeprefix(f"{shared} ") for figure in figures]


def value_text(figure: FigureOfMerit) -> str:
    """Say value and uncertainty, or that there is none."""
    if figure.value is None:
        return "-"
    return f"{rounded(figure.value, figure.uncertainty)}{'' if figure.unit == '1' else ' ' + figure.unit}"


def value_cell(figure: FigureOfMerit) -> str:
    """Say value and uncertainty for a cell that folds between number and unit."""
    number, unit = ("-", "") if figure.value is None else (rounded(figure.value, figure.uncertainty), figure.unit)
    return " ".join(part.replace(" ", KEPT) for part in (number, "" if unit == "1" else unit) if part)


def interval_text(figure: FigureOfMerit) -> str:
    """Say the 95 % interval with the digits that its width deserves."""
    if figure.interval is None:
        return ""
    low, high = figure.interval
    largest = max(abs(low), abs(high))
    if not high > low or not 1e-3 <= largest < 1e7:
        return f"{low:.4g} to {high:.4g}"
    digit = math.floor(math.log10((high - low) / 4)) - 1
    return " to ".join(f"{round(end, -digit):.{max(0, -digit)}f}" for end in (low, high))


def print_figures(title: str, figures: Iterable[FigureOfMerit]) -> None:
    """Print figures of merit with their intervals, and their warnings below."""
    shown = list(figures)
    notes = Notes()
    at, conditions = at_column(shown)
    columns = {
        "figure": [figure.name for figure in shown],
        at: conditions,
        "value": [value_cell(figure) for figure in shown],
        "95 % interval": [interval_text(figure).replace(" ", KEPT) for figure in shown],
        "note": [notes.marks(figure.warnings) for figure in shown],
    }
    print_columns(title, columns)
    notes.print()


def print_columns(title: str, columns: Mapping[str, Sequence[str]]) -> None:
    """Print a table column by column; one without any text is left out."""
    told = {heading: cells for heading, cells in columns.items() if any(cells)}
    print_table(title, tuple(told), zip(*told.values(), strict=True))
