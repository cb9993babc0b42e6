"""One run, from its open file to its outcome."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from analysis.figure import FigureOfMerit
from app.engine.circumstances import software_version
from app.engine.dose_account import DoseAccount
from app.engine.events import Event, Level, Noted, State
from app.engine.guardian import ENERGISING
from app.engine.interruptions import INTERRUPTED, NOTED
from app.engine.operator import Operator
from app.engine.outcome import Outcome
from app.engine.pausing import Recovery
from app.engine.reading import Products, analyse_run
from app.engine.run_handle import EngineRun, PauseWanted
from app.engine.safety import SafetyMonitor
from app.engine.suspension import SuspensionWatch
from app.engine.trips import Trip, policy_of, trip_of
from config.mistake import UserMistake
from drivers.bench import Bench, SafeStep
from drivers.clock import Scheduled
from drivers.errors import Inhibited
from drivers.roles import XrayTube
from procedures.procedure import Procedure
from procedures.run import RunAborted
from storage.recovery import Recovered
from storage.writer import RunWriter

log = logging.getLogger(__name__)

WATCHDOG = 10.0
"""s after which a tube that has a watchdog switches off by itself; it is spoken to five times a second"""

WRITER_PERIOD = 0.5
"""s between two looks whether the run file is still written"""

LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


@dataclass
class Ending:
    """Why a run does not end by itself."""

    reason: str = ""
    tripped: bool = False
    notes: list[Noted] = field(default_factory=list)
    """Warnings, errors and trips of its journal."""


@dataclass(frozen=True)
class Company:
    """Whom a run deals with besides its bench."""

    operator: Operator
    ending: Ending
    abort: Callable[[str, bool], None]
    """Ends the run: why, and whether it was tripped."""
    halt: Callable[[], None]
    """Lets nothing be energised and switches the beam off, in a thread of its own."""
    settle: Callable[[], None]
    """Waits until whoever was told to switch the beam off has done so."""
    enter: Callable[[State], None]
    """Tells everybody what state the run is in."""
    publish: Callable[[Event], None]
    watched: bool
    """Whether anybody wants to see every record."""


class OneRun:
    """A run whose file is open.

    Parameters
    ----------
    bench
        That it runs on.
    procedure
        With its parameters.
    writer
        Of its file.
    company
        Whom it deals with.
    seed
        Of a simulated world.
    planned
        s, as the procedure estimates.
    """

    def __init__(
        self,
        bench: Bench,
        procedure: Procedure,
        writer: RunWriter,
        company: Company,
        seed: int | None,
        planned: float,
    ) -> None:
        self._bench = bench
        self._procedure = procedure
        self._writer = writer
        self._company = company
        self._ending = company.ending
        self._seed = seed
        self._account = DoseAccount()
        self._started = bench.clock.now()
        self._beam_unknown = False
        self._left_on: list[str] = []
        self._interruption: Trip | None = None
        self._pauses = 0
        self._writer_watch: Scheduled | None = None
        self._suspension = SuspensionWatch(self._journal)
        publish = company.publish if company.watched else None
        self.handle = EngineRun(bench, writer, self._account, company.operator, publish, self._journal, planned)

    def _journal(self, level: Level, kind: str, message: str, **fields: object) -> None:
        time = self._bench.clock.now() - self._started
        self._writer.event(time, level, kind, message, **fields)
        log.log(LEVELS[level], "%s: %s", kind, message)
        note = Noted(time, level, kind, message)
        if level != "info":
            self._ending.notes.append(note)
        self._company.publish(note)

    def carry_out(self, recovered: Sequence[Recovered] = ()) -> Outcome:
        """Measure, make safe, analyse, seal.

        Parameters
        ----------
        recovered
            Earlier runs that were cut short: what became of them stands in this run's journal.
        """
        for one in recovered:
            copy = "not recovered" if one.path is None else f"recovered into {one.path.name}"
            self._journal("warning", "recovery", f"{one.original}: {copy}: {one.message}")
        error = self._measure()
        if error is not None and self._writer.error is not None:
            # what ended the measurement was told to by this
            error = self._writer.error
        self._company.enter(State.FINISHING)
        self._make_safe()
        self._company.settle()
        if self._ending.tripped and (rows := self.handle.set_aside()):
            # measured while it came to the trip: kept, and left out of every figure
            self._journal("info", INTERRUPTED, "what was recorded of the last point is set aside", set_aside=rows)
        duration = self._bench.clock.now() - self._started
        measured = error is None and not self._ending.reason
        state, reason = self._verdict(error)
        figures: Sequence[FigureOfMerit] = ()
        products: Sequence[Path] = ()
        step = "analysis"
        try:
            self._writer.end_records()
            # a complete measurement keeps its figures where the bench could not be made safe after it
            if (measured or state is not State.FAILED) and self.handle.records > self.handle.records_set_aside:
                figures, make_products = self._analyse(state, completed=measured)
                step = "products"
                products = self._products(make_products)
        except Exception as fault:
            state, reason, error = self._failed(step, fault, state, reason, error)
        try:
            self._writer.finish(
                str(state), [self._figure(figure) for figure in figures], datetime.now().astimezone().isoformat()
            )
        except Exception as fault:
            state, reason, error = self._failed("run file", fault, state, reason, error)
        self._company.enter(state)
        procedure = self._procedure
        return Outcome(
            state=state,
            procedure=procedure.name,
            run_file=self._writer.path,
            parameters=procedure.values(),
            seed=self._seed,
            duration=duration,
            records=self.handle.records,
            figures=figures,
            products=products,
            notes=tuple(self._ending.notes),
            tripped=self._ending.tripped,
            reason=reason,
            error=error,
            beam_unknown=self._beam_unknown,
            units=procedure.units(),
        )

    def _measure(self) -> BaseException | None:
        monitor = None
        try:
            self._journal(
                "info", "begin", f"{self._procedure.name} on bench {self._bench.name}, {self._bench.geometry}"
            )
            self._arm_watchdog()
            monitor = SafetyMonitor(self._bench, self._account, self._trip)
            self.handle.attend(monitor.confirm_beam, self._trip)
            self._writer_watch = self._bench.clock.every(WRITER_PERIOD, self._look_at_writer)
            self._company.enter(State.RUNNING)
            while True:
                error = self._attempt()
                monitor.rest()
                if not self._begins_again(error):
                    return error
                monitor.begin_again()
        except BaseException as error:
            self._bench.inhibit()
            return error
        finally:
            if monitor is not None:
                monitor.stop()
            if self._writer_watch is not None:
                self._writer_watch.cancel()
            self._suspension.look()

    def _look_at_writer(self) -> None:
        """End a run whose file can no longer be written, also where the next record is an hour away."""
        self._suspension.look()
        if self._writer.error is not None and not self._bench.inhibited:
            self._company.halt()

    def _attempt(self) -> BaseException | None:
        try:
            self.handle.wait(0.0)
            self._procedure.measure(self._bench, self.handle)
        except BaseException as error:
            # the beam first, the story afterwards
            self._bench.inhibit()
            return error
        return None

    def _begins_again(self, error: BaseException | None) -> bool:
        """Take what ended the measurement as the end of the run, or wait until it can go on."""
        if self._writer.error is not None:
            return False
        if error is None or self._ending.reason or isinstance(error, KeyboardInterrupt | SystemExit):
            return False
        if isinstance(error, PauseWanted):
            return self._pause(None)
        if self._interruption is None:
            # the procedure met it before the monitor did
            trip = trip_of(error)
            if trip is None or isinstance(error, RunAborted):
                return False
            self._take(trip, "pause" if self._may_pause(trip) else "abort", error)
        return self._interruption is not None and self._pause(self._interruption)

    def _arm_watchdog(self) -> None:
        if self._bench.has(XrayTube) and self._bench.tube.arm_watchdog(WATCHDOG):
            self._journal("info", "watchdog", f"the tube's watchdog switches off after {WATCHDOG:g} s without a word")

    def _trip(self, trip: Trip) -> bool:
        """Do what the policy says; return whether the run goes on. From any thread."""
        expected = trip.kind in self._procedure.tolerates
        if expected or policy_of(self._bench.file.policies, trip.kind) == "note":
            self._journal("warning", NOTED, trip.message, trip=str(trip.kind), policy="note", expected=expected)
            return True
        if not self._ending.reason and self._interruption is None:
            self._take(trip, "pause" if self._may_pause(trip) else "abort")
        return False

    def _may_pause(self, trip: Trip) -> bool:
        policies = self._bench.file.policies
        return policy_of(policies, trip.kind) == "pause" and self._pauses < policies.most_pauses

    def _take(self, trip: Trip, policy: str, error: BaseException | None = None) -> None:
        """Act first, and write it down with its time afterwards."""
        if policy == "pause":
            self._interruption = trip
            self._company.halt()
        else:
            self._company.abort(trip.message, True)
        trace = {"traceback": "".join(traceback.format_exception(error))} if error is not None else {}
        self._journal("error", NOTED, trip.message, trip=str(trip.kind), policy=policy, **trace)

    def _pause(self, trip: Trip | None) -> bool:
        """Make the bench safe and wait until the run can go on; return False if it is to end."""
        self._make_safe()
        self._company.settle()
        if self._beam_unknown:
            return False
        self._write_interruption(trip)
        self._company.enter(State.PAUSED)
        self._bench.release()
        if self._told_to_end():
            self._bench.inhibit()
            return False
        why_not = self._wait_for(trip)
        if self._told_to_end():
            return False
        if why_not:
            self._company.abort(why_not, True)
            return False
        self._interruption = None
        self._journal("info", "resumed", "resumed")
        self._company.enter(State.RUNNING)
        self.handle.begin_again()
        return True

    def _told_to_end(self) -> bool:
        return bool(self._ending.reason)

    def _write_interruption(self, trip: Trip | None) -> None:
        if trip is None:
            self._journal("info", "paused", "paused, the bench is safe meanwhile")
            return
        rows = self.handle.set_aside()
        self._pauses += 1
        said = f"paused: {trip}; the point is measured again, and what was recorded of it is set aside"
        self._journal("warning", INTERRUPTED, said, trip=str(trip.kind), set_aside=rows)

    def _wait_for(self, trip: Trip | None) -> str:
        """Return why the run cannot go on; empty if it can."""
        if trip is None:
            self.handle.wait_until_resumed()
            return ""
        return Recovery(self._bench, self._bench.file.policies, self.handle.asked).wait(trip)

    def _verdict(self, error: BaseException | None) -> tuple[State, str]:
        state, reason = self._how_it_ended(error)
        unsafe = list(self._left_on)
        if self._beam_unknown:
            unsafe.insert(0, "BEAM STATE UNKNOWN: nothing confirms that the beam is off")
        if not unsafe:
            return state, reason
        return State.FAILED, "; ".join([*unsafe, *([f"before that: {reason}"] if reason else [])])

    def _how_it_ended(self, error: BaseException | None) -> tuple[State, str]:
        if self._ending.reason:
            if not self._ending.tripped:
                self._journal("warning", "abort", self._ending.reason)
            elif not any(note.message == self._ending.reason for note in self._ending.notes):
                self._journal("error", NOTED, self._ending.reason, policy="abort")
            return State.ABORTED, self._ending.reason
        if error is None:
            return State.COMPLETED, ""
        if isinstance(error, RunAborted | Inhibited | KeyboardInterrupt):
            reason = str(error) or "interrupted"
            self._journal("warning", "abort", reason)
            return State.ABORTED, reason
        reason = f"{type(error).__name__}: {error}" if not isinstance(error, UserMistake) else str(error)
        trace = "".join(traceback.format_exception(error))
        self._journal("error", "failure", reason, traceback=trace)
        return State.FAILED, reason

    def _failed(
        self, what: str, fault: Exception, state: State, reason: str, error: BaseException | None
    ) -> tuple[State, str, BaseException | None]:
        # a disk that is full is met at every further step: once is enough
        if not (str(fault) and str(fault) in reason):
            self._journal("error", "failure", f"{what}: {fault}", traceback="".join(traceback.format_exception(fault)))
        if state is State.FAILED or (what == "analysis" and state is State.ABORTED):
            return state, reason, error
        return State.FAILED, f"{what}: {fault}", fault

    def _make_safe(self) -> None:
        steps = self._bench.make_safe()
        self._left_on = []
        for step in steps:
            if step.error is None:
                continue
            self._journal("error", "unsafe", self._unsafe(step), role=step.role, beam_unknown=step.beam_unknown)
            self._beam_unknown |= step.beam_unknown
            # a tube that is certainly dark harms nobody; a bias, a light or a heater of which nothing is known may
            if step.role in ENERGISING and step.role != "tube":
                self._left_on.append(self._unsafe(step))
        self._journal("info", "safe", f"made safe: {', '.join(step.role for step in steps if step.error is None)}")

    @staticmethod
    def _unsafe(step: SafeStep) -> str:
        if step.beam_unknown:
            return f"BEAM STATE UNKNOWN: {step.error}"
        return f"{step.role} could not be made safe: {step.error}"

    def _analyse(self, state: State, *, completed: bool) -> tuple[Sequence[FigureOfMerit], Products]:
        figures, products = analyse_run(self._writer.path, type(self._procedure), completed=completed)
        if completed:
            return figures, products
        return [figure.with_warnings(f"the run was {state} before its end") for figure in figures], products

    def _products(self, make: Products) -> Sequence[Path]:
        written = make()
        for path in written:
            self._journal("info", "product", f"written for other measurements: {path}", path=str(path))
        return written

    @staticmethod
    def _figure(figure: FigureOfMerit) -> Mapping[str, object]:
        return {**figure.as_dict(), "software_version": software_version()}
