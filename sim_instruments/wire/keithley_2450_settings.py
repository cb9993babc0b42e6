"""The settings of a Keithley 2450 in its SCPI command set, after its reference manual (2450-901-01)."""

from __future__ import annotations

from typing import Any

from sim_instruments.wire.scpi import ScpiError, ScpiInstrument, choice, number, switch, whole
from sim_instruments.wire.source_measure import OVER_RANGE, SourceMeasureModel, SourceMeasureUnit

IDENTITY = "KEITHLEY INSTRUMENTS,MODEL 2450,04412345,1.7.12b"

MODEL_2450 = SourceMeasureModel(
    voltage_ranges=(0.02, 0.2, 2.0, 20.0, 200.0),
    current_noise={
        1e-8: 1e-13,
        1e-7: 5e-13,
        1e-6: 2e-12,
        1e-5: 2e-11,
        1e-4: 2e-10,
        1e-3: 2e-9,
        1e-2: 2e-8,
        1e-1: 2e-7,
        1.0: 5e-6,
    },
    digits=1e-6,
    overhead=6e-4,
    largest_power=20.0,
)

FUNCTIONS = ("CURRent[:DC]", "VOLTage[:DC]", "RESistance")
LOWEST_LIMIT = 1e-9
"""Smallest current limit, A (manual: 1 nA to 1.05 A)."""


