"""Notices that the computer slept in the middle of a run: nothing was measured then, and nobody watched.

The times of a run are those of a clock that stands still meanwhile (`time.monotonic`, on Linux CLOCK_MONOTONIC). Linux
has another one that goes on, CLOCK_BOOTTIME (clock_gettime(2)): they part by as long as the computer slept, whatever is
done to the time of day. Other systems do not say.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from app.engine.events import Level

SLEPT = "computer_slept"
"""Kind of the journal's event."""

LEAST = 0.5
"""s; shorter ones are none: the two clocks are read one after the other."""


class _Journal(Protocol):
    def __call__(self, level: Level, kind: str, message: str, **fields: object) -> None: ...


def time_asleep() -> float:
    """Return how long the computer has slept since it was started, s; 0 where the system does not say."""
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return 0.0
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)


class SuspensionWatch:
    """Tells the journal of a run when the computer slept.

    Parameters
    ----------
    journal
        Takes a warning.
    asleep
        How long the computer has slept until now, s.
    """

    def __init__(self, journal: _Journal, asleep: Callable[[], float] | None = None) -> None:
        self._journal = journal
        self._asleep = asleep or time_asleep
        self._told = self._asleep()
        self._lock = threading.Lock()

    def look(self) -> None:
        """Tell it if the computer has slept since the last look. From any thread."""
        with self._lock:
            slept = self._asleep() - self._told
            if slept < LEAST:
                return
            self._told += slept
        said = (
            f"the computer slept for {slept:.1f} s; the times of records count the seconds since the start of the run "
            "in which it was awake: by the time of day, what comes now is later by as much"
        )
        self._journal("warning", SLEPT, said, seconds=slept)
