"""The Spellman XRV high-voltage supply on its wire: STX, command number, arguments, ETX.

Commands and fields are those of PyMeasure's ``SpellmanXRV``. The XRV's whole list of TCP/IP commands stood in a comment
of that file's first version. It has none that sets or feeds the watchdog: its time is one of the user settings
(field 12 of command 27), and any message that arrives is taken for a sign of life here. Refusals are numbers, as in
the family's manuals: 2 for a command it does not know (XRB011, 118150-001 rev. B, p. 51), 3 for a value that is
invalid or out of range (PMX, 118165-001 rev. A, p. 14). A message with a wrong checksum is not answered (SLM,
118080-001 rev. A, p. 67).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from sim_instruments.wire.server import Reply, WireInstrument
from sim_instruments.wire.spellman_supply_state import FAULT_BITS, FAULT_COUNT, SupplyState, fault_bit

__all__ = ["FAULT_BITS", "SpellmanXRVWire"]

STX = 0x02
FULL_COUNTS = 4095
OVERRANGE = 1.2
"""The analogue-to-digital converter's full scale over the rated one."""

UNKNOWN_COMMAND = "2"
INVALID = "3"
ACCEPTED = "$"


class SpellmanXRVWire(WireInstrument):
    """An XRV supply with an X-ray tube on it.

    Parameters
    ----------
    world
        Its tube makes the beam.
    full_scale_kv, full_scale_ma
        What 4095 counts are. With 5 mA, 0.02 mA becomes 16 counts, 2.3 % less.
    power_limit_w
        Above it the supply trips.
    watchdog_s
        The supply trips when the high voltage is on and nothing was received for so long; 0: it has no watchdog set.
    filament_warm_up_s
        From enabling the filament to emission.
    pre_warning_s
        From the command to the high voltage, with the X-ray lamp already on.
    checksum
        Whether messages carry one: they do on RS-232 and USB, not on the network.
    reply_time_s
        How long it thinks.
    model
        What it says to be.
    """

    terminator: ClassVar[bytes] = b"\x03"

    def __init__(
        self,
        world: Any,
        full_scale_kv: float = 160.0,
        full_scale_ma: float = 5.0,
        power_limit_w: float = 800.0,
        watchdog_s: float = 0.0,
        filament_warm_up_s: float = 1.0,
        pre_warning_s: float = 0.0,
        checksum: bool = False,
        reply_time_s: float = 0.0,
        model: str = "XRV160N800",
    ) -> None:
        self.state = SupplyState(
            world,
            power_limit_w=power_limit_w,
            watchdog_s=watchdog_s,
            filament_warm_up_s=filament_warm_up_s,
            pre_warning_s=pre_warning_s,
        )
        self._full_kv = full_scale_kv
        self._full_ma = full_scale_ma
        self._checksum = checksum
        self._reply_time = reply_time_s
        self._model = model
        self._counts = {10: 0, 11: 0, 12: 1500, 13: 800}
        self.received: list[bytes] = []
        """Every message that arrived, without its end."""
        self._commands: dict[int, tuple[int, Callable[[list[int]], str]]] = {
            7: (1, self._baud_rate),
            10: (1, lambda values: self._program(10, values[0])),
            11: (1, lambda values: self._program(11, values[0])),
            12: (1, lambda values: self._program(12, values[0])),
            13: (1, lambda values: self._program(13, values[0])),
            14: (0, lambda _: str(self._counts[10])),
            15: (0, lambda _: str(self._counts[11])),
            16: (0, lambda _: str(self._counts[12])),
            17: (0, lambda _: str(self._counts[13])),
            19: (0, self._analog_monitors),
            21: (0, lambda _: f"{self.state.hours_on():.4f}"),
            22: (0, lambda _: _flags(self._status())),
            23: (0, lambda _: "SWM00199-001,3261"),
            26: (0, lambda _: self._model),
            27: (0, self._user_configuration),
            28: (0, lambda _: f"{self._full_kv:g},{self._full_ma:g},0"),
            30: (0, self._reset_hours),
            31: (0, self._reset_faults),
            32: (1, self._select_filament),
            38: (0, self._power_limits),
            43: (0, lambda _: "SWM00200-001,3261"),
            60: (0, lambda _: str(self._kv_counts())),
            65: (0, lambda _: "2601"),
            68: (0, lambda _: _flags(self._faults())),
            69: (0, self._system_voltages),
            70: (1, self._enable_filament),
            97: (2, self._set_power_limits),
            98: (1, self._switch),
            99: (1, self._remote),
        }

    @property
    def local(self) -> bool:
        """Whether it obeys its panel and not the line."""
        return self.state.local

    @local.setter
    def local(self, local: bool) -> None:
        self.state.local = local

    def handle(self, message: bytes) -> bytes | Reply | None:
        """Answer one message; without STX, or with a wrong checksum, it is none."""
        self.received.append(message)
        start = message.rfind(bytes([STX]))
        if start < 0:
            return None
        body, comma, checksum = message[start + 1 :].rpartition(b",")
        if not comma or checksum != (self._sum(body + comma) if self._checksum else b""):
            return None
        self.state.sign_of_life()
        code, *arguments = body.decode("ascii", "replace").split(",")
        answer = f"{code},{self._answer(code, arguments)},".encode("ascii", "replace")
        reply = bytes([STX]) + answer + (self._sum(answer) if self._checksum else b"") + self.terminator
        return Reply(reply, self._reply_time) if self._reply_time > 0 else reply

    @staticmethod
    def _sum(content: bytes) -> bytes:
        return bytes([0x40 | (0x7F & -sum(content))])

    def _answer(self, code: str, arguments: list[str]) -> str:
        known = self._commands.get(int(code)) if len(code) == 2 and code.isdecimal() else None
        if known is None:
            return UNKNOWN_COMMAND
        count, command = known
        if len(arguments) != count or not all(argument.isdecimal() for argument in arguments):
            return INVALID
        return command([int(argument) for argument in arguments])

    def _baud_rate(self, values: list[int]) -> str:
        return ACCEPTED if 1 <= values[0] <= 5 else INVALID

    def _program(self, what: int, counts: int) -> str:
        if not 0 <= counts <= FULL_COUNTS or self.state.local:
            return INVALID
        self._counts[what] = counts
        if what == 10:
            self.state.set_voltage_kv(counts / FULL_COUNTS * self._full_kv)
        elif what == 11:
            self.state.set_current_ma(counts / FULL_COUNTS * self._full_ma)
        return ACCEPTED

    def _kv_counts(self) -> int:
        return _converted(self.state.tube.read_voltage_kv(), self._full_kv)

    def _analog_monitors(self, _: list[int]) -> str:
        current = _converted(self.state.tube.read_current_ma(), self._full_ma)
        filament = 1450 if self.state.filament_hot else 780 if self.state.filament_enabled else 0
        return f"{self._kv_counts()},{current},{filament},0,0,0,0,0"

    def _status(self) -> list[bool]:
        state = self.state
        closed = state.tube.interlock_closed
        return [
            state.tube.high_voltage_on,
            closed,
            closed,
            True,  # emission current regulation
            any(self._faults()),
            state.local,
            state.filament_enabled,
            state.large_filament,
            state.tube.high_voltage_on or state.warning,
            state.large_filament,
            not state.large_filament,
            False,
            False,
            False,
            False,
            not any(self._faults()),
            True,
        ]

    def _faults(self) -> list[bool]:
        bits = {fault_bit(name) for name in self.state.tube.faults if name != "interlock"}
        return [bit in bits for bit in range(FAULT_COUNT)]

    def _user_configuration(self, _: list[int]) -> str:
        # reserved, overvoltage %, kV and mA ramps, pre-warning, arcs, reserved, quench time, reserved, limits, watchdog
        state = self.state
        limits = f"{self._full_kv:g},{self._full_ma:g}"
        return f"0,110,100,100,{state.pre_warning_s:g},4,0,100,0,{limits},{state.watchdog_s:g}"

    def _reset_hours(self, _: list[int]) -> str:
        self.state.reset_hours()
        return ACCEPTED

    def _reset_faults(self, _: list[int]) -> str:
        self.state.tube.clear_faults()
        return ACCEPTED

    def _select_filament(self, values: list[int]) -> str:
        if values[0] not in (0, 1) or self.state.local or self.state.tube.high_voltage_on:
            return INVALID
        self.state.large_filament = bool(values[0])
        return ACCEPTED

    def _power_limits(self, _: list[int]) -> str:
        # of the large and the small filament: as set, and the largest that can be
        most = f"{self._full_kv * self._full_ma:g}"
        return ",".join([*(f"{watts:g}" for watts in self.state.power_limits_w), most, most, "0", "0"])

    def _set_power_limits(self, values: list[int]) -> str:
        if self.state.local or not all(0 < value <= self._full_kv * self._full_ma for value in values):
            return INVALID
        self.state.set_power_limits(values[0], values[1])
        return ACCEPTED

    def _system_voltages(self, _: list[int]) -> str:
        kv = self._kv_counts()
        return f"507,0,{kv},0,0,0,2596,2807,3509,2601"

    def _enable_filament(self, values: list[int]) -> str:
        if values[0] not in (0, 1) or self.state.local:
            return INVALID
        self.state.enable_filament(bool(values[0]))
        return ACCEPTED

    def _switch(self, values: list[int]) -> str:
        if values[0] not in (0, 1) or self.state.local:
            return INVALID
        if values[0]:
            return ACCEPTED if self.state.switch_on() else INVALID
        self.state.switch_off()
        return ACCEPTED

    def _remote(self, values: list[int]) -> str:
        if values[0] not in (0, 1):
            return INVALID
        self.state.local = not values[0]
        return ACCEPTED


def _converted(value: float, full_scale: float) -> int:
    return min(FULL_COUNTS, max(0, round(value / (OVERRANGE * full_scale) * FULL_COUNTS)))


def _flags(bits: list[bool]) -> str:
    return ",".join("1" if bit else "0" for bit in bits)
