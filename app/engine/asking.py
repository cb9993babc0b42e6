"""A question to the operator that does not wait for ever."""

from __future__ import annotations

import threading
import time

from app.engine.operator import Operator
from drivers.clock import Interrupt

LOOK_AGAIN = 0.1
"""s between two looks whether the run is to end"""


def answer(operator: Operator, question: str, within: float, stop: Interrupt) -> bool | None:
    """Ask, and wait for the answer; people live in real time, so the wait is in real seconds.

    Parameters
    ----------
    within
        s until the question counts as unanswered.
    stop
        Ends the wait when the run is to end.

    Returns
    -------
    bool or None
        None if nobody answered in time, or the run is to end.

    Raises
    ------
    Exception
        Whatever the operator's side raises.
    """
    answers: list[bool] = []
    failures: list[BaseException] = []
    done = threading.Event()

    def ask() -> None:
        try:
            answers.append(operator.confirm(question))
        except BaseException as error:
            failures.append(error)
        finally:
            done.set()

    threading.Thread(target=ask, name="question", daemon=True).start()
    until = time.monotonic() + within
    while not done.wait(min(LOOK_AGAIN, max(0.0, until - time.monotonic()))):
        if stop.is_set() or time.monotonic() >= until:
            break
    if failures:
        raise failures[0]
    if answers:
        return answers[0]
    withdraw = getattr(operator, "withdraw", None)
    if withdraw is not None:
        withdraw()
    return None
