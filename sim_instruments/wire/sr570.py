"""The SR570 current preamplifier, after its manual's chapter on remote programming.

It only listens: four letters, a space and a whole number, ended by CR LF. What it does not know, and a value out of its
range, it ignores, and nobody learns of it.
"""

from __future__ import annotations

import contextlib
from typing import Any, ClassVar

from sim_instruments.wire.server import WireInstrument

SEQUENCE = (1, 2, 5, 10, 20, 50, 100, 200, 500)
SENSITIVITIES = (*(float(f"{n}e{decade}") for decade in (-12, -9, -6) for n in SEQUENCE), 1e-3)
"""A/V"""
OFFSETS = (*SENSITIVITIES, 2e-3, 5e-3)
"""A"""
FREQUENCIES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6)
"""Hz; the highpass has the first twelve."""
FILTERS = ("6dB_highpass", "12dB_highpass", "6dB_bandpass", "6dB_lowpass", "12dB_lowpass", "none")
GAIN_MODES = ("low_noise", "high_bandwidth", "low_drift")

RANGES: dict[str, tuple[int, int]] = {
    "SENS": (0, len(SENSITIVITIES) - 1),
    "SUCM": (0, 1),
    "SUCV": (0, 100),
    "IOON": (0, 1),
    "IOLV": (0, len(OFFSETS) - 1),
    "IOSN": (0, 1),
    "IOUC": (0, 1),
    "IOUV": (-1000, 1000),
    "BSON": (0, 1),
    "BSLV": (-5000, 5000),
    "FLTT": (0, len(FILTERS) - 1),
    "HFRQ": (0, 11),
    "LFRQ": (0, 15),
    "GNMD": (0, len(GAIN_MODES) - 1),
    "INVT": (0, 1),
    "BLNK": (0, 1),
}
"""Commands with a value, and what the value may be."""

DEFAULTS = dict.fromkeys(RANGES, 0) | {"SENS": 18, "SUCV": 100, "IOSN": 1, "FLTT": 5, "LFRQ": 15}
"""After ``*RST``: 1 uA/V, no filter, no offset, no bias."""


class SR570Wire(WireInstrument):
    """An SR570 that amplifies the current of the world's sample.

    Parameters
    ----------
    world
        The bench's.
    found
        Settings (by command) that it has when it is found, where they are not the defaults: the real one
        keeps its last ones.
    """

    terminator: ClassVar[bytes] = b"\r\n"
    listens_only: ClassVar[bool] = True

    def __init__(self, world: Any, found: dict[str, int] | None = None) -> None:
        self._preamp = world.preamp
        self.state = DEFAULTS | (found or {})
        self.ignored: list[str] = []
        self._apply()

    def handle(self, message: bytes) -> None:
        """Do what a line says, as far as it is understood."""
        for command in message.decode("latin-1").split(";"):
            self._do(command.strip())

    def _do(self, command: str) -> None:
        word, _, value = command.partition(" ")
        word = word.upper()
        if word == "*RST" and not value:
            self.state = dict(DEFAULTS)
        elif word == "ROLD" and not value:
            self._preamp.reset_filter()
            return
        elif not self._set(word, value.strip()):
            if command:
                self.ignored.append(command)
            return
        self._apply()

    def _set(self, word: str, value: str) -> bool:
        if word not in RANGES:
            return False
        with contextlib.suppress(ValueError):
            number = int(float(value))
            low, high = RANGES[word]
            if low <= number <= high:
                self.state[word] = number
                return True
        return False

    def _apply(self) -> None:
        state, preamp = self.state, self._preamp
        sensitivity = SENSITIVITIES[state["SENS"]]
        if state["SUCM"]:
            # the vernier lowers the gain to that many percent
            sensitivity *= 100.0 / max(state["SUCV"], 1)
        offset = OFFSETS[state["IOLV"]] * (1.0 if state["IOSN"] else -1.0)
        if state["IOUC"]:
            offset *= state["IOUV"] / 1000.0
        bias = state["BSLV"] / 1000.0 if state["BSON"] else 0.0
        preamp.sensitivity = sensitivity
        preamp.gain_mode = GAIN_MODES[state["GNMD"]]
        preamp.filter_type = FILTERS[state["FLTT"]]
        preamp.lowpass_hz = FREQUENCIES[state["LFRQ"]]
        preamp.highpass_hz = FREQUENCIES[state["HFRQ"]]
        preamp.input_offset_current = offset if state["IOON"] else 0.0
        preamp.invert = bool(state["INVT"])
        preamp.blanked = bool(state["BLNK"])
        if preamp.bias_v != bias:
            preamp.bias_v = bias
