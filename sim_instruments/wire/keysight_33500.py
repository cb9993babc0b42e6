"""A Keysight 33522B waveform generator whose first output triggers the world's laser and whose second sets its energy.

Commands, defaults and refusals after the 33500 series operating and service guide (33500-90901).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from sim_instruments.wire.scpi import ScpiError, ScpiInstrument, choice, number, one, switch, whole

IDENTITY = "Agilent Technologies,33522B,MY57800001,5.03-3.15-2.00-58-00"
SHAPES = ("SINusoid", "SQUare", "TRIangle", "RAMP", "PULSe", "PRBS", "NOISe", "ARB", "DC")
FASTEST_HZ = {"SIN": 30e6, "SQU": 30e6, "TRI": 200e3, "RAMP": 200e3, "PULS": 30e6}
OPEN_CIRCUIT = 9.9e37
ENERGY_FULL_SCALE_V = 5.0
_OWN_OHM = 50.0


@dataclass
class Output:
    """One channel."""

    shape: str = "SIN"
    frequency: float = 1000.0
    high: float = 0.05
    low: float = -0.05
    width: float = 100e-6
    load: float = 50.0
    on: bool = False
    burst: bool = False
    burst_mode: str = "TRIG"
    cycles: float = 1.0
    source: str = "IMM"

    @property
    def largest(self) -> float:
        """Largest level, V: 5 V into its own impedance, 10 V into an open circuit."""
        return 10.0 * self.load / (self.load + _OWN_OHM) if self.load < OPEN_CIRCUIT else 10.0

    def at_open_input(self, level: float) -> float:
        """Return what an input of high impedance sees of a level that is set for `load`."""
        return level if self.load >= OPEN_CIRCUIT else level * (self.load + _OWN_OHM) / self.load


class Keysight33500Wire(ScpiInstrument):
    """The generator.

    Parameters
    ----------
    world
        Whose `laser` it triggers.
    """

    def __init__(self, world: Any) -> None:
        super().__init__(world.clock, IDENTITY)
        self._laser = world.laser
        self.outputs = {1: Output(), 2: Output()}
        self._declare_source()
        self._declare_output()
        self.on("*TRG", lambda _a, _s: self._trigger())
        self.on(":TRIGger<n>[:IMMediate]", lambda _a, suffixes: self._fire(suffixes[0]))

    def reset(self) -> None:
        """Bring every setting to its default: outputs off."""
        for channel in self.outputs:
            self.outputs[channel] = Output()
            self._follow(channel)

    def spell(self, value: object) -> str:
        """Write a number as these generators do."""
        if isinstance(value, float) and not isinstance(value, bool):
            return f"{value:+.15E}"
        return super().spell(value)

    def next_error(self) -> str:
        """Take the oldest error out of the queue, with its sign."""
        error = self.errors.popleft() if self.errors else ScpiError(0)
        return f'{error.number:+d},"{error.text}"'

    # --- declaring

    def _each(self, header: str, name: str, read: Any) -> None:
        """Declare a setting of a channel; the channel's number may be left out and is then 1."""

        def write(arguments: list[str], suffixes: tuple[int, ...]) -> None:
            channel = self._channel(suffixes)
            setattr(self.outputs[channel], name, read(arguments, self.outputs[channel]))
            self._follow(channel)

        self.on(header, write)
        self.on(header + "?", lambda _a, suffixes: self.spell(getattr(self.outputs[self._channel(suffixes)], name)))

    def _channel(self, suffixes: tuple[int, ...]) -> int:
        channel = suffixes[0] if suffixes else 1
        if channel not in self.outputs:
            raise ScpiError(-113)
        return channel

    def _declare_source(self) -> None:
        source = "[:SOURce<n>]"
        self._each(f"{source}:FUNCtion[:SHAPe]", "shape", lambda args, _: choice(args, *SHAPES))
        self._each(f"{source}:FREQuency[:CW]", "frequency", self._frequency)
        self._each(f"{source}:FUNCtion:PULSe:WIDTh", "width", lambda args, _: number(args, 16e-9, 1e6))
        self._each(f"{source}:VOLTage:HIGH", "high", lambda args, out: self._level(args, out, out.low, math.inf))
        self._each(f"{source}:VOLTage:LOW", "low", lambda args, out: self._level(args, out, -math.inf, out.high))
        self.on(f"{source}:VOLTage:OFFSet", lambda args, suffixes: self._offset(args, self._channel(suffixes)))
        self.on(f"{source}:VOLTage:OFFSet?", lambda _a, s: self.spell(self._middle(self.outputs[self._channel(s)])))
        self.on(f"{source}:VOLTage", lambda args, suffixes: self._amplitude(args, self._channel(suffixes)))
        self.on(f"{source}:VOLTage?", lambda _a, s: self.spell(self._swing(self.outputs[self._channel(s)])))
        self.on(
            f"{source}:FUNCtion:PULSe:PERiod?", lambda _a, s: self.spell(1 / self.outputs[self._channel(s)].frequency)
        )
        self.on(f"{source}:FUNCtion:PULSe:PERiod", lambda args, suffixes: self._period(args, self._channel(suffixes)))
        self._each(f"{source}:BURSt:STATe", "burst", lambda args, _: switch(args))
        self._each(f"{source}:BURSt:MODE", "burst_mode", lambda args, _: choice(args, "TRIGgered", "GATed"))
        self._each(f"{source}:BURSt:NCYCles", "cycles", lambda args, _: float(whole(args, 1, 100_000_000)))

    def _declare_output(self) -> None:
        self._each(":OUTPut<n>[:STATe]", "on", lambda args, _: switch(args))
        self._each(":OUTPut<n>:LOAD", "load", lambda args, _: self._load(args))
        self._each(":TRIGger<n>:SOURce", "source", lambda a, _: choice(a, "IMMediate", "EXTernal", "TIMer", "BUS"))

    # --- parameters

    @staticmethod
    def _load(arguments: list[str]) -> float:
        if one(arguments).upper() in ("INF", "INFINITY"):
            return OPEN_CIRCUIT
        return number(arguments, 1.0, 10e3, default=50.0)

    @staticmethod
    def _frequency(arguments: list[str], output: Output) -> float:
        value = number(arguments, 1e-6, FASTEST_HZ.get(output.shape, 30e6), default=1000.0)
        if output.shape == "PULS" and output.width > 1.0 / value:
            # the width is made what the new period has room for
            output.width = 0.5 / value
        return value

    def _period(self, arguments: list[str], channel: int) -> None:
        self.outputs[channel].frequency = 1.0 / number(arguments, 33e-9, 1e6)
        self._follow(channel)

    @staticmethod
    def _level(arguments: list[str], output: Output, above: float, below: float) -> float:
        value = number(arguments, -output.largest, output.largest)
        if not above < value < below:
            raise ScpiError(-221, "Settings conflict; low level must be less than high level")
        return value

    def _offset(self, arguments: list[str], channel: int) -> None:
        output = self.outputs[channel]
        if output.shape == "DC":
            value = number(arguments, -output.largest, output.largest)
            output.high = output.low = value
        else:
            half = 0.5 * self._swing(output)
            value = number(arguments, -output.largest + half, output.largest - half)
            output.high, output.low = value + half, value - half
        self._follow(channel)

    def _amplitude(self, arguments: list[str], channel: int) -> None:
        output = self.outputs[channel]
        middle = self._middle(output)
        half = 0.5 * number(arguments, 1e-3, 2.0 * (output.largest - abs(middle)))
        output.high, output.low = middle + half, middle - half
        self._follow(channel)

    @staticmethod
    def _middle(output: Output) -> float:
        return 0.5 * (output.high + output.low)

    @staticmethod
    def _swing(output: Output) -> float:
        return output.high - output.low

    # --- the laser

    def _follow(self, channel: int) -> None:
        """Let the laser see what the outputs do now."""
        output = self.outputs[channel]
        if channel == 2:
            volts = output.at_open_input(self._middle(output)) if output.on and output.shape == "DC" else None
            share = 1.0 if volts is None else min(1.0, max(0.0, volts / ENERGY_FULL_SCALE_V))
            self._laser.set_energy(share)
            return
        pulses = output.on and not output.burst and output.shape in ("PULS", "SQU")
        now = (output.frequency, output.at_open_input(output.high)) if pulses else (None, 0.0)
        if now != self._train:
            self._train = now
            self._laser.trigger_train(*now)

    _train: tuple[float | None, float] = (None, 0.0)

    def _trigger(self) -> None:
        for channel, output in self.outputs.items():
            if output.source == "BUS" and output.burst:
                self._fire(channel)
                return
        raise ScpiError(-211, "Trigger ignored")

    def _fire(self, channel: int) -> None:
        output = self.outputs[self._channel((channel,))]
        if not output.burst:
            raise ScpiError(-211, "Trigger ignored")
        if channel == 1 and output.on and output.shape in ("PULS", "SQU"):
            self._laser.trigger_once(output.at_open_input(output.high))
