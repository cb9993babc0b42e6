"""Tables on the terminal."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from analysis.figure import FigureOfMerit, rounded


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
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    console().print(table)


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
    return ", ".join(f"{name} {value:g} {unit}" for name, (value, unit) in figure.at.items())


def value_text(figure: FigureOfMerit) -> str:
    """Say value and uncertainty, or that there is none."""
    if figure.value is None:
        return "-"
    return f"{rounded(figure.value, figure.uncertainty)}{'' if figure.unit == '1' else ' ' + figure.unit}"


def interval_text(figure: FigureOfMerit) -> str:
    """Say the 95 % interval with the digits that its width deserves."""
    if figure.interval is None:
        return ""
    low, high = figure.interval
    largest = max(abs(low), abs(high))
    if not high > low or not 1e-4 <= largest < 1e7:
        return f"{low:.4g} to {high:.4g}"
    digit = math.floor(math.log10((high - low) / 4)) - 1
    return " to ".join(f"{round(end, -digit):.{max(0, -digit)}f}" for end in (low, high))


def print_figures(title: str, figures: Iterable[FigureOfMerit]) -> None:
    """Print figures of merit with their intervals and warnings."""
    rows = [
        (figure.name, at_text(figure), value_text(figure), interval_text(figure), "; ".join(figure.warnings))
        for figure in figures
    ]
    print_table(title, ("figure", "at", "value", "95 % interval", "warnings"), rows)
