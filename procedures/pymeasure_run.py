"""The run's handle under PyMeasure's own Worker: scalar columns only, into its results file."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import TYPE_CHECKING, TypeVar

import numpy.typing as npt

from drivers.bench import Bench
from drivers.roles import XrayTube
from procedures.run import RunAborted
from procedures.streams import Stream

if TYPE_CHECKING:
    from procedures.procedure import Procedure

log = logging.getLogger(__name__)
Step = TypeVar("Step")
Kept = TypeVar("Kept")


class _Stop:
    """Turns PyMeasure's ``should_stop`` into an interrupt of the bench's clock."""

    def __init__(self, procedure: Procedure) -> None:
        self._procedure = procedure

    def is_set(self) -> bool:
        return bool(self._procedure.should_stop())

    def wait(self, timeout: float | None = None) -> bool:
        import threading
        import time

        ends = time.monotonic() + (timeout if timeout is not None else float("inf"))
        pause = threading.Event()
        while not self.is_set() and (left := ends - time.monotonic()) > 0:
            pause.wait(min(0.05, left))
        return self.is_set()


class PyMeasureRun:
    """Sends what is recorded to PyMeasure's recorder.

    Parameters
    ----------
    procedure
        Run by a PyMeasure Worker, which has given it ``emit`` and ``should_stop``.
    bench
        That it runs on.
    """

    def __init__(self, procedure: Procedure, bench: Bench) -> None:
        self._procedure = procedure
        self._bench = bench
        self._headings = procedure.headings()
        self._empty = dict.fromkeys(procedure.DATA_COLUMNS, float("nan"))
        self._started = bench.clock.now()
        self._stop = _Stop(procedure)

    def _check(self) -> None:
        if self._stop.is_set():
            raise RunAborted("stopped by PyMeasure's Worker")

    def record(self, stream: Stream, **values: float | npt.ArrayLike) -> None:
        """Send the scalar columns of one row."""
        self._check()
        headings = self._headings[stream.name]
        row: dict[str, object] = dict(self._empty)
        row[headings["time"]] = self._bench.clock.now() - self._started
        if self._bench.has(XrayTube):
            self._bench.tube.confirm_beam()
        row |= {headings[name]: value for name, value in values.items() if name in headings}
        self._procedure.emit("results", row)

    def wait(self, seconds: float) -> None:
        """Wait on the bench's clock."""
        if not self._bench.clock.sleep(seconds, self._stop):
            raise RunAborted("stopped by PyMeasure's Worker")

    def ask(self, question: str) -> None:
        """Only say it: PyMeasure has no operator to ask."""
        log.warning("operator: %s", question)

    def place(self, sample: str) -> None:
        """Only say it, and put it there on a simulated bench."""
        log.warning("operator: put sample %s into the beam", sample)
        self._bench.place(sample)

    def progress(self, steps: Iterable[Step], total: int | None = None) -> Iterator[Step]:
        """Go through the steps and tell PyMeasure how far it is."""
        count = total if total is not None else len(steps) if isinstance(steps, Sized) else None
        for done, step in enumerate(steps):
            if count:
                self._procedure.emit("progress", 100.0 * done / count)
            yield step

    def keep(self, name: str, make: Callable[[], Kept]) -> Kept:
        """Make it: here nothing begins again."""
        del name
        return make()

    def notice(self, kind: str, message: str) -> None:
        """Write a warning into PyMeasure's log, which knows no policies."""
        log.warning("%s: %s", kind, message)

    def note(self, message: str) -> None:
        """Write into PyMeasure's log."""
        log.info(message)

    def warn(self, message: str) -> None:
        """Write a warning into PyMeasure's log."""
        log.warning(message)
