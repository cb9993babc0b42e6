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
from app.engine.operator import Operator
from app.engine.outcome import Outcome
from app.engine.reading import Products, analyse_run
from app.engine.run_handle import EngineRun
from app.engine.safety import SafetyMonitor
from config.mistake import UserMistake
from drivers.bench import Bench, SafeStep
from drivers.errors import Inhibited
from drivers.roles import XrayTube
from procedures.procedure import Procedure
from procedures.run import RunAborted
from storage.recovery import Recovered
from storage.writer import RunWriter

log = logging.getLogger(__name__)

WATCHDOG = 10.0
"""s after which a tube that has a watchdog switches off by itself; it is spoken to five times a second"""

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
        self._company.enter(State.FINISHING)
        self._make_safe()
        duration = self._bench.clock.now() - self._started
        state, reason = self._verdict(error)
        figures: Sequence[FigureOfMerit] = ()
        products: Sequence[Path] = ()
        step = "analysis"
        try:
            self._writer.end_records()
            if state is not State.FAILED and self.handle.records:
                figures, make_products = self._analyse(state)
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
        self._journal("info", "begin", f"{self._procedure.name} on bench {self._bench.name}, {self._bench.geometry}")
        self._arm_watchdog()
        monitor = SafetyMonitor(self._bench, self._account, self._trip)
        self._company.enter(State.RUNNING)
        try:
            self.handle.wait(0.0)
            self._procedure.measure(self._bench, self.handle)
        except BaseException as error:
            # the beam first, the story afterwards
            self._bench.inhibit()
            return error
        finally:
            monitor.stop()
        return None

    def _arm_watchdog(self) -> None:
        if self._bench.has(XrayTube) and self._bench.tube.arm_watchdog(WATCHDOG):
            self._journal("info", "watchdog", f"the tube's watchdog switches off after {WATCHDOG:g} s without a word")

    def _trip(self, what: str) -> None:
        self._company.abort(what, True)

    def _verdict(self, error: BaseException | None) -> tuple[State, str]:
        if self._beam_unknown:
            return State.FAILED, "BEAM STATE UNKNOWN: nothing confirms that the beam is off"
        if self._ending.reason:
            kind = "trip" if self._ending.tripped else "abort"
            self._journal("error" if self._ending.tripped else "warning", kind, self._ending.reason)
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
        self._journal("error", "failure", f"{what}: {fault}", traceback="".join(traceback.format_exception(fault)))
        if state is State.FAILED or (what == "analysis" and state is State.ABORTED):
            return state, reason, error
        return State.FAILED, f"{what}: {fault}", fault

    def _make_safe(self) -> None:
        steps = self._bench.make_safe()
        for step in steps:
            if step.error is None:
                continue
            self._journal("error", "unsafe", self._unsafe(step), role=step.role)
            self._beam_unknown |= step.beam_unknown
        self._journal("info", "safe", f"made safe: {', '.join(step.role for step in steps if step.error is None)}")

    @staticmethod
    def _unsafe(step: SafeStep) -> str:
        if step.beam_unknown:
            return f"BEAM STATE UNKNOWN: {step.error}"
        return f"{step.role} could not be made safe: {step.error}"

    def _analyse(self, state: State) -> tuple[Sequence[FigureOfMerit], Products]:
        completed = state is State.COMPLETED
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
