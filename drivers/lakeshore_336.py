"""A temperature stage under a Lake Shore 336 (335, 350) temperature controller.

Commands after the Model 336 user's manual (chapter 6, "Interface commands summary"), through PyMeasure's
`LakeShore3xx`. On the network the controller listens at port 7777 and ends its answers with CR LF. It has no error
queue: a command that it does not take is ignored, so that everything that is set is read back here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field
from pymeasure.instruments import Instrument
from pymeasure.instruments.lakeshore import LakeShore3xx

from drivers.errors import BadReply, ConnectionLost, InstrumentError, Overloaded, WrongInstrument
from drivers.roles import (
    DriverOptions,
    Identity,
    Surroundings,
    TemperatureStage,
    TemperatureStageOptions,
    exclusive,
)
from drivers.scpi import OVERFLOW
from drivers.who_answers import who_answers
from drivers.wire import Wire

MODELS = ("MODEL336", "MODEL335", "MODEL350")
READING_FLAGS = {
    1: "invalid reading",
    16: "temperature under range",
    32: "temperature over range",
    64: "sensor units are zero",
    128: "sensor units over range",
}
"""Bits of ``RDGST?`` (manual, RDGST? Input Reading Status Query); a reading with any of them is none."""
FASTEST_RAMP_K_PER_MIN = 100.0
CLOSED_LOOP = 1
HIGHEST_RANGE = 3
"""Of a heater; 0 is off."""
HOTTEST_K = 2000.0
"""Beyond what any sensor of the family reads"""
_INPUT_NUMBERS = {"A": 1, "B": 2, "C": 3, "D": 4}


class LakeShore336Options(TemperatureStageOptions):
    """What a bench file may say of the controller."""

    input: Literal["A", "B", "C", "D"] = Field("A", description="where the sample's sensor is")
    output: Literal[1, 2] = Field(1, description="where the heater is")
    heater_range: Literal["low", "medium", "high"] = Field("medium", description="while it heats")


class LakeShoreController(LakeShore3xx):
    """PyMeasure's controller, with what it lacks."""

    def ramp(self, output: int, rate_k_per_min: float | None) -> None:
        """Let the set point move at a rate, or jump (None)."""
        self.write(f"RAMP {output},{0 if rate_k_per_min is None else 1},{rate_k_per_min or 0.0:.1f}")

    ramping = Instrument.measurement(
        "RAMPST? 1", """Get whether the set point of output 1 is moving (int).""", cast=int
    )


