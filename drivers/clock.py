"""The bench's clock: every wait of a measurement goes through it, so that it can be interrupted and simulated."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol


class Interrupt(Protocol):
    """What ends a wait early; `threading.Event` is one."""

    def is_set(self) -> bool:
        """Say whether waits end now."""
        ...

    def wait(self, timeout: float | None = None) -> bool:
        """Wait in real time until set."""
        ...


class Scheduled(Protocol):
    """Something that will happen, or goes on happening, until cancelled."""

    def cancel(self) -> None:
        """Let it not happen (again); returns at once."""
        ...


class Clock(Protocol):
    """Time as the bench lives it."""

    @property
    def speed(self) -> float:
        """Bench seconds per second; infinite where time is virtual."""
        ...

    def now(self) -> float:
        """Return the time since the clock was made, s."""
        ...

    def sleep(self, seconds: float, interrupt: Interrupt | None = None) -> bool:
        """Wait; return False if `interrupt` ended it early."""
        ...

    def every(self, period: float, action: Callable[[], None]) -> Scheduled:
        """Do `action` every `period` seconds, not in the caller's thread."""
        ...

    def wake(self) -> None:
        """Let sleepers look at their interrupts now."""
        ...


class _Repeated:
    def __init__(self, period: float, action: Callable[[], None]) -> None:
        self._stop = threading.Event()
        self._period = period
        self._action = action
        threading.Thread(target=self._run, name="every", daemon=True).start()

    def _run(self) -> None:
        due = time.monotonic() + self._period
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            self._action()
            # a late action is not made up for: what follows is one period after it was due, or now
            due = max(due + self._period, time.monotonic())

    def cancel(self) -> None:
        self._stop.set()


class WallClock:
    """Real time, or a multiple of it for a bench that is simulated by another process.

    Parameters
    ----------
    speed
        Bench seconds per second.
    """

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self._start = time.monotonic()

    def now(self) -> float:
        """Return the time since the clock was made, s."""
        return (time.monotonic() - self._start) * self.speed

    def sleep(self, seconds: float, interrupt: Interrupt | None = None) -> bool:
        """Wait; return False if `interrupt` ended it early."""
        wall = max(0.0, seconds) / self.speed
        if interrupt is None:
            time.sleep(wall)
            return True
        return not interrupt.wait(wall)

    def every(self, period: float, action: Callable[[], None]) -> Scheduled:
        """Do `action` every `period` seconds, in a thread of its own."""
        return _Repeated(period / self.speed, action)

    def wake(self) -> None:
        """Do nothing: an interrupt wakes its own waiters in real time."""
