"""What a procedure is given to measure with besides the bench: the run's handle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

import numpy.typing as npt

from procedures.streams import Stream

Step = TypeVar("Step")
Kept = TypeVar("Kept")


class RunAborted(BaseException):
    """The run ends here; not an `Exception`, so that no procedure's `except Exception` swallows it."""


class Run(Protocol):
    """The handle through which a procedure records, waits and speaks.

    A run that was interrupted (the door was opened, and the bench file says ``interlock = "pause"``) unwinds the
    procedure through its ``with`` blocks and calls ``measure`` again once all is well: `progress` then leaves out the
    steps that were finished, and `keep` gives back what must survive.
    """

    def record(self, stream: Stream, **values: float | npt.ArrayLike) -> None:
        """Record one row of a stream.

        Every column declared with the stream must be given, and no other. What was recorded is on disk at most 0.1 s
        later.

        Raises
        ------
        RunAborted
            If the run is to end.
        """
        ...

    def wait(self, seconds: float) -> None:
        """Wait on the bench's clock.

        Raises
        ------
        RunAborted
            As soon as the run is to end.
        """
        ...

    def ask(self, question: str) -> None:
        """Ask the operator to do something, and wait until it is confirmed."""
        ...

    def place(self, sample: str) -> None:
        """Have the operator put another sample into the beam, by the name of its file; the beam must be off."""
        ...

    def progress(self, steps: Iterable[Step], total: int | None = None) -> Iterator[Step]:
        """Go through the steps of the measurement; this is what the progress bar counts, and what is repeated."""
        ...

    def keep(self, name: str, make: Callable[[], Kept]) -> Kept:
        """Return what `make` made the first time, also when ``measure`` is called again after an interruption."""
        ...

    def notice(self, kind: str, message: str) -> None:
        """Say that something was beyond its range, by the name of its policy in the bench file.

        Raises
        ------
        RunAborted
            If the run does not go on after that.
        """
        ...

    def note(self, message: str) -> None:
        """Write into the journal."""
        ...

    def warn(self, message: str) -> None:
        """Write a warning into the journal; it is shown to the operator."""
        ...
