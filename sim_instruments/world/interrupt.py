"""What ends a wait early."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol


class InterruptLike(Protocol):
    """Anything that can be asked whether it is set; `threading.Event` is one."""

    def is_set(self) -> bool:
        """Say whether waits are to end."""
        ...


class Interrupt:
    """A `threading.Event` that also tells a clock at the moment it is set.

    A clock in virtual time cannot wait on an event, because its sleepers wait for time itself. An interrupt of
    this class wakes them at once; for any other object with ``is_set()`` whoever sets it calls ``clock.wake()``
    (sleepers of a virtual clock look at such objects every few milliseconds all the same).
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._guard = threading.Lock()
        self._listeners: dict[int, Callable[[], None]] = {}
        self._next = 0

    def is_set(self) -> bool:
        """Say whether waits are to end."""
        return self._event.is_set()

    def set(self) -> None:
        """End every wait that listens to this interrupt, now and until `clear`."""
        with self._guard:
            self._event.set()
            listeners = list(self._listeners.values())
        for listener in listeners:
            listener()

    def clear(self) -> None:
        """Let waits run their full time again."""
        self._event.clear()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait in real time until set; return whether it is."""
        return self._event.wait(timeout)

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` whenever this is set, and at once if it already is.

        Returns
        -------
        Callable
            Ends the subscription.
        """
        with self._guard:
            key = self._next
            self._next += 1
            self._listeners[key] = listener
            already = self._event.is_set()
        if already:
            listener()
        return lambda: self._forget(key)

    def _forget(self, key: int) -> None:
        with self._guard:
            self._listeners.pop(key, None)
