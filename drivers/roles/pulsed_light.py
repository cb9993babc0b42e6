"""The pulsed light's role: a laser or a diode that fires when it is triggered."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from pydantic import Field

from config.mistake import UserMistake
from drivers.roles.role import DriverOptions, Role, exclusive


class PulsedLightOptions(DriverOptions):
    """What a bench file may say of any pulsed light."""

    highest_rate_hz: float = Field(100.0, gt=0, le=1e6, description="with which the light may be triggered, Hz")
    wavelength_nm: float | None = Field(None, gt=0, description="of the light, nm")
    pulse_duration_s: float | None = Field(None, gt=0, lt=1, description="full width at half maximum, s")
    pulse_energy_j: float | None = Field(None, gt=0, description="on the sample at full energy, J")


class PulsedLight(Role):
    """Fires light pulses, regularly or one by one."""

    role = "light"
    Options: ClassVar[type[DriverOptions]] = PulsedLightOptions
    options: PulsedLightOptions

    @property
    @abstractmethod
    def on(self) -> bool:
        """Whether pulses come regularly, as the instrument itself says."""

    @property
    @abstractmethod
    def rate_limits(self) -> tuple[float, float]:
        """Smallest and largest rate, Hz."""

    @property
    @abstractmethod
    def rate(self) -> float:
        """Rate that is set, Hz."""

    @property
    @abstractmethod
    def energy_fraction(self) -> float:
        """Pulse energy that is set, as part of the full one."""

    @property
    def pulse_energy(self) -> float | None:
        """Energy of a pulse on the sample, J; None where the bench file does not give the full one."""
        full = self.options.pulse_energy_j
        return None if full is None else full * self.energy_fraction

    @exclusive
    def set_rate(self, hertz: float) -> None:
        """Set how often it fires when it is on.

        Raises
        ------
        UserMistake
            If it may not, or cannot, fire so often.
        """
        low, high = self.rate_limits
        if not (math.isfinite(hertz) and low <= hertz <= high):
            raise UserMistake(
                f"{self.name}: {hertz:g} Hz is not within {low:g} to {high:g} Hz (options.highest_rate_hz)"
            )
        self._send_rate(hertz)

    @exclusive
    def set_energy_fraction(self, fraction: float) -> None:
        """Set the pulse energy as part of the full one, 0 to 1.

        Raises
        ------
        UserMistake
            If it is no such part, or this light's energy cannot be set.
        """
        if not 0.0 <= fraction <= 1.0:
            raise UserMistake(f"{self.name}: the pulse energy is a part of the full one, 0 to 1, not {fraction:g}")
        self._send_energy_fraction(fraction)

    @exclusive
    def switch_on(self) -> None:
        """Let it fire regularly, the first time at once.

        Raises
        ------
        Inhibited
            If the bench was told to stop.
        InstrumentError
            If it does not confirm that it is on.
        """
        self.check_not_inhibited()
        self._send_on()

    @exclusive
    def switch_off(self) -> None:
        """Let it fire no more; any number of times.

        Raises
        ------
        InstrumentError
            If it does not confirm that it is off.
        """
        self._send_off()

    @exclusive
    def pulse(self) -> None:
        """Fire once, now; it must not be firing regularly.

        Raises
        ------
        Inhibited
            If the bench was told to stop.
        InstrumentError
            If it is on.
        """
        self.check_not_inhibited()
        self._send_pulse()

    @contextmanager
    def pulses(self, hertz: float | None = None) -> Iterator[None]:
        """Fire regularly within a ``with`` block, at a rate or the one that is set; off afterwards in any case."""
        if hertz is not None:
            self.set_rate(hertz)
        try:
            self.switch_on()
            yield
        finally:
            self.switch_off()

    def make_safe(self) -> None:
        """Switch it off."""
        self.switch_off()

    @abstractmethod
    def _send_rate(self, hertz: float) -> None: ...

    @abstractmethod
    def _send_energy_fraction(self, fraction: float) -> None: ...

    @abstractmethod
    def _send_on(self) -> None: ...

    @abstractmethod
    def _send_off(self) -> None: ...

    @abstractmethod
    def _send_pulse(self) -> None: ...
