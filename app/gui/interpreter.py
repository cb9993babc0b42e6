"""How Python is to behave under a window."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from pyqtgraph.util.garbage_collector import GarbageCollector  # type: ignore[import-untyped]

TURN = 0.0005
"""s that a thread keeps Python to itself while another waits for it"""

COLLECT_EVERY = 1.0
"""s"""


@contextmanager
def interpreter_for_a_window() -> Iterator[None]:
    """Let threads take turns more often, and only the window's thread collect garbage; a QApplication must exist.

    A measurement that calculates, as a simulated bench does all the time, keeps Python to itself for 5 ms a turn, and
    drawing one plot asks for some twenty turns. Garbage would be collected in whatever thread made the last object:
    where a widget is part of it, the program crashes, with the beam on.
    """
    interval, collected = sys.getswitchinterval(), gc.isenabled()
    sys.setswitchinterval(TURN)
    collector = GarbageCollector(COLLECT_EVERY)
    # what is there now stays: looking through it again and again takes a tenth of a second each time
    gc.freeze()
    try:
        yield
    finally:
        collector.timer.stop()
        # while nothing is collected by itself: a signal's end that sets off another's in a collection waits for itself
        del collector
        gc.unfreeze()
        gc.collect()
        if collected:
            gc.enable()
        sys.setswitchinterval(interval)
