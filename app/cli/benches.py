"""``xraybench benches``: the bench files found by name."""

from __future__ import annotations

import argparse

from app.cli import arguments as shared
from app.cli.tables import print_json, print_table
from config.bench_file import BenchFile
from config.loading import available, read


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    shared.add_json(parser)


def main(given: argparse.Namespace) -> int:
    """List, return the exit status."""
    found = {name: (path, read(path, BenchFile).content) for name, path in available("benches").items()}
    if given.json:
        print_json(
            [
                {"name": name, "title": file.title, "simulated": file.simulated, "path": str(path)}
                for name, (path, file) in found.items()
            ]
        )
        return 0
    print_table(
        "Benches",
        ("name", "what", "kind", "file"),
        [
            (name, file.title, "simulated" if file.simulated else "real", str(path))
            for name, (path, file) in found.items()
        ],
    )
    return 0
