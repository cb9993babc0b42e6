"""The source meter's role."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from drivers.errors import LimitExceeded
from drivers.roles.role import Role, exclusive


@dataclass(frozen=True, slots=True)
class SourceReading:
    """A voltage and the current that flows at it."""

    voltage: float
    """V, as sourced or read back"""
    current: float
    """A"""
    in_compliance: bool
    """Whether the source limits the current: the voltage is then not the one that was set."""


class SourceMeter(Role):
    """Puts a bias on the sample and reads the current through it."""

    role = "source_meter"

    ramp_period = 0.05
    """s between the steps of a ramp."""

    _voltage = 0.0
    _output_on = False

    @property
    @abstractmethod
    def largest_voltage(self) -> float:
        """What the instrument can source, V."""

    @abstractmethod
    def _send_voltage(self, volts: float) -> None:
        """Send the source value."""

    @abstractmethod
    def _send_output(self, on: bool) -> None:
        """Switch the output and read back that it is."""

    @abstractmethod
    def _send_configuration(self, compliance: float, integration_cycles: float, current_range: float | None) -> None:
        """Set up voltage source and current measurement."""

    @abstractmethod
    def measure(self) -> SourceReading:
        """Read the current once.

        Raises
        ------
        Overloaded
            If the reading overflowed its range.
        InstrumentError
            If the output is off: asking for a reading never switches it on.
        """

    @abstractmethod
    def currents(self, samples: int, interval: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Read a series of currents.

        Parameters
        ----------
        samples
            How many.
        interval
            s from one to the next.

        Returns
        -------
        times, currents
            Both (samples,): s since the first, A.

        Raises
        ------
        Overloaded
            If one of them overflowed or the compliance was reached.
        """

    def in_compliance(self) -> bool:
        """Ask whether the source limits the current now; no reading is taken. False where it cannot be asked."""
        return False

    def check_bias(self, volts: float) -> None:
        """Check a bias against the bench's limit and the instrument's range; nothing is sent.

        Raises
        ------
        LimitExceeded
            If it is too high.
        """
        if not math.isfinite(volts):
            raise ValueError(f"bias {volts} V is no value that a source can be set to")
        if abs(volts) > self.limits.bias_v:
            raise LimitExceeded("bias", abs(volts), "V", self.limits.bias_v, "bias_v")
        if abs(volts) > self.largest_voltage:
            raise LimitExceeded("bias", abs(volts), "V", self.largest_voltage, "the source meter's own range")

    @exclusive
    def configure(self, compliance: float, integration_cycles: float = 1.0, current_range: float | None = None) -> None:
        """Set up as voltage source that measures current; the output stays as it is.

        Parameters
        ----------
        compliance
            Largest current, A.
        integration_cycles
            Power line cycles a reading is averaged over.
        current_range
            A; None lets the instrument choose.

        Raises
        ------
        LimitExceeded
            If the compliance is above the bench's.
        """
        if not (math.isfinite(compliance) and compliance > 0):
            raise ValueError(f"compliance {compliance} A must be above zero")
        if compliance > self.limits.compliance_a:
            raise LimitExceeded("compliance", compliance, "A", self.limits.compliance_a, "compliance_a")
        self._send_configuration(compliance, integration_cycles, current_range)

    @property
    def voltage(self) -> float:
        """What the source was last set to, V."""
        return self._voltage

    @property
    def output_on(self) -> bool:
        """Whether the output was last switched on."""
        return self._output_on

    @exclusive
    def set_voltage(self, volts: float) -> None:
        """Step the source at once: for sweeps of small steps; a bias is reached by `ramp_to`."""
        self.check_bias(volts)
        if volts and self._output_on:
            self.check_not_inhibited()
        self._send_voltage(volts)
        self._voltage = volts

    @exclusive
    def ramp_to(self, volts: float) -> None:
        """Go to a voltage at the bench's ramp rate.

        Raises
        ------
        Inhibited
            If the bench is told to stop on the way (going to zero is never stopped).
        """
        self.check_bias(volts)
        step = self.limits.bias_ramp_v_per_s * self.ramp_period
        while self._voltage != volts:
            if volts:
                self.check_not_inhibited()
            difference = volts - self._voltage
            next_volts = volts if abs(difference) <= step else self._voltage + math.copysign(step, difference)
            self._send_voltage(next_volts)
            self._voltage = next_volts
            if next_volts != volts:
                self.clock.sleep(self.ramp_period)

    @exclusive
    def switch_on(self) -> None:
        """Switch the output on, at zero volts.

        Raises
        ------
        Inhibited
            If the bench was told to stop.
        """
        self.check_not_inhibited()
        self._send_voltage(0.0)
        self._voltage = 0.0
        self._output_on = True
        self._send_output(True)

    @exclusive
    def switch_off(self) -> None:
        """Ramp to zero and switch the output off."""
        try:
            if self._output_on:
                self.ramp_to(0.0)
        finally:
            self._send_output(False)
            self._output_on = False

    @contextmanager
    def bias(self, volts: float, compliance: float) -> Iterator[None]:
        """Have a bias on the sample inside a `with` block, and none after it whatever happens in it."""
        self.check_bias(volts)
        self.configure(compliance)
        try:
            self.switch_on()
            self.ramp_to(volts)
            yield
        finally:
            self.switch_off()

    def make_safe(self) -> None:
        """Ramp the bias to zero and switch the output off."""
        self.switch_off()
