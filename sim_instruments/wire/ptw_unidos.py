"""The PTW UNIDOS Tango on its wire: names and fields parted by semicolons, CR LF.

Commands, error codes and flags as in PyMeasure's ``ptwUNIDOS``; the layout of the answers as in the exchanges of
its tests (``tests/instruments/ptw/test_ptwUNIDOS.py``), which were taken from a UNIDOS Tango.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

from sim_instruments.wire.ptw_unidos_memory import records
from sim_instruments.wire.server import Reply, WireInstrument

SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0}
_PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: ""}
_WHO = ("PTW", "SER", "MAC", "TOK", "TFI")
_SETTINGS = ("RGE", "HV", "IT", "UEL", "ASE", "ASL", "ASR")
_MEASURING = ("S", "MV", "MVM", "MVR", "STA", "HLD", "RES", "INT", "NUL", "NUS", "AST", "ASS")
_MEMORY = ("CHR", "RDA", "RDR", "RMR", "RIR", "RSR", "RHR", "REC", "RAC")
_COMMANDS = frozenset(_WHO + _SETTINGS + _MEASURING + _MEMORY)
_NEED_PERMISSION = frozenset({"STA", "HLD", "RES", "INT", "NUL", "AST", "CHR"})

ZERO_MS = 82_000
SELFTEST_MS = 89_000

OVERLOAD_RATE = 1 << 0
OVERLOAD_DOSE = 1 << 1
VOLTAGE_RATE = 1 << 2
VOLTAGE_DOSE = 1 << 3
UNCALIBRATED = 1 << 11


class Refusal(Exception):  # noqa: N818  (a code of the protocol)
    """The electrometer refuses; its text is the code."""


class PtwUnidosWire(WireInstrument):
    """A UNIDOS Tango with a 1 litre chamber at the sample.

    Parameters
    ----------
    world
        Its dosimeter measures the beam.
    timebase
        Of the displayed dose rate: s, min or h.
    refresh_s
        The displayed dose rate is the mean over so long, and renewed as often.
    operated_at_panel
        Whether somebody works at its panel: write permission is refused.
    voltage_v
        The chamber's.
    calibrated
        Whether the chamber has a calibration factor.
    reply_time_s
        How long it thinks.
    """

    terminator: ClassVar[bytes] = b"\r\n"

    def __init__(
        self,
        world: Any,
        timebase: str = "min",
        refresh_s: float = 0.2,
        operated_at_panel: bool = False,
        voltage_v: float = 400.0,
        calibrated: bool = True,
        reply_time_s: float = 0.0,
    ) -> None:
        if timebase not in SECONDS:
            msg = f"the time base is one of {', '.join(SECONDS)}, not '{timebase}'"
            raise ValueError(msg)
        self._world = world
        self._physics = world.dosimeter
        self._timebase = timebase
        self._refresh = refresh_s
        self._reply_time = reply_time_s
        self.operated_at_panel = operated_at_panel
        self.voltage_v = voltage_v
        self.calibrated = calibrated
        self.permitted = False
        """Whether somebody holds the write permission."""
        self.range = "HIGH"
        self._electrical = False
        self._settings = {"ASE": "false", "ASR": "false", "ASL": "MEDIUM"}
        self._interval_s = 60
        self._status = "RES"
        self._started: float | None = None
        self._held: tuple[float, float] = (0.0, 0.0)
        self._zeroing_until: float | None = None
        self._zero_result = "Passed"
        self._selftest_until: float | None = None
        self._shown: tuple[float, float] = (-math.inf, 0.0)
        self._last_failure = "-"
        self.received: list[bytes] = []
        """Every message that arrived, without its end."""

    def handle(self, message: bytes) -> bytes | Reply | None:
        """Answer one message."""
        self.received.append(message)
        name, *arguments = message.decode("utf8", "replace").split(";")
        try:
            answer = self._answer(name, arguments)
        except Refusal as refusal:
            self._last_failure = f"{refusal}"
            answer = f"{refusal};"
        content = f"{answer}\r\n".encode()
        return Reply(content, self._reply_time) if self._reply_time > 0 else content

    def _answer(self, name: str, arguments: list[str]) -> str:
        if name not in _COMMANDS:
            raise Refusal("E01")
        if any(argument == "" for argument in arguments):
            raise Refusal("E18")
        if len(arguments) > 1:
            raise Refusal("E17")
        if (name in _NEED_PERMISSION or (arguments and name not in ("TOK", "RDR"))) and not self.permitted:
            raise Refusal("E20")
        self._progress()
        if name in _MEMORY:
            fields = self._from_memory(name, arguments)
        else:
            command: Callable[[list[str]], str] = getattr(self, f"_{name.lower()}")
            fields = command(arguments)
        return f"{name};{fields}" if fields else name

    # --- who it is, who may change it

    def _ptw(self, _: list[str]) -> str:
        return "UNIDOS Tango;TM10052;1.2.4;A16"

    def _ser(self, _: list[str]) -> str:
        return "123456"

    def _mac(self, _: list[str]) -> str:
        return "00-0C-C6-00-00-01"

    def _tok(self, arguments: list[str]) -> str:
        if not arguments:
            self.permitted = not self.operated_at_panel
            return _word(self.permitted)
        if arguments[0] == "0":
            self.permitted = False
            return "0;true"
        if arguments[0] == "1":
            return f"1;{_word(self.permitted)}"
        raise Refusal("E08")

    def _tfi(self, _: list[str]) -> str:
        return self._last_failure

    # --- settings

    def _rge(self, arguments: list[str]) -> str:
        if arguments:
            # this chamber has no VERY_LOW
            if arguments[0].lower() not in self._physics.ranges:
                raise Refusal("E08")
            self.range = arguments[0]
            self._shown = (-math.inf, 0.0)
            self._reset()
        return self.range

    def _hv(self, arguments: list[str]) -> str:
        if arguments:
            volts = _whole(arguments[0])
            if not -400 <= volts <= 400:
                raise Refusal("E08")
            self.voltage_v = float(volts)
        return f"{self.voltage_v:.0f}"

    def _it(self, arguments: list[str]) -> str:
        if arguments:
            seconds = _whole(arguments[0])
            if not 1 <= seconds <= 3_599_999:
                raise Refusal("E08")
            self._interval_s = seconds
        return str(self._interval_s)

    def _uel(self, arguments: list[str]) -> str:
        if arguments:
            if arguments[0] not in ("true", "false"):
                raise Refusal("E08")
            self._electrical = arguments[0] == "true"
        return _word(self._electrical)

    def _ase(self, arguments: list[str]) -> str:
        return self._setting("ASE", arguments, ("true", "false"))

    def _asr(self, arguments: list[str]) -> str:
        return self._setting("ASR", arguments, ("true", "false"))

    def _asl(self, arguments: list[str]) -> str:
        return self._setting("ASL", arguments, ("LOW", "MEDIUM", "HIGH"))

    def _setting(self, name: str, arguments: list[str], allowed: tuple[str, ...]) -> str:
        if arguments:
            if arguments[0] not in allowed:
                raise Refusal("E08")
            self._settings[name] = arguments[0]
        return self._settings[name]

    # --- measuring

    def _s(self, _: list[str]) -> str:
        return self._status

    def _sta(self, _: list[str]) -> str:
        self._begin("MEAS")
        return ""

    def _int(self, _: list[str]) -> str:
        self._begin("INT")
        return ""

    def _begin(self, status: str) -> None:
        if self._status == "ZERO":
            raise Refusal("E03")
        self._status = status
        self._started = self._now()

    def _hld(self, _: list[str]) -> str:
        if self._status not in ("MEAS", "INT"):
            raise Refusal("E03")
        self._hold("HOLD", self._now())
        return ""

    def _res(self, _: list[str]) -> str:
        self._reset()
        return ""

    def _reset(self) -> None:
        if self._status != "ZERO":
            self._status, self._started, self._held = "RES", None, (0.0, 0.0)

    def _hold(self, status: str, at: float) -> None:
        started = self._started if self._started is not None else at
        self._held = (self._physics.dose(started, at, self.range.lower()), at - started)
        self._status, self._started = status, None

    def _progress(self) -> None:
        """Bring an interval or a zero that has ended meanwhile to its end."""
        now = self._now()
        if self._status == "INT" and self._started is not None and now >= self._started + self._interval_s - 1e-9:
            self._hold("INTHLD", self._started + self._interval_s)
        if self._zeroing_until is not None and now >= self._zeroing_until - 1e-9:
            self._zeroing_until = None
            self._status = "RES"
            # the electrometer sees more current than its offset can be
            self._zero_result = "Passed" if self._rate() < 1e-3 * self._physics.full_scale("medium") else "Failed"

    def _dose(self) -> tuple[float, float]:
        if self._started is None:
            return self._held
        now = self._now()
        return self._physics.dose(self._started, now, self.range.lower()), now - self._started

    def _rate(self) -> float:
        now = self._now()
        since, shown = self._shown
        if now >= since + self._refresh - 1e-9:
            shown = self._physics.reading(self._refresh, now, self.range.lower())
            self._shown = (now, shown)
        return shown

    def _mv(self, _: list[str]) -> str:
        dose, time = self._dose()
        rate = self._rate()
        flags = 0
        if not math.isfinite(rate):
            flags |= OVERLOAD_RATE
            rate = self._physics.full_scale(self.range.lower())
        if not math.isfinite(dose):
            flags |= OVERLOAD_DOSE
            dose = 0.0
        if abs(self.voltage_v) < 100:
            flags |= VOLTAGE_RATE | VOLTAGE_DOSE
            dose = rate = 0.0
        if not self.calibrated:
            flags |= UNCALIBRATED
        return (
            f"{self._status};{self._dose_text(dose)};{self._rate_text(rate)};"
            f"{time * 1e3:.1f};ms;{self.voltage_v:.1f};V;{flags:#x}"
        )

    def _mvm(self, _: list[str]) -> str:
        return f"{self.range};{self._rate_text(self._physics.full_scale(self.range.lower()))}"

    def _mvr(self, _: list[str]) -> str:
        resolution = 1e-5 * self._physics.full_scale(self.range.lower())
        return f"{self.range};{self._dose_text(resolution)};{self._rate_text(resolution)}"

    def _dose_text(self, dose: float) -> str:
        if self._electrical or not self.calibrated:
            return f"{_parts(self._physics.charge(dose))};C"
        return f"{_parts(dose)};Gy"

    def _rate_text(self, rate: float) -> str:
        if self._electrical or not self.calibrated:
            return f"{_parts(self._physics.charge(rate))};A;"
        return f"{_parts(rate * SECONDS[self._timebase])};Gy;{self._timebase}"

    # --- zero and self-test

    def _nul(self, _: list[str]) -> str:
        self._status = "ZERO"
        self._started = None
        self._zeroing_until = self._now() + ZERO_MS / 1e3
        return ""

    def _nus(self, _: list[str]) -> str:
        if self._zeroing_until is None:
            return f"{self._zero_result};0;{ZERO_MS}"
        return f"Running;{(self._zeroing_until - self._now()) * 1e3:.0f};{ZERO_MS}"

    def _ast(self, _: list[str]) -> str:
        self._selftest_until = self._now() + SELFTEST_MS / 1e3
        return ""

    def _ass(self, _: list[str]) -> str:
        left = 0.0 if self._selftest_until is None else max(0.0, self._selftest_until - self._now()) * 1e3
        word = "Running" if left else "Passed"
        return f"{word};{left:.0f};{SELFTEST_MS};Low; 136.6;E-12;p;C;Med; 1.500;E-09;n;C;High; 13.50;E-09;n;C"

    # --- its memory

    def _from_memory(self, name: str, arguments: list[str]) -> str:
        settings = {
            "hv": self.voltage_v,
            "integrationTime": self._interval_s,
            "isElectrical": self._electrical,
            "range": self.range,
        }
        kept = records(1.0 / self._physics.charge(1.0), settings)
        if name != "RDR":
            return kept[name]
        if not arguments:
            raise Refusal("E19")
        if arguments[0] not in kept:
            raise Refusal("E21")
        return f"{arguments[0]};{kept[arguments[0]]}"

    def _now(self) -> float:
        return float(self._world.clock.now())


def _parts(value: float) -> str:
    """Write a value as mantissa, exponent and prefix: ``5.6;E-09;n``."""
    power = -12 if value == 0 else min(0, max(-15, 3 * math.floor(math.log10(abs(value)) / 3)))
    mantissa = f"{value / 10.0**power:.5g}"
    return f"{mantissa};E{power:+03d};{_PREFIXES[power]}"


def _word(value: bool) -> str:
    return "true" if value else "false"


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise Refusal("E29") from None
