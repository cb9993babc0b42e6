"""The X-ray tube and its high-voltage supply: what voltage and current there really is."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from sim_instruments.world.clock import SimulationClock

Floats = NDArray[np.float64]
Times = NDArray[np.floating[Any]]

HISTORY_S = 300.0
"""How far back the tube's past is kept, s."""


@dataclass(frozen=True)
class TubeParameters:
    """How the tube behaves.

    Parameters
    ----------
    voltage_time, current_time
        Time constants of the first-order rise and fall of kilovoltage and tube current, s.
    ripple
        Relative standard deviation of the output over times shorter than `ripple_time`.
    ripple_time
        Correlation time of the ripple, s: a reading over T sees ``ripple * sqrt(2 ripple_time / T)``.
    warm_up
        Fraction of the output that a cold tube lacks.
    warm_up_time
        Time constant of warming up and of cooling down, s.
    monitor_noise
        Relative standard deviation of the read-backs, with a floor of 0.01 kV and 0.0005 mA.
    """

    voltage_time: float = 0.15
    current_time: float = 0.1
    ripple: float = 0.005
    ripple_time: float = 1e-4
    warm_up: float = 0.003
    warm_up_time: float = 600.0
    monitor_noise: float = 0.0005

    def __post_init__(self) -> None:
        for name in ("voltage_time", "current_time", "ripple_time", "warm_up_time"):
            if not getattr(self, name) > 0:
                msg = f"the tube's {name} must be positive, not {getattr(self, name)}"
                raise ValueError(msg)


class Segment(NamedTuple):
    """A stretch of time in which nothing was set: everything relaxes from where it was towards its target."""

    start: float
    voltage_from: float
    voltage_to: float
    current_from: float
    current_to: float
    warmth_from: float
    warmth_to: float
    nominal_kv: float
    """The kilovoltage that the beam of this stretch has, or falls from."""


