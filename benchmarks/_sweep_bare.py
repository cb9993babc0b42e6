"""The sweep as a script: pyvisa-py and nothing else, with and without TCP_NODELAY."""

from __future__ import annotations

import socket
import time
from typing import Any, NamedTuple, Protocol

import pyvisa

from drivers.keithley_2450 import READ

COMPLIANCE = 1e-4
"""A"""
LARGEST = 10.0
"""V; the sweep goes from the negative to the positive."""
PREPARATION = ("*RST", ":SENS:FUNC 'CURR'", f":SOUR:VOLT:ILIM {COMPLIANCE:g}")
DONE = "*OPC?"
"""Asked before the next one's turn: what comes on another connection may be done first."""


class Timing(NamedTuple):
    """How long a sweep took."""

    sweep: float
    """s from before the first point to after the last"""
    total: float
    """s with everything around it: files made, written and closed"""


class Contender(Protocol):
    """Somebody who can sweep."""

    def run(self) -> Timing:
        """Sweep once."""
        ...

    def close(self) -> None:
        """Let go of the instrument."""
        ...


def voltages(points: int) -> list[float]:
    """Return the sweep's voltages, V."""
    return [-LARGEST + 2 * LARGEST * k / (points - 1) for k in range(points)]


def set_command(volts: float) -> str:
    """Return what every contender sends."""
    return f":SOUR:VOLT {volts:.9g}"


def current_of(reply: str) -> float:
    """Return the current from what the instrument answers to `READ`."""
    return float(reply.split(",")[1])


def without_delay(connection: Any) -> None:
    """Switch Nagle's algorithm off on a pyvisa-py connection."""
    interface = connection.visalib.sessions[connection.session].interface
    interface.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class BareSweep:
    """A script that sends the commands and keeps the currents in a list.

    Parameters
    ----------
    address
        Of the instrument.
    points
        In a sweep.
    tuned
        Whether TCP_NODELAY is set.
    """

    def __init__(self, address: str, points: int, *, tuned: bool = True) -> None:
        manager: Any = pyvisa.ResourceManager("@py")
        self._connection = manager.open_resource(address, read_termination="\n", write_termination="\n")
        if tuned:
            without_delay(self._connection)
        self._points = points
        for command in PREPARATION:
            self._connection.write(command)
        self._connection.query(DONE)

    def run(self) -> Timing:
        """Sweep once."""
        connection = self._connection
        connection.write(":OUTP ON")
        began = time.perf_counter()
        currents = []
        for volts in voltages(self._points):
            connection.write(set_command(volts))
            currents.append(current_of(connection.query(READ)))
        duration = time.perf_counter() - began
        connection.write(":OUTP OFF")
        connection.query(DONE)
        if len(currents) != self._points:
            raise SystemExit("the script lost points")
        return Timing(duration, duration)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
