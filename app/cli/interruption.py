"""Signals end a run in an orderly way."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, TypeVar

from app.engine.events import Event, State, StateChanged

if TYPE_CHECKING:
    from app.engine.engine import Engine

Returned = TypeVar("Returned")

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


@contextmanager
def signals_end(engine: Engine) -> Iterator[None]:
    """Have SIGINT, SIGTERM and SIGHUP end the engine's run inside a ``with`` block; only in the main thread.

    A signal that comes before the run has begun ends it as soon as it does.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    received: list[str] = []

    def handle(number: int, frame: FrameType | None) -> None:
        del frame
        received.append(f"{signal.Signals(number).name} received")
        engine.abort(received[0])

    def begin(event: Event) -> None:
        if received and event == StateChanged(State.PREPARING):
            engine.abort(received[0])

    engine.watch(begin)

    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def in_a_thread(work: Callable[[], Returned]) -> Returned:
    """Do `work` in a thread of its own while this one stays free for signals.

    Returns
    -------
    object
        What `work` returns; what it raises is raised here.
    """
    done: list[Returned] = []
    failed: list[BaseException] = []

    def worker() -> None:
        try:
            done.append(work())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=worker, name="run")
    thread.start()
    while thread.is_alive():
        # a join without end would keep Python from calling the signal handlers on Windows
        thread.join(0.2)
    if failed:
        raise failed[0]
    return done[0]
