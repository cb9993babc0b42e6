"""An Ocean Optics USB2000+ at its bulk endpoints.

Commands and their answers are those of the instrument's data sheet (Ocean Optics, "USB2000+ Data Sheet",
270-00000-000-05-201603, "USB command list"), as ``seabreeze`` 2.11 sends and reads them. The endpoints are carried
over a loopback connection in lines of text (`sim_instruments.wire.usb_tunnel` is the client's end):

========================================  ============================================================
``present``                               ``ok`` or ``error ERRNO TEXT``
``out ENDPOINT HEX``                      ``ok COUNT`` or ``error ERRNO TEXT``
``in ENDPOINT LENGTH TIMEOUT_MS``         ``data HEX``, ``error ERRNO TEXT`` or, once the exposure is over,
                                          ``again TIMEOUT_MS``: what was exposed is known only then
========================================  ============================================================

Timeouts are the bench's: a host that waits a second for an answer waits a second on the bench's clock.
"""

from __future__ import annotations

import errno
import math
import struct
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim_instruments.faults import Fault, FaultKind
from sim_instruments.wire.server import Reply, WireInstrument

if TYPE_CHECKING:
    from sim_instruments.world.world import World

COMMANDS, ANSWERS, SPECTRA, FIRST_PIXELS = 0x01, 0x81, 0x82, 0x86
"""Endpoints: commands out, short answers in, spectra in; the last one is used by the 3648-pixel models only."""

SYNCHRONISATION = 0x69
"""The packet of one byte that ends a spectrum."""

DEFAULT_INTEGRATION_TIME = 0.1
LIMITS_US = (1_000, 65_535_000)
"""Shortest and longest integration time, us; other values are ignored."""

HIGH_SPEED = 0x80
NORMAL, SOFTWARE_TRIGGER = 0, 1
TRIGGER_MODES = range(5)
FIRMWARE_REGISTER = 0x04
FIRMWARE_VERSION = 0x2010
"""FPGA 2.1.0; from 3 on ``seabreeze`` calls the instrument a Flame-S."""

SLOT_BYTES = 15
RESERVED_SLOT = b"0"

ROLE = "spectrometer"


@dataclass(frozen=True)
class _Exposing:
    """A spectrum that was asked for: what exposure it is of."""

    integration_time: float
    end: float


_Waiting = deque[_Exposing | bytes]
"""What an endpoint has for the host."""


