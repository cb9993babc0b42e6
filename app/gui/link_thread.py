"""The one thread that talks to the bench: opens it, runs on it, reads it when nobody measures."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING

from app.engine.events import Event, State, StateChanged
from app.gui.orders import BenchFacts, Reading, RunEnd, RunOrder, Safety
from app.gui.panel_operator import PanelOperator
from config.mistake import UserMistake
from drivers.errors import Inhibited, InstrumentError

if TYPE_CHECKING:
    from app.engine.engine import Engine
    from app.engine.operator import Operator
    from app.running import Plan
    from drivers.bench import Bench

log = logging.getLogger(__name__)

IDLE_PERIOD = 0.5
"""s, real time, between two readings of a bench on which nobody measures"""

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

    def energise(self, what: str, job: Callable[[Bench], object]) -> None:
        """Do something that may switch something on; nothing of it happens after a stop."""
        stops = self._stops

        def guarded() -> None:
            bench = self.bench
            if bench is None:
                return
            with self._gate:
                # a stop that came since the click must not be undone by the release
                if stops != self._stops:
                    return
                bench.release()
            try:
                job(bench)
            except Inhibited:
                pass  # STOP came meanwhile, and says so itself
            except (InstrumentError, UserMistake, ValueError) as error:
                self._tell(Safety((f"{what}: {error}",)))

        self._jobs.put(guarded)

    def run(self, order: RunOrder) -> None:
        """Run when what came before is done."""
        stops = self._stops
        self._jobs.put(lambda: self._run(order, stops))

    def stop(self, reason: str) -> None:
        """Beam off, in any state and from any thread; returns at once."""
        with self._gate:
            self._stops += 1
            self._stop_reason = reason
            engine, running = self._engine, self._running
            if engine is not None:
                engine.bench.inhibit()
        if engine is not None:
            engine.abort(reason)
            if not running:
                threading.Thread(target=self._make_safe, args=(engine.bench,), name="make safe", daemon=True).start()
        self.operator.answer(False)

    def end(self) -> None:
        """Close the bench and end the thread, when what goes on is done."""
        self._jobs.put(None)

    def join(self, seconds: float) -> bool:
        """Wait for the thread's end; say whether it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _make_safe(self, bench: Bench) -> None:
        steps = bench.make_safe()
        problems = tuple(f"{step.role} could not be made safe: {step.error}" for step in steps if step.error)
        self._tell(Safety(problems, any(step.beam_unknown for step in steps)))

    def _work(self) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=IDLE_PERIOD)
            except queue.Empty:
                self._guarded(self._read)
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
        from app.engine.operator import AlwaysYes
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
        del watch  # the tube holds it
        self._tell(facts_of(engine.bench))
        return engine

    def _close(self) -> None:
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
            engine = self.open(order.plan, order.seed, order.speed, anew=simulated)
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

    def _hear(self, event: Event) -> None:
        # a stop between the order and the engine's own readiness to be aborted
        if event == StateChanged(State.PREPARING) and self._stops != self._stops_at_start and self._engine is not None:
            self._engine.abort(self._stop_reason)
        self._tell(event)

    def _read(self) -> None:
        """Read every instrument once; nobody measures now."""
        bench = self.bench
        if bench is None:
            return
        from app.gui.idle_readings import idle_readings

        self._tell(tuple(idle_readings(bench)))


class BenchClosed:
    """No bench is open.

    Parameters
    ----------
    reason
        Why it could not be opened; empty where it was closed on purpose.
    """

    def __init__(self, reason: str = "") -> None:
        self.reason = reason


def facts_of(bench: Bench) -> BenchFacts:
    """Describe an open bench; nothing is asked of an instrument."""
    from drivers.roles import XrayTube

    return BenchFacts(
        bench.file,
        {role: str(one.identity) for role, one in bench.instruments.items()},
        {role: one.resource for role, one in bench.instruments.items()},
        bench.tube.full_scale if bench.has(XrayTube) else None,
    )


Readings = tuple[Reading, ...]
