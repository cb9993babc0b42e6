"""The dosimeter's role."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from drivers.roles.role import Role


@dataclass(frozen=True)
class DoseRate:
    """Air kerma rate at the sample."""

    value: float
    """Gy/s"""
    uncertainty: float
    """Gy/s, one standard deviation, of this reading alone; the calibration's is a property of the dosimeter."""
    duration: float
    """s over which it was averaged."""


class Dosimeter(Role):
    """Reads the air kerma rate of the beam at the sample."""

    role = "dosimeter"

    @property
    @abstractmethod
    def calibration_uncertainty(self) -> float:
        """Relative standard uncertainty of the calibration, common to all readings."""

    @abstractmethod
    def dose_rate(self, duration: float = 1.0) -> DoseRate:
        """Measure the dose rate now.

        Parameters
        ----------
        duration
            s to average over.

        Raises
        ------
        Overloaded
            If the range is exceeded, or the chamber's voltage or calibration is missing.
        """

    @abstractmethod
    def zero(self) -> None:
        """Correct the zero; the beam must be off."""

    def calibration(self) -> Mapping[str, float | str]:
        """Return the calibration's relative standard uncertainty."""
        return {"relative_uncertainty": self.calibration_uncertainty}

    def make_safe(self) -> None:
        """Do nothing: a dosimeter energises nothing."""
