"""Runs one procedure after the other on one bench; whatever happens, the bench is made safe."""

from __future__ import annotations

import logging
import threading
import traceback
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from analysis.figure import FigureOfMerit
from app.engine.circumstances import run_header, software_version, stream_layouts
from app.engine.dose_account import DoseAccount
from app.engine.events import Event, Noted, State, StateChanged
from app.engine.operator import AlwaysYes, Nobody, Operator
from app.engine.outcome import Outcome
from app.engine.output import output_folder, run_file_path
from app.engine.reading import Products, analyse_run
from app.engine.run_handle import EngineRun
from app.engine.safety import SafetyMonitor
from config.loading import Loaded
from config.mistake import UserMistake
from config.sample_file import Sample
from drivers.bench import Bench, SafeStep
from drivers.errors import Inhibited
from drivers.roles import XrayTube
from procedures.procedure import Procedure
from procedures.run import RunAborted
from storage.recovery import Recovered, recover_left_runs
from storage.writer import RunWriter

log = logging.getLogger(__name__)

WATCHDOG = 10.0
"""s after which a tube that has a watchdog switches off by itself; it is spoken to five times a second"""

LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


@dataclass(frozen=True)
class Request:
    """A run as it was asked for."""

    procedure: Procedure
    sample: Loaded[Sample] | None = None
    preset: str = ""
    folder: Path | None = None
    """Of the run file; None takes the bench file's."""
    seed: int | None = None
    bench_text: str = ""


@dataclass
class _Ending:
    """Why a run does not end by itself."""

    reason: str = ""
    tripped: bool = False
    notes: list[Noted] = field(default_factory=list)


class Engine:
    """Runs procedures on a bench.

    Parameters
    ----------
    bench
        Open.
    operator
        Who answers questions; on a simulated bench everything is always as asked.
    """

    def __init__(self, bench: Bench, operator: Operator | None = None) -> None:
        self.bench = bench
        self._operator = operator or (AlwaysYes() if bench.file.simulated else Nobody())
        self._watchers: list[Callable[[Event], None]] = []
        self._one_at_a_time = threading.Lock()
        self._ending: _Ending | None = None
        self._run: EngineRun | None = None
        self._state = State.QUEUED

    @property
    def state(self) -> State:
        """Of the run that is on, or of the last one."""
        return self._state

    def watch(self, watcher: Callable[[Event], None]) -> None:
        """Have every event sent to `watcher`, from the run's thread: it must return soon."""
        self._watchers.append(watcher)

    def pause(self) -> None:
        """Pause before the next step of the measurement; the beam is off meanwhile."""
        if self._run is not None:
            self._run.pause()

    def resume(self) -> None:
        """Go on after a pause."""
        if self._run is not None:
            self._run.resume()

    def abort(self, reason: str, *, tripped: bool = False) -> None:
        """End the run: beam off at once, then the procedure unwinds through its ``with`` blocks.

        May be called from any thread and more than once; the first reason counts.
        """
        ending = self._ending
        if ending is None or ending.reason:
            return
        ending.reason = reason
        ending.tripped = tripped
        self.bench.inhibit()
        if self._run is not None:
            self._run.leave()
        # not in this thread: it may be the clock's, which the tube's lock would hold up
        threading.Thread(target=self._beam_off, name="beam off", daemon=True).start()

    def _beam_off(self) -> None:
        try:
            if self.bench.has(XrayTube):
                self.bench.tube.switch_off()
        except Exception as error:
            # the run's own end tries again, and says so in the run file
            log.critical("switching the beam off: %s", error)

    def run(self, request: Request) -> Outcome:
        """Run a procedure to its end, in this thread.

        Returns
        -------
        Outcome
            Also of a run that failed or was aborted.

        Raises
        ------
        UserMistake
            If the run cannot begin as asked: nothing was switched on, nothing was written.
        """
        with self._one_at_a_time:
            self._ending = _Ending()
            try:
                return self._run_one(request)
            finally:
                self._ending = None
                self._run = None

    def _run_one(self, request: Request) -> Outcome:
        procedure, bench = request.procedure, self.bench
        procedure.sample = None if request.sample is None else request.sample.content
        bench.release()
        self._enter(State.PREPARING)
        try:
            procedure.check(bench)
            estimate = procedure.estimate()
            axes = procedure.axes(bench)
            started = datetime.now().astimezone()
            sample_name = request.sample.content.name if request.sample else ""
            path = run_file_path(
                bench.file,
                request.folder,
                started,
                procedure=procedure.name,
                preset=request.preset,
                sample=sample_name,
                seed=request.seed,
            )
            uid = str(uuid.uuid4())
            header = run_header(
                procedure,
                bench,
                uid,
                started,
                sample=request.sample,
                bench_text=request.bench_text,
                preset=request.preset,
                seed=request.seed,
            )
            recovered = self._recover(request.folder)
            writer = RunWriter(path, header, stream_layouts(procedure.streams(), axes))
        except UserMistake:
            self._enter(State.FAILED)
            raise
        with writer:
            return _OneRun(self, request, writer, estimate.duration).carry_out(recovered)

    def _recover(self, folder: Path | None) -> Sequence[Recovered]:
        """Recover what killed runs have left where this run's file goes; nothing of it stops this run."""
        output = self.bench.file.output
        try:
            levels = len(Path(output.template).parents) - 1
            return recover_left_runs(output_folder(self.bench.file, folder), levels)
        except Exception:
            log.exception("looking for runs that were cut short")
            return ()

    def _enter(self, state: State) -> None:
        self._state = state
        self.publish(StateChanged(state))

    def publish(self, event: Event) -> None:
        """Send an event to the watchers; one that fails is not asked again."""
        for watcher in tuple(self._watchers):
            try:
                watcher(event)
            except Exception:
                log.exception("a watcher failed and is not told any more")
                self._watchers.remove(watcher)


