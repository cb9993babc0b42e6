"""Reads run files for the window, in threads that keep nobody waiting."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal

if TYPE_CHECKING:
    from analysis.figure import FigureOfMerit
    from procedures.drawing import Drawing
    from storage.reader import Note


@dataclass(frozen=True)
class RunContent:
    """What the window shows of a run file."""

    path: Path
    title: str
    status: str
    procedure: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    figures: Sequence[FigureOfMerit] = ()
    drawings: Sequence[Drawing] = ()
    again: bool = False
    """Whether the figures are of an analysis with other options, which is not in the file."""
    notes: Sequence[Note] = ()
    tags: Sequence[str] = ()
    started: str = ""
    sample: str = ""

    @property
    def label(self) -> str:
        """What tells it from other runs of the folder."""
        return f"{self.sample or self.procedure} {self.started[:19].replace('T', ' ')}"


def read_content(path: Path, options: Mapping[str, Any] | None = None) -> RunContent:
    """Read a run file; with `options`, analyse it again, as ``xraybench analyse`` does.

    Raises
    ------
    Exception
        Whatever is wrong with the file; the message says it in one line.
    """
    from analysis.figure import FigureOfMerit
    from app.engine.reading import analyse, procedure_of, run_data
    from storage.reader import open_run

    with open_run(path) as file:
        procedure = procedure_of(file, options)
        data = run_data(file, procedure.values())
        procedure.sample = data.sample
        if options is None:
            figures: Sequence[FigureOfMerit] = [FigureOfMerit.from_dict(one) for one in file.figures]
        else:
            figures = analyse(file, options)
        # while the file is open: an analysis may read its images when it needs them
        drawings = procedure.drawings(data) if any(len(one["time"]) for one in data.streams.values()) else ()
        return RunContent(
            path,
            file.title,
            file.status,
            procedure.name,
            procedure.values(),
            figures,
            drawings,
            options is not None,
            file.notes,
            file.tags,
            file.start_time,
            str(file.sample.get("name", "")),
        )


class InBackground(QObject):
    """Does something in the thread pool, and tells the window's thread what came of it."""

    done = Signal(object)
    failed = Signal(str)
    _found = Signal(int, object, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._found.connect(self._take)
        self._latest = 0
        self.busy = False
        """Whether something has been started whose end has not been told yet."""

    def start(self, work: Callable[[], object]) -> None:
        """Do `work`; what an earlier one finds after this is not told."""
        self._latest += 1
        self.busy = True
        QThreadPool.globalInstance().start(_Work(self, work, self._latest))

    def forget(self) -> None:
        """Tell nothing of what was started before."""
        self._latest += 1
        self.busy = False

    def tell(self, number: int, found: object, problem: str) -> None:
        """Take what came of a work, in its thread."""
        self._found.emit(number, found, problem)

    def _take(self, number: int, found: object, problem: str) -> None:
        # in the window's thread: what is forgotten while it is on its way is not told either
        if number != self._latest:
            return
        self.busy = False
        if problem:
            self.failed.emit(problem)
        else:
            self.done.emit(found)


class _Work(QRunnable):
    def __init__(self, asked: InBackground, work: Callable[[], object], number: int) -> None:
        super().__init__()
        self._asked, self._work, self._number = asked, work, number

    def run(self) -> None:
        found, problem = None, ""
        try:
            found = self._work()
        except Exception as error:
            problem = " ".join(str(error).split()) or type(error).__name__
        with contextlib.suppress(RuntimeError):  # the window is gone
            self._asked.tell(self._number, found, problem)
