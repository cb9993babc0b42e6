"""``xraybench recover``: run files whose writer was killed."""

from __future__ import annotations

import argparse
from pathlib import Path

from app.cli import arguments as shared
from app.cli.tables import print_json, print_table
from config.mistake import UserMistake
from storage.recovery import recover_folder


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("folder", metavar="DIR", help="folder that is searched, subfolders as well")
    shared.add_json(parser)


def main(given: argparse.Namespace) -> int:
    """Recover, print, return the exit status."""
    folder = Path(given.folder).expanduser()
    if not folder.is_dir():
        raise UserMistake(f"{folder} is no folder; name the one that the run files lie in")
    found = recover_folder(folder)
    document = [
        {"original": str(one.original), "recovered": str(one.path), "records": one.records, "lost": one.lost}
        for one in found
    ]
    if given.json:
        print_json(document)
    elif found:
        print_table(
            "Recovered; the originals are kept",
            ("original", "recovered", "records", "lost"),
            [(str(one["original"]), str(one["recovered"]), str(one["records"]), str(one["lost"])) for one in document],
        )
    else:
        print(f"nothing to recover in {folder}")  # noqa: T201
    return 0
