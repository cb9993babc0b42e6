"""The one thread that talks to the bench: opens it, runs on it, and reads it and obeys a hand in between."""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING

import numpy as np

from app.engine.events import Event, State, StateChanged
from app.gui.live_exposure import Exposing, exposed
from app.gui.making_safe import MakingSafe
from app.gui.orders import Live, Reading, RunEnd, RunOrder, Safety, Stopped
from app.gui.panel_operator import PanelOperator
from config.mistake import UserMistake
from drivers.errors import BeamStateUnknown, Inhibited, InstrumentError

if TYPE_CHECKING:
    from app.engine.by_hand import ByHand
    from app.engine.engine import Engine
    from app.engine.operator import Operator
    from app.running import Plan
    from drivers.bench import Bench

log = logging.getLogger(__name__)

IDLE_PERIOD = 0.5
"""s, real time, between two readings of a bench on which nobody measures"""

LIVE_PERIOD = 0.03
"""s, real time, between two exposures of what is watched live"""

VIRTUAL_SPEED = 20.0
"""How much faster virtual time passes while something is on by hand"""

Tell = Callable[[object], None]


class LinkThread:
    """Does one thing after the other on the bench, in a thread of its own; only `stop` does not wait its turn.

    Parameters
    ----------
    tell
        Called with everything that is to be shown, from any thread; it must return at once.
    ask
        Called with the question to the operator; the empty text takes it back.
    """

    def __init__(self, tell: Tell, ask: Callable[[str], None]) -> None:
        self._tell = tell
        self.operator = PanelOperator(ask)
        self._jobs: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._gate = threading.Lock()
        self._stops = 0
        self._stop_reason = ""
        self._stops_at_start = 0
        self._open = ExitStack()
        self._opened_for: object = None
        self._engine: Engine | None = None
        self._running = False
        self._hand: ByHand | None = None
        self._hand_was_active = False
        self._live: dict[str, Exposing] = {}
        self._saving = MakingSafe(tell)
        self._read_at = -math.inf
        self._thread = threading.Thread(target=self._work, name="bench", daemon=True)
        self._thread.start()

    @property
    def bench(self) -> Bench | None:
        """The bench that is open."""
        engine = self._engine
        return None if engine is None else engine.bench

    @property
    def engine(self) -> Engine | None:
        """The engine of the bench that is open."""
        return self._engine

    @property
    def alive(self) -> bool:
        """Whether it works still."""
        return self._thread.is_alive()

    def do(self, job: Callable[[], None]) -> None:
        """Do something on the bench when what came before is done; a stop meanwhile drops it."""
        stops = self._stops

        def unless_stopped() -> None:
            if stops == self._stops:
                job()

        self._jobs.put(unless_stopped)

    def by_hand(self, what: str, role: str, job: Callable[[ByHand, int], None]) -> None:
        """Switch something on by hand; nothing of it happens after a stop, or after `off` for this role.

        Parameters
        ----------
        what
            How it is called where it fails.
        role
            That it is about.
        job
            Given the hand and what `ByHand.offs` says now.
        """
        stops, hand = self._stops, self._hand
        offs = hand.offs(role) if hand is not None else 0

        def guarded() -> None:
            bench = self.bench
            if hand is None or bench is None or hand is not self._hand:
                return
            self._saving.wait()
            with self._gate:
                # a stop that came since the click must not be undone by the release
                if stops != self._stops:
                    return
                bench.release()
            self._told(what, lambda: job(hand, offs))
            self._tell(hand.news)

        self._jobs.put(guarded)

    def adjust(self, what: str, job: Callable[[Bench], object]) -> None:
        """Set something by hand that switches nothing on."""

        def guarded() -> None:
            bench = self.bench
            if bench is not None:
                self._told(what, lambda: job(bench))

        self._jobs.put(guarded)

    def off(self, role: str) -> None:
        """Switch something off that was on by hand: at once, whatever this thread does."""
        hand = self._hand
        if hand is not None:
            threading.Thread(target=self._off, args=(hand, role), name="off by hand", daemon=True).start()

    def _off(self, hand: ByHand, role: str) -> None:
        self._told(f"{role} off", lambda: hand.off(role))
        self._tell(hand.news)

    def count_anew(self) -> None:
        """Forget the dose by hand."""
        hand = self._hand
        if hand is not None:

            def anew() -> None:
                self._told("dose by hand", hand.count_anew)
                self._tell(hand.news)

            self._jobs.put(anew)

    def watch_live(self, role: str, how: Exposing | None) -> None:
        """Expose spectrometer or camera again and again, or once, whenever nobody measures; None: no more."""
        if how is None:
            self._live.pop(role, None)
        else:
            self._live[role] = how
        stops = self._stops

        def begin() -> None:
            bench = self.bench
            self._saving.wait()
            with self._gate:
                # exposing waits, and waiting ends at once on a bench that was stopped
                if bench is not None and stops == self._stops:
                    bench.release()

        self._jobs.put(begin)

    def _told(self, what: str, job: Callable[[], object]) -> None:
        """Do it, and tell what went wrong."""
        try:
            job()
        except Inhibited:
            pass  # STOP or a click on Off came meanwhile
        except (InstrumentError, UserMistake, ValueError) as error:
            self._tell(Safety((f"{what}: {error}",), isinstance(error, BeamStateUnknown)))

    def run(self, order: RunOrder) -> None:
        """Run when what came before is done."""
        stops = self._stops
        self._jobs.put(lambda: self._run(order, stops))

    def stop(self, reason: str) -> None:
        """Beam off, in any state and from any thread; returns at once."""
        with self._gate:
            self._stops += 1
            stops = self._stops
            self._stop_reason = reason
            engine, running, hand = self._engine, self._running, self._hand
            if engine is not None:
                engine.bench.inhibit()
        self._live.clear()
        if hand is not None:
            hand.stopped()
            self._tell(hand.news)
        if engine is not None:
            engine.abort(reason)
            if not running:
                bench = engine.bench
                self._saving.start(bench, lambda: bench is self.bench and stops == self._stops and bench.inhibited)
        self.operator.answer(False)

    def end(self) -> None:
        """Close the bench and end the thread, when what goes on is done."""
        self._saving.end()
        self._jobs.put(None)

    def join(self, seconds: float) -> bool:
        """Wait for the thread's end; say whether it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=LIVE_PERIOD if self._live else IDLE_PERIOD)
            except queue.Empty:
                self._guarded(self._watch)
                continue
            if job is None:
                break
            self._guarded(job)
        self._guarded(self._close)

    def _guarded(self, job: Callable[[], None]) -> None:
        """Do it; the thread outlives whatever goes wrong, because only it closes the bench."""
        try:
            job()
        except Exception as error:
            log.exception("in the bench's thread")
            self._tell(Safety((f"{type(error).__name__}: {error}",)))

    def open(self, plan: Plan, seed: int | None, speed: object, *, anew: bool) -> Engine:
        """Open the bench of a plan, in this thread; one that is open already and the same is kept unless `anew`."""
        from app.engine.by_hand import ByHand
        from app.engine.operator import AlwaysYes
        from app.gui.bench_facts import facts_of
        from app.gui.tube_watch import TubeWatch
        from app.running import opened

        wanted = (plan.bench.text, plan.geometry, seed, speed)
        if self._engine is not None and wanted == self._opened_for and not anew:
            return self._engine
        self._close()
        # everything on a simulated bench is as asked, and a preset's question before it is open must not wait either
        who: Operator = AlwaysYes() if plan.bench.content.simulated else self.operator
        try:
            engine = self._open.enter_context(opened(plan, seed=seed, speed=speed, operator=who))  # type: ignore[arg-type]
        except BaseException as error:
            self._tell(BenchClosed(str(error) if isinstance(error, Exception) else "interrupted"))
            raise
        engine.watch(self._hear)
        watch = TubeWatch(engine.bench, self._tell)
        with self._gate:
            self._engine, self._opened_for = engine, wanted
            self._hand = ByHand(engine.bench, self._stop_by_itself, self._tell)
        del watch  # the tube holds it
        self._tell(facts_of(engine.bench))
        return engine

    def _close(self) -> None:
        self._end_hand()
        with self._gate:
            bench, self._engine, self._opened_for = self.bench, None, None
        opened, self._open = self._open, ExitStack()
        try:
            opened.close()
        finally:
            if bench is not None and bench.left_unsafe:
                self._tell(Safety(("the bench could not be made safe before it was closed",), beam_unknown=True))
            self._tell(BenchClosed())

    def _run(self, order: RunOrder, stops: int) -> None:
        if stops != self._stops:
            self._tell(RunEnd(order, None, f"not begun: {self._stop_reason}"))
            return
        from app.running import request

        self._stops_at_start = stops
        try:
            # a simulated world begins anew with its seed, as for the command: the same seed gives the same figures
            simulated = order.plan.bench.content.simulated
            self._live.clear()
            engine = self.open(order.plan, order.seed, order.speed, anew=simulated)
            self._saving.wait()
            # nothing of what a hand had switched on may reach into the run
            self._end_hand()
            with self._gate:
                self._running = True
            outcome = engine.run(request(order.plan, folder=order.folder, seed=order.seed))
        except (UserMistake, InstrumentError) as error:
            self._tell(RunEnd(order, None, str(error)))
        except Exception as error:
            log.exception("a run ended with an error of the program")
            self._tell(RunEnd(order, None, f"{type(error).__name__}: {error}"))
        else:
            self._tell(RunEnd(order, outcome))
        finally:
            with self._gate:
                self._running = False
            self._begin_hand()

    def _begin_hand(self) -> None:
        from app.engine.by_hand import ByHand

        bench = self.bench
        if bench is not None and self._hand is None:
            with self._gate:
                self._hand = ByHand(bench, self._stop_by_itself, self._tell)

    def _end_hand(self) -> None:
        with self._gate:
            hand, self._hand = self._hand, None
        if hand is not None:
            hand.end()

    def _stop_by_itself(self, reason: str) -> None:
        self.stop(reason)
        self._tell(Stopped(reason))

    def _hear(self, event: Event) -> None:
        # a stop between the order and the engine's own readiness to be aborted
        if event == StateChanged(State.PREPARING) and self._stops != self._stops_at_start and self._engine is not None:
            self._engine.abort(self._stop_reason)
        self._tell(event)

    def _watch(self) -> None:
        """Read every instrument once, and expose what is watched; nobody measures now."""
        bench = self.bench
        if bench is None:
            return
        for role, how in tuple(self._live.items()):
            if how.once:
                self._live.pop(role, None)
            try:
                self._tell(exposed(bench, role, how))
            except (InstrumentError, UserMistake) as error:
                self._live.pop(role, None)
                self._tell(Live(role, np.empty(0)))
                if not isinstance(error, Inhibited):
                    self._tell(Safety((f"{role} live: {error}",)))
        if time.monotonic() - self._read_at >= IDLE_PERIOD:
            self._read(bench)
            self._read_at = time.monotonic()

    def _read(self, bench: Bench) -> None:
        from app.gui.idle_readings import idle_readings

        hand = self._hand
        self._tell(tuple(idle_readings(bench, hand)))
        if hand is None:
            return
        if hand.active and math.isinf(bench.clock.speed):
            # nobody else waits: without this, virtual time would stand still, and the beam stay on
            bench.clock.sleep(VIRTUAL_SPEED * IDLE_PERIOD, bench.surroundings.stop)
        if hand.active or self._hand_was_active:
            self._hand_was_active = hand.active
            self._tell(hand.news)


class BenchClosed:
    """No bench is open.

    Parameters
    ----------
    reason
        Why it could not be opened; empty where it was closed on purpose.
    """

    def __init__(self, reason: str = "") -> None:
        self.reason = reason


Readings = tuple[Reading, ...]
