"""The Keithley 2400 and 2410 SourceMeters, after the 2400 Series User's Manual (2400S-900-01).

Refuses in the real one's words (appendix B): a reading with the output off is error 803 and no answer; a compliance
below 0.1 % of the measurement range is 822, a measurement range above the compliance's 824. ``:MEASure?`` configures,
switches the output on and reads, as the manual's section 17 says. While readings are being taken
(``:INITiate``) nothing else is done until the last one, but ``:ABORt``.
"""

from __future__ import annotations

from typing import Any

from sim_instruments.wire.keithley_2400_readings import (
    ELEMENTS,
    MOST_READINGS,
    formatted,
    statistic,
)
from sim_instruments.wire.keithley_2400_settings import Keithley2400Settings
from sim_instruments.wire.scpi import Answer, ScpiError, choice, number, whole
from sim_instruments.wire.server import Reply
from sim_instruments.wire.source_measure import Reading, Series


class Keithley2400Wire(Keithley2400Settings):
    """A 2400 that sources and measures at the world's sample.

    Parameters
    ----------
    world
        The bench's.
    model
        ``"2400"`` or ``"2410"``.
    electrical
        As `SourceMeasureUnit` takes it.
    """

    def __init__(self, world: Any, model: str = "2400", **electrical: Any) -> None:
        super().__init__(world, model, **electrical)
        self._series: Series | None = None
        self._started = world.clock.now()
        self.reset()
        self._declare_measurement()
        self._declare_trigger_and_trace()
        self.on(":SYSTem:TIME:RESet", lambda _args, _suffixes: setattr(self, "_started", self.clock.now()))
        self.on(":SYSTem:TIME?", lambda _args, _suffixes: self.spell(self.clock.now() - self._started))
        self.stored(":STATus:MEASurement:ENABle", 0, 0, 65535)
        self.on(":STATus:MEASurement:CONDition?", lambda _args, _suffixes: str(self._measurement_status()))
        self.on(":STATus:MEASurement[:EVENt]?", lambda _args, _suffixes: str(self._measurement_status()))

    def handle(self, message: bytes) -> bytes | Reply | None:
        """Do one message; while readings are being taken, after the last of them, unless it aborts them."""
        if self._series is not None and self._series.running and not message.upper().lstrip(b": ").startswith(b"ABOR"):
            self._busy_until = max(self._busy_until, self._series.finish())
        return super().handle(message)

    def reset(self) -> None:
        """Bring every setting to its default."""
        if self._series is not None:
            self._series.stop()
        super().reset()
        self.elements = ["VOLT", "CURR", "RES", "TIME", "STAT"]
        self.counts = {"ARM": 1, "TRIG": 1}
        self.arm_timer = 0.1
        self.arm_source = "IMM"
        self.trigger_delay = 0.0
        self.buffer: list[Reading] = []
        self.buffer_size = 100
        self.feeding = False
        self.statistic = "MEAN"
        self.last: list[Reading] = []

    # --- tables of commands

    def _declare_measurement(self) -> None:
        self.setting(":FORMat:ELEMents[:SENSe[1]]", lambda: ",".join(self.elements), self._format_elements)
        self.stored(":FORMat[:DATA]", "ASC", None, 0.0, "ASCii", "REAL", "SREal")
        self.on(":INITiate[:IMMediate]", lambda _args, _suffixes: self._initiate())
        self.on(":ABORt", lambda _args, _suffixes: self._abort())
        self.on("*TRG", lambda _args, _suffixes: None)
        self.on(":READ?", lambda _args, _suffixes: self._read())
        self.on(":FETCh?", lambda _args, _suffixes: self._formatted(self.last, self._started))
        for name in ("CURRent[:DC]", "VOLTage[:DC]", "RESistance"):
            sensed = "RES" if name[0] == "R" else name[:4]
            self.on(f":CONFigure:{name}", lambda _a, _s, sensed=sensed: self._configure(sensed))  # type: ignore[misc]
            self.on(f":MEASure:{name}?", lambda _a, _s, sensed=sensed: self._measure(sensed))  # type: ignore[misc]
        self.on(":MEASure?", lambda _args, _suffixes: self._measure(self.sensed[0] if self.sensed else "CURR"))

    def _declare_trigger_and_trace(self) -> None:
        for name, header in {"ARM": ":ARM[:SEQuence[1]][:LAYer[1]]", "TRIG": ":TRIGger[:SEQuence[1]]"}.items():
            self.setting(
                f"{header}:COUNt",
                lambda name=name: self.counts[name],  # type: ignore[misc]
                lambda args, name=name: self._count(name, args),  # type: ignore[misc]
            )
            self.stored(f"{header}:ILINe", 1 if name == "ARM" else 2, 1, 4)
            self.stored(f"{header}:OLINe", 2 if name == "ARM" else 3, 1, 4)
            self.on(f"{header}:CLEar", lambda _args, _suffixes: None)
        self.attribute(
            ":ARM[:SEQuence[1]][:LAYer[1]]:TIMer", self, "arm_timer", lambda args: number(args, 0.001, 99999.99, 0.1)
        )
        sources = ("IMMediate", "TLINk", "TIMer", "MANual", "BUS", "NSTest", "PSTest", "BSTest")
        self.attribute(":ARM[:SEQuence[1]][:LAYer[1]]:SOURce", self, "arm_source", lambda args: choice(args, *sources))
        self.stored(":ARM[:SEQuence[1]][:LAYer[1]]:OUTPut", "NONE", None, 0.0, "TENTer", "TEXit", "NONE")
        self.stored(":TRIGger[:SEQuence[1]]:SOURce", "IMM", None, 0.0, "IMMediate", "TLINk")
        self.stored(":TRIGger[:SEQuence[1]]:OUTPut", "NONE", None, 0.0, "SOURce", "DELay", "SENSe", "NONE")
        self.attribute(
            ":TRIGger[:SEQuence[1]]:DELay", self, "trigger_delay", lambda args: number(args, 0, 999.9999, 0.0)
        )
        for trace in (":TRACe", ":DATA"):
            self.on(f"{trace}:CLEar", lambda _args, _suffixes: self.buffer.clear())
            self.setting(f"{trace}:POINts", lambda: self.buffer_size, self._buffer_size)
            self.on(f"{trace}:POINts:ACTual?", lambda _args, _suffixes: str(len(self.buffer)))
            self.stored(f"{trace}:FEED", "SENS1", None, 0.0, "SENSe1", "SENSe", "CALCulate1", "CALCulate2")
            self.setting(f"{trace}:FEED:CONTrol", lambda: "NEXT" if self.feeding else "NEV", self._feed)
            self.stored(f"{trace}:TSTamp:FORMat", "ABS", None, 0.0, "ABSolute", "DELTa")
            self.on(
                f"{trace}:DATA?",
                lambda _args, _suffixes: self._buffered(),
            )
        self.attribute(
            ":CALCulate3:FORMat",
            self,
            "statistic",
            lambda args: choice(args, "MEAN", "SDEViation", "MAXimum", "MINimum", "PKPK"),
        )
        self.on(":CALCulate3:DATA?", lambda _args, _suffixes: statistic(self.statistic, self.buffer))

    # --- what they do

    def status_byte(self) -> int:
        """Return what ``*STB?`` answers: the full buffer shows in bit 0, by way of the measurement event register."""
        byte = super().status_byte()
        if self._measurement_status() & self.plain.get(":STATus:MEASurement:ENABle", 0):
            byte |= 1
        return byte | (64 if byte & self.service_enable & ~64 else 0)

    def _measurement_status(self) -> int:
        full = bool(self.buffer) and len(self.buffer) >= self.buffer_size
        return (512 if full else 0) | (16384 if self.unit.in_compliance else 0)

    def output(self, on: bool) -> None:
        """Switch the output; switching off ends what is being read."""
        if not on:
            self._abort()
        super().output(on)

    def _format_elements(self, arguments: list[str]) -> None:
        names = [choice([word], *ELEMENTS) for word in arguments]
        if not names:
            raise ScpiError(-109)
        # sent in this order, whatever the order in which they are asked for
        self.elements = [short for short in ("VOLT", "CURR", "RES", "TIME", "STAT") if short in names]

    def _count(self, layer: str, arguments: list[str]) -> None:
        wanted = whole(arguments, 1, MOST_READINGS)
        other = self.counts["TRIG" if layer == "ARM" else "ARM"]
        if wanted * other > MOST_READINGS:
            raise ScpiError(-222)
        self.counts[layer] = wanted

    def _buffer_size(self, arguments: list[str]) -> None:
        if self.feeding:
            raise ScpiError(800, "Illegal with storage active")
        self.buffer_size = whole(arguments, 1, MOST_READINGS)

    def _feed(self, arguments: list[str]) -> None:
        self.feeding = choice(arguments, "NEXT", "NEVer") == "NEXT"
        if self.feeding:
            self.buffer.clear()

    def _abort(self) -> None:
        if self._series is not None:
            self._series.stop()
        self._busy_until = 0.0

    def _ready_to_read(self) -> None:
        if not self.unit.output_on:
            if not self.auto_clear:
                raise ScpiError(803, "Not permitted with OUTPUT off")
            self.unit.switch(True)

    def _initiate(self) -> None:
        if self._series is not None and self._series.running:
            raise ScpiError(-213)
        self._ready_to_read()
        self.last = []
        count = self.counts["ARM"] * self.counts["TRIG"]
        period = self.arm_timer if self.arm_source == "TIM" else 0.0
        self._series = Series(self.unit, count, self.trigger_delay, period, self._take)
        # what comes meanwhile is done after the last reading
        self._busy_until = max(self._busy_until, self._series.ends)

    def _take(self, reading: Reading) -> None:
        """Take a reading into the sample buffer, and into the data buffer where that is wanted."""
        self.last.append(reading)
        if self.feeding and len(self.buffer) < self.buffer_size:
            self.buffer.append(reading)
            self.feeding = len(self.buffer) < self.buffer_size

    def _read(self) -> Answer:
        self._ready_to_read()
        start = max(self.clock.now(), self._busy_until)
        period = self.arm_timer if self.arm_source == "TIM" else 0.0
        self.last = []
        begin = start
        for _ in range(self.counts["ARM"] * self.counts["TRIG"]):
            self._take(self.unit.read(self.unit.end_of_reading(begin + self.trigger_delay)))
            begin += max(period, self.unit.reading_time + self.trigger_delay)
        if self.auto_clear:
            self.unit.switch(False)
        took = 0.0 if self.unit.no_latency else self.last[-1].time - start
        answer = self._formatted(self.last, self._started)
        return Reply(answer.encode(), took) if took > 0 else answer

    def _configure(self, sensed: str) -> None:
        """Do what ``:CONFigure`` does: that function at its defaults, one reading, and the output on."""
        self.sensed = [sensed]
        self.counts = {"ARM": 1, "TRIG": 1}
        self.arm_source, self.trigger_delay = "IMM", 0.0
        self.unit.auto_range = True
        self.unit.cycles = 1.0
        self.feeding = False
        self.unit.switch(True)

    def _measure(self, sensed: str) -> Answer:
        self._configure(sensed)
        return self._read()

    def _formatted(self, readings: list[Reading], time_zero: float) -> str:
        return formatted(readings, self.elements, self.sensed, self.unit, time_zero)

    def _buffered(self) -> str:
        return self._formatted(self.buffer, self.buffer[0].time if self.buffer else 0.0)


class Keithley2410Wire(Keithley2400Wire):
    """A 2410: up to 1100 V."""

    def __init__(self, world: Any, **electrical: Any) -> None:
        super().__init__(world, "2410", **electrical)
