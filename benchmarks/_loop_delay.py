"""How long an event waits in a Qt event loop."""

from __future__ import annotations

import time

import numpy as np
from PySide6.QtCore import Qt, QTimer


class LoopDelay:
    """Measures how long events wait in the event loop, and how long the window's own work keeps them waiting."""

    def __init__(self) -> None:
        self._gaps: list[float] = []
        self._work: list[float] = []
        self._worked = time.thread_time()
        self._last = time.perf_counter()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(1)

    def _tick(self) -> None:
        now = time.perf_counter()
        worked = time.thread_time()
        self._gaps.append(now - self._last)
        self._work.append(worked - self._worked)
        self._last, self._worked = now, worked

    def percentile(self, share: float) -> float:
        """Return the delay, s, that so many per cent of events at random moments do not exceed."""
        self._timer.stop()
        if not self._gaps:
            raise SystemExit("the event loop had no turn at all: this machine is too busy to measure it")
        gaps = np.asarray(self._gaps)
        low, high = 0.0, float(gaps.max())
        # of a gap g, all delays from 0 to g occur equally often
        while high - low > 1e-5:
            delay = (low + high) / 2
            if np.maximum(0, gaps - delay).sum() > (1 - share / 100) * gaps.sum():
                low = delay
            else:
                high = delay
        return high

    @property
    def work(self) -> float:
        """What a turn of the loop kept the processor busy, s, at the 99th percentile: the window's own share."""
        return float(np.percentile(self._work, 99))

    @property
    def longest(self) -> float:
        """The longest gap, s."""
        return max(self._gaps)
