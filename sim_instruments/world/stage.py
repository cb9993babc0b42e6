"""The temperature of the sample: a stage with a heater and a flow of cold gas, under a controller.

While its heater is on, the stage follows the controller's set point, which may move at a rate; sample and sensor lag
behind it. With the heater off the flow is off as well, and the stage drifts to the temperature of the room.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim_instruments.world.clock import SimulationClock
from sim_instruments.world.tube import HISTORY_S

Floats = NDArray[np.float64]
Times = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class StageParameters:
    """What is true of the stage.

    Parameters
    ----------
    room_k
        Temperature at first, and with the heater off.
    lowest_k, highest_k
        That it reaches.
    follow_s
        How much sample and sensor lag behind the set point.
    drift_s
        Time constant with the heater off.
    fastest_k_per_s
        With which it can be cooled or heated.
    sensor_noise_k
        Standard deviation of a reading.
    sensor_error_k
        By which every reading is wrong.
    """

    room_k: float = 295.0
    lowest_k: float = 200.0
    highest_k: float = 420.0
    follow_s: float = 20.0
    drift_s: float = 600.0
    fastest_k_per_s: float = 0.5
    sensor_noise_k: float = 0.005
    sensor_error_k: float = 0.0

    def __post_init__(self) -> None:
        rises = 0.0 < self.lowest_k < self.room_k < self.highest_k
        if not (rises and self.follow_s > 0 and self.drift_s > 0 and self.fastest_k_per_s > 0):
            msg = (
                "the simulated stage's temperatures must rise from lowest_k over room_k to highest_k, times be positive"
            )
            raise ValueError(msg)
        if not self.sensor_noise_k >= 0 or not math.isfinite(self.sensor_error_k):
            msg = "the simulated stage's sensor_noise_k and sensor_error_k must be finite, the noise not negative"
            raise ValueError(msg)


@dataclass(frozen=True)
class _Stretch:
    """A time in which nothing was set: a goal that moves from `begin` to `goal` at `rate`, and a lag behind it."""

    start: float
    temperature: float
    begin: float
    goal: float
    rate: float
    lag: float

    def at(self, times: Floats) -> Floats:
        elapsed = np.maximum(times - self.start, 0.0)
        slope = math.copysign(self.rate, self.goal - self.begin) if self.goal != self.begin else 0.0
        until = abs(self.goal - self.begin) / self.rate if slope else 0.0
        moving = np.minimum(elapsed, until)
        behind = self.temperature - self.begin + slope * self.lag
        there = self.begin + slope * (moving - self.lag) + behind * np.exp(-moving / self.lag)
        return np.asarray(self.goal + (there - self.goal) * np.exp(-(elapsed - moving) / self.lag))


class StagePhysics:
    """The stage; its controller's wire sets it.

    Parameters
    ----------
    parameters
        What is true of it.
    clock
        The bench's.
    random
        Its own stream.
    lock
        The world's.
    """

    def __init__(
        self,
        parameters: StageParameters,
        clock: SimulationClock,
        random: np.random.Generator,
        lock: threading.RLock | None = None,
    ) -> None:
        self.parameters = parameters
        self._clock = clock
        self._random = random
        self._lock = lock or threading.RLock()
        room = parameters.room_k
        self._stretches = [_Stretch(-math.inf, room, room, room, 1.0, parameters.drift_s)]
        self._still = True

    def temperature(self, t: Times | float | None = None) -> Floats:
        """Return the sample's temperature, K, now or at moments of the past; shape of `t`."""
        with self._lock:
            times = np.asarray(self._clock.now() if t is None else t, dtype=float)
            if self._still:
                return np.full(times.shape, self.parameters.room_k)
            flat = np.atleast_1d(times)
            found = np.full(flat.shape, self._stretches[0].temperature)
            for number, stretch in enumerate(self._stretches):
                if math.isinf(stretch.start):
                    continue
                end = self._stretches[number + 1].start if number + 1 < len(self._stretches) else math.inf
                inside = (flat >= stretch.start) & (flat < end)
                if inside.any():
                    found[inside] = stretch.at(flat[inside])
            return found.reshape(times.shape)

    def reading(self) -> float:
        """Return what the sensor shows now, K."""
        p = self.parameters
        return float(self.temperature()) + p.sensor_error_k + p.sensor_noise_k * self._random.standard_normal()

    def heat_to(self, begin_k: float, goal_k: float, rate_k_per_s: float | None = None) -> None:
        """Follow a set point from now on that is `begin_k` now and moves to `goal_k` at a rate; None: at once.

        The controller knows the temperature from the sensor alone: where that is wrong, the stage is wrong likewise.
        """
        p = self.parameters
        low, high = p.lowest_k, p.highest_k
        begin_k, goal_k = begin_k - p.sensor_error_k, goal_k - p.sensor_error_k
        begin, goal = min(max(begin_k, low), high), min(max(goal_k, low), high)
        fastest = p.fastest_k_per_s
        if rate_k_per_s is None or rate_k_per_s > fastest:
            begin, rate = float(self.temperature()), fastest
        else:
            rate = rate_k_per_s
        self._add(begin, goal, rate, p.follow_s)

    @property
    def heated(self) -> bool:
        """Whether something holds it away from the room's temperature."""
        return self._stretches[-1].goal != self.parameters.room_k

    def let_go(self) -> None:
        """Switch heater and flow off, from now on."""
        if not self._still:
            self._add(self.parameters.room_k, self.parameters.room_k, 1.0, self.parameters.drift_s)

    def _add(self, begin: float, goal: float, rate: float, lag: float) -> None:
        with self._lock:
            now = self._clock.now()
            temperature = float(self.temperature(now))
            self._stretches.append(_Stretch(now, temperature, begin, goal, rate, lag))
            self._still = False
            while len(self._stretches) > 2 and self._stretches[2].start < now - HISTORY_S:
                del self._stretches[1]
