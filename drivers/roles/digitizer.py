"""The digitizer's role: an oscilloscope or a DAQ card that reads the preamplifier."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from drivers.roles.role import Role


@dataclass(frozen=True)
class Trace:
    """Voltage against time."""

    times: npt.NDArray[np.float64]
    """(samples,) s; zero is the trigger, or the first sample of an untriggered trace."""
    volts: npt.NDArray[np.float64]
    """(samples,) V"""
    clipped: bool
    """Whether any sample is at the end of the digitizer's range: such a trace is no measurement."""
    resolution: float
    """V a digit"""


class Digitizer(Role):
    """Reads a voltage against time."""

    role = "digitizer"

    @property
    @abstractmethod
    def ranges(self) -> tuple[float, float]:
        """Smallest and largest full range (top to bottom), V."""

    @abstractmethod
    def set_range(self, full_range: float, centre: float = 0.0) -> None:
        """Set the voltage range: from ``centre - full_range / 2`` to ``centre + full_range / 2``, V."""

    @abstractmethod
    def record(self, duration: float, samples: int, *, averaging: bool = True) -> Trace:
        """Record an untriggered trace that begins now.

        Parameters
        ----------
        duration
            s
        samples
            How many equidistant samples.
        averaging
            Whether each sample is the mean of what was digitized in its interval, or a moment of it: a mean has less
            noise, and another bandwidth than that of what is connected.
        """

    @abstractmethod
    def record_triggered(
        self, duration: float, samples: int, averages: int = 1, pre_trigger: float = 0.0, timeout: float = 10.0
    ) -> Trace:
        """Record traces that begin `pre_trigger` before the external trigger, and average them."""

    def make_safe(self) -> None:
        """Do nothing: a digitizer energises nothing."""
