"""What a report is made of, whatever it is printed as: headings, tables, texts, plots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.figure import FigureOfMerit
from procedures.drawing import Drawing


@dataclass(frozen=True)
class Table:
    """Rows of text below headings."""

    heading: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    marks: Sequence[str] = ()
    """Of each row: ``good``, ``bad`` or nothing, which colours it."""


@dataclass(frozen=True)
class Text:
    """Text as somebody typed it."""

    heading: str
    text: str


@dataclass(frozen=True)
class Plots:
    """Drawings, each with the figures of merit that stand under it."""

    heading: str
    drawings: Sequence[Drawing]
    figures: Sequence[FigureOfMerit] = ()


Section = Table | Text | Plots


@dataclass(frozen=True)
class Chapter:
    """A part of a report: one run.

    Attributes
    ----------
    warnings
        What a reader must see before anything else.
    """

    title: str
    lines: Sequence[str]
    warnings: Sequence[str]
    sections: Sequence[Section]


@dataclass(frozen=True)
class Report:
    """One page."""

    title: str
    chapters: Sequence[Chapter]
    footer: str = ""
