"""``xraybench benches``: the bench files found by name."""

from __future__ import annotations

import argparse
import sys

from app.cli import arguments as shared
from app.cli.tables import print_json, print_table
from app.trust import code_of, trust
from config.bench_file import BenchFile
from config.loading import available, bench_file, read, user_folder


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--trust", metavar="FILE", help="let this bench file load the code that it names as a driver")
    shared.add_json(parser)


def main(given: argparse.Namespace) -> int:
    """List, return the exit status."""
    if given.trust is not None:
        file = bench_file(given.trust)
        trust(file)
        code = ", ".join(code_of(file.content)) or "it names no code"
        print(f"{file.path} is trusted as it is now: {code}", file=sys.stderr)  # noqa: T201
        return 0
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
    print(f"Your own are found by name in {user_folder() / 'benches'}")  # noqa: T201
    return 0
