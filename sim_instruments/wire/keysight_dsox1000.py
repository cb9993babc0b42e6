"""The Keysight DSOX1000 and EDUX1000 oscilloscopes, after the InfiniiVision 1000 X-Series programmer's guide.

Channel 1 is at the output of the world's preamplifier, channel 2 at nothing. One analog-to-digital step of the eight
bits is 1/199 of the vertical range, so that the converter reaches beyond the screen: that is what a real one's preamble
says (yincrement 0.7851759 mV of WORD data at 40 V, recorded in PyMeasure's tests with a DSOX1102G). In high-resolution
mode the samples that the memory has no room for are averaged, which gives up to twelve bits, and less noise.
``:RUN`` acquires once and keeps that.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from sim_instruments.wire.dsox1000_acquisition import Acquired, Acquisition, AnalogInput
from sim_instruments.wire.scpi import (
    Answer,
    ScpiError,
    ScpiInstrument,
    block,
    choice,
    number,
    one,
    switch,
    unquoted,
    whole,
)

IDENTITY = "KEYSIGHT TECHNOLOGIES,DSO-X 1102G,CN57266430,01.20.2019061038"
LEVELS = 199.0
"""Steps of eight bits in the vertical range."""
POINTS = (100, 250, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 62_500, 100_000, 200_000, 500_000, 1_000_000)
TYPES = {"NORM": 0, "PEAK": 1, "AVER": 2, "HRES": 3}
FORMATS = {"BYTE": 0, "WORD": 1, "ASC": 4}
RUNNING = 8
"""Bit of the operation status condition register."""
AUTO_TRIGGER_S = 0.04
SMALL_RANGE = 1.6
SCREEN = "no screen"


class KeysightDSOX1000Wire(ScpiInstrument):
    """A DSOX1102G at the output of the preamplifier.

    Parameters
    ----------
    world
        The bench's.
    memory_points
        Samples that an acquisition keeps. The real one has 1 000 000; fewer cost less to simulate.
    next_trigger
        Given a moment (s), when the next edge comes to the external trigger input; None where there is none.
    gain_error, offset_error
        Of channel 1: relative, and V.
    largest_offset
        V in ranges below 1.6 V; beyond it the offset is silently made that, as the real one does. How far the real one
        goes depends on the model; by default nothing is too far.
    """

    def __init__(
        self,
        world: Any,
        memory_points: int = 20_000,
        next_trigger: Callable[[float], float | None] | None = None,
        gain_error: float = 0.0,
        offset_error: float = 0.0,
        largest_offset: float = math.inf,
    ) -> None:
        super().__init__(world.clock, IDENTITY)
        self._largest_offset = largest_offset
        self._world = world
        self._memory_points = memory_points
        self._next_trigger = next_trigger or getattr(world, "next_trigger", None) or (lambda _moment: None)
        if next_trigger is None and hasattr(world, "on_trigger"):
            world.on_trigger(self._edge)
        random = world.random("digitizer")
        self._inputs = {
            1: AnalogInput(random, world.preamp.output_voltage, gain_error, offset_error),
            2: AnalogInput(random, None),
        }
        self._acquisition: Acquisition | None = None
        self._records: dict[int, Acquired] = {}
        self._armed = False
        self.reset()
        for channel in self._inputs:
            self._declare_channel(channel)
        self._declare_timebase()
        self._declare_acquisition()
        self._declare_waveform()

    def reset(self) -> None:
        """Bring every setting to its default; the last waveforms are gone."""
        if self._acquisition is not None:
            self._acquisition.stop()
        self.plain.clear()
        for analog in self._inputs.values():
            analog.reset()
        self.span, self.position, self.reference = 1e-3, 0.0, "CENT"
        self.kind, self.averages = "NORM", 8
        self.sweep = "AUTO"
        self.source, self.data_format, self.byte_order, self.unsigned = 1, "BYTE", "MSBF", True
        self.points_mode, self.points = "NORM", 62_500
        self._records = {}

    def spell(self, value: object) -> str:
        """Write a number as these oscilloscopes do."""
        if isinstance(value, float) and not isinstance(value, bool):
            return f"{value:+.12E}"
        return super().spell(value)

    def next_error(self) -> str:
        """Take the oldest error out of the queue, with its sign as these oscilloscopes write it."""
        error = self.errors.popleft() if self.errors else ScpiError(0)
        return f'{error.number:+d},"{error.text}"'

    # --- vertical

    def _declare_channel(self, channel: int) -> None:
        analog, header = self._inputs[channel], f":CHANnel{channel}"
        self.setting(f"{header}:RANGe", lambda: analog.range, lambda args: analog.set_range(_volts(args)))
        self.setting(f"{header}:SCALe", lambda: analog.range / 8.0, lambda args: analog.set_range(8.0 * _volts(args)))
        self.setting(f"{header}:OFFSet", lambda: analog.offset, lambda args: self._offset(analog, _volts(args)))
        self.setting(f"{header}:PROBe", lambda: analog.probe, lambda a: analog.set_probe(number(a, 0.1, 10_000.0)))
        self.stored(f"{header}:COUPling", "DC", None, 0.0, "AC", "DC")
        self.stored(f"{header}:IMPedance", "ONEM", None, 0.0, "ONEMeg")
        self.attribute(f"{header}:INVert", analog, "inverted", switch)
        self.attribute(f"{header}:DISPlay", analog, "displayed", switch)
        self.attribute(f"{header}:BWLimit", analog, "bandwidth_limited", switch)
        self.stored(f"{header}:UNITs", "VOLT", None, 0.0, "VOLT", "AMPere")
        self.setting(
            f"{header}:LABel",
            lambda: f'"{analog.label}"',
            lambda args: setattr(analog, "label", unquoted(one(args)).upper()[:10]),
        )
        self.on(f"{header}?", lambda _args, _suffixes: self._channel_setup(channel))

    def _offset(self, analog: AnalogInput, volts: float) -> None:
        most = self._largest_offset if analog.range < SMALL_RANGE * analog.probe else math.inf
        analog.offset = max(-most, min(most, volts))

    def _channel_setup(self, channel: int) -> str:
        analog = self._inputs[channel]
        return (
            f":CHAN{channel}:RANG {analog.range:+.1E};OFFS {analog.offset:+.5E};COUP DC;IMP ONEM;"
            f"DISP {int(analog.displayed)};BWL {int(analog.bandwidth_limited)};INV {int(analog.inverted)};"
            f'LAB "{analog.label}";UNIT VOLT;PROB {analog.probe:+.0E};PROB:SKEW +0.00E+00;STYP SING'
        )

    # --- horizontal and trigger

    def _declare_timebase(self) -> None:
        self.stored(":TIMebase:MODE", "MAIN", None, 0.0, "MAIN", "WINDow", "XY", "ROLL")
        self.attribute(":TIMebase:RANGe", self, "span", lambda args: number(args, 50e-9, 500.0))
        self.setting(
            ":TIMebase:SCALe",
            lambda: self.span / 10.0,
            lambda args: setattr(self, "span", 10.0 * number(args, 5e-9, 50.0)),
        )
        self.attribute(":TIMebase:POSition", self, "position", lambda args: number(args, -500.0, 500.0))
        self.attribute(":TIMebase:REFerence", self, "reference", lambda args: choice(args, "LEFT", "CENTer", "RIGHt"))
        self.on(
            ":TIMebase?",
            lambda _a, _s: (
                f":TIM:MODE {self.plain.get(':TIMebase:MODE', 'MAIN')};REF {self.reference};"
                f"MAIN:RANG {self.span:+.2E};POS {self.position:+.1E}"
            ),
        )
        self.attribute(":TRIGger:SWEep", self, "sweep", lambda args: choice(args, "AUTO", "NORMal"))
        self.stored(":TRIGger:MODE", "EDGE", None, 0.0, "EDGE", "GLITch", "PATTern", "TV")
        self.stored(":TRIGger[:EDGE]:SOURce", "CHAN1", None, 0.0, "CHANnel1", "CHANnel2", "EXTernal", "LINE", "WGEN")
        self.stored(":TRIGger[:EDGE]:SLOPe", "POS", None, 0.0, "POSitive", "NEGative", "EITHer", "ALTernate")
        self.stored(":TRIGger[:EDGE]:COUPling", "DC", None, 0.0, "AC", "DC", "LFReject")
        self.stored(":TRIGger[:EDGE]:LEVel", 0.0, -40.0, 40.0)
        self.on(":TRIGger:FORCe", lambda _args, _suffixes: self._force())

    # --- acquiring

    def _declare_acquisition(self) -> None:
        self.attribute(":ACQuire:TYPE", self, "kind", lambda a: choice(a, "NORMal", "AVERage", "HRESolution", "PEAK"))
        self.attribute(":ACQuire:COUNt", self, "averages", lambda args: whole(args, 2, 65_536))
        self.stored(":ACQuire:MODE", "RTIM", None, 0.0, "RTIMe", "SEGMented")
        self.on(":ACQuire:POINts?", lambda _args, _suffixes: str(self._samples_kept()))
        self.on(":ACQuire:SRATe?", lambda _args, _suffixes: self.spell(self._samples_kept() / self.span))
        self.on(":SINGle", lambda _args, _suffixes: self._start(auto=False))
        self.on(":RUN", lambda _args, _suffixes: self._start(auto=self.sweep == "AUTO"))
        self.on(":STOP", lambda _args, _suffixes: self._stop())
        self.on(":DIGitize", lambda args, _: self._digitize(args))
        self.on(":AUToscale", lambda _args, _suffixes: self._autoscale())
        self.on(":SYSTem:PRESet", lambda _args, _suffixes: self.reset())
        self.on(":OPERegister:CONDition?", lambda _args, _suffixes: str(RUNNING if self._acquiring() else 0))
        self.on(":OPERegister[:EVENt]?", lambda _args, _suffixes: str(RUNNING if self._acquiring() else 0))
        self.on(":AER?", lambda _args, _suffixes: self._armed_event())
        self.on(":TER?", lambda _args, _suffixes: self._trigger_event())
        self.on("*OPC?", lambda _args, _suffixes: self._when_done("1"))
        self.on("*WAI", lambda _args, _suffixes: self._when_done())

    def _samples_kept(self) -> int:
        return min(self._memory_points, max(100, round(self.span * 2e9)))

    def _acquiring(self) -> bool:
        return self._acquisition is not None and not self._acquisition.done

    def _start(self, auto: bool) -> None:
        self._stop()
        begin = -self.span / 2.0 + self.position
        begin += {"LEFT": 0.4, "CENT": 0.0, "RIGH": -0.4}[self.reference] * self.span
        self._armed = True
        self._acquisition = Acquisition(
            self._world,
            self._inputs,
            span=self.span,
            begin=begin,
            samples=self._samples_kept(),
            kind=self.kind,
            averages=self.averages if self.kind == "AVER" else 1,
            external=self.plain.get(":TRIGger[:EDGE]:SOURce", "CHAN1") == "EXT",
            next_trigger=self._next_trigger,
            auto_trigger=AUTO_TRIGGER_S if auto else math.inf,
            done=self._records.update,
        )

    def _stop(self) -> None:
        if self._acquisition is not None:
            self._acquisition.stop()
        self._busy_until = 0.0

    def _force(self) -> None:
        if self._acquisition is not None:
            self._acquisition.force()

    def _edge(self, moment: float) -> None:
        if self._acquisition is not None:
            self._acquisition.edge(moment)

    def _digitize(self, arguments: list[str]) -> None:
        for source in arguments:
            choice([source], "CHANnel1", "CHANnel2", "FUNCtion", "MATH", "FFT", "ABUS", "EXTernal")
        self._start(auto=self.sweep == "AUTO")
        # nothing else is done until it is over; a trigger that never comes is waited for until :STOP
        self._when_done()

    def _when_done(self, answer: str | None = None) -> Answer:
        if self._acquiring() and self._acquisition is not None:
            end = self._acquisition.finish()
            if not math.isfinite(end):
                return None  # no trigger: the client waits until it is tired of it
            self._busy_until = max(self._busy_until, end)
        return answer

    def _armed_event(self) -> str:
        armed, self._armed = self._armed, False
        return "1" if armed else "0"

    def _trigger_event(self) -> str:
        seen = self._acquisition is not None and self._acquisition.triggered_since_asked()
        return "1" if seen else "0"

    def _autoscale(self) -> None:
        self.position, self.reference = 0.0, "CENT"
        self.span = 1e-3
        self._inputs[1].set_range(16.0 * self._inputs[1].probe)

    # --- sending

    def _declare_waveform(self) -> None:
        self.setting(":WAVeform:SOURce", lambda: f"CHAN{self.source}", self._select_source)
        self.attribute(":WAVeform:FORMat", self, "data_format", lambda args: choice(args, "BYTE", "WORD", "ASCii"))
        self.attribute(":WAVeform:BYTeorder", self, "byte_order", lambda args: choice(args, "MSBFirst", "LSBFirst"))
        self.attribute(":WAVeform:UNSigned", self, "unsigned", switch)
        self.attribute(":WAVeform:POINts:MODE", self, "points_mode", lambda a: choice(a, "NORMal", "MAXimum", "RAW"))
        self.setting(":WAVeform:POINts", lambda: self._points_sent(), self._choose_points)
        self.on(":WAVeform:PREamble?", lambda _args, _suffixes: self._preamble())
        self.on(":WAVeform:DATA?", lambda _args, _suffixes: self._data())
        for name, index in {"XINCrement": 4, "XORigin": 5, "YINCrement": 7, "YORigin": 8, "YREFerence": 9}.items():
            self.on(
                f":WAVeform:{name}?",
                lambda _a, _s, index=index: self._preamble().split(",")[index],  # type: ignore[misc]
            )
        self.on(":DISPlay:DATA?", lambda _args, _suffixes: block(SCREEN.encode()))

    def _select_source(self, arguments: list[str]) -> None:
        chosen = choice(arguments, "CHANnel1", "CHANnel2", "FUNCtion", "FFT", "WMEMory1", "WMEMory2", "EXTernal")
        if not chosen.startswith("CHAN"):
            raise ScpiError(-221)
        self.source = int(chosen[-1])

    def _choose_points(self, arguments: list[str]) -> None:
        word = one(arguments).upper()
        if word in ("MAX", "MAXIMUM"):
            self.points = POINTS[-1]
            return
        wanted = whole(arguments, 1, POINTS[-1])
        # the nearest of those that there are, not more than asked for
        self.points = max((points for points in POINTS if points <= wanted), default=POINTS[0])

    def _record(self) -> Acquired:
        self._when_done()
        record = self._records.get(self.source)
        if record is None:
            if self._acquiring():
                raise ScpiError(-230)
            # a running oscilloscope always has a waveform; the reset one runs
            self._start(auto=True)
            self._when_done()
            record = self._records[self.source]
        return record

    def _points_sent(self) -> int:
        record = self._records.get(self.source)
        kept = len(record.volts) if record is not None else self._samples_kept()
        most = kept if self.points_mode != "NORM" else min(kept, 62_500)
        return min(self.points, most)

    def _preamble(self) -> str:
        record = self._record()
        count = self._points_sent()
        analog = record.analog
        steps, middle = {"BYTE": (1.0, 128), "WORD": (256.0, 32_768), "ASC": (256.0, 32_768)}[self.data_format]
        if not self.unsigned and self.data_format != "ASC":
            middle = 0
        increment = record.span / count
        return (
            f"{FORMATS[self.data_format]:+d},{TYPES[record.kind]:+d},{count:+d},{record.averages:+d},"
            f"{increment:+.8E},{record.begin:+.8E},+0,"
            f"{analog.range / (LEVELS * steps):+.7E},{analog.offset:+.5E},{middle:+d}"
        )

    def _data(self) -> bytes:
        record = self._record()
        count = self._points_sent()
        picked = np.linspace(0, len(record.volts), count, endpoint=False).astype(int)
        codes = record.codes(LEVELS)[picked]
        if self.data_format == "ASC":
            volts = (codes - 32_768.0) * record.analog.range / (LEVELS * 256.0) + record.analog.offset
            return block(",".join(f"{value: .5E}" for value in volts).encode())
        if self.data_format == "BYTE":
            codes = codes // 256 - (0 if self.unsigned else 128)
            return block(codes.astype(np.uint8 if self.unsigned else np.int8).tobytes())
        kind = ("<" if self.byte_order == "LSBF" else ">") + ("u2" if self.unsigned else "i2")
        return block((codes - (0 if self.unsigned else 32_768)).astype(kind).tobytes())


def _volts(arguments: list[str]) -> float:
    word = one(arguments).upper()
    for suffix, factor in {"MV": 1e-3, "V": 1.0}.items():
        if word.endswith(suffix):
            return factor * number([word.removesuffix(suffix)], -1e5, 1e5)
    return number(arguments, -1e5, 1e5)
