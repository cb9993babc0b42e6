"""Between the window and the engine: Qt signals out, calls from the window's thread in."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from app.engine.by_hand import HandNews
from app.engine.events import Noted, Prepared, Progressed, Recorded, State, StateChanged
from app.gui.link_thread import BenchClosed, LinkThread
from app.gui.live_exposure import Exposing
from app.gui.mailbox import Mailbox
from app.gui.orders import BenchFacts, Live, RunEnd, RunOrder, Safety, Stopped
from app.gui.tube_watch import BeamNews

if TYPE_CHECKING:
    from app.engine.by_hand import ByHand
    from app.engine.operator import Operator
    from app.running import Plan
    from drivers.bench import Bench

BATCH = 0.04
"""s, the least time between two batches of events: 25 a second are enough for eyes"""

AT_ONCE = 4_000
"""Events in a batch at most; a batch of all that may wait would keep the window for seconds"""


class EngineLink(QObject):
    """The bench and its engine as the window sees them.

    Everything on the bench happens in one other thread. What happens there waits in a buffer until the window's event
    loop takes it, in batches, so that no number of records keeps the window from answering.
    """

    bench_opened = Signal(object)
    """`BenchFacts`"""
    bench_closed = Signal(str)
    """Why it could not be opened, or empty."""
    beam_seen = Signal(object)
    """`BeamNews`, the latest"""
    readings_seen = Signal(object)
    """Tuple of `Reading`: an idle bench"""
    run_started = Signal(object)
    """`RunOrder`"""
    state_changed = Signal(object)
    """`app.engine.events.State`"""
    prepared = Signal(object)
    """`app.engine.events.Prepared`"""
    recorded = Signal(object)
    """List of `app.engine.events.Recorded`"""
    progressed = Signal(object)
    """`app.engine.events.Progressed`, the latest"""
    noted = Signal(object)
    """List of `app.engine.events.Noted`"""
    run_ended = Signal(object)
    """`RunEnd`"""
    question_asked = Signal(str)
    """A question to the operator; empty when it is taken back."""
    problem_seen = Signal(object)
    """`Safety`: what went wrong, or right, outside a run"""
    plan_judged = Signal(object, str)
    """A `Plan`, and why the open bench refuses it; empty where it does not"""
    stopped = Signal(str)
    """STOP was given, and why."""
    live_seen = Signal(object)
    """`Live`: what spectrometer or camera show"""
    hand_seen = Signal(object)
    """`app.engine.by_hand.HandNews`: what is on by hand"""

    _woken = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._waiting = Mailbox()
        self._wake_sent = False
        self._last_batch = 0.0
        self._order: RunOrder | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._deliver)
        self._woken.connect(self._schedule, Qt.ConnectionType.QueuedConnection)
        self._thread = LinkThread(self._put, lambda question: self._put(_Question(question)))

    @property
    def order(self) -> RunOrder | None:
        """The run that is on."""
        return self._order

    @property
    def bench(self) -> Bench | None:
        """The bench that is open; ask it nothing from the window's thread."""
        return self._thread.bench

    def open(self, plan: Plan, seed: int | None = None, speed: object = None) -> None:
        """Open the bench of a plan, if it is not."""
        self._thread.do(lambda: self._open(plan, seed, speed))

    def _open(self, plan: Plan, seed: int | None, speed: object) -> None:
        from config.mistake import UserMistake
        from drivers.errors import InstrumentError

        try:
            self._thread.open(plan, seed, speed, anew=False)
        except (UserMistake, InstrumentError):
            pass  # BenchClosed has told why
        except Exception as error:
            self._put(Safety((f"{type(error).__name__}: {error}",)))

    def start(self, order: RunOrder) -> None:
        """Start a run.

        Raises
        ------
        RuntimeError
            If one is on: the queue is for the next.
        """
        if self._order is not None:
            raise RuntimeError("a run is on")
        self._order = order
        self.run_started.emit(order)
        self._thread.run(order)

    def pause(self) -> None:
        """Pause before the next step of the measurement."""
        if self._thread.engine is not None:
            self._thread.engine.pause()

    def resume(self) -> None:
        """Go on."""
        if self._thread.engine is not None:
            self._thread.engine.resume()

    def stop(self, reason: str = "STOP was pressed") -> None:
        """Beam off and end the run, in any state; returns at once."""
        self._thread.stop(reason)
        self.stopped.emit(reason)

    @property
    def operator(self) -> Operator:
        """Whoever sits at the window; asking waits, so never ask from the window's thread."""
        return self._thread.operator

    def answer(self, yes: bool) -> None:
        """Answer the question that waits."""
        self._thread.operator.answer(yes)

    def do(self, job: Callable[[], None]) -> None:
        """Do something in the bench's thread that switches nothing on."""
        self._thread.do(job)

    def judge(self, plan: Plan) -> None:
        """Check a plan against the open bench; nothing is sent to an instrument."""
        self._thread.do(lambda: self._judge(plan))

    def _judge(self, plan: Plan) -> None:
        from config.mistake import UserMistake

        bench = self.bench
        if bench is None:
            return
        plan.procedure.sample = plan.sample.content if plan.sample else None
        try:
            plan.procedure.check(bench)
        except (UserMistake, ValueError) as mistake:
            self._put(_Judged(plan, str(mistake)))
        else:
            self._put(_Judged(plan, ""))

    def by_hand(self, what: str, role: str, job: Callable[[ByHand, int], None]) -> None:
        """Switch something on by hand, watched as a run is; STOP or `off` undo it."""
        self._thread.by_hand(what, role, job)

    def adjust(self, what: str, job: Callable[[Bench], object]) -> None:
        """Set something by hand that switches nothing on."""
        self._thread.adjust(what, job)

    def off(self, role: str) -> None:
        """Switch off what was on by hand, at once."""
        self._thread.off(role)

    def count_anew(self) -> None:
        """Forget the dose by hand."""
        self._thread.count_anew()

    def watch_live(self, role: str, how: Exposing | None) -> None:
        """Watch spectrometer or camera live; None: no more."""
        self._thread.watch_live(role, how)

    def end(self) -> None:
        """End the run, make the bench safe and close it; `ended` says when that is done."""
        if self._order is not None:
            self.stop("the window was closed")
        self._thread.end()

    @property
    def ended(self) -> bool:
        """Whether the bench is closed for good."""
        return not self._thread.alive

    def join(self, seconds: float) -> bool:
        """Wait for the bench to be closed, without an event loop."""
        return self._thread.join(seconds)

    def _put(self, event: object) -> None:
        """Take an event from any thread."""
        self._waiting.put(event)
        if not self._wake_sent:
            self._wake_sent = True
            self._woken.emit()

    @Slot()
    def _schedule(self) -> None:
        due = self._last_batch + BATCH - time.monotonic()
        if due <= 0:
            self._deliver()
        elif not self._timer.isActive():
            self._timer.start(max(1, round(due * 1000)))

    @Slot()
    def _deliver(self) -> None:
        self._last_batch = time.monotonic()
        # first the flag, then the buffer: what comes in between wakes once more for nothing, and is never left lying
        self._wake_sent = False
        events = self._waiting.take(AT_ONCE)
        records: list[Recorded] = []
        notes: list[Noted] = []
        latest: dict[type, Progressed | BeamNews] = {}
        for event in events:
            if isinstance(event, Recorded):
                records.append(event)
            elif isinstance(event, Noted):
                notes.append(event)
            elif isinstance(event, Progressed | BeamNews):
                latest[type(event)] = event
            else:
                # the order of what is no flood is kept
                self._flush(records, notes, latest)
                self._emit(event)
        self._flush(records, notes, latest)
        if len(self._waiting) and not self._timer.isActive():
            # soon, but the event loop has its turn before
            self._timer.start(5)

    def _flush(self, records: list[Recorded], notes: list[Noted], latest: dict[type, Progressed | BeamNews]) -> None:
        if records:
            self.recorded.emit(list(records))
        if notes:
            self.noted.emit(list(notes))
        for event in latest.values():
            (self.progressed if isinstance(event, Progressed) else self.beam_seen).emit(event)
        records.clear()
        notes.clear()
        latest.clear()

    def _emit(self, event: object) -> None:
        if isinstance(event, StateChanged):
            self.state_changed.emit(event.state)
        elif isinstance(event, Prepared):
            self.prepared.emit(event)
        elif isinstance(event, RunEnd):
            self._order = None
            if event.outcome is None:
                self.state_changed.emit(State.FAILED)
            self.run_ended.emit(event)
        elif isinstance(event, BenchFacts):
            self.bench_opened.emit(event)
        elif isinstance(event, BenchClosed):
            self.bench_closed.emit(event.reason)
        elif isinstance(event, Safety):
            self.problem_seen.emit(event)
        elif isinstance(event, Live):
            self.live_seen.emit(event)
        elif isinstance(event, HandNews):
            self.hand_seen.emit(event)
        elif isinstance(event, Stopped):
            self.stopped.emit(event.reason)
        elif isinstance(event, _Question):
            self.question_asked.emit(event.text)
        elif isinstance(event, _Judged):
            self.plan_judged.emit(event.plan, event.reason)
        elif isinstance(event, tuple):
            self.readings_seen.emit(event)
        else:
            raise TypeError(f"nothing in the window shows a {type(event).__name__}")


class _Judged:
    def __init__(self, plan: Plan, reason: str) -> None:
        self.plan, self.reason = plan, reason


class _Question:
    def __init__(self, text: str) -> None:
        self.text = text
