"""Calls that are due at a moment of the bench's clock."""

from __future__ import annotations

import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

Call = Callable[[], object]


class Scheduled:
    """A call that will be made, once or again and again, until it is cancelled.

    Parameters
    ----------
    call
        What is called, without arguments.
    time
        When first, s on the clock.
    period
        Time between calls, s; None for a single one.
    """

    __slots__ = ("_beat", "_first", "call", "cancelled", "order", "period", "time")

    def __init__(self, call: Call, time: float, period: float | None = None) -> None:
        self.call = call
        self.time = time
        self.period = period
        self.order = 0
        self.cancelled = False
        self._first = time
        self._beat = 0

    def cancel(self) -> None:
        """Let it not happen (again); a call in progress is not waited for."""
        self.cancelled = True

    def move_on(self, now: float) -> bool:
        """Set the moment of the next call after `now`; return False if there is none.

        The moments are counted from the first one, so that they do not drift by rounding; those that
        went by while the last call was being made are left out.
        """
        if self.cancelled or self.period is None:
            return False
        self._beat += 1
        self.time = self._first + self._beat * self.period
        if self.time <= now:
            self._beat = math.floor((now - self._first) / self.period) + 1
            self.time = self._first + self._beat * self.period
        return True


@dataclass(frozen=True)
class FailedCall:
    """An exception that escaped from a scheduled call: when, from which, what."""

    time: float
    call: Call
    error: BaseException


class Schedule:
    """Scheduled calls in the order of their moments, ties in the order of their insertion. Not locked."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Scheduled]] = []
        self._orders = itertools.count()

    def mark(self) -> int:
        """Return a number that is larger than the order of all calls added so far."""
        return next(self._orders)

    def add(self, scheduled: Scheduled) -> Scheduled:
        """Put a call in."""
        scheduled.order = next(self._orders)
        heapq.heappush(self._heap, (scheduled.time, scheduled.order, scheduled))
        return scheduled

    def first(self) -> Scheduled | None:
        """Return the earliest call that is not cancelled, without taking it out."""
        while self._heap:
            scheduled = self._heap[0][2]
            if not scheduled.cancelled:
                return scheduled
            heapq.heappop(self._heap)
        return None

    def pop(self) -> None:
        """Take out what `first` returned."""
        heapq.heappop(self._heap)

    def take_since(self, mark: int, until: float) -> Scheduled | None:
        """Take out the earliest call due at `until` or before that was added after `mark`."""
        due = [entry for entry in self._heap if entry[0] <= until and entry[1] > mark and not entry[2].cancelled]
        if not due:
            return None
        chosen = min(due, key=lambda entry: entry[:2])
        self._heap.remove(chosen)
        heapq.heapify(self._heap)
        return chosen[2]

    def clear(self) -> None:
        """Drop everything."""
        self._heap.clear()


class Failures:
    """The exceptions that escaped from scheduled calls: the last hundred, and hooks that hear of each."""

    def __init__(self) -> None:
        self.recent: deque[FailedCall] = deque(maxlen=100)
        self._hooks: list[Callable[[FailedCall], None]] = []

    def add_hook(self, hook: Callable[[FailedCall], None]) -> None:
        """Have `hook` called with every failure from now on."""
        self._hooks.append(hook)

    def report(self, failure: FailedCall) -> None:
        """Keep the failure and tell the hooks, whose own exceptions are kept as well."""
        self.recent.append(failure)
        for hook in self._hooks:
            try:
                hook(failure)
            except Exception as error:
                self.recent.append(FailedCall(failure.time, failure.call, error))
