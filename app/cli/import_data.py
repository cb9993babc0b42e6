"""``xraybench import``: data measured elsewhere becomes a run file and is analysed the same way."""

from __future__ import annotations

import argparse
from pathlib import Path

from app.cli import arguments as shared
from app.cli.tables import path_text, print_figures, print_json

EPILOG = (
    "settings: column.NAME=HEADING or its number, unit.NAME=UNIT, value.NAME='VALUE UNIT' for all records, "
    "decimal=, or ., missing=drop, channel=luminance (colour images), filters=Al:0.4mm,SiO2:26mm or none, "
    "distance='0.3 m', dosimeter_uncertainty='5 %'; everything else are the procedure's parameters"
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = EPILOG
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="table, oscilloscope record, spectrum or image; dark=FILE, response=FILE",
    )
    parser.add_argument("--as", required=True, dest="kind", metavar="PROCEDURE", help="procedure or analysis")
    shared.add_set(parser, what="a column, unit, value or parameter: column.voltage='V (mV)', value.field='-100 V/cm'")
    parser.add_argument("--sample", metavar="NAME|FILE", help="sample file")
    parser.add_argument("--out", metavar="DIR", help="folder of the run file (default: runs)")
    shared.add_json(parser)


def main(given: argparse.Namespace) -> int:
    """Import, print, return the exit status."""
    from app.imports.importing import import_files

    done = import_files(
        given.files,
        given.kind,
        settings=shared.settings(given),
        sample=given.sample,
        folder=Path(given.out).expanduser() if given.out else None,
    )
    if given.json:
        print_json(done.as_dict())
        return 0
    print_figures(f"{done.procedure}: imported", done.figures)
    for note in done.notes:
        print(note)  # noqa: T201
    print(f"{done.records} records: {path_text(done.run_file)}")  # noqa: T201
    return 0
