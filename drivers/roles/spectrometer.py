"""The spectrometer's role."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from drivers.roles.role import Role


@dataclass(frozen=True)
class Exposure:
    """One exposure, or the mean of several."""

    counts: npt.NDArray[np.float64]
    """(pixels,) mean counts of an exposure, as the instrument gives them: nothing is subtracted."""
    standard_error: npt.NDArray[np.float64]
    """(pixels,) of that mean, from the scatter between exposures; NaN for a single one."""
    saturated: npt.NDArray[np.bool_]
    """(pixels,) true where any of the exposures reached full scale."""
    integration_time: float
    """s, of each exposure."""
    averages: int


class Spectrometer(Role):
    """Counts light by wavelength."""

    role = "spectrometer"

    @property
    @abstractmethod
    def pixels(self) -> int:
        """Number of pixels."""

    @property
    @abstractmethod
    def full_scale(self) -> float:
        """Counts at which a pixel is saturated."""

    @property
    @abstractmethod
    def integration_time_limits(self) -> tuple[float, float]:
        """Shortest and longest integration time, s."""

    @abstractmethod
    def wavelengths_nm(self) -> npt.NDArray[np.float64]:
        """Return the (pixels,) wavelengths, nm, from the calibration stored in the instrument."""

    @abstractmethod
    def spectrum(self, integration_time: float, averages: int = 1) -> Exposure:
        """Expose and average.

        The exposure begins after the call, also on an instrument that runs freely.

        Parameters
        ----------
        integration_time
            s
        averages
            Number of exposures.

        Raises
        ------
        LimitExceeded
            If the integration time is outside the instrument's.
        """

    def make_safe(self) -> None:
        """Do nothing: a spectrometer energises nothing."""
