"""Waiting until a current has settled, instead of waiting blindly."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from analysis.conduction import Settling, settled
from procedures.run_data import Array

LONGEST_RECORD = 4000
"""Readings that are looked at; older ones say nothing about now."""


def read_until_settled(
    read: Callable[[], tuple[Array, Array]], now: Callable[[], float], tolerance: float, limit: float
) -> tuple[Settling, float]:
    """Read on until the current has settled, or for as long as is allowed.

    Parameters
    ----------
    read
        Reads a block: times since its first reading, s, and currents, A; takes its time on the bench's clock.
    now
        The bench's clock, s.
    tolerance
        Relative change that is allowed, see `analysis.conduction.settled`.
    limit
        s after which the last reading is taken as it is.

    Returns
    -------
    settling, waited
        The verdict on all readings, and s.
    """
    started = now()
    times, currents = np.empty(0), np.empty(0)
    while True:
        began = now()
        at, block = read()
        times = np.append(times, began - started + at)[-LONGEST_RECORD:]
        currents = np.append(currents, block)[-LONGEST_RECORD:]
        verdict = settled(currents, times, tolerance)
        if verdict.settled or now() - started >= limit:
            return verdict, now() - started