class UsbFailure(Exception):  # noqa: N818  (what the host controller reports, not an error of the program)
    """A transfer that fails."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(text)
        self.number = number


class USB2000PlusWire(WireInstrument):
    """The spectrometer, which exposes all the time: who asks for a spectrum gets the exposure that is going on.

    Parameters
    ----------
    world
        Whose light it sees.
    serial
        Serial number, at most 15 characters.
    role
        Under which `world.faults` concern it: lost-connection (unplugged), silent (no answer; with the detail ``stall``
        the endpoint is halted), slow-reply, garbage-reply, truncated-reply.
    """

    terminator = b"\n"

    def __init__(self, world: World, serial: str = "SIM00001", role: str = ROLE) -> None:
        if not 0 < len(serial.encode()) <= SLOT_BYTES:
            msg = f"the serial number must have 1 to {SLOT_BYTES} characters, not '{serial}'"
            raise ValueError(msg)
        self._world = world
        self._role = role
        self._slots = self._stored(serial)
        self._registers: dict[int, int] = {FIRMWARE_REGISTER: FIRMWARE_VERSION}
        self._answers: _Waiting = deque()
        self._spectra: _Waiting = deque()
        self._lamp = 0
        self._trigger = NORMAL
        self._since = world.clock.now()
        self._time = DEFAULT_INTEGRATION_TIME
        self._before: _Exposing | None = None

    # --- the tunnel

    def handle(self, message: bytes) -> bytes | Reply | None:
        """Carry out one transfer."""
        kind, *fields = message.decode("ascii").split()
        try:
            if self._world.faults.active(FaultKind.LOST_CONNECTION, self._role) is not None:
                raise UsbFailure(errno.ENODEV, "No such device (it may have been disconnected)")
            if kind == "present":
                return b"ok\n"
            if kind == "out":
                return self._out(int(fields[0], 16), bytes.fromhex(fields[1]) if len(fields) > 1 else b"")
            return self._in(int(fields[0], 16), int(fields[1]), int(fields[2]) / 1e3)
        except UsbFailure as failure:
            return b"error %d %s\n" % (failure.number, str(failure).encode())

    def _out(self, endpoint: int, data: bytes) -> bytes:
        if endpoint != COMMANDS:
            raise UsbFailure(errno.ENOENT, "Entity not found")
        if data:
            self._command(data[0], data[1:])
        return b"ok %d\n" % len(data)

    def _in(self, endpoint: int, length: int, timeout: float) -> Reply:
        if endpoint not in (ANSWERS, SPECTRA, FIRST_PIXELS):
            raise UsbFailure(errno.ENOENT, "Entity not found")
        silent = self._world.faults.active(FaultKind.SILENT, self._role)
        if silent is not None and silent.detail == "stall":
            self._struck(FaultKind.SILENT)
            raise UsbFailure(errno.EPIPE, "Pipe error")
        waiting = {ANSWERS: self._answers, SPECTRA: self._spectra}.get(endpoint, _Waiting())
        if silent is not None or not waiting:
            self._struck(FaultKind.SILENT)
            return Reply(b"error %d Operation timed out\n" % errno.ETIMEDOUT, timeout)
        first = waiting[0]
        if isinstance(first, _Exposing):
            left = first.end - self._world.clock.now()
            if left > timeout:
                return Reply(b"error %d Operation timed out\n" % errno.ETIMEDOUT, timeout)
            if left > 1e-9:
                return Reply(b"again %d\n" % math.ceil(1e3 * (timeout - left)), left)
            first = self._read_out(first)
        content, late = self._disturbed(first)
        if late > timeout:
            self._keep_for_later(waiting, first)
            return Reply(b"error %d Operation timed out\n" % errno.ETIMEDOUT, timeout)
        self._keep_for_later(waiting, content[length:])
        return Reply(b"data %s\n" % content[:length].hex().encode(), late)

    @staticmethod
    def _keep_for_later(waiting: _Waiting, rest: bytes) -> None:
        """Keep what a short read leaves: the next read gets it, as from the endpoint's packets."""
        waiting.popleft()
        if rest:
            waiting.appendleft(rest)

    def _struck(self, kind: FaultKind) -> Fault | None:
        return self._world.faults.strike(kind, self._role)

    def _disturbed(self, content: bytes) -> tuple[bytes, float]:
        """Return what arrives of an answer, and how much later."""
        garbage = self._struck(FaultKind.GARBAGE_REPLY)
        if garbage is not None:
            pattern = garbage.detail.encode() or b"\xa5\x5a"
            content = (pattern * (len(content) // len(pattern) + 1))[: len(content)]
        if self._struck(FaultKind.TRUNCATED_REPLY) is not None:
            content = content[: len(content) // 2]
        slow = self._struck(FaultKind.SLOW_REPLY)
        return content, slow.seconds if slow is not None else 0.0

    # --- the instrument

    def _command(self, code: int, rest: bytes) -> None:
        """Do what a command says; one that the instrument does not know, or that is too short, it ignores."""
        if code == 0x01:
            self._initialise()
        elif code == 0x02 and len(rest) >= 4:
            self._set_integration_time(struct.unpack_from("<I", rest)[0])
        elif code == 0x03 and len(rest) >= 2:
            self._lamp = int(struct.unpack_from("<H", rest)[0] != 0)
        elif code == 0x05 and rest:
            content = self._slots.get(rest[0], RESERVED_SLOT)
            self._answers.append(bytes([0x05, rest[0]]) + content.ljust(SLOT_BYTES, b"\0"))
        elif code == 0x06 and len(rest) >= 2:
            self._slots[rest[0]] = rest[1 : 1 + SLOT_BYTES]
        elif code == 0x09:
            self._request_spectrum()
        elif code == 0x0A and len(rest) >= 2:
            mode = struct.unpack_from("<H", rest)[0]
            if mode in TRIGGER_MODES:
                self._trigger = mode
        elif code == 0x6A and len(rest) >= 3 and rest[0] != FIRMWARE_REGISTER:
            self._registers[rest[0]] = struct.unpack_from("<H", rest, 1)[0]
        elif code == 0x6B and rest:
            self._answers.append(struct.pack("<BH", rest[0], self._registers.get(rest[0], 0)))
        elif code == 0xFE:
            self._answers.append(self._status())

    def _initialise(self) -> None:
        """Go back to the normal trigger mode; the integration time stays as it is."""
        self._answers.clear()
        self._spectra.clear()
        self._lamp = 0
        self._trigger = NORMAL

    def _set_integration_time(self, microseconds: int) -> None:
        """Let the exposure that is going on come to its end with the time it was begun with."""
        if LIMITS_US[0] <= microseconds <= LIMITS_US[1]:
            going_on = self._going_on()
            self._before, self._since, self._time = going_on, going_on.end, microseconds * 1e-6

    def _going_on(self) -> _Exposing:
        """Return the exposure of this moment: one follows another without a gap."""
        now = self._world.clock.now()
        if self._before is not None and now < self._before.end:
            return self._before
        number = math.floor((now - self._since) / self._time + 1e-9) + 1
        return _Exposing(self._time, self._since + number * self._time)

    def _request_spectrum(self) -> None:
        # with a hardware trigger the spectrum never comes: nothing is connected to the simulated bench's trigger input
        if self._trigger in (NORMAL, SOFTWARE_TRIGGER):
            self._spectra.append(self._going_on())

    def _read_out(self, exposed: _Exposing) -> bytes:
        counts = self._world.spectrometer.expose(exposed.integration_time, exposed.end)
        content: bytes = counts.astype("<u2").tobytes() + bytes([SYNCHRONISATION])
        self._spectra[0] = content
        return content

    def _status(self) -> bytes:
        return struct.pack(
            "<HIBBBBBBBBBB",
            self._world.spectrometer.pixels,
            round(self._time * 1e6),
            self._lamp,
            self._trigger,
            int(bool(self._spectra)),
            9,  # packets in a spectrum: 8 of 512 bytes and the synchronisation packet
            0,
            0,
            0,
            0,
            HIGH_SPEED,
            0,
        )

    def _stored(self, serial: str) -> dict[int, bytes]:
        """Return what the EEPROM's slots hold.

        Slot 0 serial number; 1 to 4 wavelength coefficients; 5 stray light; 6 to 13 non-linearity coefficients, 14
        their order; 15 grating, filter and slit; 16 the instrument's configuration; 17 auto-nulling, with the
        saturation in its bytes 4 and 5.
        """
        spectrometer = self._world.spectrometer
        slots = {0: serial.encode(), 5: b"0.0", 15: b"2 0 25um", 16: b"USB2000+"}
        for slot, coefficient in zip(range(1, 5), _padded(spectrometer.wavelength_coefficients, 4), strict=True):
            slots[slot] = _number(coefficient)
        for slot, coefficient in zip(range(6, 14), _padded(spectrometer.nonlinearity_coefficients, 8), strict=True):
            slots[slot] = _number(coefficient)
        slots[14] = b"%d" % (len(spectrometer.nonlinearity_coefficients) - 1)
        slots[17] = struct.pack("<HHH", 0, 0, spectrometer.saturation)
        return slots


def _padded(coefficients: tuple[float, ...], count: int) -> list[float]:
    return [*coefficients, *[0.0] * count][:count]


def _number(value: float) -> bytes:
    """Write a coefficient as the EEPROM holds it: text of at most 14 characters, its end marked."""
    return f"{value:.7g}".encode()[: SLOT_BYTES - 1]
