"""How a question to the operator is answered."""

from __future__ import annotations

from typing import Protocol


class Operator(Protocol):
    """Whoever confirms that something was done by hand."""

    def confirm(self, question: str) -> bool:
        """Ask; return False if it was declined or nobody is there."""
        ...


class AlwaysYes:
    """For simulated benches and ``--yes``: everything is as asked."""

    def confirm(self, question: str) -> bool:
        """Confirm."""
        del question
        return True


class Nobody:
    """For runs without a terminal: a question ends the run instead of hanging it."""

    def confirm(self, question: str) -> bool:
        """Decline."""
        del question
        return False
