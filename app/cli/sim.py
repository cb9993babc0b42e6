"""``xraybench sim``: serve a simulated bench to any other program."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading

from app.cli import arguments as shared
from app.cli.tables import print_json, print_table
from config.loading import bench_file, sample_file
from config.mistake import UserMistake


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    shared.add_bench(parser)
    parser.add_argument("--sample", metavar="NAME|FILE", help="sample in the beam")
    shared.add_simulation(parser)
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="KIND[=VALUE][@SECONDS][+DURATION][:ROLE]",
        dest="faults",
        help="what goes wrong, when (from now on the bench's clock), for how long, on whose line; may be repeated",
    )
    parser.add_argument("--list-faults", action="store_true", help="list the kinds of fault, and exit")
    shared.add_json(parser)


def main(given: argparse.Namespace) -> int:
    """Serve until stdin closes or a signal comes."""
    if given.list_faults:
        return _list_faults(as_json=given.json)
    file = bench_file(given.bench).content
    if file.simulation is None:
        raise UserMistake(f"bench '{file.name}' is a real one; only a bench with a [simulation] table can be served")
    speed = shared.speed(given) or 1.0
    if speed == "max":
        raise UserMistake("--speed max: time that moves only when somebody waits needs one process; give a number")
    sample = sample_file(given.sample).content if given.sample else None

    from sim_instruments.fault_text import parse_fault
    from sim_instruments.served_bench import ServedBench

    for text in given.faults:
        parse_fault(text, 0.0, file.entries)

    seed = shared.seed(given)
    served = ServedBench(
        file,
        sample=sample,
        geometry=file.geometry,
        seed=file.simulation.seed if seed is None else seed,
        speed=speed,
    )
    try:
        for text in given.faults:
            served.world.faults.add(parse_fault(text, served.clock.now(), file.entries))
        instruments = {
            role: {
                "driver": file.entries[role].driver,
                "resource": resource,
                "options": served.driver_options.get(role, {}),
            }
            for role, resource in served.resources.items()
        }
        if given.json:
            # one line, so that whoever started this knows where the document ends
            print(json.dumps({"instruments": instruments}))  # noqa: T201
        else:
            print_table(
                f"Simulated bench {file.name}, {speed:g} times real time; ends when stdin closes or with Ctrl-C",
                ("role", "driver", "resource"),
                [(role, str(one["driver"]), str(one["resource"])) for role, one in instruments.items()],
            )
        sys.stdout.flush()
        _wait_for_the_end()
    finally:
        served.close()
    return 0


def _list_faults(*, as_json: bool) -> int:
    from rich.markup import escape

    from sim_instruments.fault_text import DESCRIPTIONS, FORM, ON_A_LINE

    if as_json:
        print_json([{"kind": kind, "what": line, "role": kind in ON_A_LINE} for kind, line in DESCRIPTIONS.items()])
        return 0
    rows = [(str(kind), "yes" if kind in ON_A_LINE else "", line) for kind, line in DESCRIPTIONS.items()]
    print_table(f"Faults: {escape(FORM)}", ("kind", "of a role", "what happens"), rows)
    return 0


def _wait_for_the_end() -> None:
    over = threading.Event()

    def until_stdin_closes() -> None:
        while sys.stdin is not None and sys.stdin.read(4096):
            pass
        over.set()

    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: over.set())
    threading.Thread(target=until_stdin_closes, daemon=True).start()
    while not over.wait(0.2):
        pass
