"""How a question to the operator is answered."""

from __future__ import annotations

from typing import Protocol


class Operator(Protocol):
    """Whoever confirms that something was done by hand.

    `confirm` is called in a thread of its own: a question that is not answered in time ends the run, and the thread is
    left behind. An operator with a method ``withdraw()`` is told then that the question waits no more.
    """

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
