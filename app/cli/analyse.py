"""``xraybench analyse``: again, from the run files alone."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.figure import FigureOfMerit
from app.cli import arguments as shared
from app.cli.main import EXIT_FAILED
from app.cli.tables import print_figures, print_json
from app.engine.reading import analyse_path
from config.mistake import UserMistake

if TYPE_CHECKING:
    from app.engine.batch import Analysed


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="run file, or a folder of run files")
    shared.add_set(parser, "option=value", "change a parameter of the analysis")
    parser.add_argument("--jobs", type=int, metavar="N", help="processes (default: one a processor)")
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="of a Dask cluster that sees the same files: tcp://host:8786"
    )
    shared.add_json(parser)


def main(given: argparse.Namespace) -> int:
    """Analyse, print, return the exit status: of many files 1 if one could not be analysed."""
    options = shared.settings(given)
    if given.jobs is not None and given.jobs < 1:
        raise UserMistake(f"--jobs {given.jobs}: must be at least 1")
    if given.jobs is not None and given.scheduler:
        raise UserMistake("--jobs is for this machine, --scheduler for a cluster: give one of them")
    paths = [Path(name).expanduser() for name in given.files]
    if len(paths) == 1 and not paths[0].is_dir() and not given.scheduler:
        figures = analyse_path(paths[0], options)
        if given.json:
            print_json({"run_file": given.files[0], "figures": [figure.as_dict() for figure in figures]})
        else:
            print_figures(given.files[0], figures)
        return 0
    found = _many(given, paths)
    if given.json:
        print_json(
            [
                {"run_file": one.path, "figures": [dict(figure) for figure in one.figures]}
                | ({"fault": one.fault} if one.fault else {})
                for one in found
            ]
        )
    else:
        for one in found:
            if not one.fault:
                print_figures(one.path, [FigureOfMerit.from_dict(figure) for figure in one.figures])
    faults = [one for one in found if one.fault]
    if len(faults) == len(found):
        raise UserMistake(f"none of {len(found)} files could be analysed; the first: {faults[0].fault}")
    for one in faults:
        print(f"xraybench: {one.fault}", file=sys.stderr)  # noqa: T201
    return EXIT_FAILED if faults else 0


def _many(given: argparse.Namespace, paths: Sequence[Path]) -> list[Analysed]:
    from app.cli.file_progress import FileProgress
    from app.engine.batch import analyse_here, analyse_on_cluster, run_files

    files = run_files(paths)
    options = shared.settings(given)
    with FileProgress("analysing", quiet=given.json) as bar:
        if given.scheduler:
            return analyse_on_cluster(files, options, given.scheduler, bar)
        jobs = given.jobs or min(os.cpu_count() or 1, len(files))
        return analyse_here(files, options, jobs, bar)
