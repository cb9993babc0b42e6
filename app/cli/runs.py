"""``xraybench runs``: find run files among thousands."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analysis.figure import rounded
from app.cli import arguments as shared
from app.cli.file_progress import FileProgress
from app.cli.tables import condition_text, console, path_text, print_json, print_table
from config.mistake import UserMistake, nearest
from storage.catalogue import Catalogue, CataloguedFigure, CataloguedRun
from storage.catalogue_query import SORT_KEYS, FigureCondition, Query, moment

_TABLE_WIDTH = 140
"""Columns of a terminal that a table with a column for the file needs; narrower ones get a paragraph for each run."""

_SHOWN_FIGURES = 3
"""Of a run, where none is asked for."""

_CSV_COLUMNS = (
    *("run_file", "start_time", "procedure", "sample", "operator", "status", "tags"),
    *("figure", "at", "value", "uncertainty", "low", "high", "unit", "warnings"),
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("folder", nargs="?", metavar="FOLDER", help="with its subfolders (default: runs)")
    parser.add_argument("--sample", default="", metavar="TEXT", help="part of the sample's name")
    parser.add_argument("--procedure", default="", metavar="NAME")
    parser.add_argument("--since", metavar="DATE", help="begun on this day or later: 2026-11-21, 2026-11-21T14:30")
    parser.add_argument("--until", metavar="DATE", help="begun on this day or before")
    parser.add_argument("--operator", default="", metavar="TEXT", help="part of the operator's name")
    parser.add_argument("--tag", default="", metavar="TAG")
    parser.add_argument("--status", default="", help="completed, aborted, failed, recovered, running or unreadable")
    parser.add_argument(
        "--figure",
        action="append",
        default=[],
        metavar="CONDITION",
        dest="figures",
        help="'sensitivity>1000', 'sensitivity@field=-100>1000 uC/(Gy cm2)' or 'mu_tau'; may be repeated",
    )
    parser.add_argument(
        "--sort", default="date", metavar="KEY", help=f"{', '.join(SORT_KEYS)} or the name of a figure (default: date)"
    )
    parser.add_argument("--reverse", action="store_true", help="the other way round; dates come the newest first")
    parser.add_argument("--limit", type=int, metavar="N", help="show the first N")
    shared.add_json(parser)
    parser.add_argument("--csv", action="store_true", help="print comma-separated values, a line for each figure")


def main(given: argparse.Namespace) -> int:
    """Bring the catalogue up to date, look, print."""
    folder = Path(given.folder or "runs").expanduser()
    if not folder.is_dir():
        raise UserMistake(f"{folder} is no folder; name that of the run files: xraybench runs FOLDER")
    query = Query(
        sample=given.sample,
        procedure=given.procedure,
        since=moment(given.since) if given.since else None,
        until=moment(given.until, end_of_day=True) if given.until else None,
        operator=given.operator,
        tag=given.tag,
        status=given.status,
        figures=tuple(FigureCondition.parse(text) for text in given.figures),
        sort=given.sort,
        reverse=given.reverse,
        limit=given.limit,
    )
    with Catalogue(folder) as catalogue:
        with FileProgress("reading run files", quiet=given.json or given.csv) as bar:
            catalogue.update(bar)
        _check_names(query, catalogue.figure_names())
        runs = catalogue.find(query)
        total = catalogue.count()
    if given.json:
        print_json([describe(run) for run in runs])
    elif given.csv:
        _print_csv(runs)
    else:
        _print_runs(runs, query)
        print(f"{len(runs)} of {total} run files in {folder}")  # noqa: T201
    return 0


def _check_names(query: Query, known: Sequence[str]) -> None:
    """Refuse a figure that no run has: an empty answer to a mistyped name would look like a result."""
    asked = [condition.name for condition in query.figures]
    if query.sort not in SORT_KEYS:
        asked.append(query.sort)
    for name in asked:
        if name not in known:
            raise UserMistake(f"no run has a figure named '{name}'; {nearest(name, known)}")


def describe(run: CataloguedRun) -> dict[str, Any]:
    """Put a run into a document."""
    return {
        "run_file": str(run.path),
        "title": run.title,
        "procedure": run.procedure,
        "status": run.status,
        "sample": run.sample,
        "operator": run.operator,
        "bench": run.bench,
        "preset": run.preset,
        "start_time": run.start_time,
        "end_time": run.end_time,
        "tags": list(run.tags),
        "uid": run.uid,
        "fault": run.fault,
        "figures": [
            {
                "name": figure.name,
                "at": {name: list(pair) for name, pair in figure.at.items()},
                "value": figure.value,
                "uncertainty": figure.uncertainty,
                "interval": None if figure.interval is None else list(figure.interval),
                "unit": figure.unit,
                "warnings": figure.warnings,
            }
            for figure in run.figures
        ],
    }


def _print_runs(runs: Sequence[CataloguedRun], query: Query) -> None:
    if not runs:
        print("no run file meets this")  # noqa: T201
        return
    if console().width < _TABLE_WIDTH:
        _print_paragraphs(runs, query)
    else:
        _print_table(runs, query)
    if any(figure.warnings and figure.value is not None for run in runs for figure in run.figures):
        print("(!): it has a warning, see xraybench show FILE")  # noqa: T201


def _print_paragraphs(runs: Sequence[CataloguedRun], query: Query) -> None:
    """Print a run on a few lines, its path as it can be copied."""
    for run in runs:
        begun = run.start_time[:16].replace("T", " ")
        tags = f" [{', '.join(run.tags)}]" if run.tags else ""
        print(f"{begun}  {run.procedure}, {run.sample or 'no sample'}: {run.status}{tags}")  # noqa: T201
        for line in [run.fault] if run.fault else _figures_text(run, query):
            print(f"    {line}")  # noqa: T201
        print(f"    {path_text(run.path)}")  # noqa: T201


def _print_table(runs: Sequence[CataloguedRun], query: Query) -> None:
    print_table(
        "",
        ("begun", "procedure", "sample", "operator", "status", "tags", "figures", "file"),
        [
            (
                run.start_time[:16].replace("T", " "),
                run.procedure,
                run.sample,
                run.operator,
                run.status,
                ", ".join(run.tags),
                run.fault or "\n".join(_figures_text(run, query)),
                path_text(run.path),
            )
            for run in runs
        ],
    )


def _figures_text(run: CataloguedRun, query: Query) -> list[str]:
    wanted = [*(condition.name for condition in query.figures), *([query.sort] if query.sort not in SORT_KEYS else [])]
    if wanted:
        return [_figure_text(figure) for figure in run.figures if figure.name in wanted]
    lines = [_figure_text(figure) for figure in run.figures[:_SHOWN_FIGURES]]
    more = len(run.figures) - _SHOWN_FIGURES
    return [*lines, f"and {more} more"] if more > 0 else lines


def _figure_text(figure: CataloguedFigure) -> str:
    at = "".join(f" at {condition_text(*condition)}" for condition in figure.at.values())
    mark = " (!)" if figure.warnings else ""
    if figure.value is None:
        return f"{figure.name}{at}: not determined"
    unit = "" if figure.unit == "1" else f" {figure.unit}"
    return f"{figure.name}{at}: {rounded(figure.value, figure.uncertainty)}{unit}{mark}"


def _print_csv(runs: Sequence[CataloguedRun]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(_CSV_COLUMNS)
    for run in runs:
        head = (run.path, run.start_time, run.procedure, run.sample, run.operator, run.status, " ".join(run.tags))
        for figure in run.figures:
            at = ", ".join(f"{name} {value:g} {unit}" for name, (value, unit) in figure.at.items())
            ends = figure.interval or ("", "")
            values = (figure.name, at, figure.value, figure.uncertainty, *ends, figure.unit, figure.warnings)
            writer.writerow([safe(cell) for cell in (*head, *values)])
        if not run.figures:
            writer.writerow([safe(cell) for cell in head])


def safe(cell: object) -> object:
    """Keep a spreadsheet from taking somebody's text for a formula."""
    if cell is None:
        return ""
    if isinstance(cell, int | float):
        return cell
    text = str(cell)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
