"""The Spellman XRV's protocol: PyMeasure's class, mended.

PyMeasure 0.16 leaves the high voltage on when it lets go of the supply, waits 150 ms in every query, rounds the
measured voltage to whole volts, passes a garbled answer on as text, and does not notice an answer to another question.

Sources: PyMeasure's ``instruments/spellmanhv/spellmanXRV.py`` for commands and fields; for error replies, on which it
is silent, the manuals of the family: PMX (118165-001 rev. A) p. 5 and 14, XRB011 (118150-001 rev. B) p. 51, ST series
(101501-565 rev. C) p. 17 and 51, SLM (118080-001 rev. A) p. 61 and 67.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from pymeasure.instruments import Instrument
from pymeasure.instruments.spellmanhv.spellmanXRV import ETX, STX, ErrorCode, SpellmanXRV, StatusCode

from drivers.errors import BadReply, InstrumentError

__all__ = ["ETX", "FAULT_NAMES", "FULL_COUNTS", "STX", "ErrorCode", "Refused", "StatusCode", "XRVSupply"]

FULL_COUNTS = 4095
"""What full scale is in a set point; in a monitor it is 1.2 times full scale."""

MONITORS = "19"
"""The request for the monitors' counts."""

FIELDS = {14: 1, 15: 1, 16: 1, 17: 1, 19: 8, 21: 1, 22: 17, 27: 12, 28: 3, 60: 1, 65: 1, 68: 27}
"""How many numbers the answer to each request has."""

FAULT_NAMES = {
    ErrorCode.FILAMENT_SELECT_FAULT: "filament selection",
    ErrorCode.OVER_VOLTAGE: "overvoltage",
    ErrorCode.UNDER_VOLTAGE: "undervoltage",
    ErrorCode.OVER_CURRENT: "overcurrent",
    ErrorCode.UNDER_CURRENT: "undercurrent",
    ErrorCode.OVER_TEMP_ANODE: "anode over temperature",
    ErrorCode.OVER_TEMP_CATHODE: "cathode over temperature",
    ErrorCode.INVERTER_FAULT_ANODE: "anode inverter",
    ErrorCode.INVERTER_FAULT_CATHODE: "cathode inverter",
    ErrorCode.FILAMENT_FEEDBACK_FAULT: "filament feedback",
    ErrorCode.ANODE_ARC: "anode arc",
    ErrorCode.CATHODE_ARC: "cathode arc",
    ErrorCode.CABLE_CONNECT_ANODE_FAULT: "anode cable",
    ErrorCode.CABLE_CONNECT_CATHODE_FAULT: "cathode cable",
    ErrorCode.AC_LINE_MON_ANODE_FAULT: "anode AC line",
    ErrorCode.AC_LINE_MON_CATHODE_FAULT: "cathode AC line",
    ErrorCode.DC_RAIL_MON_ANODE_FAULT: "anode DC rail",
    ErrorCode.DC_RAIL_MON_FAULT_CATHODE: "cathode DC rail",
    ErrorCode.LVPS_NEG_15_FAULT: "-15 V supply",
    ErrorCode.LVPS_POS_15_FAULT: "+15 V supply",
    ErrorCode.WATCH_DOG_FAULT: "watchdog",
    ErrorCode.BOARD_OVER_TEMP: "board over temperature",
    ErrorCode.OVERPOWER_FAULT: "overpower",
    ErrorCode.KV_DIFF: "voltage difference",
    ErrorCode.MA_DIFF: "current difference",
    ErrorCode.INVERTER_NOT_READY: "inverter not ready",
}
"""The faults by name. ``OVER_TEMP_APPROACH`` is a warning and none of them."""

_REFUSALS = {"1": "message not received properly (checksum)", "2": "unrecognized command"}
_PARAMETER_ERROR = "a value is invalid or out of range, or not allowed now"


class Refused(InstrumentError):  # noqa: N818
    """The supply understood the command and did not carry it out."""


def refusal(code: str) -> str:
    """Say what a reply other than ``$`` to a command means."""
    code = code.removeprefix("!").strip(",")
    if code in _REFUSALS:
        return f"refused, error {code}: {_REFUSALS[code]}"
    if code == "10":
        return "accepted with warning 10: the settings do not go together"
    if code.isdecimal():
        return f"refused, error {code}: {_PARAMETER_ERROR}"
    return "the answer is none to this command"


