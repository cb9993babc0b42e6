"""``xraybench presets``: published settings."""

from __future__ import annotations

import argparse

from app.cli import arguments as shared
from app.cli.tables import print_json, print_table
from procedures.registry import preset, preset_files


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    shared.add_json(parser)


def main(given: argparse.Namespace) -> int:
    """List, return the exit status."""
    found = [preset(name) for name in sorted(preset_files())]
    if given.json:
        print_json([{"name": one.name, **one.content.model_dump(mode="json")} for one in found])
        return 0
    print_table(
        "Presets",
        ("name", "procedure", "what", "sample"),
        [(one.name, one.content.procedure, one.content.title, one.content.sample) for one in found],
    )
    return 0
