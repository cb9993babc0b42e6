"""Runs one procedure after the other on one bench; whatever happens, the bench is made safe."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from app.engine.circumstances import run_header, stream_layouts
from app.engine.events import Event, Noted, Prepared, State, StateChanged
from app.engine.one_run import Company, Ending, OneRun
from app.engine.operator import AlwaysYes, Nobody, Operator
from app.engine.outcome import Outcome
from app.engine.output import output_folder, run_file_path
from app.engine.run_handle import EngineRun
from config.loading import Loaded
from config.mistake import UserMistake
from config.sample_file import Sample
from drivers.bench import Bench
from drivers.errors import BeamStateUnknown
from drivers.roles import XrayTube
from procedures.procedure import Procedure
from storage.recovery import Recovered, recover_left_runs
from storage.writer import RunWriter

log = logging.getLogger(__name__)

SETTLING_PATIENCE = 10.0
"""s of real time"""


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
        self._ending: Ending | None = None
        self._run: EngineRun | None = None
        self._switching_off: list[threading.Thread] = []
        self._beginning = threading.Lock()
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
        self._halt()
        if self._run is not None:
            self._run.leave()

    def _halt(self) -> None:
        self.bench.inhibit()
        # not in this thread: it may be the clock's, which the tube's lock would hold up
        switching_off = threading.Thread(target=self._beam_off, name="beam off", daemon=True)
        with self._beginning:
            # who settles must not meet a thread that has not begun
            self._switching_off.append(switching_off)
            switching_off.start()

    def _settle(self) -> None:
        """Wait for who switches the beam off: too late, and it would switch off what was switched on again since."""
        with self._beginning:
            waited_for, self._switching_off = self._switching_off, []
        for one in waited_for:
            one.join(SETTLING_PATIENCE)

    def _abort(self, reason: str, tripped: bool) -> None:
        self.abort(reason, tripped=tripped)

    def _beam_off(self) -> None:
        try:
            if self.bench.has(XrayTube):
                self.bench.tube.switch_off()
        except Exception as error:
            # the run's own end tries again, and says so in the run file; whoever looks on must know now
            log.critical("switching the beam off: %s", error)
            if isinstance(error, BeamStateUnknown):
                run = self._run
                time = self.bench.clock.now() - run.started if run is not None else 0.0
                self.publish(Noted(time, "error", "unsafe", f"BEAM STATE UNKNOWN: {error}"))

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
            self.bench.release()
            self._ending = Ending()
            try:
                return self._run_one(request)
            except UserMistake:
                raise
            except BaseException:
                # the engine's own fault, or Ctrl-C while it made the bench safe
                self.bench.inhibit()
                self.bench.make_safe()
                self._enter(State.FAILED)
                raise
            finally:
                self._ending = None
                self._run = None

    def _run_one(self, request: Request) -> Outcome:
        procedure, bench = request.procedure, self.bench
        procedure.sample = None if request.sample is None else request.sample.content
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
            writer = RunWriter(path, header, stream_layouts(procedure.streams(), axes, bench.file.output.frames))
        except UserMistake:
            self._enter(State.FAILED)
            raise
        assert self._ending is not None  # noqa: S101  (set by `run`)
        company = Company(
            self._operator,
            self._ending,
            self._abort,
            self._halt,
            self._settle,
            self._enter,
            self.publish,
            watched=bool(self._watchers),
        )
        with writer:
            self.publish(Prepared(path, axes))
            one = OneRun(bench, procedure, writer, company, request.seed, estimate.duration)
            self._run = one.handle
            return one.carry_out(recovered)

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
