"""``xraybench check``: who is there; nothing is switched on."""

from __future__ import annotations

import argparse
from typing import Any

from app.cli import arguments as shared
from app.cli.tables import print_json, print_table
from app.cli.trusting import confirm_trust
from app.opening import open_bench
from config.loading import bench_file


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    shared.add_bench(parser)
    shared.add_json(parser)


def main(given: argparse.Namespace) -> int:
    """Open, ask, close, print."""
    file = bench_file(given.bench)
    confirm_trust(file)
    with open_bench(file, what="check") as bench:
        found: dict[str, dict[str, Any]] = {
            role: {
                "driver": file.content.entries[role].driver,
                "resource": instrument.resource,
                "identity": str(instrument.identity),
                "settings": dict(instrument.settings()),
            }
            for role, instrument in bench.instruments.items()
        }
        tube = bench.tube.status() if "tube" in bench.instruments else None
    document = {
        "bench": file.content.name,
        "simulated": file.content.simulated,
        "geometry": str(file.content.geometry),
        "interlock_closed": None if tube is None else tube.interlock_closed,
        "beam_on": None if tube is None else tube.beam_on,
        "faults": [] if tube is None else list(tube.faults),
        "instruments": found,
    }
    if given.json:
        print_json(document)
        return 0
    kind = "simulated" if file.content.simulated else "real"
    print_table(
        f"Bench {file.content.name} ({kind}): {file.content.geometry}",
        ("role", "driver", "resource", "identity"),
        [(role, one["driver"], one["resource"], one["identity"]) for role, one in found.items()],
    )
    if tube is not None:
        door = "closed" if tube.interlock_closed else "OPEN"
        beam = "ON" if tube.beam_on else "off"
        faults = f", faults: {', '.join(tube.faults)}" if tube.faults else ""
        print(f"interlock {door}, beam {beam}{faults}")  # noqa: T201
    return 0
