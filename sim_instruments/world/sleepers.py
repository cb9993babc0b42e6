"""Threads that wait for virtual time."""

from __future__ import annotations

import threading

from sim_instruments.world.interrupt import InterruptLike


class ClockStalled(RuntimeError):  # noqa: N818  (a state, reported; nobody raises it)
    """A scheduled call blocks on something that needs time to move; time was moved past it."""


class Sleeper:
    """A thread that waits for a moment; it passes its `gate` when somebody releases it."""

    __slots__ = ("awake", "deadline", "gate", "interrupt", "reached", "thread")

    def __init__(self, thread: threading.Thread, deadline: float, interrupt: InterruptLike | None) -> None:
        self.thread = thread
        self.deadline = deadline
        self.interrupt = interrupt
        self.reached = False
        self.awake = False
        self.gate = threading.Lock()
        self.gate.acquire()