class Keithley2450Settings(ScpiInstrument):
    """What a 2450 keeps, before it reads anything.

    Parameters
    ----------
    world
        The bench's.
    electrical
        As `SourceMeasureUnit` takes it.
    """

    def __init__(self, world: Any, **electrical: Any) -> None:
        super().__init__(world.clock, IDENTITY)
        self.unit = SourceMeasureUnit(world, MODEL_2450, **electrical)
        self.sensed = "CURR"
        self.read_back = True
        self.count = 1
        self._declare_source()
        self._declare_sense()
        self._declare_system()

    def reset(self) -> None:
        """Bring every setting to its default; the output goes off."""
        self.unit.reset()
        self.sensed = "CURR"
        self.read_back = True
        self.count = 1
        self.plain.clear()

    def output(self, on: bool) -> None:
        """Switch the output."""
        self.unit.switch(on)

    def spell(self, value: object) -> str:
        """Write a number as shortly as it can be."""
        if isinstance(value, float) and not isinstance(value, bool):
            return f"{value:.9G}"
        return super().spell(value)

    def next_error(self) -> str:
        """Write an event as this model does, with its kind and time."""
        error = self.errors.popleft() if self.errors else ScpiError(0)
        if error.number == 0:
            return '0,"No error;0;0 0"'
        now = self.clock.now()
        stamp = f"2026/01/01 {int(now // 3600) % 24:02d}:{int(now // 60) % 60:02d}:{now % 60:06.3f}"
        return f'{error.number},"{error.text};1;{stamp}"'

    def _declare_source(self) -> None:
        unit = self.unit
        most = unit.model.voltage_ranges[-1] * OVER_RANGE
        self.setting(":OUTPut[1][:STATe]", lambda: unit.output_on, lambda args: self.output(switch(args)))
        for name in ("CURRent", "VOLTage"):
            self.stored(f":OUTPut[1]:{name}:SMODe", "NORM", None, 0.0, "NORMal", "HIMPedance", "ZERO", "GUARd")
            self.stored(f":SOURce[1]:{name}:DELay", 0.0, 0.0, 1e4)
            self.stored(f":SOURce[1]:{name}:DELay:AUTO", True)
            for user in range(1, 6):
                self.stored(f":SOURce[1]:{name}:DELay:USER{user}", 0.0, 0.0, 1e4)
            self.attribute(f":SOURce[1]:{name}:READ:BACK", self, "read_back", switch)
        self.setting(
            ":SOURce[1]:FUNCtion[:MODE]",
            lambda: unit.function,
            lambda args: unit.select("VOLT" if choice(args, "VOLTage", "CURRent") == "VOLT" else "CURR"),
        )
        self.setting(
            ":SOURce[1]:VOLTage[:LEVel][:IMMediate][:AMPLitude]",
            lambda: unit.volts,
            lambda args: unit.source_voltage(number(args, -most, most, 0.0)),
        )
        self.setting(":SOURce[1]:VOLTage:RANGe", lambda: self.unit.source_voltage_range, self._source_range)
        self.attribute(":SOURce[1]:VOLTage:RANGe:AUTO", unit, "source_auto_range", switch)
        self.setting(":SOURce[1]:VOLTage:ILIMit[:LEVel]", lambda: unit.current_limit, self._current_limit)
        self.on(":SOURce[1]:VOLTage:ILIMit[:LEVel]:TRIPped?", lambda _args, _suffixes: "1" if unit.limits_now else "0")
        self.attribute(
            ":SOURce[1]:CURRent[:LEVel][:IMMediate][:AMPLitude]", unit, "amperes", lambda a: number(a, -1.05, 1.05, 0.0)
        )
        self.stored(":SOURce[1]:CURRent:RANGe", 1e-4, -1.05, 1.05)
        self.stored(":SOURce[1]:CURRent:RANGe:AUTO", True)
        self.attribute(
            ":SOURce[1]:CURRent:VLIMit[:LEVel]",
            unit,
            "voltage_limit",
            lambda args: abs(number(args, -most, most, 21.0)),
        )
        self.on(
            ":SOURce[1]:CURRent:VLIMit[:LEVel]:TRIPped?", lambda _args, _suffixes: "1" if unit.in_compliance else "0"
        )

    def _declare_sense(self) -> None:
        unit = self.unit
        self.setting("[:SENSe[1]]:FUNCtion[:ON]", self._sensed_in_full, self._sense)
        self.attribute("[:SENSe[1]]:COUNt", self, "count", lambda args: whole(args, 1, 300_000))
        self.on("[:SENSe[1]]:AZERo:ONCE", lambda _args, _suffixes: None)
        self.setting("[:SENSe[1]]:CURRent[:DC]:RANGe[:UPPer]", lambda: unit.current_range, self._current_range)
        self.attribute("[:SENSe[1]]:CURRent[:DC]:RANGe:AUTO", unit, "auto_range", switch)
        self.stored("[:SENSe[1]]:VOLTage[:DC]:RANGe[:UPPer]", 2.0, -210.0, 210.0)
        self.stored("[:SENSe[1]]:VOLTage[:DC]:RANGe:AUTO", True)
        self.stored("[:SENSe[1]]:RESistance:RANGe[:UPPer]", 2e5, 0.0, 2.1e8)
        self.stored("[:SENSe[1]]:RESistance:RANGe:AUTO", True)
        for name in FUNCTIONS:
            self.attribute(f"[:SENSe[1]]:{name}:NPLCycles", unit, "cycles", lambda args: number(args, 0.01, 10.0, 1.0))
            self.attribute(f"[:SENSe[1]]:{name}:AZERo[:STATe]", unit, "auto_zero", switch)
            self.stored(f"[:SENSe[1]]:{name}:RSENse", False)
            self.stored(f"[:SENSe[1]]:{name}:AVERage:TCONtrol", "REP", None, 0.0, "REPeat", "MOVing")
            self.setting(f"[:SENSe[1]]:{name}:AVERage[:STATe]", lambda: self.plain.get("filter", False), self._filter)
            self.setting(
                f"[:SENSe[1]]:{name}:AVERage:COUNt", lambda: self.plain.get("filter_count", 10), self._filter_count
            )
            for user in range(1, 6):
                self.stored(f"[:SENSe[1]]:{name}:DELay:USER{user}", 0.0, 0.0, 1e4)

    def _declare_system(self) -> None:
        unit = self.unit
        self.setting("*LANG", lambda: "SCPI", lambda args: choice(args, "SCPI", "TSP", "SCPI2400"))
        self.on(":SYSTem:ERRor:COUNt?", lambda _args, _suffixes: str(len(self.errors)))
        self.on(":SYSTem:LFRequency?", lambda _args, _suffixes: str(round(unit.line_frequency)))
        self.stored(":ROUTe:TERMinals", "FRON", None, 0.0, "FRONt", "REAR")
        self.stored(":FORMat[:DATA]", "ASC", None, 0.0, "ASCii", "REAL", "SREal")
        self.stored(":DISPlay:LIGHt:STATe", "ON100", None, 0.0, "ON100", "ON75", "ON50", "ON25", "OFF", "BLACkout")
        self.on(":SYSTem:BEEPer[:IMMediate]", lambda _args, _suffixes: None)

    # --- what they do

    def _sensed_in_full(self) -> str:
        return '"RES"' if self.sensed == "RES" else f'"{self.sensed}:DC"'

    def _sense(self, arguments: list[str]) -> None:
        word = arguments[0].strip("\"'") if arguments else ""
        self.sensed = choice([word.split(":")[0]], "VOLTage", "CURRent", "RESistance")

    def _source_range(self, arguments: list[str]) -> None:
        unit = self.unit
        most = unit.model.voltage_ranges[-1] * OVER_RANGE
        unit.source_voltage_range = unit.range_for(number(arguments, -most, most, most), unit.model.voltage_ranges)
        unit.source_auto_range = False

    def _current_limit(self, arguments: list[str]) -> None:
        limit = abs(number(arguments, -1.05, 1.05, 1.05e-4))
        if limit < LOWEST_LIMIT:
            raise ScpiError(-222)
        self.unit.current_limit = limit

    def _current_range(self, arguments: list[str]) -> None:
        # above the limit as well: the real one takes it
        unit = self.unit
        unit.current_range = unit.range_for(number(arguments, -1.05, 1.05, 1.05e-4), unit.model.current_ranges)
        self.unit.auto_range = False

    def _filter(self, arguments: list[str]) -> None:
        self.plain["filter"] = switch(arguments)
        self.unit.average = self.plain.get("filter_count", 10) if self.plain["filter"] else 1

    def _filter_count(self, arguments: list[str]) -> None:
        self.plain["filter_count"] = whole(arguments, 1, 100)
        self.unit.average = self.plain["filter_count"] if self.plain.get("filter") else 1