class XRVSupply(SpellmanXRV):
    """A Spellman XRV high-voltage supply whose every answer is checked.

    Parameters
    ----------
    adapter
        A `drivers.wire.Wire` with ``ETX`` as both terminations, or an adapter of PyMeasure's.
    name
        How errors name it.
    query_delay
        Pause between a command and reading its answer, s, for units that need one.
    pause
        How to wait that long; on the bench's clock.
    """

    # PyMeasure's own only forbids to read what one may set of a dynamic property, and takes a third of a query's time
    __getattribute__ = object.__getattribute__

    def __init__(
        self,
        adapter: Any,
        name: str = "Spellman XRV",
        query_delay: float = 0.0,
        pause: Callable[[float], object] | None = None,
        **kwargs: Any,
    ) -> None:
        self._code = ""
        self._pause = pause
        self._scale: list[Any] = []
        super().__init__(adapter, name, query_delay=query_delay, **kwargs)

    def wait_for(self, query_delay: float = 0) -> None:
        """Wait between a command and reading its answer."""
        seconds = query_delay or self.query_delay
        if self._pause is None:
            super().wait_for(seconds)
        elif seconds > 0:
            self._pause(seconds)

    def write(self, command: str) -> None:
        """Send a command, with its checksum where the line wants one."""
        self._code = command[:2]
        super().write(command)

    def read(self) -> str:
        """Read the answer to the last command, without its number.

        Raises
        ------
        BadReply
            If it is damaged or the answer to another command.
        Refused
            If it is a refusal in the long form, ``!,N``.
        """
        got = str(Instrument.read(self))
        if not got.startswith(STX):
            raise self.bad("the answer does not begin with STX", got)
        body, comma, checksum = got[1:].rpartition(",")
        expected = self.checksum(body + comma) if self.checksum_enabled else ""
        if not comma or checksum != expected:
            raise self.bad(f"the answer is damaged: it ends with {checksum!r} and not with {expected!r}", got)
        code, _, answer = body.partition(",")
        if code != self._code:
            raise self.bad(f"the answer is to command {code!r}", got)
        if answer.startswith("!"):
            raise Refused(self.name, refusal(answer), self._code, got)
        return answer

    def check_set_errors(self) -> list[str]:
        """Check that the last command was accepted.

        Raises
        ------
        Refused
            If it was not.
        """
        answer = self.read()
        if answer == "$":
            return []
        if not answer.isdecimal():
            raise self.bad("the answer is none to this command", answer)
        raise Refused(self.name, refusal(answer), self._code, answer)

    def values(self, command: str, **kwargs: Any) -> list[Any]:
        """Ask for numbers and check that they are as many as the command has, and finite."""
        found: list[Any] = super().values(command, **kwargs)
        wanted = FIELDS.get(int(command[:2]) if command[:2].isdecimal() else -1)
        if wanted is None:
            return found
        if len(found) == 1 and wanted > 1 and str(found[0]) in _REFUSALS:
            raise Refused(self.name, refusal(str(found[0])), command)
        if len(found) != wanted:
            raise self.bad(f"the answer has {len(found)} fields and not {wanted}", repr(found))
        try:
            numbers = all(map(math.isfinite, found))
        except TypeError:  # what cannot be cast is left as text
            numbers = False
        if not numbers:
            raise self.bad("the answer is not made of numbers", repr(found))
        if command[:2] == MONITORS and not all(0 <= one <= FULL_COUNTS for one in found):
            raise self.bad(f"a monitor is none of 0 to {FULL_COUNTS}", repr(found))
        if wanted == 3:
            self._scale = found
        return found

    def ask(self, command: str, *args: Any, **kwargs: Any) -> str:
        """Send a command and read its answer; one that only sets something must be accepted."""
        answer = str(super().ask(command, *args, **kwargs))
        if command[:2] in ("30", "31") and answer != "$":
            raise Refused(self.name, refusal(answer), command, answer)
        return answer

    def set_scaling(self) -> None:
        """Take over the supply's full scale, with nothing rounded that is measured."""
        try:
            super().set_scaling()
        except ZeroDivisionError:
            raise self.bad("the supply reports a full scale of nothing", repr(self._scale)) from None
        self.full_scale_kv, self.full_scale_ma = float(self._scale[0]), float(self._scale[1])
        # PyMeasure rounds these: the voltage to whole volts, the current to 0.1 uA
        self.voltage_get_process = lambda bits: bits * 1.2e3 * self.full_scale_kv / FULL_COUNTS
        self.voltage_setpoint_get_process = lambda bits: bits * 1e3 * self.full_scale_kv / FULL_COUNTS
        self.current_setpoint_get_process = lambda bits: bits * 1e-3 * self.full_scale_ma / FULL_COUNTS

    model = Instrument.measurement(
        "26",
        """Get the model number (str).""",
        cast=str,
    )

    remote_enabled = Instrument.setting(
        "99,%d",
        """Set whether the supply is controlled over the line (bool), and not from its panel.""",
        map_values=True,
        values={True: 1, False: 0},
        check_set_errors=True,
    )

    def shutdown(self) -> None:
        """Switch the high voltage off and let go of the connection."""
        try:
            if not self.isShutdown:
                self.output_enabled = False
        finally:
            super().shutdown()

    def bad(self, why: str, got: str) -> BadReply:
        """Make the error for an answer that is none; the next question starts on a new connection."""
        make = getattr(self.adapter, "bad", None)
        return make(why, got) if callable(make) else BadReply(self.name, why, self._code, got)
