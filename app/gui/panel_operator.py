"""The operator at the window: a question waits in a panel, and the engine waits for the answer."""

from __future__ import annotations

import threading
from collections.abc import Callable


class PanelOperator:
    """Answers the engine's questions with what is clicked.

    Parameters
    ----------
    ask
        Called from the run's thread with the question; the empty text takes a question back.
    """

    def __init__(self, ask: Callable[[str], None]) -> None:
        self._ask = ask
        self._guard = threading.Lock()
        self._answered: threading.Event | None = None
        self._answer = False

    def confirm(self, question: str) -> bool:
        """Ask, and wait for `answer`."""
        answered = threading.Event()
        with self._guard:
            self._answered, self._answer = answered, False
        self._ask(question)
        answered.wait()
        self._ask("")
        return self._answer

    def answer(self, yes: bool) -> None:
        """Answer the question that waits; harmless when none does. STOP answers no."""
        with self._guard:
            if self._answered is not None:
                self._answer = yes
                self._answered.set()
                self._answered = None
