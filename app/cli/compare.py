"""``xraybench compare``: several runs side by side."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from analysis.figure import FigureOfMerit
from app.cli import arguments as shared
from app.cli.tables import condition_text, path_text, print_json, print_table, value_text
from app.report.comparing import Comparison, Row, compare
from config.mistake import UserMistake

_SUFFIXES = (".png", ".svg", ".pdf")
_MOST_PAIRS = 6
"""Of a figure in the table; --json has them all."""

_EXPLANATION = """\
z: difference over its standard uncertainty, without what the two runs share: everything systematic for the same sample
on the same instruments, the dose calibration for another sample on them, otherwise nothing.
p: chance of as large a z between equal ones, corrected for the number of pairs (Holm). (!): see that run's warnings.
Means are of one sample: weighted with the statistical uncertainties, widened where the runs scatter more than these say
(Birge ratio above 1); systematic uncertainties are taken as common."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="run file; at least two")
    parser.add_argument("--figure", action="append", default=[], metavar="NAME", dest="figures", help="only this one")
    parser.add_argument("--plot", metavar="FILE", help="draw the runs over one another: .png, .svg or .pdf")
    shared.add_json(parser)


def main(given: argparse.Namespace) -> int:
    """Compare, draw, print."""
    plot = Path(given.plot).expanduser() if given.plot else None
    if plot is not None and plot.suffix.lower() not in _SUFFIXES:
        raise UserMistake(f"--plot {plot}: must end in {', '.join(_SUFFIXES)}")
    comparison = compare([Path(name).expanduser() for name in given.files], given.figures)
    pictures: list[Path] = []
    if plot is not None:
        from app.report.overlay import save_overlays

        pictures = save_overlays([(f"{run.letter} {run.sample_name}", run.path) for run in comparison.runs], plot)
        if not pictures:
            raise UserMistake("no two of these runs are drawn in the same plot; compare runs of one procedure")
    if given.json:
        print_json(describe(comparison) | {"pictures": [str(picture) for picture in pictures]})
        return 0
    _print(comparison)
    for picture in pictures:
        print(f"picture: {path_text(picture)}")  # noqa: T201
    return 0


def describe(comparison: Comparison) -> dict[str, Any]:
    """Put a comparison into a document."""
    letters = [run.letter for run in comparison.runs]
    return {
        "runs": [
            {"run": run.letter, "run_file": str(run.path), "procedure": run.procedure, "sample": run.sample_name}
            | {"start_time": run.start_time, "status": run.status, "conditions": dict(run.conditions)}
            for run in comparison.runs
        ],
        "figures": [
            {
                "name": row.name,
                "at": {name: list(pair) for name, pair in row.at.items()},
                "values": {
                    letter: None if figure is None else figure.as_dict()
                    for letter, figure in zip(letters, row.figures, strict=True)
                },
                "refusal": row.refusal,
                "differences": [
                    {"first": letters[pair.first], "second": letters[pair.second], "difference": pair.value}
                    | {"uncertainty": pair.uncertainty, "z": pair.z, "p": pair.p, "p_holm": pair.p_holm}
                    for pair in row.pairs
                ],
                "means": [{"runs": letters.split(", "), **mean.as_dict()} for letters, mean in row.means],
            }
            for row in comparison.rows
        ],
    }


def _print(comparison: Comparison) -> None:
    print_table(
        "Runs",
        ("", "begun", "procedure", "sample", "status", "conditions", "file"),
        [
            (
                run.letter,
                run.start_time[:16].replace("T", " "),
                run.procedure,
                run.sample_name,
                run.status,
                ", ".join(run.conditions.values()),
                path_text(run.path),
            )
            for run in comparison.runs
        ],
    )
    print_table(
        "Figures of merit",
        ("figure", "at", "values", "differences", "means"),
        [
            (
                row.name,
                ", ".join(condition_text(*condition) for condition in row.at.values()),
                "\n".join(
                    f"{run.letter}  {value_text(figure)}{' (!)' if figure.determined and figure.warnings else ''}"
                    for run, figure in zip(comparison.runs, row.figures, strict=True)
                    if figure is not None
                ),
                f"NOT COMPARED: {row.refusal}" if row.refusal else "\n".join(_pairs(comparison, row)),
                "\n".join(f"{letters}: {_mean_text(mean)}" for letters, mean in row.means),
            )
            for row in comparison.rows
        ],
    )
    print(_EXPLANATION)  # noqa: T201


def _pairs(comparison: Comparison, row: Row) -> list[str]:
    ordered = sorted(row.pairs, key=lambda pair: -abs(pair.z))
    lines = [
        f"{comparison.runs[pair.first].letter} - {comparison.runs[pair.second].letter}  z = {pair.z:+.2f}, "
        f"p = {pair.p_holm:.2g}{' differ' if pair.p_holm < 0.05 else ''}"
        for pair in ordered[:_MOST_PAIRS]
    ]
    more = len(ordered) - _MOST_PAIRS
    return [*lines, f"and {more} smaller"] if more > 0 else lines


def _mean_text(mean: FigureOfMerit) -> str:
    if mean.value is None:
        return f"none: {mean.warnings[0]}"
    return "; ".join([f"{value_text(mean)}, Birge ratio {mean.details['birge_ratio']:.2f}", *mean.warnings])