class TubePhysics:
    """High voltage and tube current, with their rise and fall.

    Parameters
    ----------
    clock
        The bench's.
    random
        Stream for the read-backs' noise.
    lock
        The world's.
    parameters
        How the tube behaves.
    """

    def __init__(
        self,
        clock: SimulationClock,
        random: np.random.Generator,
        lock: threading.RLock | None = None,
        parameters: TubeParameters | None = None,
    ) -> None:
        self.parameters = parameters or TubeParameters()
        self._clock = clock
        self._random = random
        self._lock = lock or threading.RLock()
        self._programmed_kv = 0.0
        self._programmed_ma = 0.0
        self._on = False
        self._interlock_closed = True
        self._stuck = False
        self._scale = (1.0, 1.0)
        self._faults: set[str] = set()
        self._segments = [Segment(clock.now(), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)]
        self._columns: Floats | None = None
        self._listeners: list[Callable[[float], None]] = []

    # --- what the supply is told

    def set_voltage_kv(self, voltage_kv: float) -> None:
        """Set the programmed kilovoltage, which is applied while the high voltage is on."""
        _check("tube voltage", voltage_kv, "kV")
        with self._lock:
            self._programmed_kv = voltage_kv
            self._change()

    def set_current_ma(self, current_ma: float) -> None:
        """Set the programmed tube current, mA, which flows while the high voltage is on."""
        _check("tube current", current_ma, "mA")
        with self._lock:
            self._programmed_ma = current_ma
            self._change()

    def switch_on(self) -> bool:
        """Switch the high voltage on; return False, and stay off, with an open interlock or a latched fault."""
        with self._lock:
            if not self._interlock_closed or self._faults:
                return False
            self._on = True
            self._change()
            return True

    def switch_off(self) -> None:
        """Switch the high voltage off, unless it is stuck."""
        with self._lock:
            if not self._stuck:
                self._on = False
                self._change()

    def open_interlock(self) -> None:
        """Open the door: the interlock switches off by itself, a stuck supply too, and the fault is latched."""
        with self._lock:
            self._interlock_closed = False
            if self._on:
                self._faults.add("interlock")
            self._on = False
            self._change()

    def close_interlock(self) -> None:
        """Close the door; the high voltage stays off until it is switched on again."""
        with self._lock:
            self._interlock_closed = True

    def arc(self) -> None:
        """Let the tube arc: the voltage collapses at once, the supply switches off and latches the fault."""
        self.trip("arc", collapse=True)

    def trip(self, fault: str, *, collapse: bool = False) -> None:
        """Switch off and latch the fault of that name; with `collapse` nothing decays, all is gone at once."""
        with self._lock:
            self._faults.add(fault)
            self._on = False
            self._change(collapse=collapse)

    def clear_faults(self) -> None:
        """Forget the latched faults; the high voltage stays off."""
        with self._lock:
            self._faults.clear()

    def hold_on(self, stuck: bool) -> None:
        """Make `switch_off` fail, or work again."""
        with self._lock:
            self._stuck = stuck

    def deviate(self, voltage: float, current: float) -> None:
        """Let the output be that part of what was set, until told otherwise; the supply does not notice."""
        with self._lock:
            self._scale = (voltage, current)
            self._change()

    # --- what is true

    @property
    def high_voltage_on(self) -> bool:
        """Whether the high voltage is switched on (it takes a moment to be there, and to be gone)."""
        return self._on

    @property
    def interlock_closed(self) -> bool:
        """Whether the door is closed."""
        return self._interlock_closed

    @property
    def faults(self) -> frozenset[str]:
        """Names of the latched faults."""
        return frozenset(self._faults)

    @property
    def programmed_voltage_kv(self) -> float:
        """The kilovoltage that was set."""
        return self._programmed_kv

    @property
    def programmed_current_ma(self) -> float:
        """The tube current that was set, mA."""
        return self._programmed_ma

    @overload
    def voltage_kv(self, t: Times) -> Floats: ...
    @overload
    def voltage_kv(self, t: float | None = None) -> float: ...
    def voltage_kv(self, t: Times | float | None = None) -> Floats | float:
        """Return the kilovoltage now, or at one or many moments of the past `HISTORY_S` seconds."""
        return self._evaluate(t, 1, self.parameters.voltage_time)

    @overload
    def current_ma(self, t: Times) -> Floats: ...
    @overload
    def current_ma(self, t: float | None = None) -> float: ...
    def current_ma(self, t: Times | float | None = None) -> Floats | float:
        """Return the tube current, mA, now or at one or many moments of the past `HISTORY_S` seconds."""
        return self._evaluate(t, 3, self.parameters.current_time)

    def read_voltage_kv(self) -> float:
        """Return what the supply's monitor reads now, kV, noise included."""
        return self._monitor(self.voltage_kv(), 0.01)

    def read_current_ma(self) -> float:
        """Return what the supply's monitor reads now, mA, noise included."""
        return self._monitor(self.current_ma(), 0.0005)

    def ripple_behind(self, time_constant: float) -> float:
        """Return the relative standard deviation that the ripple leaves behind a first-order lag."""
        p = self.parameters
        return p.ripple * math.sqrt(p.ripple_time / (p.ripple_time + time_constant))

    # --- what the beam needs of it

    def on_change(self, listener: Callable[[float], None]) -> None:
        """Call `listener` with the time before anything changes."""
        self._listeners.append(listener)

    def segments(self) -> list[Segment]:
        """Return the past, oldest first; the last segment is the present one."""
        with self._lock:
            return list(self._segments)

    def warmth(self, t: Times) -> Floats:
        """Return how warm the tube is: 0 cold, 1 warm; the output lacks ``warm_up * (1 - warmth)``."""
        with self._lock:
            return np.asarray(self._evaluate(t, 5, self.parameters.warm_up_time), dtype=float)

    def _evaluate(self, t: Times | float | None, column: int, time_constant: float) -> Floats | float:
        with self._lock:
            if t is None or isinstance(t, float | int):
                moment = self._clock.now() if t is None else float(t)
                segment = self._segments[-1]
                if moment < segment.start:
                    segment = next((s for s in reversed(self._segments) if s.start <= moment), self._segments[0])
                start, target = segment[column], segment[column + 1]
                return float(target + (start - target) * math.exp(-max(moment - segment.start, 0.0) / time_constant))
            if self._columns is None:
                self._columns = np.array(self._segments, dtype=float).T.copy()
            columns = self._columns
        times = np.asarray(t, dtype=float)
        if len(columns[0]) == 1 or (times.size and times.min() >= columns[0, -1]):
            start, target = columns[column, -1], columns[column + 1, -1]
            elapsed = np.maximum(times - columns[0, -1], 0.0)
            return np.asarray(target + (start - target) * np.exp(-elapsed / time_constant))
        index = np.maximum(np.searchsorted(columns[0], times, side="right") - 1, 0)
        elapsed = np.maximum(times - columns[0, index], 0.0)
        start, target = columns[column, index], columns[column + 1, index]
        return np.asarray(target + (start - target) * np.exp(-elapsed / time_constant))

    def _change(self, *, collapse: bool = False) -> None:
        now = self._clock.now()
        for listener in self._listeners:
            listener(now)
        last = self._segments[-1]
        voltage = 0.0 if collapse else self.voltage_kv(now)
        current = 0.0 if collapse else self.current_ma(now)
        warmth = float(self.warmth(np.array([now]))[0])
        on = self._on
        segment = Segment(
            start=now,
            voltage_from=voltage,
            voltage_to=self._programmed_kv * self._scale[0] if on else 0.0,
            current_from=current,
            current_to=self._programmed_ma * self._scale[1] if on else 0.0,
            warmth_from=warmth,
            warmth_to=1.0 if on and self._programmed_ma > 0 else 0.0,
            nominal_kv=self._programmed_kv if on and self._programmed_kv > 0 else last.nominal_kv,
        )
        if last.start == now:
            self._segments[-1] = segment
        else:
            self._segments.append(segment)
        while len(self._segments) > 2 and self._segments[1].start < now - HISTORY_S:
            del self._segments[0]
        self._columns = None

    def _monitor(self, value: float, floor: float) -> float:
        noise = self._random.standard_normal() * math.hypot(self.parameters.monitor_noise * value, floor)
        return max(0.0, value + noise)


def _check(name: str, value: float, unit: str) -> None:
    if not (math.isfinite(value) and value >= 0):
        msg = f"the {name} must not be negative, not {value} {unit}"
        raise ValueError(msg)