class LakeShore336Stage(TemperatureStage):
    """A stage whose heater is at an output of the controller and whose sensor at one of its inputs.

    Opening changes nothing.

    Parameters
    ----------
    resource
        VISA address; on the network ``TCPIP::host::7777::SOCKET``.
    options
        See `LakeShore336Options`.
    surroundings
        Of the bench.

    Raises
    ------
    ConnectionLost
        If nobody is at the address.
    WrongInstrument
        If another instrument is.
    """

    Options: ClassVar[type[DriverOptions]] = LakeShore336Options
    options: LakeShore336Options

    def __init__(
        self, resource: str, options: DriverOptions | None = None, surroundings: Surroundings | None = None
    ) -> None:
        super().__init__(resource, options, surroundings)
        self._wire = Wire(
            resource,
            self.name,
            self.options.timeout_s,
            read_termination="\n",  # the CR before it is stripped: others that may be there do not send one
            write_termination="\n",
            asrl={"baud_rate": 57_600, "data_bits": 7, "parity": 1},
        )
        try:
            self.controller = LakeShoreController(self._wire, self.name)
            self._identity = self._identify()
            self._set_point = self._number(f"SETP? {self.options.output}")
        except BaseException:
            self._wire.close()
            raise

    def _identify(self) -> Identity:
        try:
            reply = self._ask("*IDN?")
        except InstrumentError as error:
            found = who_answers(self.resource)
            if found is None and isinstance(error, ConnectionLost):
                raise
            raise WrongInstrument(
                self.name, f"is no Lake Shore 336 but {found or 'something else'}", error.command, error.reply
            ) from error
        fields = [*(field.strip() for field in reply.split(",")), "", "", ""]
        if fields[0] != "LSCI" or fields[1] not in MODELS:
            raise WrongInstrument(self.name, f"is no Lake Shore 336 but '{reply.strip()[:100]}'", "*IDN?", reply)
        return Identity("Lake Shore", fields[1], fields[2], fields[3])

    def _ask(self, question: str) -> str:
        self._wire.write(question)
        return str(self._wire.read()).strip()

    def _number(self, question: str) -> float:
        reply = self._ask(question)
        try:
            value = float(reply)
        except ValueError:
            raise self._wire.bad("the answer is no number", reply) from None
        if not math.isfinite(value) or abs(value) >= OVERFLOW:
            raise self._wire.bad("the answer is not finite", reply)
        return value

    def _whole(self, question: str, highest: int) -> int:
        """Ask for a whole number from zero to `highest`."""
        value = self._number(question)
        if not (value.is_integer() and 0 <= value <= highest):
            raise self._wire.bad(f"the answer is no whole number up to {highest}", f"{value:g}")
        return int(value)

    @property
    def identity(self) -> Identity:
        """Who answered when the connection was opened."""
        return self._identity

    def settings(self) -> Mapping[str, float | str | bool]:
        """Return what was set last; nothing is asked for."""
        return {
            "set_point_k": self._set_point,
            "input": self.options.input,
            "output": float(self.options.output),
            "heater_range": self.options.heater_range,
        }

    @exclusive
    def temperature(self) -> float:
        """Read the temperature, K.

        Raises
        ------
        Overloaded
            If the sensor is out of its range.
        BadReply
            If the reading is invalid, or none.
        """
        channel = self.options.input
        reading = self._number(f"KRDG? {channel}")
        status = self._whole(f"RDGST? {channel}", 255)
        wrong = [text for bit, text in READING_FLAGS.items() if status & bit]
        if wrong:
            error = BadReply if status & 1 else Overloaded
            raise error(self.name, f"input {channel}: {', '.join(wrong)}", f"RDGST? {channel}", str(status))
        if not 0.0 < reading < HOTTEST_K:
            raise BadReply(self.name, f"{reading:g} K is no temperature", f"KRDG? {channel}", f"{reading:g}")
        return reading

    @property
    def set_point(self) -> float:
        """Temperature that is set, K."""
        return self._set_point

    @property
    def heating(self) -> bool:
        """Whether the controller may heat, as it says itself."""
        with self.lock:
            return self._whole(f"RANGE? {self.options.output}", HIGHEST_RANGE) > 0

    def _send_temperature(self, kelvin: float, rate_k_per_min: float | None) -> None:
        output = self.options.output
        loop = self._ask(f"OUTMODE? {output}").split(",")
        wanted = (CLOSED_LOOP, _INPUT_NUMBERS[self.options.input])
        try:
            found = (int(loop[0]), int(loop[1]))
        except (ValueError, IndexError):
            raise self._wire.bad("the answer is no output mode", ",".join(loop)) from None
        if found != wanted:
            self._wire.write(f"OUTMODE {output},{wanted[0]},{wanted[1]},0")
        heating = self.heating
        if rate_k_per_min is None or not heating:
            # a ramp begins at the old set point: that is made the present temperature first
            self.controller.ramp(output, None)
            if rate_k_per_min is not None:
                self._change_set_point(self.temperature())
        if rate_k_per_min is not None:
            self.controller.ramp(output, min(rate_k_per_min, FASTEST_RAMP_K_PER_MIN))
        self._wire.write(f"SETP {output},{kelvin:.4f}")
        if rate_k_per_min is None:
            self._check_set_point(kelvin)
        self._set_point = kelvin
        if not heating:
            number = {"low": 1, "medium": 2, "high": 3}[self.options.heater_range]
            self._wire.write(f"RANGE {output},{number}")
            if int(self._number(f"RANGE? {output}")) != number:
                raise InstrumentError(self.name, "the heater does not go on", f"RANGE {output},{number}")

    def _change_set_point(self, kelvin: float) -> None:
        self._wire.write(f"SETP {self.options.output},{kelvin:.4f}")
        self._check_set_point(kelvin)

    def _check_set_point(self, kelvin: float) -> None:
        question = f"SETP? {self.options.output}"
        found = self._number(question)
        if abs(found - kelvin) > 0.01:
            raise InstrumentError(self.name, f"the set point is {found:g} K and not {kelvin:g} K as set", question)

    @exclusive
    def make_safe(self) -> None:
        """Switch the heater off.

        Raises
        ------
        InstrumentError
            If the controller does not confirm that it is off.
        """
        output = self.options.output
        self._wire.write(f"RANGE {output},0")
        if self.heating:
            raise InstrumentError(self.name, "the heater stays on although told to be off", f"RANGE {output},0")

    def close(self) -> None:
        """Close the connection; leaves the controller as it is. Any number of times."""
        with self.lock:
            self._wire.close()
