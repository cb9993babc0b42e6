"""The settings of a Keithley 2400: source, sense, system, as its SCPI command reference lists them.

Ranges are answered as the real one does, with the 5 % that they reach further: 105 uA for the 100 uA range.
"""

from __future__ import annotations

from typing import Any

from sim_instruments.wire.keithley_2400_readings import MODEL_2400, MODEL_2410
from sim_instruments.wire.scpi import ScpiError, ScpiInstrument, choice, number, one, switch, unquoted, whole
from sim_instruments.wire.source_measure import OVER_RANGE, SourceMeasureUnit

IDENTITY = "KEITHLEY INSTRUMENTS INC.,MODEL {model},1234567,C33   Mar 31 2015 09:32:39/A02  /J/K"

AUTO_DELAY_S = 1e-3
"""From the source to the measurement."""


class Keithley2400Settings(ScpiInstrument):
    """What a 2400 keeps, before it reads anything.

    Parameters
    ----------
    world
        The bench's.
    model
        ``"2400"`` or ``"2410"``.
    electrical
        As `SourceMeasureUnit` takes it.
    """

    def __init__(self, world: Any, model: str, **electrical: Any) -> None:
        super().__init__(world.clock, IDENTITY.format(model=model))
        self.unit = SourceMeasureUnit(world, {"2400": MODEL_2400, "2410": MODEL_2410}[model], **electrical)
        self.sensed = ["CURR"]
        self.auto_clear = False
        self._declare_source()
        self._declare_sense()
        self._declare_rest()

    def reset(self) -> None:
        """Bring every setting to its default; the output goes off."""
        self.unit.reset()
        self.unit.source_delay = AUTO_DELAY_S
        self.sensed = ["CURR"]
        self.auto_clear = False
        self.plain.clear()

    def output(self, on: bool) -> None:
        """Switch the output."""
        self.unit.switch(on)

    def _declare_source(self) -> None:
        unit = self.unit
        most = unit.model.voltage_ranges[-1] * OVER_RANGE
        self.setting(":OUTPut[1][:STATe]", lambda: unit.output_on, lambda args: self.output(switch(args)))
        self.stored(":OUTPut[1]:SMODe", "NORM", None, 0.0, "HIMPedance", "NORMal", "ZERO", "GUARd")
        self.setting(
            ":SOURce[1]:FUNCtion[:MODE]",
            lambda: unit.function,
            lambda args: unit.select("VOLT" if choice(args, "VOLTage", "CURRent") == "VOLT" else "CURR"),
        )
        self.setting(":SOURce[1]:CLEar:AUTO", lambda: self.auto_clear, lambda a: setattr(self, "auto_clear", switch(a)))
        self.on(":SOURce[1]:CLEar[:IMMediate]", lambda _args, _suffixes: unit.switch(False))
        self.setting(
            ":SOURce[1]:DELay",
            lambda: unit.source_delay,
            self._source_delay,
        )
        self.setting(
            ":SOURce[1]:DELay:AUTO",
            lambda: self.plain.get("auto_delay", True),
            lambda args: self.plain.update(auto_delay=switch(args)),
        )
        volts = ":SOURce[1]:VOLTage[:LEVel][:IMMediate][:AMPLitude]"
        self.setting(volts, lambda: unit.volts, lambda args: unit.source_voltage(number(args, -most, most, 0.0)))
        self.setting(
            ":SOURce[1]:VOLTage:RANGe",
            lambda: unit.source_voltage_range * OVER_RANGE,
            self._source_range,
        )
        self.attribute(":SOURce[1]:VOLTage:RANGe:AUTO", unit, "source_auto_range", lambda args: switch(args))
        self.attribute(
            ":SOURce[1]:CURRent[:LEVel][:IMMediate][:AMPLitude]",
            unit,
            "amperes",
            lambda args: number(args, -1.05, 1.05, 0.0),
        )
        self.stored(":SOURce[1]:CURRent:RANGe", 1.05e-4, -1.05, 1.05)
        self.stored(":SOURce[1]:CURRent:RANGe:AUTO", True)

    def _declare_sense(self) -> None:
        unit = self.unit
        self.on("[:SENSe[1]]:FUNCtion[:ON]", lambda args, _: self._sense_on(args))
        self.on("[:SENSe[1]]:FUNCtion[:ON]?", lambda _a, _s: ",".join(f'"{name}:DC"' for name in self.sensed))
        self.on("[:SENSe[1]]:FUNCtion[:ON]:ALL", lambda _a, _s: setattr(self, "sensed", ["VOLT", "CURR", "RES"]))
        self.on("[:SENSe[1]]:FUNCtion:OFF:ALL", lambda _a, _s: setattr(self, "sensed", []))
        self.stored("[:SENSe[1]]:FUNCtion:CONCurrent", True)
        self.setting(
            "[:SENSe[1]]:CURRent[:DC]:RANGe[:UPPer]", lambda: unit.current_range * OVER_RANGE, self._current_range
        )
        self.attribute("[:SENSe[1]]:CURRent[:DC]:RANGe:AUTO", unit, "auto_range", lambda args: switch(args))
        self.setting(
            "[:SENSe[1]]:CURRent[:DC]:PROTection[:LEVel]", lambda: unit.current_limit, self._current_protection
        )
        self.on("[:SENSe[1]]:CURRent[:DC]:PROTection:TRIPped?", lambda _a, _s: "1" if unit.limits_now else "0")
        most = unit.model.voltage_ranges[-1] * OVER_RANGE
        self.attribute(
            "[:SENSe[1]]:VOLTage[:DC]:PROTection[:LEVel]",
            unit,
            "voltage_limit",
            lambda args: abs(number(args, -most, most, 21.0)),
        )
        for name in ("CURRent[:DC]", "VOLTage[:DC]", "RESistance"):
            # one integration time for all functions
            self.attribute(f"[:SENSe[1]]:{name}:NPLCycles", unit, "cycles", lambda args: number(args, 0.01, 10.0, 1.0))
        self.stored("[:SENSe[1]]:VOLTage[:DC]:RANGe[:UPPer]", 21.0, -most, most)
        self.stored("[:SENSe[1]]:VOLTage[:DC]:RANGe:AUTO", True)
        self.stored("[:SENSe[1]]:RESistance:RANGe[:UPPer]", 2.1e5, 0.0, 2.1e8)
        self.stored("[:SENSe[1]]:RESistance:RANGe:AUTO", True)
        self.stored("[:SENSe[1]]:RESistance:MODE", "AUTO", None, 0.0, "MANual", "AUTO")
        self.setting("[:SENSe[1]]:AVERage[:STATe]", lambda: self.plain.get("filter", False), self._filter)
        self.stored("[:SENSe[1]]:AVERage:TCONtrol", "REP", None, 0.0, "REPeat", "MOVing")
        self.setting("[:SENSe[1]]:AVERage:COUNt", lambda: self.plain.get("filter_count", 10), self._filter_count)

    def _declare_rest(self) -> None:
        unit = self.unit
        self.setting(
            ":SYSTem:AZERo[:STATe]",
            lambda: unit.auto_zero,
            self._auto_zero,
        )
        self.setting(
            ":SYSTem:LFRequency",
            lambda: str(round(unit.line_frequency)),
            lambda args: setattr(unit, "line_frequency", float(choice(args, "50", "60"))),
        )
        self.stored(":SYSTem:LFRequency:AUTO", True)
        self.stored(":SYSTem:RSENse", False)
        self.stored(":DISPlay:ENABle", True)
        self.stored(":ROUTe:TERMinals", "FRON", None, 0.0, "FRONt", "REAR")
        self.on(":SYSTem:BEEPer[:IMMediate]", lambda _args, _suffixes: None)

    def _auto_zero(self, arguments: list[str]) -> None:
        if one(arguments).upper() != "ONCE":
            self.unit.auto_zero = switch(arguments)

    def _source_delay(self, arguments: list[str]) -> None:
        self.unit.source_delay = number(arguments, 0, 9999.999)
        self.plain["auto_delay"] = False

    def _source_range(self, arguments: list[str]) -> None:
        most = self.unit.model.voltage_ranges[-1] * OVER_RANGE
        volts = number(arguments, -most, most, most)
        self.unit.source_voltage_range = self.unit.range_for(volts, self.unit.model.voltage_ranges)
        self.unit.source_auto_range = False

    def _current_range(self, arguments: list[str]) -> None:
        wanted = self.unit.range_for(number(arguments, -1.05, 1.05, 1.05e-4), self.unit.model.current_ranges)
        if wanted > self.unit.compliance_range:
            raise ScpiError(824, "Cannot exceed compliance range")
        self.unit.current_range = wanted
        self.unit.auto_range = False

    def _current_protection(self, arguments: list[str]) -> None:
        limit = abs(number(arguments, -1.05, 1.05, 1.05e-4))
        if limit < 1e-3 * self.unit.current_range and not self.unit.auto_range:
            raise ScpiError(822, "Too small for sense range")
        if limit < 1e-3 * self.unit.model.current_ranges[0]:
            raise ScpiError(-222)
        self.unit.current_limit = limit
        self.unit.current_range = min(self.unit.current_range, self.unit.compliance_range)

    def _filter(self, arguments: list[str]) -> None:
        self.plain["filter"] = switch(arguments)
        self.unit.average = self.plain.get("filter_count", 10) if self.plain["filter"] else 1

    def _filter_count(self, arguments: list[str]) -> None:
        self.plain["filter_count"] = whole(arguments, 1, 100)
        self.unit.average = self.plain["filter_count"] if self.plain.get("filter") else 1

    def _sense_on(self, arguments: list[str]) -> None:
        names = [choice([word.split(":")[0]], "VOLTage", "CURRent", "RESistance") for word in map(unquoted, arguments)]
        if not names:
            raise ScpiError(-109)
        kept = self.sensed if self.plain.get("[:SENSe[1]]:FUNCtion:CONCurrent", True) else []
        self.sensed = [name for name in ("VOLT", "CURR", "RES") if name in kept or name in names]
