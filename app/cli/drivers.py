"""``xraybench drivers``: the drivers that a bench file can name."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from app.cli import arguments as shared
from app.cli.tables import print_json, print_table
from drivers.registry import drivers


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    shared.add_json(parser)


def main(given: argparse.Namespace) -> int:
    """List, return the exit status."""
    found = sorted(drivers().values(), key=lambda entry: (entry.role, entry.name))
    if given.json:
        print_json([asdict(entry) for entry in found])
        return 0
    print_table(
        "Drivers", ("name", "role", "class", "from"), [(one.name, one.role, one.target, one.package) for one in found]
    )
    return 0
