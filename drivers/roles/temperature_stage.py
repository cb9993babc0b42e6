"""The temperature stage's role: brings the sample to a temperature and says which it has."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar

from pydantic import Field

from config.mistake import UserMistake
from drivers.errors import InstrumentError
from drivers.roles.role import DriverOptions, Role, exclusive


class TemperatureStageOptions(DriverOptions):
    """What a bench file may say of any temperature stage."""

    lowest_k: float = Field(200.0, gt=0, description="that sample and stage may have, K")
    highest_k: float = Field(400.0, gt=0, le=1500, description="that sample and stage may have, K")
    sensor_uncertainty_k: float = Field(0.1, ge=0, description="of the sensor's calibration, one standard deviation, K")


class TemperatureStage(Role):
    """Sets and reads the sample's temperature."""

    role = "temperature_stage"
    Options: ClassVar[type[DriverOptions]] = TemperatureStageOptions
    options: TemperatureStageOptions

    look_every = 2.0
    """s between readings while it settles."""

    @abstractmethod
    def temperature(self) -> float:
        """Read the temperature, K.

        Raises
        ------
        BadReply, Overloaded
            If the sensor gives none.
        """

    @property
    @abstractmethod
    def set_point(self) -> float:
        """Temperature that is set, K."""

    @property
    @abstractmethod
    def heating(self) -> bool:
        """Whether the controller may heat, as it says itself."""

    def check_temperature(self, kelvin: float) -> None:
        """Check a temperature against the bench file's limits; nothing is sent.

        Raises
        ------
        UserMistake
            If it is not within them.
        """
        low, high = self.options.lowest_k, self.options.highest_k
        if not (math.isfinite(kelvin) and low <= kelvin <= high):
            raise UserMistake(
                f"temperature {kelvin:g} K is not within {low:g} to {high:g} K "
                f"(instruments.temperature_stage.options.lowest_k, highest_k)"
            )

    @exclusive
    def set_temperature(self, kelvin: float, rate_k_per_min: float | None = None) -> None:
        """Let the stage go to a temperature; returns at once.

        Parameters
        ----------
        kelvin
            K
        rate_k_per_min
            At which the set point moves; None: it jumps.

        Raises
        ------
        UserMistake
            If the temperature is not within the bench file's limits.
        Inhibited
            If the bench was told to stop.
        """
        self.check_temperature(kelvin)
        if rate_k_per_min is not None and not (math.isfinite(rate_k_per_min) and rate_k_per_min > 0):
            raise UserMistake(f"a temperature cannot be ramped at {rate_k_per_min:g} K/min")
        self.check_not_inhibited()
        self._send_temperature(kelvin, rate_k_per_min)

    def settle(self, tolerance_k: float = 0.1, stable_for: float = 30.0, timeout: float = 3600.0) -> float:
        """Wait until the temperature is the set one, and stays.

        Parameters
        ----------
        tolerance_k
            How far from the set point it may be, K.
        stable_for
            s that it has to stay there.
        timeout
            s

        Returns
        -------
        float
            Mean of the readings of that time, K.

        Raises
        ------
        InstrumentError
            If it does not settle in time, or is not heating.
        Inhibited
            If the bench is told to stop meanwhile.
        """
        deadline = self.clock.now() + timeout
        goal = self.set_point
        since: float | None = None
        readings: list[float] = []
        while True:
            now, reading = self.clock.now(), self.temperature()
            if abs(reading - goal) > tolerance_k:
                since, readings = None, []
            else:
                since = now if since is None else since
                readings.append(reading)
                if now - since >= stable_for:
                    return math.fsum(readings) / len(readings)
            if now >= deadline:
                raise InstrumentError(
                    self.name, f"does not settle at {goal:g} K within {timeout:g} s: it is at {reading:.3f} K"
                )
            if not self.heating:
                raise InstrumentError(self.name, f"cannot settle at {goal:g} K: the heater is off")
            self.wait(self.look_every)

    def calibration(self) -> dict[str, float | str]:
        """Return what a run file keeps of the sensor's calibration."""
        return {"sensor_uncertainty_k": self.options.sensor_uncertainty_k}

    @abstractmethod
    def _send_temperature(self, kelvin: float, rate_k_per_min: float | None) -> None: ...
