"""Time that moves only when somebody waits.

One thread, the mover, moves time. It looks for the earliest moment that anybody waits for (a sleeper's
deadline, a reply announced by `request`), makes the scheduled calls that come before it, each at its own moment, and
then lets go whoever waited. A thread that was let go runs alone: time stands until it waits again, announces a
request, or ends. So several sleeping threads take turns in the order of their deadlines, and a program
that waits only through its clock does the same thing each time.

What a scheduled call does takes no time unless it waits itself: if it sleeps, or is blocked in a reply, only what
was scheduled since that call began happens meanwhile; everything else keeps its turn until the call is over.

A thread that was let go and then blocks on something that is not this clock (another thread, a lock) would stop
time for ever. So a thread that does not come back for `patience` seconds of real time no longer counts,
and a scheduled call that blocks for so long is reported, and time moves past it.
"""

from __future__ import annotations

import heapq
import itertools
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sim_instruments.world.interrupt import InterruptLike
from sim_instruments.world.schedule import Call, FailedCall, Failures, Schedule, Scheduled
from sim_instruments.world.sleepers import ClockStalled, Sleeper

# How often, in real time, the mover looks for what nobody tells it of: a thread that ended, an interrupt that can
# only be asked.
_LOOK_AGAIN_S = 0.002
_FOR_EVER_S = 3600.0

Request = tuple[float, int, Call | None]
"""Moment, order of arrival, and what is called then."""


