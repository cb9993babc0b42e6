"""A pulsed laser or diode that is triggered by a Keysight (Agilent) 33500 waveform generator.

Commands after the 33500 series operating and service guide (33500-90901, SCPI programming reference), through
PyMeasure's `Agilent33500`. What is not PyMeasure's own here: numbers are written with enough digits (its `%f` makes a
width of 100 ns 0), and what is set is read back.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field, model_validator
from pymeasure.instruments import Instrument
from pymeasure.instruments.agilent import Agilent33500

from config.mistake import UserMistake
from drivers.errors import InstrumentError
from drivers.roles import DriverOptions, Identity, PulsedLight, PulsedLightOptions, Surroundings
from drivers.scpi import ScpiConnection

SLOWEST_HZ = 1e-3


class Keysight33500Options(PulsedLightOptions):
    """What a bench file may say of the generator and what it triggers."""

    channel: Literal[1, 2] = Field(1, description="whose output triggers the light")
    trigger_high_v: float = Field(5.0, gt=0, le=10, description="of the trigger pulse at an open input, V")
    trigger_low_v: float = Field(0.0, ge=-5, lt=5, description="between the pulses, V")
    trigger_width_s: float = Field(10e-6, ge=16e-9, le=0.1, description="of the trigger pulse, s")
    load_ohm: float | None = Field(None, gt=0, description="of the light's trigger input; none given: high impedance")
    energy_channel: Literal[0, 1, 2] = Field(0, description="whose voltage sets the pulse energy; 0: nothing does")
    energy_full_scale_v: float = Field(5.0, gt=0, le=10, description="voltage of the full pulse energy, V")

    @model_validator(mode="after")
    def _channels_differ(self) -> Keysight33500Options:
        if self.energy_channel == self.channel:
            raise ValueError("energy_channel is the channel that triggers")
        if self.trigger_low_v >= self.trigger_high_v:
            raise ValueError("trigger_low_v must be below trigger_high_v")
        if self.trigger_width_s * self.highest_rate_hz > 0.5:
            raise ValueError("trigger_width_s is longer than half a period at highest_rate_hz")
        return self


class Agilent33500Trigger(Agilent33500):
    """PyMeasure's generator, with a rate and levels that are not rounded to six decimals."""

    channel = 1

    def _fill(self, command: str) -> str:
        return command.replace("<n>", str(self.channel))

    def write(self, command: str, **kwargs: object) -> None:
        """Write a command, in which ``<n>`` stands for the channel in use."""
        super().write(self._fill(command), **kwargs)

    rate = Instrument.control(
        "SOUR<n>:FREQ?", "SOUR<n>:FREQ %.9g", """Control the repetition rate in Hz (float).""", dynamic=True
    )
    width = Instrument.control(
        "SOUR<n>:FUNC:PULS:WIDT?", "SOUR<n>:FUNC:PULS:WIDT %.6g", """Control the width of a pulse in s (float)."""
    )


