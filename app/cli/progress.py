"""Shows a run that is going on: a bar, the time left, the dose so far, warnings as they come."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from app.engine.events import Event, Noted, Progressed, State, StateChanged


def dose_text(dose: float | None) -> str:
    """Say a dose in the unit that suits it."""
    if dose is None:
        return "dose ?"
    for unit, size in (("Gy", 1.0), ("mGy", 1e-3), ("uGy", 1e-6), ("nGy", 1e-9)):
        if dose >= size:
            return f"{dose / size:.3g} {unit}"
    return "0 Gy"


def time_text(seconds: float) -> str:
    """Say a duration."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"


class ProgressBar:
    """A progress bar on stderr, fed with the engine's events.

    Parameters
    ----------
    title
        Of the run.
    quiet
        Show nothing but warnings.
    """

    def __init__(self, title: str, quiet: bool = False) -> None:
        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}"),
            TextColumn("{task.fields[dose]}"),
            console=self._console,
            transient=True,
            disable=quiet or not self._console.is_terminal,
        )
        self._task = self._bar.add_task(title, total=None, left="", dose="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def __call__(self, event: Event) -> None:
        """Take an event."""
        if isinstance(event, Progressed):
            self._bar.update(
                self._task,
                completed=event.done,
                total=event.total or None,
                left=f"{time_text(event.remaining)} left",
                dose=dose_text(event.dose),
            )
        elif isinstance(event, Noted) and event.level != "info":
            colour = {"warning": "yellow", "error": "red"}[event.level]
            self._console.print(f"[{colour}]{event.time:9.1f} s  {event.level}: {escape(event.message)}")
        elif isinstance(event, StateChanged) and event.state is State.FINISHING:
            self._bar.update(self._task, left="finishing")
