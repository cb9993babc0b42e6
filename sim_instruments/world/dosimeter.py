"""The dosimeter: what it makes of the true dose rate."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

import numpy as np

from sim_instruments.faults import FaultKind, Faults
from sim_instruments.world.beam import Beam
from sim_instruments.world.clock import SimulationClock

CALIBRATION_UNCERTAINTY = 0.05
"""Relative standard uncertainty of a dosimeter's calibration."""


@dataclass(frozen=True)
class DosimeterParameters:
    """How this dosimeter errs.

    Parameters
    ----------
    calibration_error
        Relative error of all its readings; ``"drawn"``: drawn from the seed with `CALIBRATION_UNCERTAINTY`.
    random
        Relative standard deviation from one measurement to the next.
    gray_per_coulomb
        Calibration factor of the chamber: 25 000 Gy/C is a 1 litre ionisation chamber's.
    full_scale_low, full_scale_medium, full_scale_high
        Largest dose rate of each range, Gy/s.
    resolution
        Leakage and noise relative to full scale, of a reading over 1 s.
    warm_up
        Relative error right after switching on.
    warm_up_time
        Time constant of its decay, s.
    """

    calibration_error: float | str = 0.0
    random: float = 0.015
    gray_per_coulomb: float = 2.5e4
    full_scale_low: float = 2e-5
    full_scale_medium: float = 1e-3
    full_scale_high: float = 0.1
    resolution: float = 2e-6
    warm_up: float = 0.0
    warm_up_time: float = 300.0

    def __post_init__(self) -> None:
        error = self.calibration_error
        if isinstance(error, str) and error != "drawn":
            msg = f"the dosimeter's calibration_error must be a number or 'drawn', not '{error}'"
            raise ValueError(msg)
        if not isinstance(error, str) and not (math.isfinite(error) and error > -1.0):
            msg = f"the dosimeter's calibration_error must be a number above -1, not {error}"
            raise ValueError(msg)
        if not self.random >= 0:
            msg = f"the dosimeter's random error must not be negative, not {self.random}"
            raise ValueError(msg)


class DosimeterPhysics:
    """A dosimeter whose chamber is where the sample is.

    Parameters
    ----------
    beam
        What it measures.
    clock
        The bench's.
    random
        Its own stream.
    faults
        The bench's.
    lock
        The world's.
    parameters
        How it errs.
    """

    ranges: tuple[str, ...] = ("low", "medium", "high")

    def __init__(
        self,
        beam: Beam,
        clock: SimulationClock,
        random: np.random.Generator,
        faults: Faults,
        lock: threading.RLock | None = None,
        parameters: DosimeterParameters | None = None,
    ) -> None:
        self.parameters = parameters or DosimeterParameters()
        self._beam = beam
        self._clock = clock
        self._random = random
        self._faults = faults
        self._lock = lock or threading.RLock()
        self._switched_on = clock.now()
        # always drawn, so that the stream goes on alike whether it is used or not
        drawn = CALIBRATION_UNCERTAINTY * float(random.standard_normal())
        error = self.parameters.calibration_error
        self.calibration_error: float = drawn if isinstance(error, str) else float(error)
        """Relative error of every reading of this individual."""
        self._measurement: tuple[float, float, float] | None = None

    def full_scale(self, range_name: str) -> float:
        """Return the largest dose rate of a range, Gy/s.

        Raises
        ------
        ValueError
            If there is no such range.
        """
        if range_name not in self.ranges:
            msg = f"the dosimeter has no range '{range_name}', but {', '.join(self.ranges)}"
            raise ValueError(msg)
        return float(getattr(self.parameters, f"full_scale_{range_name}"))

    def overloaded(self, range_name: str = "high", t: float | None = None) -> bool:
        """Say whether the dose rate is above the range, or the out-of-range fault is active."""
        if self._faults.active(FaultKind.DOSIMETER_OUT_OF_RANGE):
            return True
        return float(self._beam.dose_rate(t)) > self.full_scale(range_name)

    def reading(self, duration: float, t_end: float | None = None, range_name: str = "high") -> float:
        """Measure the mean dose rate over a time that ends at `t_end`.

        Parameters
        ----------
        duration
            s.
        t_end
            Now if not given.
        range_name
            One of `ranges`.

        Returns
        -------
        float
            Gy/s; infinite when the range is overloaded.
        """
        if not duration > 0:
            msg = f"a dosimeter reads over a positive time, not {duration} s"
            raise ValueError(msg)
        with self._lock:
            end = self._clock.now() if t_end is None else t_end
            gain, leakage = self._errors(duration)
            mean = self._beam.mean_dose_rate(end - duration, end)
            if mean > self.full_scale(range_name) or self._faults.active(FaultKind.DOSIMETER_OUT_OF_RANGE):
                return math.inf
            return mean * gain + leakage * self.full_scale(range_name) / math.sqrt(duration)

    def dose(self, t_start: float, t_end: float | None = None, range_name: str = "high") -> float:
        """Return the dose that a measurement begun at `t_start` shows at `t_end` (now), Gy.

        One measurement has one random error, however often its growing dose is read.
        """
        with self._lock:
            end = self._clock.now() if t_end is None else t_end
            duration = max(end - t_start, 0.0)
            if self._measurement is None or self._measurement[0] != t_start:
                self._measurement = (t_start, *self._errors(max(duration, 1.0)))
            _, gain, leakage = self._measurement
            if self.overloaded(range_name, end):
                return math.inf
            true = self._beam.mean_dose_rate(t_start, end) * duration if duration > 0 else 0.0
            return true * gain + leakage * self.full_scale(range_name) * math.sqrt(duration)

    def charge(self, dose: float) -> float:
        """Return the chamber's charge, C, for a dose, Gy (or its current, A, for a dose rate)."""
        return dose / self.parameters.gray_per_coulomb

    def _errors(self, duration: float) -> tuple[float, float]:
        p = self.parameters
        scatter, leakage = self._random.standard_normal(2)
        since_on = self._clock.now() - self._switched_on
        relative = math.hypot(p.random, self._beam.ripple_over(duration))
        warm_up = 1.0 + p.warm_up * math.exp(-since_on / p.warm_up_time)
        return (1.0 + self.calibration_error) * (1.0 + relative * scatter) * warm_up, p.resolution * leakage
