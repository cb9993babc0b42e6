"""``xraybench samples``: the sample files found by name."""

from __future__ import annotations

import argparse

from app.cli import arguments as shared
from app.cli.tables import print_json, print_table
from config.loading import available, read, user_folder
from config.sample_file import Sample


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    shared.add_json(parser)


def main(given: argparse.Namespace) -> int:
    """List, return the exit status."""
    found = {name: (path, read(path, Sample).content) for name, path in available("samples").items()}
    if given.json:
        print_json(
            [
                {"name": name, "path": str(path), **sample.model_dump(mode="json", exclude={"name", "world"})}
                | {"title": sample.name}
                for name, (path, sample) in found.items()
            ]
        )
        return 0
    print_table(
        "Samples (--sample NAME, or the path of a file of your own)",
        ("name", "what", "kind", "thickness", "area"),
        [
            (
                name,
                sample.name,
                sample.kind,
                f"{sample.thickness_um:g} um",
                "" if sample.area_cm2 is None else f"{sample.area_cm2:g} cm2",
            )
            for name, (_, sample) in found.items()
        ],
    )
    print(f"Your own are found by name in {user_folder() / 'samples'}")  # noqa: T201
    return 0
