"""The operator at the terminal."""

from __future__ import annotations

import sys

from app.engine.operator import AlwaysYes, Nobody, Operator


class TerminalOperator:
    """Asks on stderr, reads the answer from stdin."""

    def confirm(self, question: str) -> bool:
        """Ask until the answer is yes or no."""
        while True:
            print(f"\n{question} [y/n] ", end="", file=sys.stderr, flush=True)  # noqa: T201
            answer = sys.stdin.readline()
            if not answer or answer.strip().lower() in ("n", "no"):
                return False
            if answer.strip().lower() in ("y", "yes"):
                return True


def operator(yes: bool, simulated: bool) -> Operator:
    """Choose who answers: always yes, whoever sits at the terminal, or nobody."""
    if yes or simulated:
        return AlwaysYes()
    return TerminalOperator() if sys.stdin is not None and sys.stdin.isatty() else Nobody()
