"""The run's handle that the engine gives to a procedure."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import TypeVar

import numpy.typing as npt

from app.engine.dose_account import DoseAccount
from app.engine.events import Event, Level, Progressed, Recorded, State, StateChanged
from app.engine.operator import Operator
from drivers.bench import Bench
from drivers.roles import XrayTube
from procedures.run import RunAborted
from procedures.streams import Stream
from storage.writer import RunWriter

Step = TypeVar("Step")


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
        self._tube = bench.tube if bench.has(XrayTube) else None
        self.started = bench.clock.now()
        self.records = 0

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
        self._write(stream.name, values, time)
        self.records += 1
        if self._tube is not None and "dose_rate" in values and self._tube.beam_expected:
            voltage, current = self._tube.operating_point
            self._account.calibrate(voltage, current, float(values["dose_rate"]))  # type: ignore[arg-type]
        if self._publish is not None:
            self._publish(Recorded(stream.name, time, values))

    def wait(self, seconds: float) -> None:
        """Wait on the bench's clock."""
        if not self._clock.sleep(seconds, self._stop):
            raise RunAborted("the run was told to end")

    def ask(self, question: str) -> None:
        """Ask the operator."""
        self._journal("info", "asked", question)
        if not self._operator.confirm(question):
            self._journal("warning", "declined", f"not confirmed: {question}")
            raise RunAborted(f"not confirmed: {question}")
        self._check()
        self._journal("info", "confirmed", question)

    def place(self, sample: str) -> None:
        """Have another sample put in."""
        self.ask(f"Put sample '{sample}' into the beam, close the door, and confirm.")
        self._bench.place(sample)

    def progress(self, steps: Iterable[Step], total: int | None = None) -> Iterator[Step]:
        """Go through the steps; a paused run waits here."""
        count = total if total is not None else len(steps) if isinstance(steps, Sized) else 0
        done = 0
        for step in steps:
            self._report(done, count)
            self._wait_while_paused()
            yield step
            done += 1
        self._report(done, count)

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
        beam_was_on = self._tube is not None and self._tube.beam_expected
        if self._tube is not None and beam_was_on:
            self._tube.switch_off()
        self._journal("info", "paused", "paused" + (", the beam is switched off meanwhile" if beam_was_on else ""))
        if self._publish is not None:
            self._publish(StateChanged(State.PAUSED))
        self._go.wait()
        self._check()
        if self._tube is not None and beam_was_on:
            self._tube.switch_on()
        self._journal("info", "resumed", "resumed")
        if self._publish is not None:
            self._publish(StateChanged(State.RUNNING))

    def note(self, message: str) -> None:
        """Write into the journal."""
        self._journal("info", "note", message)

    def warn(self, message: str) -> None:
        """Write a warning into the journal."""
        self._journal("warning", "warning", message)
