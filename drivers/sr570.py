"""The Stanford Research SR570 current preamplifier, which listens and never answers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, get_args

from pydantic import Field, field_validator
from pyvisa.constants import StopBits

from config.mistake import UserMistake
from drivers.roles import CurrentPreamp, DriverOptions, FilterType, GainMode, Identity, Surroundings, exclusive
from drivers.strict_sr570 import StrictSR570
from drivers.wire import Wire

BANDWIDTHS_HZ: dict[float, tuple[float, float, float]] = {
    1e-3: (1e6, 1e6, 1e6),
    1e-4: (1e6, 5e5, 5e5),
    1e-5: (8e5, 2e5, 2e5),
    1e-6: (2e5, 2e4, 2e4),
    1e-7: (2e4, 2e3, 2e3),
    1e-8: (2e3, 200.0, 200.0),
    1e-9: (200.0, 15.0, 15.0),
    1e-10: (100.0, 10.0, 10.0),
    1e-11: (20.0, 10.0, 10.0),
    1e-12: (10.0, 10.0, 10.0),
}
"""A/V to -3 dB bandwidth in high-bandwidth, low-noise and low-drift mode, Hz.

From memory of the manual's specifications and not verified against it: the bench file can give another table
(``options.bandwidths_hz``). A sensitivity between two of the table has the bandwidth of the more sensitive one.
"""

SETTLED = 12.0
"""Time constants until a step is within 0.1 % behind the amplifier's pole and a filter's two."""


class SR570Options(DriverOptions):
    """What a bench file may say of the preamplifier."""

    baud_rate: int = Field(9600, description="the SR570 has no other")
    overload_voltage: float = Field(
        4.8, gt=0, le=5, description="output that counts as overload, V; below 5 V by what the digitizer may be wrong"
    )
    bandwidths_hz: dict[float, tuple[float, float, float]] = Field(
        default=BANDWIDTHS_HZ,
        description="A/V to bandwidth in high-bandwidth, low-noise and low-drift mode, Hz; the default is unverified",
    )

    @field_validator("bandwidths_hz")
    @classmethod
    def _bandwidths_are_positive(
        cls, table: dict[float, tuple[float, float, float]]
    ) -> dict[float, tuple[float, float, float]]:
        if not table or not all(math.isfinite(x) and x > 0 for row in (tuple(table), *table.values()) for x in row):
            raise ValueError("must be sensitivities (A/V) with three bandwidths (Hz) each, all above zero")
        return table


class SR570Preamp(CurrentPreamp):
    """An SR570.

    It never answers, so that nothing can be asked: not who is there, not what is set, not whether it is overloaded.
    What is set is mirrored here, and to make the mirror true everything is sent when the connection is opened,
    beginning with the bias, which is switched off. If a command could not be sent, everything is sent again before the
    next one.

    After each change it is waited until the output has settled within 0.1 %.

    Parameters
    ----------
    resource
        VISA address: ``ASRL...::INSTR`` or a terminal server's ``TCPIP::host::port::SOCKET``.
    options
        See `SR570Options`.
    surroundings
        Of the bench.

    Raises
    ------
    ConnectionLost
        If the line cannot be opened.
    """

    Options: ClassVar[type[DriverOptions]] = SR570Options
    options: SR570Options

    def __init__(
        self, resource: str, options: DriverOptions | None = None, surroundings: Surroundings | None = None
    ) -> None:
        super().__init__(resource, options, surroundings)
        self._sensitivity = 1e-6
        self._gain_mode: GainMode = "low noise"
        self._filter: FilterType = "none"
        self._low, self._high = 1e6, 0.03
        self._inverted = False
        self._offset = 0.0
        self._vernier: int | None = None
        self._bias = 0.0
        self._mirrored = False
        self._wire = Wire(
            resource,
            self.name,
            self.options.timeout_s,
            asrl={"baud_rate": self.options.baud_rate, "data_bits": 8, "stop_bits": StopBits.two},
            write_termination="\r\n",
        )
        try:
            self._amplifier = StrictSR570(self._wire, self.name)
            self._send_everything()
        except BaseException:
            self._wire.close()
            raise

    # --- what is set

    @property
    def identity(self) -> Identity:
        """What the bench file says is there: the SR570 cannot be asked."""
        return Identity("Stanford Research Systems", "SR570", firmware="(not verified: it only listens)")

    @property
    def sensitivities(self) -> tuple[float, ...]:
        """What it can be set to, A/V."""
        return tuple(StrictSR570.SENSITIVITIES)

    @property
    def sensitivity(self) -> float:
        """As set, A/V."""
        return self._sensitivity

    @property
    def inverted(self) -> bool:
        """Whether the output has the opposite sign of the input current."""
        return self._inverted

    @property
    def overload_voltage(self) -> float:
        """Output beyond which the reading is an overload, V."""
        return self.options.overload_voltage

    @property
    def bias(self) -> float:
        """Bias on the input, V."""
        return self._bias

    @property
    def largest_bias(self) -> float:
        """What it can put on its input, V."""
        return 5.0

    @property
    def bandwidth(self) -> float:
        """-3 dB bandwidth at the set sensitivity, gain mode and filter, Hz."""
        table = self.options.bandwidths_hz
        # a sensitivity between two decades is amplified by the front end of the more sensitive one
        at_least = [known for known in table if known <= self._sensitivity * (1 + 1e-9)]
        row = table[max(at_least) if at_least else min(table)]
        amplifier = row[("high bandwidth", "low noise", "low drift").index(self._gain_mode)]
        return min(amplifier, self._low) if self._filter.endswith(("lowpass", "bandpass")) else amplifier

    @property
    def settling_time(self) -> float:
        """Time after a change until the output is within 0.1 %, s."""
        return 0.02 + SETTLED / (2.0 * math.pi * self.bandwidth)

    def settings(self) -> Mapping[str, float | str | bool]:
        """Return the mirrored settings."""
        return {
            "sensitivity_a_per_v": self._sensitivity,
            "gain_mode": self._gain_mode,
            "filter": self._filter,
            "lowpass_hz": self._low,
            "highpass_hz": self._high,
            "inverted": self._inverted,
            "input_offset_a": self._offset * (1.0 if self._vernier is None else self._vernier / 1000),
            "input_offset_calibrated": self._vernier is None,
            "bias_v": self._bias,
            "bandwidth_hz": self.bandwidth,
        }

    # --- setting

    @exclusive
    def set_sensitivity(self, amperes_per_volt: float) -> None:
        """Set one of `sensitivities`; anything else is an error."""
        chosen = _one_of("sensitivity", amperes_per_volt, self.sensitivities, "A/V")
        self._sensitivity = chosen
        self._send_all_or("sensitivity", chosen)
        self._settle()

    @exclusive
    def set_gain_mode(self, mode: GainMode) -> None:
        """Set the gain mode."""
        _known("gain mode", mode, get_args(GainMode))
        self._gain_mode = mode
        self._send_all_or("gain_mode", mode.title())
        self._settle()

    @exclusive
    def set_filter(self, kind: FilterType, low: float | None = None, high: float | None = None) -> None:
        """Set the filter and those of its corners that are given, Hz."""
        _known("filter", kind, get_args(FilterType))
        new_low = self._low if low is None else _one_of("lowpass", low, StrictSR570.FREQUENCIES, "Hz")
        new_high = self._high if high is None else _one_of("highpass", high, StrictSR570.HIGHPASS_FREQUENCIES, "Hz")
        self._filter, self._low, self._high = kind, new_low, new_high
        self._send_all_or("low_freq", new_low)
        self._send_all_or("high_freq", new_high)
        self._send_all_or("filter_type", _pymeasure_filter(kind))
        self._settle()

    @exclusive
    def set_inverted(self, inverted: bool) -> None:
        """Set the sign of the output."""
        self._inverted = bool(inverted)
        self._send_all_or("signal_inverted", self._inverted)
        self._settle()

    @exclusive
    def set_input_offset(self, amperes: float) -> None:
        """Set the input offset current, A; 0 switches it off."""
        self._vernier = None
        if amperes:
            magnitude = _one_of("input offset", abs(amperes), StrictSR570.OFFSET_CURRENTS, "A")
            self._offset = math.copysign(magnitude, amperes)
        else:
            self._offset = 0.0
        self._send_offset()
        self._settle()

    @exclusive
    def null_current(self, amperes: float) -> None:
        """Take about this current off at the input, with the uncalibrated vernier: good to some percent; 0 stops it."""
        if abs(amperes) < StrictSR570.OFFSET_CURRENTS[0]:
            self.set_input_offset(0.0)
            return
        enough = [offset for offset in StrictSR570.OFFSET_CURRENTS if offset >= abs(amperes)]
        if not enough:
            raise ValueError(f"{amperes:.3g} A: the SR570 takes off at most {StrictSR570.OFFSET_CURRENTS[-1]:g} A")
        self._offset = math.copysign(enough[0], -amperes)
        self._vernier = round(1000 * abs(amperes) / enough[0])
        self._send_offset()
        self._settle()

    @exclusive
    def clear_overload(self) -> None:
        """Discharge the filters after an overload."""
        self._send("ROLD")
        self._settle()

    def check_bias(self, volts: float) -> None:
        """Check a bias against the limits, and that it is a whole number of mV; nothing is sent."""
        super().check_bias(volts)
        if abs(volts * 1000 - round(volts * 1000)) > 1e-6:
            raise UserMistake(
                f"bias {volts:g} V: {self.name} has steps of 1 mV; choose a field that gives a whole number of mV"
            )

    @exclusive
    def set_bias(self, volts: float) -> None:
        """Set the bias, in steps at the bench's ramp rate; 0 is sent even where it is thought to be off."""
        super().set_bias(volts)
        if volts == 0.0:
            self._send_bias(0.0)

    def _send_bias(self, volts: float) -> None:
        before = self._bias
        self._bias = volts
        if not self._mirrored:
            self._send_everything()
            return
        if volts:
            self._change("bias_level", volts)
            if not before:
                self._change("bias_enabled", True)
        else:
            self._change("bias_enabled", False)
            self._change("bias_level", 0.0)

    def _send_offset(self) -> None:
        if not self._mirrored:
            self._send_everything()
            return
        if self._offset:
            self._change("offset_current", abs(self._offset))
            self._change("offset_current_sign", "positive" if self._offset > 0 else "negative")
        self._change("offset_calibrated", self._vernier is None)
        if self._vernier is not None:
            self._change("offset_vernier", self._vernier)
        self._change("offset_current_enabled", bool(self._offset))

    def _send_everything(self) -> None:
        """Make the mirror true."""
        self._mirrored = True
        if not self._bias:
            self._change("bias_enabled", False)
        self._change("bias_level", self._bias)
        if self._bias:
            self._change("bias_enabled", True)
        self._change("front_blanked", False)
        self._change("gain_calibrated", True)
        self._send_offset()
        self._change("sensitivity", self._sensitivity)
        self._change("gain_mode", self._gain_mode.title())
        self._change("low_freq", self._low)
        self._change("high_freq", self._high)
        self._change("filter_type", _pymeasure_filter(self._filter))
        self._change("signal_inverted", self._inverted)

    def _send_all_or(self, name: str, value: object) -> None:
        if self._mirrored:
            self._change(name, value)
        else:
            self._send_everything()

    def _change(self, name: str, value: object) -> None:
        try:
            setattr(self._amplifier, name, value)
        except BaseException:
            self._mirrored = False
            raise

    def _send(self, command: str) -> None:
        try:
            self._amplifier.write(command)
        except BaseException:
            self._mirrored = False
            raise

    def _settle(self) -> None:
        self.wait(self.settling_time)

    def close(self) -> None:
        """Close the line; the instrument stays as it is."""
        self._wire.close()


def _pymeasure_filter(kind: FilterType) -> str:
    """Return PyMeasure's name of a filter."""
    if kind == "none":
        return "none"
    slope, unit, name = kind.split()
    return f"{slope}{unit} {name.title()}"


def _known(what: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{what} '{value}' is none of the SR570's: {', '.join(allowed)}")


def _one_of(what: str, value: float, allowed: tuple[float, ...] | list[float], unit: str) -> float:
    """Return the one of `allowed` that `value` is but for rounding."""
    for choice in allowed:
        if math.isclose(choice, value, rel_tol=1e-6):
            return float(choice)
    raise ValueError(
        f"{what} {value:g} {unit} is none of the SR570's: {allowed[0]:g} to {allowed[-1]:g} {unit} "
        f"in steps of {'1, 2, 5' if unit != 'Hz' else '1, 3'}"
    )