class Keysight33500Light(PulsedLight):
    """A light that fires at each rising edge of a generator's pulses.

    Opening sets the pulse up; an output that somebody left on is switched off first.

    Parameters
    ----------
    resource
        VISA address; on the network ``TCPIP::host::5025::SOCKET``.
    options
        See `Keysight33500Options`.
    surroundings
        Of the bench.

    Raises
    ------
    ConnectionLost
        If nobody is at the address.
    WrongInstrument
        If another instrument is.
    """

    Options: ClassVar[type[DriverOptions]] = Keysight33500Options
    options: Keysight33500Options

    def __init__(
        self, resource: str, options: DriverOptions | None = None, surroundings: Surroundings | None = None
    ) -> None:
        super().__init__(resource, options, surroundings)
        self._rate = min(10.0, self.options.highest_rate_hz)
        self._energy = 1.0
        self._single = False
        self.scpi = ScpiConnection(
            resource,
            self.name,
            "Keysight 33500",
            "",
            ("3350", "3351", "3352", "33500"),
            self.options.timeout_s,
        )
        try:
            self.generator = Agilent33500Trigger(self.scpi.wire, self.name)
            self.generator.channel = self.options.channel
            self._prepare()
        except BaseException:
            self.scpi.close()
            raise

    def _prepare(self) -> None:
        options = self.options
        # somebody may have left it on, and it must not fire while its levels and rate are changed
        self._send_off()
        channel = f"SOUR{options.channel}"
        self.scpi.errors()  # what others did wrong is not ours
        load = "INF" if options.load_ohm is None else f"{options.load_ohm:.6g}"
        self.scpi.send(f"OUTP{options.channel}:LOAD {load}")
        self.scpi.send(f"{channel}:FUNC PULS")
        self.generator.rate = self._rate
        self.generator.width = options.trigger_width_s
        self.scpi.send(f"{channel}:VOLT:HIGH {options.trigger_high_v:.6g}")
        self.scpi.send(f"{channel}:VOLT:LOW {options.trigger_low_v:.6g}")
        self.scpi.send(f"{channel}:BURS:MODE TRIG")
        self.scpi.send(f"{channel}:BURS:NCYC 1")
        self.scpi.send(f"TRIG{options.channel}:SOUR BUS")
        self._continuous()
        self.scpi.check("opening")
        if options.energy_channel:
            self._send_energy_fraction(1.0)

    def _continuous(self) -> None:
        self.scpi.send(f"SOUR{self.options.channel}:BURS:STAT 0")
        self._single = False

    @property
    def identity(self) -> Identity:
        """Who answered when the connection was opened."""
        return self.scpi.identity

    def settings(self) -> Mapping[str, float | str | bool]:
        """Return what was set last; nothing is asked for."""
        found: dict[str, float | str | bool] = {
            "rate_hz": self._rate,
            "energy_fraction": self._energy,
            "trigger_high_v": self.options.trigger_high_v,
            "trigger_width_s": self.options.trigger_width_s,
        }
        for key in ("wavelength_nm", "pulse_duration_s", "pulse_energy_j"):
            value = getattr(self.options, key)
            if value is not None:
                found[key] = value
        return found

    def close(self) -> None:
        """Close the connection; leaves the generator as it is."""
        with self.lock:
            self.scpi.close()

    @property
    def on(self) -> bool:
        """Whether pulses come regularly, as the generator itself says."""
        with self.lock:
            channel = self.options.channel
            return self.scpi.switch(f"OUTP{channel}?") and not self.scpi.switch(f"SOUR{channel}:BURS:STAT?")

    @property
    def rate_limits(self) -> tuple[float, float]:
        """Smallest and largest rate, Hz."""
        return SLOWEST_HZ, self.options.highest_rate_hz

    @property
    def rate(self) -> float:
        """Rate that is set, Hz."""
        return self._rate

    @property
    def energy_fraction(self) -> float:
        """Pulse energy that is set, as part of the full one."""
        return self._energy

    def _send_rate(self, hertz: float) -> None:
        self.generator.rate = hertz
        found = self.scpi.number(f"SOUR{self.options.channel}:FREQ?")
        self.scpi.check(f"FREQ {hertz:g}")
        if not math.isclose(found, hertz, rel_tol=1e-4):
            raise InstrumentError(self.name, f"the rate is {found:g} Hz and not {hertz:g} Hz as set", "FREQ")
        self._rate = found

    def _send_energy_fraction(self, fraction: float) -> None:
        channel = self.options.energy_channel
        if not channel:
            if fraction == 1.0:
                return
            raise UserMistake(
                f"{self.name}: nothing sets this light's pulse energy (options.energy_channel); "
                f"put a filter before it and give options.pulse_energy_j"
            )
        volts = fraction * self.options.energy_full_scale_v
        self.scpi.send(f"OUTP{channel}:LOAD INF")
        self.scpi.send(f"SOUR{channel}:FUNC DC")
        self.scpi.send(f"SOUR{channel}:VOLT:OFFS {volts:.6g}")
        self.scpi.send(f"OUTP{channel} 1")
        self.scpi.check(f"VOLT:OFFS {volts:g}")
        found = self.scpi.number(f"SOUR{channel}:VOLT:OFFS?")
        if abs(found - volts) > 0.01 * self.options.energy_full_scale_v:
            raise InstrumentError(self.name, f"the energy's voltage is {found:g} V and not {volts:g} V", "VOLT:OFFS")
        self._energy = found / self.options.energy_full_scale_v

    def _send_on(self) -> None:
        # from a single pulse's setting the output would be on, and wait for a trigger
        if self._single:
            self.scpi.send(f"OUTP{self.options.channel} 0")
        self._continuous()
        self.scpi.send(f"OUTP{self.options.channel} 1")
        self.scpi.check("OUTP 1")
        if not self.on:
            raise InstrumentError(self.name, "is told to fire and does not say that it does", "OUTP 1")

    def _send_off(self) -> None:
        channel = self.options.channel
        self.scpi.send(f"OUTP{channel} 0")
        if self.scpi.switch(f"OUTP{channel}?"):
            raise InstrumentError(self.name, "the trigger output stays on although told to be off", f"OUTP{channel} 0")
        self._single = False

    def _send_pulse(self) -> None:
        channel = self.options.channel
        if not self._single:
            if self.on:
                raise InstrumentError(self.name, "is firing regularly: switch it off before a single pulse", "*TRG")
            self.scpi.send(f"SOUR{channel}:BURS:STAT 1")
            self.scpi.send(f"OUTP{channel} 1")
            self._single = True
            self.scpi.check("BURS:STAT 1")
        self.scpi.send("*TRG")
        self.scpi.check("*TRG")
