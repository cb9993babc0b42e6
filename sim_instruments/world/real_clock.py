"""Bench time as the wall clock's, or a multiple of it."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sim_instruments.world.interrupt import InterruptLike
from sim_instruments.world.schedule import Call, FailedCall, Failures, Schedule, Scheduled

# How long an object that can only be asked (`is_set`) may stay unnoticed, s of real time.
_LOOK_AGAIN_S = 0.01


class RealClock:
    """The wall clock, or a multiple of it for a bench that is served by its own process.

    Parameters
    ----------
    speed
        Bench seconds per real second, finite and positive.
    start
        What `now` returns at first, s.
    """

    def __init__(self, speed: float = 1.0, start: float = 0.0) -> None:
        if not (speed > 0 and math.isfinite(speed)):
            msg = f"the clock's speed must be finite and positive, not {speed}"
            raise ValueError(msg)
        self._speed = speed
        self._start = start
        self._origin = time.perf_counter()
        self._changed = threading.Condition()
        self._schedule = Schedule()
        self._failures = Failures()
        self._caller: threading.Thread | None = None
        self._sleepers: set[threading.Event] = set()
        self._closed = threading.Event()

    @property
    def speed(self) -> float:
        """Bench seconds per real second."""
        return self._speed

    @property
    def failures(self) -> deque[FailedCall]:
        """The last exceptions that escaped from scheduled calls."""
        return self._failures.recent

    def on_failure(self, hook: Callable[[FailedCall], None]) -> None:
        """Have `hook` called with every exception that escapes from a scheduled call."""
        self._failures.add_hook(hook)

    def now(self) -> float:
        """Return the bench's time, s."""
        return self._start + (time.perf_counter() - self._origin) * self._speed

    def sleep(self, seconds: float, interrupt: InterruptLike | None = None) -> bool:
        """Wait for `seconds` of bench time.

        Parameters
        ----------
        seconds
            Zero or less returns at once.
        interrupt
            Ends the wait when set.

        Returns
        -------
        bool
            True if the whole time went by, False if interrupted or if the clock was closed.
        """
        if math.isnan(seconds):
            msg = "cannot sleep for NaN seconds"
            raise ValueError(msg)
        if self._closed.is_set() or (interrupt is not None and interrupt.is_set()):
            return False
        if seconds <= 0:
            return True
        end = self.now() + seconds
        woken = threading.Event()
        with self._changed:
            self._sleepers.add(woken)
        subscribe = getattr(interrupt, "subscribe", None)
        unsubscribe = subscribe(woken.set) if subscribe is not None else None
        look_again = _LOOK_AGAIN_S if interrupt is not None and unsubscribe is None else 0.25
        try:
            while not self._closed.is_set():
                if interrupt is not None and interrupt.is_set():
                    return False
                remaining = (end - self.now()) / self._speed
                if remaining <= 0:
                    return True
                # in slices: on Windows a signal handler runs only between waits
                woken.wait(min(remaining, look_again))
                woken.clear()
            return False
        finally:
            if unsubscribe is not None:
                unsubscribe()
            with self._changed:
                self._sleepers.discard(woken)

    def call_at(self, t: float, call: Call) -> Scheduled:
        """Call `call` when the clock shows `t`, or at once if it already does, in the clock's own thread."""
        return self._add(Scheduled(call, t))

    def every(self, period: float, call: Call) -> Scheduled:
        """Call `call` every `period` seconds of bench time, first one period from now, in the clock's own thread.

        Moments that pass while a call is still being made are left out.
        """
        if not period > 0:
            msg = f"the period must be positive, not {period}"
            raise ValueError(msg)
        return self._add(Scheduled(call, self.now() + period, period))

    def request(self, t: float, reply: Call | None = None) -> None:
        """Accept that somebody waits for a reply due at `t`, and call `reply` then; real time comes to it by itself."""
        if reply is not None:
            self.call_at(t, reply)

    def before_advance(self, hook: Call) -> None:
        """Accept a hook that a virtual clock would call before it moves; real time never asks."""

    @contextmanager
    def attended(self) -> Iterator[None]:
        """Do nothing for the duration; a virtual clock would count this thread as one that is busy."""
        yield

    def wake(self) -> None:
        """Let every sleeper look at its interrupt now."""
        with self._changed:
            for sleeper in self._sleepers:
                sleeper.set()

    def close(self) -> None:
        """End all waits and drop all scheduled calls; further sleeps return False at once."""
        with self._changed:
            self._closed.set()
            self._schedule.clear()
            self._changed.notify_all()
            for sleeper in self._sleepers:
                sleeper.set()
            caller = self._caller
        if caller is not None and caller is not threading.current_thread():
            caller.join(timeout=2.0)

    def _add(self, scheduled: Scheduled) -> Scheduled:
        with self._changed:
            if self._closed.is_set():
                scheduled.cancel()
                return scheduled
            self._schedule.add(scheduled)
            if self._caller is None:
                self._caller = threading.Thread(target=self._make_calls, name="bench clock", daemon=True)
                self._caller.start()
            self._changed.notify_all()
        return scheduled

    def _make_calls(self) -> None:
        while (scheduled := self._next_due()) is not None:
            try:
                scheduled.call()
            except BaseException as error:  # one bad call must not stop all the others
                self._failures.report(FailedCall(self.now(), scheduled.call, error))
            with self._changed:
                if not self._closed.is_set() and scheduled.move_on(self.now()):
                    self._schedule.add(scheduled)

    def _next_due(self) -> Scheduled | None:
        with self._changed:
            while not self._closed.is_set():
                scheduled = self._schedule.first()
                if scheduled is None:
                    self._changed.wait()
                    continue
                remaining = (scheduled.time - self.now()) / self._speed
                if remaining <= 0:
                    self._schedule.pop()
                    return scheduled
                self._changed.wait(min(remaining, threading.TIMEOUT_MAX))
        return None
