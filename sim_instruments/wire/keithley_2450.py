"""The Keithley 2450 SourceMeter in its SCPI command set, after its reference manual (2450-901-01).

Readings go into reading buffers and are sent with the elements that are asked for; the source status of each (bit 5:
limited, bit 7: output on) is the manual's ``bufferVar.sourcestatuses``. Of the trigger model there are the blocks of
a timed series (clear, delay, measure, branch on a counter), and the linear voltage sweep, which switches the output on
and off itself as the real one's does. Here ``:MEASure?`` selects its function and reads; with the output off it and
``:READ?`` are refused. The manual does not print the words of that refusal: those here are SCPI's.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sim_instruments.wire.keithley_2450_settings import FUNCTIONS, Keithley2450Settings
from sim_instruments.wire.scpi import Answer, ScpiError, choice, number, one, unquoted, whole
from sim_instruments.wire.server import Reply
from sim_instruments.wire.source_measure import NOT_MEASURED, OVERFLOW, Reading, Series

READ_BACK, LIMITED, OUTPUT_ON = 8, 32, 128
QUESTIONABLE, FRONT = 1, 8
ELEMENTS = (
    "DATE",
    "FORMatted",
    "FRACtional",
    "READing",
    "RELative",
    "SEConds",
    "SOURce",
    "SOURFORMatted",
    "SOURSTATus",
    "SOURUNIT",
    "STATus",
    "TIME",
    "TSTamp",
    "UNIT",
)
UNITS = {"CURR": "Amp DC", "VOLT": "Volt DC", "RES": "Ohm"}


@dataclass
class ReadingBuffer:
    """A reading buffer."""

    size: int
    readings: list[Reading] = field(default_factory=list)

    def append(self, reading: Reading) -> None:
        """Take a reading; the oldest goes when the buffer is full."""
        self.readings.append(reading)
        if len(self.readings) > self.size:
            del self.readings[0]


class Keithley2450Wire(Keithley2450Settings):
    """A 2450 that sources and measures at the world's sample.

    Parameters
    ----------
    world
        The bench's.
    electrical
        As `SourceMeasureUnit` takes it.
    """

    def __init__(self, world: Any, **electrical: Any) -> None:
        super().__init__(world, **electrical)
        self._series: Series | None = None
        self._blocks: dict[int, tuple[str, list[str]]] = {}
        self._sweep: tuple[list[float], float, str] | None = None
        self.buffers: dict[str, ReadingBuffer] = {}
        self.reset()
        self._parsed: dict[tuple[str, ...], tuple[ReadingBuffer, list[str]]] = {}
        self.on(":READ?", lambda args, _: self._read(args))
        self.on(":FETCh?", lambda args, _: self._fetch(args))
        self.on(":MEASure?", lambda args, _: self._read(args))
        for name in FUNCTIONS:
            sensed = "RES" if name[0] == "R" else name[:4]
            self.on(f":MEASure:{name}?", lambda args, _, sensed=sensed: self._measure(sensed, args))  # type: ignore[misc]
        self._declare_traces()
        self._declare_trigger_model()

    def reset(self) -> None:
        """Bring every setting to its default; buffers that were made are gone."""
        self._stop()
        super().reset()
        self._blocks = {}
        self._sweep = None
        self.buffers = {"defbuffer1": ReadingBuffer(100_000), "defbuffer2": ReadingBuffer(100_000)}
        self._parsed = {}

    # --- reading

    def _check_output(self) -> None:
        if not self.unit.output_on:
            raise ScpiError(-221, "Settings conflict; source output is off")

    def _read(self, arguments: list[str]) -> Answer:
        buffer, elements = self._buffer_and_elements(arguments)
        self._check_output()
        unit = self.unit
        start = max(self.clock.now(), self._busy_until)
        begin = start
        reading = None
        for _ in range(self.count):
            reading = unit.read(unit.end_of_reading(begin))
            buffer.append(reading)
            begin += unit.reading_time
        assert reading is not None  # noqa: S101  a count of at least one
        answer = self._written(reading, elements, buffer)
        return answer if unit.no_latency else Reply(answer.encode(), begin - start)

    def _fetch(self, arguments: list[str]) -> str:
        buffer, elements = self._buffer_and_elements(arguments)
        if not buffer.readings:
            raise ScpiError(-230)
        return self._written(buffer.readings[-1], elements, buffer)

    def _measure(self, sensed: str, arguments: list[str]) -> Answer:
        self.sensed = sensed
        return self._read(arguments)

    def _buffer_and_elements(self, arguments: list[str]) -> tuple[ReadingBuffer, list[str]]:
        key = tuple(arguments)
        known = self._parsed.get(key)
        if known is None:
            buffer = self._buffer(arguments[0] if arguments else "defbuffer1")
            elements = [choice([word], *ELEMENTS) for word in arguments[1:]] or ["READ"]
            known = self._parsed[key] = (buffer, elements)
        return known

    def _buffer(self, name: str) -> ReadingBuffer:
        try:
            return self.buffers[unquoted(name)]
        except KeyError:
            raise ScpiError(-224) from None

    def _value(self, reading: Reading) -> float:
        if self.sensed == "CURR":
            return reading.current
        if self.sensed == "VOLT":
            return reading.voltage
        if not reading.current or abs(reading.current) >= OVERFLOW:
            return OVERFLOW
        return reading.voltage / reading.current

    def _written(self, reading: Reading, elements: Sequence[str], buffer: ReadingBuffer) -> str:
        return ",".join([self._element(name, reading, buffer) for name in elements])

    def _element(self, name: str, reading: Reading, buffer: ReadingBuffer) -> str:
        if name == "READ":
            return f"{self._value(reading):.6E}"
        unit = self.unit
        if name == "SOUR":
            programmed = unit.volts if unit.function == "VOLT" else unit.amperes
            actual = reading.voltage if unit.function == "VOLT" else reading.current
            return f"{actual if self.read_back else programmed:.6E}"
        if name == "SOURSTAT":
            return str(OUTPUT_ON | (READ_BACK if self.read_back else 0) | (LIMITED if reading.in_compliance else 0))
        if name == "REL":
            return f"{reading.time - buffer.readings[0].time:.9f}"
        if name == "STAT":
            return str(FRONT | (QUESTIONABLE if abs(reading.current) >= OVERFLOW else 0))
        return self._worded(name, reading)

    def _worded(self, name: str, reading: Reading) -> str:
        """Write the elements that are for people."""
        moment = reading.time
        clock_time = f"{int(moment // 3600) % 24:02d}:{int(moment // 60) % 60:02d}:{moment % 60:012.9f}"
        source = reading.voltage if self.unit.function == "VOLT" else reading.current
        return {
            "DATE": "01/01/2026",
            "FORM": f"{self._value(reading):+.6E} {UNITS[self.sensed]}",
            "FRAC": f"{moment % 1:.9f}",
            "SEC": str(int(moment)),
            "SOURFORM": f"{source:+.6E} {UNITS[self.unit.function]}",
            "SOURUNIT": UNITS[self.unit.function],
            "TIME": clock_time,
            "TST": f"01/01/2026 {clock_time}",
            "UNIT": UNITS[self.sensed],
        }[name]

    # --- buffers

    def _declare_traces(self) -> None:
        self.on(":TRACe:MAKE", lambda args, _: self._make(args))
        self.on(":TRACe:DELete", lambda args, _: self._delete(args))
        self.on(":TRACe:CLEar", lambda args, _: self._buffer(one(args or ["defbuffer1"])).readings.clear())
        self.on(":TRACe:POINts", lambda args, _: self._resize(args))
        self.on(":TRACe:POINts?", lambda args, _: str(self._buffer(one(args or ["defbuffer1"])).size))
        for header in (":TRACe:ACTual?", ":TRACe:ACTual:END?"):
            self.on(header, lambda args, _: str(len(self._buffer(one(args or ["defbuffer1"])).readings)))
        self.on(":TRACe:DATA?", lambda args, _: self._trace_data(args))
        self.on(":TRACe:TRIGger", lambda args, _: self._trigger_into(args))
        for header, calculate in {
            "AVERage": statistics.fmean,
            "MAXimum": max,
            "MINimum": min,
            "STDDev": lambda values: statistics.stdev(values) if len(values) > 1 else 0.0,
        }.items():
            self.on(
                f":TRACe:STATistics:{header}?",
                lambda args, _, calculate=calculate: self._statistic(calculate, args),  # type: ignore[misc]
            )

    def _make(self, arguments: list[str]) -> None:
        if len(arguments) < 2:
            raise ScpiError(-109)
        self.buffers[unquoted(arguments[0])] = ReadingBuffer(whole(arguments[1:2], 10, 6_875_000))
        self._parsed.clear()

    def _delete(self, arguments: list[str]) -> None:
        name = unquoted(one(arguments))
        if name.startswith("defbuffer") or self.buffers.pop(name, None) is None:
            raise ScpiError(-224)
        self._parsed.clear()

    def _resize(self, arguments: list[str]) -> None:
        buffer = self._buffer(arguments[1] if len(arguments) > 1 else "defbuffer1")
        buffer.size = whole(arguments[:1], 1, 6_875_000)
        buffer.readings.clear()

    def _trace_data(self, arguments: list[str]) -> str:
        if len(arguments) < 2:
            raise ScpiError(-109)
        buffer, elements = self._buffer_and_elements(arguments[2:])
        first, last = whole(arguments[:1], 1, buffer.size), whole(arguments[1:2], 1, buffer.size)
        if not first <= last <= len(buffer.readings):
            raise ScpiError(-222)
        return ",".join(self._written(reading, elements, buffer) for reading in buffer.readings[first - 1 : last])

    def _trigger_into(self, arguments: list[str]) -> None:
        self._check_output()
        buffer = self._buffer(one(arguments or ["defbuffer1"]))
        self._series = Series(self.unit, self.count, 0.0, 0.0, buffer.append)
        self._busy_until = max(self._busy_until, self._series.finish())

    def _statistic(self, calculate: Any, arguments: list[str]) -> str:
        buffer = self._buffer(one(arguments or ["defbuffer1"]))
        if not buffer.readings:
            return f"{NOT_MEASURED:.6E}"
        return f"{float(calculate([self._value(reading) for reading in buffer.readings])):.6E}"

    # --- trigger model

    def _declare_trigger_model(self) -> None:
        self.on(":TRIGger:LOAD", lambda args, _: self._load(args))
        for header in ("BUFFer:CLEar", "DELay:CONStant", "MEASure", "BRANch:COUNter", "NOP"):
            self.on(f":TRIGger:BLOCk:{header}", lambda args, _, header=header: self._block(header, args))  # type: ignore[misc]
        self.on(":TRIGger:STATe?", lambda _args, _suffixes: self._trigger_state())
        self.on(":INITiate[:IMMediate]", lambda _args, _suffixes: self._initiate())
        self.on(":ABORt", lambda _args, _suffixes: self._stop())
        self.on("*WAI", lambda _args, _suffixes: self._wait_for_series())
        self.on("*OPC?", lambda _args, _suffixes: self._wait_for_series("1"))
        self.on("*TRG", lambda _args, _suffixes: None)
        self.on(":SOURce[1]:SWEep:VOLTage:LINear", lambda args, _: self._linear_sweep(args))

    def _load(self, arguments: list[str]) -> None:
        if unquoted(arguments[0] if arguments else "").upper() != "EMPTY":
            raise ScpiError(-224)
        self._blocks = {}
        self._sweep = None

    def _block(self, kind: str, arguments: list[str]) -> None:
        if not arguments:
            raise ScpiError(-109)
        self._blocks[whole(arguments[:1], 1, 63)] = (kind, arguments[1:])
        self._sweep = None

    def _trigger_state(self) -> str:
        running = self._series is not None and self._series.running
        return "RUNNING;RUNNING;3" if running else "IDLE;IDLE;0"

    def _initiate(self) -> None:
        if self._series is not None and self._series.running:
            raise ScpiError(-213)
        if self._sweep is not None:
            self._start_sweep(*self._sweep)
            return
        count, delay, start, buffer = 1, 0.0, 1, None
        delays: dict[int, float] = {}
        for index, (kind, arguments) in sorted(self._blocks.items()):
            if kind == "BUFFer:CLEar":
                self._buffer(arguments[0] if arguments else "defbuffer1").readings.clear()
            elif kind == "DELay:CONStant":
                delays[index] = number(arguments[:1], 0.0, 1e5)
            elif kind == "MEASure":
                buffer = self._buffer(arguments[0] if arguments else "defbuffer1")
            elif kind == "BRANch:COUNter":
                count, start = whole(arguments[:1], 1, 2**31), whole(arguments[1:2], 1, 63)
        if buffer is None:
            raise ScpiError(-221)
        self._check_output()
        delay = sum(seconds for index, seconds in delays.items() if index >= start)
        self._series = Series(self.unit, count, delay, 0.0, buffer.append)

    def _linear_sweep(self, arguments: list[str]) -> None:
        if len(arguments) < 3:
            raise ScpiError(-109)
        start, stop = number(arguments[:1], -210, 210), number(arguments[1:2], -210, 210)
        points = whole(arguments[2:3], 2, 1_000_000)
        delay = max(0.0, number(arguments[3:4], -1, 1e4)) if len(arguments) > 3 else 0.0
        name = unquoted(arguments[8]) if len(arguments) > 8 else "defbuffer1"
        self._buffer(name)
        self._sweep = ([start + (stop - start) * k / (points - 1) for k in range(points)], delay, name)

    def _start_sweep(self, levels: list[float], delay: float, name: str) -> None:
        buffer = self._buffer(name)
        buffer.readings.clear()
        left = iter(levels)
        self.unit.source_voltage(next(left))
        self.unit.switch(True)

        def take(reading: Reading) -> None:
            buffer.append(reading)
            level = next(left, None)
            if level is None:
                self.unit.switch(False)
            else:
                self.unit.source_voltage(level)

        self._series = Series(self.unit, len(levels), delay, 0.0, take)

    def _wait_for_series(self, answer: str | None = None) -> Answer:
        if self._series is not None and self._series.running:
            self._busy_until = max(self._busy_until, self._series.finish())
        return answer

    def _stop(self) -> None:
        if self._series is not None:
            self._series.stop()
