"""``xraybench analyse``: again, from the run file alone."""

from __future__ import annotations

import argparse
from pathlib import Path

from app.cli import arguments as shared
from app.cli.tables import print_figures, print_json
from app.engine.reading import analyse_path


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="run file")
    shared.add_set(parser, "option=value")
    shared.add_json(parser)


def main(given: argparse.Namespace) -> int:
    """Analyse, print, return the exit status."""
    options = shared.settings(given)
    documents = []
    for name in given.files:
        figures = analyse_path(Path(name).expanduser(), options)
        documents.append({"run_file": name, "figures": [figure.as_dict() for figure in figures]})
        if not given.json:
            print_figures(name, figures)
    if given.json:
        print_json(documents[0] if len(documents) == 1 else documents)
    return 0