class VirtualClock:
    """Time inside one process that moves only when somebody waits.

    Parameters
    ----------
    start
        What `now` returns at first, s.
    patience
        Real seconds that a thread which was let go may compute or block elsewhere before time goes on without it.
    """

    speed = math.inf

    def __init__(self, start: float = 0.0, patience: float = 1.0) -> None:
        self._now = start
        self._patience = patience
        self._guard = threading.Lock()
        self._changed = threading.Condition(self._guard)
        self._relief_wanted = threading.Condition(self._guard)
        self._schedule = Schedule()
        self._failures = Failures()
        self._sleepers: list[tuple[float, int, Sleeper]] = []
        self._arrivals = itertools.count()
        self._requests: list[Request] = []
        self._nested_requests: list[Request] = []
        self._busy: dict[threading.Thread, None] = {}
        self._busy_since = 0.0
        self._hooks: list[Call] = []
        self._hooks_due = True
        # the calls in progress: (mark in the schedule, thread, call); more than one when a call waits in a call
        self._calls: list[tuple[int, threading.Thread, Call]] = []
        self._relieving = False
        self._closed = threading.Event()
        self._mover = threading.Thread(target=self._move, name="virtual clock", daemon=True)
        self._relief = threading.Thread(target=self._relieve, name="virtual clock relief", daemon=True)
        self._mover.start()
        self._relief.start()

    @property
    def failures(self) -> deque[FailedCall]:
        """The last exceptions that escaped from scheduled calls."""
        return self._failures.recent

    def on_failure(self, hook: Callable[[FailedCall], None]) -> None:
        """Have `hook` called with every exception that escapes from a scheduled call."""
        self._failures.add_hook(hook)

    def now(self) -> float:
        """Return the bench's time, s."""
        return self._now

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
        me = threading.current_thread()
        with self._guard:
            if any(thread is me for _, thread, _ in self._calls):
                return self._advance_nested(self._now + seconds, interrupt)
            if me is self._mover or me is self._relief:
                msg = "a hook that is called before time moves cannot itself wait for time"
                raise RuntimeError(msg)
            if self._closed.is_set():
                return False
            sleeper = Sleeper(me, self._now + seconds, interrupt)
            self._busy.pop(me, None)
            heapq.heappush(self._sleepers, (sleeper.deadline, next(self._arrivals), sleeper))
            self._hooks_due = True
            self._changed.notify()
        subscribe = getattr(interrupt, "subscribe", None)
        unsubscribe = subscribe(self.wake) if subscribe is not None else None
        try:
            # in slices: on Windows a signal handler runs only between waits
            while not sleeper.gate.acquire(timeout=0.25):
                pass
        except BaseException:
            with self._guard:
                self._let_go(sleeper, reached=False)
            raise
        finally:
            if unsubscribe is not None:
                unsubscribe()
        return sleeper.reached

    def call_at(self, t: float, call: Call) -> Scheduled:
        """Call `call` in the mover's thread when time comes to `t`; what is already past is called before time moves.

        The call itself does not move time: somebody must wait for `t` or later.
        """
        return self._add(Scheduled(call, t))

    def every(self, period: float, call: Call) -> Scheduled:
        """Call `call` every `period` seconds of bench time, first one period from now, in the mover's thread.

        Moments that pass while a call is still being made are left out.
        """
        if not period > 0:
            msg = f"the period must be positive, not {period}"
            raise ValueError(msg)
        return self._add(Scheduled(call, self._now + period, period))

    def request(self, t: float, reply: Call | None = None) -> None:
        """Announce that somebody is blocked until a reply that is due at `t`: time moves there. Returns at once.

        `reply` is called when time has come there, after all that was scheduled until then: it lets somebody go, who
        must find that done, and with whom nothing else may race.
        """
        me = threading.current_thread()
        with self._guard:
            request = (t, next(self._arrivals), reply)
            if self._calls and not any(thread is me for _, thread, _ in self._calls):
                # a call in progress waits for a reply: its thread cannot move time, so the relief does
                heapq.heappush(self._nested_requests, request)
                self._relief_wanted.notify()
            else:
                heapq.heappush(self._requests, request)
                self._hooks_due = True
                self._changed.notify()

    def before_advance(self, hook: Call) -> None:
        """Call `hook` before time moves, after anybody has begun to wait or a scheduled call was made.

        The wire server's hook handles every byte that clients have sent until then.
        """
        with self._guard:
            self._hooks.append(hook)

    @contextmanager
    def attended(self) -> Iterator[None]:
        """Count the calling thread as busy for the duration: time moves only while it waits.

        A thread that has never slept does not hold time while others sleep; inside this context it does.
        """
        me = threading.current_thread()
        with self._guard:
            self._mark_busy(me)
        try:
            yield
        finally:
            with self._guard:
                self._busy.pop(me, None)
                self._changed.notify()

    def wake(self) -> None:
        """Let every sleeper look at its interrupt now."""
        with self._guard:
            self._release_interrupted()
            self._changed.notify()

    def close(self) -> None:
        """End all waits and drop all scheduled calls; further sleeps return False at once."""
        with self._guard:
            self._closed.set()
            self._schedule.clear()
            self._requests.clear()
            for _, _, sleeper in self._sleepers:
                self._let_go(sleeper, reached=False)
            self._sleepers.clear()
            self._changed.notify_all()
            self._relief_wanted.notify_all()
        for thread in (self._mover, self._relief):
            if thread is not threading.current_thread():
                thread.join(timeout=2.0)

    # --- everything below is called with the guard held, and by the mover or the relief unless it says so

    def _add(self, scheduled: Scheduled) -> Scheduled:
        with self._guard:
            if self._closed.is_set():
                scheduled.cancel()
            else:
                self._schedule.add(scheduled)
        return scheduled

    def _mark_busy(self, thread: threading.Thread) -> None:
        self._busy[thread] = None
        self._busy_since = time.monotonic()

    def _let_go(self, sleeper: Sleeper, *, reached: bool) -> None:
        if not sleeper.awake:
            sleeper.awake = True
            sleeper.reached = reached
            self._mark_busy(sleeper.thread)
            sleeper.gate.release()

    def _release_interrupted(self) -> bool:
        pollable = False
        for _, _, sleeper in self._sleepers:
            if not sleeper.awake and sleeper.interrupt is not None:
                if sleeper.interrupt.is_set():
                    self._let_go(sleeper, reached=False)
                else:
                    pollable = True
        return pollable

    def _move(self) -> None:
        with self._guard:
            while not self._closed.is_set():
                pause = self._step() if not self._relieving else _LOOK_AGAIN_S
                if pause > 0:
                    self._changed.wait(pause)

    def _step(self) -> float:
        """Do the next thing; return how long to wait in real time before there may be another."""
        pollable = self._release_interrupted()
        horizon = self._horizon()
        if horizon is None:
            return _FOR_EVER_S
        pause = self._held()
        if pause > 0:
            return pause if not pollable else min(pause, _LOOK_AGAIN_S)
        if self._hooks_due and self._hooks:
            self._hooks_due = False
            self._call(*self._hooks)
            return 0.0
        scheduled = self._schedule.first()
        if scheduled is not None and scheduled.time <= horizon:
            self._schedule.pop()
            self._now = max(self._now, scheduled.time)
            self._make(scheduled)
            return 0.0
        if horizon == math.inf:
            return _LOOK_AGAIN_S if pollable else _FOR_EVER_S
        self._now = max(self._now, horizon)
        self._arrive()
        return 0.0

    def _horizon(self) -> float | None:
        while self._sleepers and self._sleepers[0][2].awake:
            heapq.heappop(self._sleepers)
        if self._sleepers and self._requests:
            return min(self._sleepers[0][0], self._requests[0][0])
        if self._sleepers:
            return self._sleepers[0][0]
        return self._requests[0][0] if self._requests else None

    def _held(self) -> float:
        """Say for how long time must stand because a thread that was let go has not waited again."""
        if not self._busy:
            return 0.0
        for thread in [thread for thread in self._busy if not thread.is_alive()]:
            del self._busy[thread]
        # a request stands for one busy thread, which is blocked in the reply
        if len(self._busy) <= len(self._requests):
            return 0.0
        remaining = self._busy_since + self._patience - time.monotonic()
        if remaining <= 0:
            self._busy.clear()
            return 0.0
        return min(remaining, _LOOK_AGAIN_S)

    def _arrive(self) -> None:
        """Let go whoever waits for now: replies first, then one sleeper, so that the others wait for their turn."""
        if self._requests and self._requests[0][0] <= self._now:
            _, _, reply = heapq.heappop(self._requests)
            if self._busy:
                self._busy_since = time.monotonic()
            self._call(reply)
            return
        if self._sleepers and self._sleepers[0][0] <= self._now:
            self._let_go(heapq.heappop(self._sleepers)[2], reached=True)

    def _call(self, *calls: Call | None) -> None:
        """Make calls without the guard; one bad call must not stop time."""
        self._guard.release()
        try:
            for call in calls:
                if call is None:
                    continue
                try:
                    call()
                except BaseException as error:
                    self._failures.report(FailedCall(self._now, call, error))
        finally:
            self._guard.acquire()

    def _make(self, scheduled: Scheduled) -> None:
        progress = (self._schedule.mark(), threading.current_thread(), scheduled.call)
        self._calls.append(progress)
        self._call(scheduled.call)
        self._calls.remove(progress)
        self._hooks_due = True
        if not self._closed.is_set() and scheduled.move_on(self._now):
            self._schedule.add(scheduled)

    def _advance_nested(self, until: float, interrupt: InterruptLike | None = None) -> bool:
        """Move time while a call is in progress: only what was scheduled since that call began happens."""
        mark = self._calls[-1][0]
        while not self._closed.is_set():
            if interrupt is not None and interrupt.is_set():
                return False
            self._call(*self._hooks)
            scheduled = self._schedule.take_since(mark, until)
            if scheduled is None:
                self._now = max(self._now, until)
                return True
            self._now = max(self._now, scheduled.time)
            self._make(scheduled)
        return False

    def _relieve(self) -> None:
        """Move time for a call that is blocked in a reply, or past a call that blocks for too long."""
        blocked: tuple[int, threading.Thread, Call] | None = None
        with self._guard:
            while not self._closed.is_set():
                if self._nested_requests:
                    self._relieving = True
                    request = heapq.heappop(self._nested_requests)
                    if self._calls:
                        self._advance_nested(request[0])
                        self._call(request[2])
                    else:
                        heapq.heappush(self._requests, request)
                    self._relieving = False
                    self._hooks_due = True
                    self._changed.notify()
                    continue
                self._relief_wanted.wait(self._patience)
                in_progress = self._calls[-1] if self._calls else None
                if in_progress is not None and in_progress is blocked and not self._nested_requests:
                    self._step_past(in_progress)
                blocked = in_progress

    def _step_past(self, blocked: tuple[int, threading.Thread, Call]) -> None:
        if self._horizon() is None:
            return
        error = ClockStalled(f"a scheduled call has blocked for {self._patience} s while others wait for time")
        self._failures.report(FailedCall(self._now, blocked[2], error))
        self._relieving = True
        while (
            blocked in self._calls
            and not self._closed.is_set()
            and not self._nested_requests
            and self._horizon() is not None
        ):
            pause = self._step()
            if pause > 0:
                self._relief_wanted.wait(min(pause, _LOOK_AGAIN_S))
        self._relieving = False
        self._changed.notify()
