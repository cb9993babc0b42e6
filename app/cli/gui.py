"""``xraybench gui``: the window."""

from __future__ import annotations

import argparse
import importlib

from app.cli import arguments as shared
from config.loading import bench_file
from config.mistake import UserMistake

BEFORE_QT = (
    "app.engine.by_hand",
    "app.running",
    "procedures.drawing",
    "procedures.procedure",
    "storage.reader",
)
"""What the window needs besides Qt"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    shared.add_bench(parser)
    parser.add_argument("--seed", metavar="N", help="of the simulated world's random numbers")


def import_before_qt() -> None:
    """Import what the window needs besides Qt.

    PySide looks into the source of every module that is imported after it: of these that takes 0.4 s.
    """
    for name in BEFORE_QT:
        importlib.import_module(name)


def main(given: argparse.Namespace) -> int:
    """Open the window, return the exit status."""
    seed = shared.seed(given)
    if not bench_file(given.bench).content.simulated and seed is not None:
        raise UserMistake(f"--seed is for simulated benches, and bench '{given.bench}' is a real one")
    import_before_qt()
    try:
        from app.gui.application import start
    except ImportError as error:
        raise UserMistake(
            f"the window needs PySide6 and pyqtgraph ({error}): make gui installs both, or in the "
            "project's folder pip install -c constraints.txt -e .[gui]; on Linux Qt also needs what it draws with"
        ) from error
    return start(given.bench, seed)
