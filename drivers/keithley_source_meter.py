"""What Keithley's source meters have in common: a voltage source that measures current, told in SCPI."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from drivers.errors import InstrumentError, Overloaded
from drivers.roles import DriverOptions, Identity, SourceMeter, Surroundings, exclusive
from drivers.scpi import ScpiConnection

Floats = npt.NDArray[np.float64]


def are_status_words(values: Floats) -> bool:
    """Say whether these can be status words: whole numbers of up to 32 bits."""
    return bool(np.all((values >= 0) & (values < 2.0**32) & (values == np.floor(values))))


class KeithleyOptions(DriverOptions):
    """What a bench file may say of a source meter."""

    timeout_s: float = Field(5.0, gt=0, le=120, description="how long to wait for an answer, s")
    auto_zero: bool = Field(True, description="measure zero and reference with every reading: slower, without drift")
    four_wire: bool = Field(False, description="sense the voltage at the sample with its own leads")
    rear_terminals: bool = Field(False, description="use the terminals at the rear")


class KeithleySourceMeter(SourceMeter):
    """A Keithley source meter.

    Opening it changes neither the output nor the source. If the output is found on, it counts as switched on, at the
    voltage it has, so that making the bench safe ramps it down.

    Parameters
    ----------
    resource
        VISA address.
    options
        See `KeithleyOptions`.
    surroundings
        Of the bench.

    Raises
    ------
    ConnectionLost
        If nobody is at the address.
    WrongInstrument
        If another instrument is.
    """

    Options: ClassVar[type[DriverOptions]] = KeithleyOptions
    options: KeithleyOptions

    expected: ClassVar[str]
    """What it is, for the user."""
    models: ClassVar[tuple[str, ...]]
    """What ``*IDN?`` may say."""
    most_samples: ClassVar[int]
    """Readings that fit into the instrument's buffer."""
    compliance_question: ClassVar[str]
    """Asks whether the source limits the current."""
    voltage_tolerance: ClassVar[tuple[float, float]]
    """By how much, relative and in V, the voltage that comes with a reading may differ from the one that was set."""

    def __init__(
        self, resource: str, options: DriverOptions | None = None, surroundings: Surroundings | None = None
    ) -> None:
        super().__init__(resource, options, surroundings)
        self._configured: dict[str, float | str | bool] = {}
        self._cycles = 1.0
        # a 2400 that takes readings listens to nothing but this, and whoever makes it safe cannot wait for their end
        self.scpi = ScpiConnection(
            resource, self.name, self.expected, "KEITHLEY", self.models, self.options.timeout_s, ":ABOR"
        )
        try:
            self._prepare()
            self._output_on = self.scpi.switch(":OUTP?")
            if self._output_on and "VOLT" in self.scpi.ask(":SOUR:FUNC?").upper():
                self._voltage = self.scpi.number(":SOUR:VOLT?")
            self._line_frequency = self.scpi.number(":SYST:LFR?")
        except BaseException:
            self.scpi.close()
            raise

    @abstractmethod
    def _prepare(self) -> None:
        """Bring the instrument into the state on which reading safely depends; the output stays as it is."""

    @abstractmethod
    def _series(self, samples: int, interval: float) -> tuple[Floats, Floats, Floats]:
        """Return times (s), currents (A) and whether each was in compliance (0 or 1), after checks were made."""

    @property
    def identity(self) -> Identity:
        """Who answered when the connection was opened."""
        return self.scpi.identity

    def settings(self) -> Mapping[str, float | str | bool]:
        """Return what was set last; nothing is asked for."""
        return {"voltage_v": self._voltage, "output_on": self._output_on, **self._configured}

    @exclusive
    def in_compliance(self) -> bool:
        """Ask whether the source limits the current now; no reading is taken."""
        return self._output_on and self.scpi.switch_of(self.compliance_question, ":SOUR:FUNC?", "VOLT")

    def close(self) -> None:
        """Close the connection; the output stays as it is."""
        self.scpi.close()

    @property
    def reading_time(self) -> float:
        """About how long a reading takes, s: with auto zero, zero and reference are integrated as well."""
        return self._cycles / self._line_frequency * (3.0 if self.options.auto_zero else 1.0) + 0.003

    def _send_voltage(self, volts: float) -> None:
        self.scpi.send(f":SOUR:VOLT {volts:.9g}")

    def _send_output(self, on: bool) -> None:
        self.scpi.send(":OUTP ON" if on else ":OUTP OFF")
        if self.scpi.switch(":OUTP?") is not on:
            why = "; ".join(self.scpi.errors())
            state = "off: is its interlock closed?" if on else "on"
            raise InstrumentError(self.name, f"the output stays {state} {why}".rstrip(), ":OUTP")

    def _remember(self, compliance: float, cycles: float, current_range: float | None) -> None:
        self._cycles = cycles
        self._configured = {
            "compliance_a": compliance,
            "integration_cycles": cycles,
            "current_range_a": "auto" if current_range is None else current_range,
            "auto_zero": self.options.auto_zero,
            "four_wire": self.options.four_wire,
        }

    def _check_configuration(self, cycles: float, current_range: float | None) -> None:
        if not (math.isfinite(cycles) and 0.01 <= cycles <= 10.0):
            raise ValueError(f"integration over {cycles} power line cycles is not within 0.01 to 10")
        if current_range is not None and not (math.isfinite(current_range) and current_range > 0):
            raise ValueError(f"current range {current_range} A must be above zero")

    def _confirm_compliance(self, question: str, compliance: float) -> None:
        self.scpi.check("configuration")
        found = self.scpi.number(question)
        if not math.isclose(found, compliance, rel_tol=0.01):
            raise InstrumentError(
                self.name, f"the compliance is {found:g} A and not {compliance:g} A as set", question, f"{found:g}"
            )

    def _check_output_on(self) -> None:
        if not self._output_on:
            raise InstrumentError(
                self.name, "the output is off, and a reading does not switch it on: switch_on() first"
            )

    def _check_voltage(self, volts: float, command: str, reply: str) -> None:
        relative, absolute = self.voltage_tolerance
        if abs(volts - self._voltage) > relative * abs(self._voltage) + absolute:
            raise InstrumentError(
                self.name, f"the source is at {volts:g} V and not at {self._voltage:g} V as set", command, reply
            )

    @exclusive
    def currents(self, samples: int, interval: float) -> tuple[Floats, Floats]:
        """Read a series of currents, timed and stored by the instrument.

        Parameters
        ----------
        samples
            How many.
        interval
            s from one to the next; what a reading takes at the least.

        Returns
        -------
        times, currents
            Both (samples,): s since the first by the instrument's own clock, A.

        Raises
        ------
        Overloaded
            If a reading overflowed or the compliance was reached.
        Inhibited
            If the bench was told to stop meanwhile.
        """
        self._check_output_on()
        if not 1 <= samples <= self.most_samples:
            raise ValueError(f"{samples} samples: {self.expected} holds 1 to {self.most_samples}")
        if not (math.isfinite(interval) and interval >= self._cycles / self._line_frequency):
            raise ValueError(
                f"interval {interval} s is shorter than the integration of {self._cycles / self._line_frequency:g} s"
            )
        times, currents, limited = self._series(samples, interval)
        if not (np.all(np.isfinite(times)) and np.all(np.isfinite(currents)) and np.all(np.diff(times) > 0)):
            raise self.scpi.bad("times or currents of the series make no sense", f"{times[:3]}, {currents[:3]}")
        if np.any(np.abs(currents) >= 9e37):
            raise Overloaded(self.name, f"{int(np.sum(np.abs(currents) >= 9e37))} of {samples} readings overflowed")
        if np.any(limited):
            raise Overloaded(
                self.name, f"the compliance limited the current in {int(np.sum(limited))} of {samples} readings"
            )
        return times - times[0], currents
