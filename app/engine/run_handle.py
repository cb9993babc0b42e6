"""The run's handle that the engine gives to a procedure."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import TypeVar

import numpy.typing as npt

from app.engine.asking import answer
from app.engine.dose_account import DoseAccount
from app.engine.events import Event, Level, Progressed, Recorded, State, StateChanged
from app.engine.operator import Operator
from app.engine.trips import Trip, TripKind
from drivers.bench import Bench
from drivers.roles import XrayTube
from procedures.run import RunAborted
from procedures.streams import Stream
from storage.writer import RunWriter

Step = TypeVar("Step")
Kept = TypeVar("Kept")

FLAGS = {"saturated": TripKind.DETECTOR, "in_compliance": TripKind.COMPLIANCE}
"""Columns that say of a record that something was beyond its range."""

Place = tuple[int, ...]
"""Where in a measurement: which loop, which step of it, which loop in that step, and so on."""


class PauseWanted(RunAborted):
    """The run is to pause here with a beam that is on: it begins again with this step."""


class EngineRun:
    """Records into the run file, waits on the bench's clock, tells the watchers.

    Parameters
    ----------
    bench, writer
        What it measures on and writes into.
    account
        Which learns dose rates from what is recorded.
    operator
        Who answers questions.
    publish
        Where events go; None when nobody watches, which spares making them.
    journal
        Writes a line: level, kind, message.
    planned_duration
        s, from the procedure's own estimate.
    """

    def __init__(
        self,
        bench: Bench,
        writer: RunWriter,
        account: DoseAccount,
        operator: Operator,
        publish: Callable[[Event], None] | None,
        journal: Callable[[Level, str, str], None],
        planned_duration: float,
    ) -> None:
        self._bench = bench
        self._clock = bench.clock
        self._write = writer.record
        self._account = account
        self._operator = operator
        self._publish = publish
        self._journal = journal
        self._planned = planned_duration
        self._stop = bench.surroundings.stop
        self._go = threading.Event()
        self._go.set()
        self._confirm_beam: Callable[[], None] = lambda: None
        self._trip: Callable[[Trip], bool] = lambda _: True
        self._flagged: set[tuple[str, str]] = set()
        self._kept: dict[str, object] = {}
        self._finished: dict[Place, int] = {}
        self._place: Place = ()
        self._loops = 0
        self._rows: dict[str, int] = {}
        self._rows_before: dict[str, int] = {}
        self._tube = bench.tube if bench.has(XrayTube) else None
        self.started = bench.clock.now()
        self.records = 0
        self.records_set_aside = 0

    def attend(self, confirm_beam: Callable[[], None], trip: Callable[[Trip], bool]) -> None:
        """Have the beam confirmed before each record, and `trip` told what was beyond its range."""
        self._confirm_beam, self._trip = confirm_beam, trip

    def begin_again(self) -> None:
        """Let the procedure measure once more: steps that were finished are left out."""
        self._place, self._loops = (), 0
        self._flagged.clear()
        self._step_boundary()

    def set_aside(self) -> dict[str, list[int]]:
        """Give up the rows of the interrupted step: by stream, the first and the one behind the last."""
        found = {
            name: [before, rows]
            for name, rows in self._rows.items()
            if rows > (before := self._rows_before.get(name, 0))
        }
        self.records_set_aside += sum(last - first for first, last in found.values())
        self._step_boundary()
        return found

    def _step_boundary(self) -> None:
        self._rows_before = dict(self._rows)

    def wait_until_resumed(self) -> None:
        """Wait for `resume`."""
        self._go.wait()

    def pause(self) -> None:
        """Wait before the next step of the measurement, with the beam off."""
        self._go.clear()

    def resume(self) -> None:
        """Go on."""
        self._go.set()

    def leave(self) -> None:
        """Let a paused run see that it is to end."""
        self._go.set()

    def _check(self) -> None:
        if self._stop.is_set():
            raise RunAborted("the run was told to end")

    def record(self, stream: Stream, **values: float | npt.ArrayLike) -> None:
        """Record one row of a stream."""
        if self._stop.is_set():
            raise RunAborted("the run was told to end")
        if values.keys() != stream.record_names:
            missing = ", ".join(sorted(stream.record_names - values.keys())) or "nothing"
            unknown = ", ".join(sorted(values.keys() - stream.record_names)) or "nothing"
            raise ValueError(f"a record of {stream.name}: {missing} is missing, {unknown} is unknown")
        time = self._clock.now() - self.started
        # what was measured beside a beam that is gone must not look like a measurement
        self._confirm_beam()
        self._check()
        self._write(stream.name, values, time)
        self.records += 1
        self._rows[stream.name] = self._rows.get(stream.name, 0) + 1
        if self._tube is not None and "dose_rate" in values and self._tube.beam_expected:
            voltage, current = self._tube.operating_point
            self._account.calibrate(voltage, current, float(values["dose_rate"]))  # type: ignore[arg-type]
        if self._publish is not None:
            self._publish(Recorded(stream.name, time, values))
        for column, kind in FLAGS.items():
            if column in values:
                self._take_flag(stream.name, column, kind, raised=bool(values[column]))

    def _take_flag(self, stream: str, column: str, kind: TripKind, *, raised: bool) -> None:
        flag = (stream, column)
        if raised and flag not in self._flagged:
            self._flagged.add(flag)
            row = self._rows[stream] - 1
            self.notice(kind, f"{column.replace('_', ' ')} from record {row} of {stream} on")
        elif not raised:
            self._flagged.discard(flag)

    def notice(self, kind: str, message: str) -> None:
        """Say that something was beyond its range; the bench file's policy decides what becomes of the run."""
        if not self._trip(Trip(TripKind(kind), message)):
            raise RunAborted(message)

    def keep(self, name: str, make: Callable[[], Kept]) -> Kept:
        """Return what `make` made the first time, also after the run was interrupted."""
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]  # type: ignore[return-value]

    def wait(self, seconds: float) -> None:
        """Wait on the bench's clock."""
        if not self._clock.sleep(seconds, self._stop):
            raise RunAborted("the run was told to end")

    def asked(self, question: str) -> bool | None:
        """Ask the operator; None if nobody answers in time, or the run is to end."""
        self._journal("info", "asked", question)
        return answer(self._operator, question, self._bench.file.policies.answer_within_s, self._stop)

    def ask(self, question: str) -> None:
        """Ask the operator."""
        said = self.asked(question)
        if said is None:
            self._check()
            self._journal("warning", "unanswered", f"nobody answered: {question}")
            raise RunAborted(f"nobody answered: {question}")
        if not said:
            self._journal("warning", "declined", f"not confirmed: {question}")
            raise RunAborted(f"not confirmed: {question}")
        self._check()
        self._journal("info", "confirmed", question)

    def place(self, sample: str) -> None:
        """Have another sample put in."""
        self.ask(f"Put sample '{sample}' into the beam, close the door, and confirm.")
        self._bench.place(sample)

    def progress(self, steps: Iterable[Step], total: int | None = None) -> Iterator[Step]:
        """Go through the steps; a paused run waits here, and one that begins again leaves out what was finished."""
        count = total if total is not None else len(steps) if isinstance(steps, Sized) else 0
        loop = (*self._place, self._loops)
        self._loops += 1
        outside = (self._place, self._loops)
        finished = self._finished.get(loop, 0)
        for index, step in enumerate(steps):
            if index < finished:
                continue
            self._report(index, count)
            self._step_boundary()
            self._wait_while_paused()
            self._place, self._loops = (*loop, index), 0
            yield step
            self._place, self._loops = outside
            self._finished[loop] = index + 1
            self._step_boundary()
        self._report(self._finished.get(loop, 0), count)

    def _report(self, done: int, total: int) -> None:
        if self._publish is None:
            return
        elapsed = self._clock.now() - self.started
        remaining = elapsed * (total - done) / done if done else self._planned
        self._publish(Progressed(done, total, elapsed, remaining, self._account.dose))

    def _wait_while_paused(self) -> None:
        self._check()
        if self._go.is_set():
            return
        if self._tube is not None and self._tube.beam_expected:
            raise PauseWanted("paused")
        self._journal("info", "paused", "paused")
        if self._publish is not None:
            self._publish(StateChanged(State.PAUSED))
        self._go.wait()
        self._check()
        self._journal("info", "resumed", "resumed")
        if self._publish is not None:
            self._publish(StateChanged(State.RUNNING))

    def note(self, message: str) -> None:
        """Write into the journal."""
        self._journal("info", "note", message)

    def warn(self, message: str) -> None:
        """Write a warning into the journal."""
        self._journal("warning", "warning", message)
