"""How much of the last minutes a tube's beam was on."""

from __future__ import annotations

from collections import deque


class DutyCycle:
    """Counts beam time in a window that moves along.

    Parameters
    ----------
    largest
        Part of the window that the beam may be on; 1: no limit.
    window
        s.
    """

    def __init__(self, largest: float, window: float) -> None:
        self._largest = largest
        self._window = window
        self._stretches: deque[tuple[float, float]] = deque()
        self._since: float | None = None

    def switched(self, on: bool, now: float) -> None:
        """Take note that the beam went on, or off; s on the bench's clock. Off when it is off counts nothing."""
        if on:
            self._since = now if self._since is None else self._since
        elif self._since is not None:
            self._stretches.append((self._since, now))
            self._since = None

    def left(self, now: float) -> float:
        """Return the beam time that may still be used now, s; below zero when it was exceeded."""
        if self._largest >= 1.0:
            return self._window
        begins = now - self._window
        while self._stretches and self._stretches[0][1] <= begins:
            self._stretches.popleft()
        used = sum(end - max(start, begins) for start, end in self._stretches)
        if self._since is not None:
            used += now - max(self._since, begins)
        return self._largest * self._window - used
