"""A bench is made safe beside whatever else goes on, again and again where it does not confirm."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from app.gui.orders import Safety

if TYPE_CHECKING:
    from drivers.bench import Bench

TRY_AGAIN = 1.0
"""s, real time, after which what could not be switched off is told again"""


class MakingSafe:
    """Makes a bench safe in a thread of its own.

    Parameters
    ----------
    tell
        Called with what came of each attempt, from any thread; it must return at once.
    """

    def __init__(self, tell: Callable[[Safety], None]) -> None:
        self._tell = tell
        self._ending = threading.Event()
        self._first: threading.Thread | None = None

    def start(self, bench: Bench, still_wanted: Callable[[], bool]) -> None:
        """Begin; returns at once.

        Parameters
        ----------
        bench
            To be made safe.
        still_wanted
            Asked before each further attempt: somebody may want something on by then, or have closed the bench.
        """
        self._first = threading.Thread(target=self._begin, args=(bench, still_wanted), name="make safe", daemon=True)
        self._first.start()

    def wait(self) -> None:
        """Let the first attempt come to its end: it would switch off what is switched on now."""
        if self._first is not None:
            self._first.join()

    def end(self) -> None:
        """Try no more: who closes the bench makes it safe."""
        self._ending.set()

    def _begin(self, bench: Bench, still_wanted: Callable[[], bool]) -> None:
        if not self._done(bench):
            again = threading.Thread(target=self._go_on, args=(bench, still_wanted), name="keep trying", daemon=True)
            again.start()

    def _go_on(self, bench: Bench, still_wanted: Callable[[], bool]) -> None:
        while not self._ending.wait(TRY_AGAIN):
            if not still_wanted() or self._done(bench):
                return

    def _done(self, bench: Bench) -> bool:
        steps = bench.make_safe()
        problems = tuple(f"{step.role} could not be made safe: {step.error}" for step in steps if step.error)
        self._tell(Safety(problems, any(step.beam_unknown for step in steps)))
        return not problems
