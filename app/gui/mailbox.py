"""What the bench's thread tells, until the window's thread takes it: bounded, however much comes."""

from __future__ import annotations

import threading
from collections import deque

import numpy as np

from app.engine.events import Recorded

WAITING = 200_000
"""Events that may wait; beyond, the oldest are not shown. The run file has them all."""

HEAVY_BYTES = 64 * 1024**2
"""Bytes of arrays that may wait; beyond, the oldest records are shown without theirs."""


class Mailbox:
    """Events in their order; may be filled from any thread.

    Parameters
    ----------
    waiting, heavy_bytes
        How many events, and bytes of arrays in them, may wait.
    """

    def __init__(self, waiting: int = WAITING, heavy_bytes: int = HEAVY_BYTES) -> None:
        self._events: deque[object] = deque(maxlen=waiting)
        self._heavy: deque[_Heavy] = deque()
        self._heavy_bytes = heavy_bytes
        self._bytes = 0
        self._number = 0
        self._guard = threading.Lock()

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: object) -> None:
        """Let an event wait."""
        if isinstance(event, Recorded):
            size = sum(value.nbytes for value in event.values.values() if isinstance(value, np.ndarray))
            if size:
                self._put_heavy(event, size)
                return
        self._events.append(event)

    def _put_heavy(self, record: Recorded, size: int) -> None:
        with self._guard:
            self._number += 1
            heavy = _Heavy(record, size, self._number)
            self._heavy.append(heavy)
            self._bytes += size
            while self._bytes > self._heavy_bytes and len(self._heavy) > 1:
                oldest = self._heavy.popleft()
                self._bytes -= oldest.size
                oldest.lighten()
            self._events.append(heavy)

    def take(self, most: int) -> list[object]:
        """Take so many events at most, the oldest first."""
        events = [self._events.popleft() for _ in range(min(most, len(self._events)))]
        if not self._heavy:
            return events
        last = next((event.number for event in reversed(events) if isinstance(event, _Heavy)), -1)
        with self._guard:
            # those before the last are taken as well, or were pushed out by too many events
            while self._heavy and self._heavy[0].number <= last:
                self._bytes -= self._heavy.popleft().size
        return [event.record if isinstance(event, _Heavy) else event for event in events]


class _Heavy:
    """A record with arrays."""

    def __init__(self, record: Recorded, size: int, number: int) -> None:
        self.record = record
        self.size = size
        self.number = number

    def lighten(self) -> None:
        """Let go of the arrays."""
        one = self.record
        scalars = {name: value for name, value in one.values.items() if not isinstance(value, np.ndarray)}
        self.record = Recorded(one.stream, one.time, scalars)
