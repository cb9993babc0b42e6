"""The operator at the window: a question waits in a panel, and the engine waits for the answer."""

from __future__ import annotations

import threading
from collections.abc import Callable


class PanelOperator:
    """Answers the engine's questions with what is clicked.

    Parameters
    ----------
    ask
        Called from any thread with the question; the empty text takes a question back. It must return at once.
    """

    def __init__(self, ask: Callable[[str], None]) -> None:
        self._ask = ask
        self._guard = threading.Lock()
        self._waiting: _Waiting | None = None

    def confirm(self, question: str) -> bool:
        """Ask, and wait for `answer`."""
        waiting = _Waiting()
        with self._guard:
            self._waiting = waiting
            self._ask(question)
        waiting.answered.wait()
        return waiting.yes

    def answer(self, yes: bool) -> None:
        """Answer the question that waits; harmless when none does. STOP answers no."""
        with self._guard:
            waiting, self._waiting = self._waiting, None
            if waiting is None:
                return
            waiting.yes = yes
            # under the guard: it must not take away the question that comes next
            self._ask("")
            waiting.answered.set()

    def withdraw(self) -> None:
        """Take back the question that waits: the engine has waited long enough."""
        self.answer(False)


class _Waiting:
    """A question that has no answer yet."""

    def __init__(self) -> None:
        self.answered = threading.Event()
        self.yes = False
