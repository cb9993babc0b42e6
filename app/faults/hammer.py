"""Many threads at one instrument: every answer must be the one to its own question."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from app.faults.replies import FAMILIES, Family
from drivers.errors import InstrumentError
from sim_instruments.world.clock import RealClock

THREADS = 4
SPEED = 100.0
"""Of the bench's clock; a virtual one would wait for threads that wait for one another"""


@dataclass
class Hammered:
    """What became of a driver that many threads used at once."""

    family: str
    calls: int = 0
    refused: int = 0
    """By an error of ours: a camera that takes frames for one thread takes no order from another."""
    problems: list[str] = field(default_factory=list)


def hammer(driver: str, seconds: float, threads: int = THREADS) -> Hammered:
    """Have several threads make a driver's calls at once, each its own, for so many real seconds."""
    found = Hammered(driver)
    family = Family(driver, 1, timeout_s=5.0, clock=RealClock(SPEED))
    guard = threading.Lock()
    end = time.monotonic() + seconds

    def ask(first: int) -> None:
        number = first
        while time.monotonic() < end:
            call = family.calls[number % len(family.calls)]
            number += 1
            refused = False
            try:
                result = call.do(family.instrument)
                wrong = "" if call.true(result, family.world) else f"{call.name} returned {str(result)[:100]}"
            except InstrumentError:
                wrong, refused = "", True
            except Exception as error:
                wrong = f"{call.name}: {type(error).__name__}: {error}"
            with guard:
                found.calls += 1
                found.refused += refused
                if wrong:
                    found.problems.append(wrong)

    workers = [threading.Thread(target=ask, args=(first,)) for first in range(threads)]
    try:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    finally:
        family.close()
    return found


def hammer_all(seconds: float) -> list[Hammered]:
    """Hammer every driver, one after the other."""
    return [hammer(driver, seconds) for driver in FAMILIES]
