"""The voltage across the sample: who applies it, since when."""

from __future__ import annotations

import math
import threading
from typing import Any, Literal, get_args, overload

import numpy as np
from numpy.typing import NDArray

from sim_instruments.world.clock import SimulationClock
from sim_instruments.world.tube import HISTORY_S

Floats = NDArray[np.float64]
Times = NDArray[np.floating[Any]]
Source = Literal["source_meter", "preamp"]
_KEPT_STEPS = 12


class Bias:
    """The bias, piecewise constant or ramped; the voltages of its sources add up.

    Parameters
    ----------
    clock
        The bench's.
    lock
        The world's.
    """

    def __init__(self, clock: SimulationClock, lock: threading.RLock | None = None) -> None:
        self._clock = clock
        self._lock = lock or threading.RLock()
        # per source: (start, from, to, ramp time), oldest first
        self._ramps: dict[str, list[tuple[float, float, float, float]]] = {
            source: [(-math.inf, 0.0, 0.0, 0.0)] for source in get_args(Source)
        }
        # (moment, step in V): what the dark current's drift remembers
        self._steps: list[tuple[float, float]] = []

    def set(self, source: Source, volts: float, ramp_time: float = 0.0) -> None:
        """Let `source` apply `volts` from now on, reached linearly in `ramp_time` seconds.

        Raises
        ------
        ValueError
            If there is no such source or a number is not finite.
        """
        if source not in self._ramps:
            msg = f"no source '{source}' can apply a bias, but {', '.join(self._ramps)}"
            raise ValueError(msg)
        if not (math.isfinite(volts) and math.isfinite(ramp_time) and ramp_time >= 0):
            msg = f"the bias must be finite and its ramp not negative, not {volts} V in {ramp_time} s"
            raise ValueError(msg)
        with self._lock:
            now = self._clock.now()
            ramps = self._ramps[source]
            before = float(np.max(_value(ramps, np.array([now]))))
            if before == volts and ramps[-1][2] == volts:
                return
            ramps.append((now, before, volts, ramp_time))
            while len(ramps) > 2 and ramps[1][0] < now - HISTORY_S:
                del ramps[0]
            self._steps.append((now + 0.5 * ramp_time, volts - before))
            if len(self._steps) > _KEPT_STEPS:
                self._merge(now)

    @overload
    def volts(self, t: Times) -> Floats: ...
    @overload
    def volts(self, t: float | None = None) -> float: ...
    def volts(self, t: Times | float | None = None) -> Floats | float:
        """Return the bias, V, now or at one or many moments of the past."""
        with self._lock:
            times = np.asarray(self._clock.now() if t is None else t, dtype=float)
            total = np.zeros(times.shape or 1)
            for ramps in self._ramps.values():
                total += _value(ramps, np.atleast_1d(times))
            return float(total[0]) if times.ndim == 0 else total

    def steps(self) -> tuple[Floats, Floats]:
        """Return moments (s) and sizes (V) of the bias's changes; old neighbours are merged."""
        with self._lock:
            moments, sizes = np.array(self._steps, dtype=float).reshape(-1, 2).T
            return moments, sizes

    def _merge(self, now: float) -> None:
        """Merge the two neighbours whose distance is the smallest relative to their age."""
        ages = np.maximum(now - np.array([t for t, _ in self._steps]), 1e-9)
        k = int(np.argmin((ages[:-1] - ages[1:]) / ages[1:]))
        (t1, v1), (t2, v2) = self._steps[k], self._steps[k + 1]
        weight = abs(v1) / max(abs(v1) + abs(v2), 1e-30)
        self._steps[k : k + 2] = [(weight * t1 + (1.0 - weight) * t2, v1 + v2)]


def _value(ramps: list[tuple[float, float, float, float]], times: Floats) -> Floats | float:
    start, _, to, duration = ramps[-1]
    if len(ramps) == 1 or times.min(initial=math.inf) >= start + duration:
        return to
    columns = np.array(ramps).T
    index = np.maximum(np.searchsorted(columns[0], times, side="right") - 1, 0)
    starts, befores, tos, durations = columns[:, index]
    elapsed = np.where(np.isfinite(starts), times - starts, np.inf)
    done = np.where(durations > 0, np.clip(elapsed / np.where(durations > 0, durations, 1.0), 0.0, 1.0), 1.0)
    return np.asarray(befores + (tos - befores) * done, dtype=float)
