"""Asks at the terminal whether a bench file may load code of its own."""

from __future__ import annotations

import sys

from app.trust import require_trust
from config.bench_file import BenchFile
from config.loading import Loaded


def confirm_trust(bench: Loaded[BenchFile]) -> None:
    """Ask the first time, where somebody is there to be asked; ``--yes`` is no answer to this.

    Raises
    ------
    UserMistake
        If the file names code and is not trusted.
    """
    terminal = sys.stdin is not None and sys.stdin.isatty()
    require_trust(bench, _ask if terminal else None)


def _ask(question: str) -> bool:
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)  # noqa: T201
    return sys.stdin.readline().strip().lower() in ("y", "yes")