class _OneRun:
    """One run from its open file to its outcome."""

    def __init__(self, engine: Engine, request: Request, writer: RunWriter, planned: float) -> None:
        self._engine = engine
        self._bench = engine.bench
        self._request = request
        self._writer = writer
        assert engine._ending is not None  # noqa: S101  (set by `run`)
        self._ending = engine._ending
        self._account = DoseAccount()
        self._started = self._bench.clock.now()
        self._beam_unknown = False
        publish = engine.publish if engine._watchers else None
        self._run = EngineRun(self._bench, writer, self._account, engine._operator, publish, self._journal, planned)
        engine._run = self._run

    def _journal(self, level: str, kind: str, message: str, **fields: object) -> None:
        time = self._bench.clock.now() - self._started
        self._writer.event(time, level, kind, message, **fields)
        log.log(LEVELS[level], "%s: %s", kind, message)
        note = Noted(time, level, kind, message)  # type: ignore[arg-type]
        if level != "info":
            self._ending.notes.append(note)
        self._engine.publish(note)

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
        self._engine._enter(State.FINISHING)
        self._make_safe()
        duration = self._bench.clock.now() - self._started
        state, reason = self._verdict(error)
        figures: Sequence[FigureOfMerit] = ()
        products: Sequence[Path] = ()
        step = "analysis"
        try:
            self._writer.end_records()
            if state is not State.FAILED and self._run.records:
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
        self._engine._enter(state)
        procedure = self._request.procedure
        return Outcome(
            state=state,
            procedure=procedure.name,
            run_file=self._writer.path,
            parameters=procedure.values(),
            seed=self._request.seed,
            duration=duration,
            records=self._run.records,
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
        procedure = self._request.procedure
        self._journal("info", "begin", f"{procedure.name} on bench {self._bench.name}, {self._bench.geometry}")
        self._arm_watchdog()
        monitor = SafetyMonitor(self._bench, self._account, self._trip)
        self._engine._enter(State.RUNNING)
        try:
            self._run.wait(0.0)
            procedure.measure(self._bench, self._run)
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
        self._engine.abort(what, tripped=True)

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
        figures, products = analyse_run(self._writer.path, type(self._request.procedure), completed=completed)
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
