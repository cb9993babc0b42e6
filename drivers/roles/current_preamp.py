"""The current preamplifier's role."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Literal

import numpy as np
import numpy.typing as npt

from drivers.errors import LimitExceeded
from drivers.roles.role import Role, exclusive

GainMode = Literal["low noise", "high bandwidth", "low drift"]
FilterType = Literal["6 dB highpass", "12 dB highpass", "6 dB bandpass", "6 dB lowpass", "12 dB lowpass", "none"]


class CurrentPreamp(Role):
    """Turns a current into a voltage that a digitizer reads."""

    role = "preamp"

    @property
    @abstractmethod
    def sensitivities(self) -> tuple[float, ...]:
        """What it can be set to, A/V, ascending."""

    @property
    @abstractmethod
    def sensitivity(self) -> float:
        """As set, A/V."""

    @property
    @abstractmethod
    def inverted(self) -> bool:
        """Whether the output has the opposite sign of the input current."""

    @property
    @abstractmethod
    def overload_voltage(self) -> float:
        """Output beyond which the reading is an overload, V."""

    @property
    @abstractmethod
    def bandwidth(self) -> float:
        """-3 dB bandwidth at the set sensitivity, gain mode and filter, Hz."""

    @property
    @abstractmethod
    def bias(self) -> float:
        """Bias that it puts on its input, V; 0 when switched off."""

    @abstractmethod
    def set_sensitivity(self, amperes_per_volt: float) -> None:
        """Set one of `sensitivities`; anything else is an error and never the nearest."""

    @abstractmethod
    def set_gain_mode(self, mode: GainMode) -> None:
        """Set the gain mode."""

    @abstractmethod
    def set_filter(self, kind: FilterType, low: float | None = None, high: float | None = None) -> None:
        """Set the filter; `low` is the lowpass' and `high` the highpass' corner, Hz."""

    @abstractmethod
    def set_inverted(self, inverted: bool) -> None:
        """Set the sign of the output."""

    @abstractmethod
    def set_input_offset(self, amperes: float) -> None:
        """Set the input offset current, A; 0 switches it off."""

    @abstractmethod
    def null_current(self, amperes: float) -> None:
        """Take about this current off at the input, so that a more sensitive range holds what is left.

        What is taken off is good to some percent and counts in no result. 0 takes nothing off.
        """

    @abstractmethod
    def clear_overload(self) -> None:
        """Discharge the filters after an overload."""

    @abstractmethod
    def _send_bias(self, volts: float) -> None:
        """Send the bias; 0 switches it off."""

    @property
    @abstractmethod
    def largest_bias(self) -> float:
        """What it can put on its input, V."""

    def check_bias(self, volts: float) -> None:
        """Check a bias against the bench's limit and the instrument's range; nothing is sent."""
        if not math.isfinite(volts):
            raise ValueError(f"bias {volts} V is no value that a preamplifier can be set to")
        if abs(volts) > self.limits.bias_v:
            raise LimitExceeded("bias", abs(volts), "V", self.limits.bias_v, "bias_v")
        if abs(volts) > self.largest_bias:
            raise LimitExceeded("bias", abs(volts), "V", self.largest_bias, "the preamplifier's own range")

    @exclusive
    def set_bias(self, volts: float) -> None:
        """Set the bias, in steps at the bench's ramp rate."""
        self.check_bias(volts)
        step = self.limits.bias_ramp_v_per_s * 0.05
        while self.bias != volts:
            if volts:
                self.check_not_inhibited()
            difference = volts - self.bias
            self._send_bias(volts if abs(difference) <= step else self.bias + math.copysign(step, difference))
            if self.bias != volts:
                self.clock.sleep(0.05)

    def current(self, volts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Turn output voltages into input currents.

        Parameters
        ----------
        volts
            Any shape, V.

        Returns
        -------
        numpy.ndarray
            The same shape, A.
        """
        return volts * (-self.sensitivity if self.inverted else self.sensitivity)

    def overloaded(self, volts: npt.NDArray[np.float64]) -> bool:
        """Say whether any of these outputs is an overload; the instrument itself cannot be asked."""
        return bool(np.any(np.abs(volts) >= self.overload_voltage))

    def make_safe(self) -> None:
        """Take the bias away."""
        self.set_bias(0.0)
