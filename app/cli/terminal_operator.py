"""The operator at the terminal."""

from __future__ import annotations

import os
import select
import sys
import threading

from app.engine.operator import AlwaysYes, Nobody, Operator

LOOK_AGAIN = 0.2
"""s between two looks whether the question is still open"""


class TerminalOperator:
    """Asks on stderr, reads the answer from stdin."""

    def __init__(self) -> None:
        self._withdrawn = threading.Event()
        self._typed = b""

    def confirm(self, question: str) -> bool:
        """Ask until the answer is yes or no, or the question is withdrawn."""
        self._withdrawn.clear()
        while True:
            print(f"\n{question} [y/n] ", end="", file=sys.stderr, flush=True)  # noqa: T201
            answer = self._line()
            if answer is None:
                return False
            if answer.strip().lower() in ("n", "no"):
                return False
            if answer.strip().lower() in ("y", "yes"):
                return True

    def withdraw(self) -> None:
        """Wait for the answer no more: what is typed later is for the next question."""
        self._withdrawn.set()

    def _line(self) -> str | None:
        """Read a line; None where stdin is closed or the question was withdrawn."""
        if sys.platform == "win32":
            return sys.stdin.readline() or None
        # a thread that hangs in a read of stdin would keep the program from ending
        while b"\n" not in self._typed:
            if self._withdrawn.is_set():
                return None
            if not select.select([sys.stdin], [], [], LOOK_AGAIN)[0]:
                continue
            more = os.read(sys.stdin.fileno(), 4096)
            if not more:
                return None
            self._typed += more
        line, _, self._typed = self._typed.partition(b"\n")
        return line.decode(errors="replace")


def operator(yes: bool, simulated: bool) -> Operator:
    """Choose who answers: always yes, whoever sits at the terminal, or nobody."""
    if yes or simulated:
        return AlwaysYes()
    return TerminalOperator() if sys.stdin is not None and sys.stdin.isatty() else Nobody()
