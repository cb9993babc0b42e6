"""What happens to a run although nothing is wrong with its bench: STOP, a pause, Ctrl-C, a bug, a full disk."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.engine.events import Event, Prepared, State, StateChanged

if TYPE_CHECKING:
    from app.engine.engine import Engine
    from drivers.bench import Bench
    from drivers.clock import Clock
    from procedures.procedure import Procedure


class RunEvent(StrEnum):
    """The kinds; the value is the name in the campaign's tables."""

    STOP = "stop"
    """Somebody presses STOP."""
    PAUSE = "pause"
    """Somebody pauses the run, and lets it go on as soon as it is paused."""
    CTRL_C = "ctrl-c"
    """Ctrl-C in a script or notebook: a KeyboardInterrupt, while the bench is made safe as well."""
    PROCEDURE_BUG = "procedure-bug"
    """The procedure raises what nobody has foreseen; in place of "in shutdown", at its very end."""
    DISK_FULL = "disk-full"
    """From now on no file grows any more; before the run: none is made."""


class UnforeseenError(Exception):
    """The procedure's bug."""


class RunEvents:
    """Makes them happen to one run of an engine.

    Parameters
    ----------
    engine
        That runs it.
    procedure
        That will be run; its `measure` is wrapped.
    clock
        Of the bench.
    """

    def __init__(self, engine: Engine, procedure: Procedure, clock: Clock) -> None:
        self.happened: list[tuple[float, RunEvent]] = []
        """When each took effect, s on the bench's clock."""
        self._engine = engine
        self._clock = clock
        self._state = State.QUEUED
        self._run_file: Path | None = None
        self._to_raise: list[tuple[RunEvent, BaseException]] = []
        self._bug_at_the_end = self._ended = False
        self._sizes: tuple[int, int] | None = None
        engine.watch(self._watch)
        self._wrap(procedure)

    @property
    def kinds(self) -> set[RunEvent]:
        """Which have happened."""
        return {event for _, event in self.happened}

    def action(self, event: RunEvent) -> Callable[[], None]:
        """Return what makes it happen."""
        return {
            RunEvent.STOP: self._stop,
            RunEvent.PAUSE: self._pause,
            RunEvent.CTRL_C: self._interrupt,
            RunEvent.PROCEDURE_BUG: self._fail,
            RunEvent.DISK_FULL: self._fill,
        }[event]

    def fail_at_the_end(self) -> None:
        """Let the procedure raise once it has measured everything."""
        self._bug_at_the_end = True

    def end(self) -> None:
        """Let nothing happen any more, and let files grow again."""
        self._ended = True
        if self._sizes is not None:
            import resource

            resource.setrlimit(resource.RLIMIT_FSIZE, self._sizes)
            self._sizes = None

    def _watch(self, event: Event) -> None:
        if isinstance(event, StateChanged):
            self._state = event.state
            if event.state is State.PAUSED:
                self._engine.resume()
        elif isinstance(event, Prepared):
            self._run_file = event.run_file

    def _note(self, event: RunEvent) -> None:
        self.happened.append((self._clock.now(), event))

    def _over(self) -> bool:
        return self._ended or self._state is State.QUEUED or self._state.final

    def _stop(self) -> None:
        if not self._over():
            self._note(RunEvent.STOP)
            self._engine.abort("STOP was pressed by the campaign")

    def _pause(self) -> None:
        if not self._over():
            self._note(RunEvent.PAUSE)
            self._engine.pause()

    def _interrupt(self) -> None:
        if self._state is State.FINISHING and not self._ended:
            self._note(RunEvent.CTRL_C)
            raise KeyboardInterrupt
        self._raise_in_procedure(RunEvent.CTRL_C, KeyboardInterrupt())

    def _fail(self) -> None:
        self._raise_in_procedure(RunEvent.PROCEDURE_BUG, UnforeseenError("a bug of the procedure"))

    def _raise_in_procedure(self, event: RunEvent, error: BaseException) -> None:
        if not self._over():
            self._to_raise.append((event, error))

    def _fill(self) -> None:
        # a limit of the process's own, so that no other case's files are concerned
        if self._over() or sys.platform == "win32":
            return
        import resource

        self._note(RunEvent.DISK_FULL)
        if self._sizes is None:
            self._sizes = resource.getrlimit(resource.RLIMIT_FSIZE)
        size = 0 if self._run_file is None else self._run_file.stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, self._sizes[1]))

    def _look(self) -> None:
        if self._to_raise:
            event, error = self._to_raise.pop()
            self._note(event)
            raise error

    def _wrap(self, procedure: Procedure) -> None:
        measure = procedure.measure

        def first(call: Callable[..., Any]) -> Callable[..., Any]:
            def looked(*given: Any, **named: Any) -> Any:
                self._look()
                return call(*given, **named)

            return looked

        def disturbed(bench: Bench, run: Any) -> None:
            if "record" not in vars(run):
                run.record, run.wait = first(run.record), first(run.wait)
            measure(bench, run)
            if self._bug_at_the_end:
                self._fail()
            self._look()

        procedure.measure = disturbed  # type: ignore[method-assign]
