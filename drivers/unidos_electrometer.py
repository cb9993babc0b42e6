"""The PTW UNIDOS Tango/Romeo's protocol: PyMeasure's class, with units kept and refusals heard.

PyMeasure 0.16 returns a dose rate without its unit and time base (so that nGy/min and nGy/h look alike), gives the
chamber's current out as a dose rate, and goes on after a refused setting.

Sources: PyMeasure's ``instruments/ptw/ptwUNIDOS.py`` for commands, error codes and flags, its
``tests/instruments/ptw/test_ptwUNIDOS.py`` for the fields of real answers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntFlag
from typing import Any

from pymeasure.instruments import Instrument
from pymeasure.instruments.ptw.ptwUNIDOS import ptwUNIDOS

from drivers.errors import BadReply, InstrumentError

SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0}
"""The time bases of a dose rate."""

_PREFIXES = {"f": -15, "p": -12, "n": -9, "µ": -6, "μ": -6, "u": -6, "m": -3, "": 0, "k": 3, "M": 6}

_ERRORS = {
    "E01": "syntax error, unknown command",
    "E02": "command not allowed in this context",
    "E03": "command not allowed at this moment",
    "E08": "parameter invalid or out of range",
    "E12": "aborted by the user",
    "E16": "command too long",
    "E17": "too many parameters",
    "E18": "empty parameter",
    "E19": "wrong number of parameters",
    "E20": "no write permission",
    "E21": "required parameter not found",
    "E24": "memory error, data not stored",
    "E28": "unknown parameter",
    "E29": "wrong parameter type",
    "E33": "measurement module defect",
    "E51": "undefined command",
    "E52": "wrong parameter type of the HTTP response",
    "E54": "HTTP request denied",
    "E58": "wrong value of the HTTP response",
    "E96": "timeout",
}


class Flag(IntFlag):
    """The error flags of a measurement."""

    OVERLOAD_RATE = 1 << 0
    OVERLOAD_DOSE = 1 << 1
    HIGH_VOLTAGE_RATE = 1 << 2
    HIGH_VOLTAGE_DOSE = 1 << 3
    LOW_SIGNAL_RATE = 1 << 4
    LOW_SIGNAL_DOSE = 1 << 5
    LOW_AUTO_SIGNAL = 1 << 6
    RADIATION_WARNING_RATE = 1 << 8
    RADIATION_WARNING_DOSE = 1 << 9
    INTERNAL = 1 << 10
    UNCALIBRATED = 1 << 11


@dataclass(frozen=True)
class Quantity:
    """A value in the base unit that comes with it: Gy, C, A, Gy/s."""

    value: float
    unit: str


@dataclass(frozen=True)
class Measurement:
    """One answer to ``MV``."""

    status: str
    dose: Quantity
    """In Gy, or C where the electrometer shows electrical units or has no calibration."""
    rate: Quantity
    """In Gy/s, or A."""
    time: float
    """s since the dose measurement began."""
    voltage: float
    """Of the chamber, V."""
    flags: Flag


class Unidos(ptwUNIDOS):
    """A PTW UNIDOS Tango or Romeo whose answers keep their units and whose refusals are errors.

    Parameters
    ----------
    adapter
        A `drivers.wire.Wire` with CR LF as both terminations and UTF-8, or an adapter of PyMeasure's.
    name
        How errors name it.
    """

    def __init__(self, adapter: Any, name: str = "PTW UNIDOS", **kwargs: Any) -> None:
        self._code = ""
        super().__init__(adapter, name, **kwargs)

    def write(self, command: str, **kwargs: Any) -> None:
        """Send a command."""
        self._code = command.partition(";")[0]
        super().write(command, **kwargs)

    def read(self) -> str:
        """Read the answer to the last command, without its name, semicolons replaced by commas.

        Raises
        ------
        InstrumentError
            If it is a refusal.
        BadReply
            If it is the answer to another command.
        """
        got = str(Instrument.read(self))
        name, semicolon, answer = got.partition(";")
        if name == self._code:
            return answer.replace(";", ",")
        code = got.replace(";", "").strip()
        if code[:1] == "E" and code[1:].isdecimal():
            meaning = _ERRORS.get(code, "an error without a name")
            raise InstrumentError(self.name, f"refused, {code}: {meaning}", self._code, got)
        raise self._bad("the answer is to another command" if semicolon else "the answer is none", got)

    def check_set_errors(self) -> list[str]:
        """Check that the last setting was accepted."""
        self.read()
        return []

    def fields(self, command: str, count: int) -> list[str]:
        """Ask and return the fields of the answer, of which there must be so many."""
        answer = str(self.ask(command))
        found = answer.split(",")
        if len(found) != count:
            raise self._bad(f"the answer has {len(found)} fields and not {count}", answer)
        return found

    def number(self, text: str) -> float:
        """Convert a field to a number, which must be one."""
        try:
            value = float(text)
        except ValueError:
            raise self._bad(f"{text!r} is no number", text) from None
        if not math.isfinite(value):
            raise self._bad(f"{text!r} is no finite number", text)
        return value

    def quantity(self, mantissa: str, exponent: str, prefix: str, unit: str, timebase: str = "") -> Quantity:
        """Put the parts of a value together; ``5.6;E-09;n;Gy;min`` is 5.6 nGy/min, so 9.3e-11 Gy/s.

        The exponent already contains the prefix, which is checked against it.
        """
        value = self.number(mantissa + exponent)
        power = self.number("1" + exponent)
        if prefix not in _PREFIXES or not math.isclose(power, 10.0 ** _PREFIXES[prefix], rel_tol=1e-6):
            raise self._bad(f"exponent {exponent!r} and prefix {prefix!r} contradict each other", mantissa + exponent)
        if not timebase:
            return Quantity(value, unit)
        if timebase not in SECONDS:
            raise self._bad(f"the time base {timebase!r} is none of {', '.join(SECONDS)}", timebase)
        return Quantity(value / SECONDS[timebase], f"{unit}/s")

    @property
    def measurement(self) -> Measurement:
        """Get dose, dose rate, time, chamber voltage and flags, in base units (`Measurement`)."""
        v = self.fields("MV", 15)
        try:
            flags = Flag(int(v[14], 0))
        except ValueError:
            raise self._bad(f"{v[14]!r} are no flags", v[14]) from None
        if v[11] != "ms" or v[13] != "V":
            raise self._bad(f"time and voltage are in {v[11]!r} and {v[13]!r}", repr(v))
        return Measurement(
            status=v[0],
            dose=self.quantity(*v[1:5]),
            rate=self.quantity(*v[5:10]),
            time=self.number(v[10]) / 1e3,
            voltage=self.number(v[12]),
            flags=flags,
        )

    @property
    def largest_rate(self) -> Quantity:
        """Get the largest dose rate of the present range, in base units (`Quantity`)."""
        return self.quantity(*self.fields("MVM", 6)[1:])

    @property
    def rate_resolution(self) -> Quantity:
        """Get the dose rate's resolution in the present range, in base units (`Quantity`)."""
        return self.quantity(*self.fields("MVR", 10)[5:])

    def _bad(self, why: str, got: str) -> BadReply:
        make = getattr(self.adapter, "bad", None)
        return make(why, got) if callable(make) else BadReply(self.name, why, self._code, got)
