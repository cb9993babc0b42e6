"""Arguments that several subcommands share."""

from __future__ import annotations

import argparse
import math
from typing import Literal

from config.mistake import UserMistake


def add_bench(parser: argparse.ArgumentParser) -> None:
    """Add ``--bench``."""
    parser.add_argument("--bench", default="sim", metavar="NAME|FILE", help="bench file (default: sim)")


def add_simulation(parser: argparse.ArgumentParser) -> None:
    """Add ``--seed`` and ``--speed``."""
    parser.add_argument("--seed", metavar="N", help="whole number: the same seed gives the same simulated noise")
    parser.add_argument("--speed", metavar="X|max", help="of the simulated bench: 1 is real time, max is virtual time")


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``."""
    parser.add_argument("--json", action="store_true", help="print one JSON document on stdout and nothing else")


def add_set(
    parser: argparse.ArgumentParser,
    metavar: str = "name=value",
    what: str = "change a parameter, with or without unit: tube_voltage=30 or 'tube_voltage=30 kV'",
) -> None:
    """Add ``--set``."""
    parser.add_argument(
        "--set", action="append", default=[], metavar=metavar, dest="settings", help=f"{what}; once for each"
    )


def settings(given: argparse.Namespace) -> dict[str, str]:
    """Take ``--set`` apart.

    Raises
    ------
    UserMistake
        If one is no ``name=value``, or a name stands there twice.
    """
    found: dict[str, str] = {}
    for text in given.settings:
        name, equals, value = text.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or not name or not value.strip():
            raise UserMistake(f"--set {text}: must be name=value, such as --set tube_voltage=30")
        if name in found:
            raise UserMistake(f"--set {name}: stands there twice")
        found[name] = value.strip()
    return found


def seed(given: argparse.Namespace) -> int | None:
    """Read ``--seed``."""
    if given.seed is None:
        return None
    try:
        number = int(given.seed)
    except ValueError:
        number = -1
    if not 0 <= number < 2**63:
        raise UserMistake(f"--seed {given.seed}: must be a whole number from 0 to 9223372036854775807")
    return number


def speed(given: argparse.Namespace) -> float | Literal["max"] | None:
    """Read ``--speed``."""
    if given.speed is None or given.speed == "max":
        return "max" if given.speed else None
    try:
        number = float(given.speed)
    except ValueError:
        number = math.nan
    if not 0 < number <= 1000:
        raise UserMistake(f"--speed {given.speed}: must be a number above 0 and at most 1000, or max")
    return number
