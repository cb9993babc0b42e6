"""What a source-measure unit does electrically, whatever language it speaks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

OVERFLOW = 9.9e37
NOT_MEASURED = 9.91e37
OVER_RANGE = 1.05
"""Ranges reach 5 % beyond their name."""
SHORTEST = 1e-6


class Reading(NamedTuple):
    """One reading."""

    voltage: float
    """V at the output"""
    current: float
    """A as read; 9.9e37 beyond the range"""
    in_compliance: bool
    time: float
    """s, its end on the bench's clock"""


@dataclass(frozen=True)
class SourceMeasureModel:
    """What differs from model to model.

    Parameters
    ----------
    voltage_ranges
        V, ascending.
    current_noise
        Measurement range (A, ascending) to standard deviation (A) of a reading of one power line cycle.
    digits
        Smallest step of a reading, as a fraction of its range.
    overhead
        What a reading takes beyond its integration, s.
    largest_power
        W; above it not every current range is to be had.
    """

    voltage_ranges: tuple[float, ...]
    current_noise: Mapping[float, float]
    digits: float
    overhead: float
    largest_power: float

    @property
    def current_ranges(self) -> tuple[float, ...]:
        """A, ascending."""
        return tuple(self.current_noise)


class SourceMeasureUnit:
    """Output, limits, ranges, noise and time of a source-measure unit at the simulated sample.

    Parameters
    ----------
    world
        The bench's.
    model
        Which one it is.
    gain_error, offset_error
        Of the current measurement: relative, and A.
    no_latency
        Whether readings take no time (they still integrate): for measuring what the software costs.
    """

    def __init__(
        self,
        world: Any,
        model: SourceMeasureModel,
        gain_error: float = 0.0,
        offset_error: float = 0.0,
        no_latency: bool = False,
    ) -> None:
        self.world = world
        self.model = model
        self.gain_error = gain_error
        self.offset_error = offset_error
        self.no_latency = no_latency
        self.line_frequency = 50.0
        self._random = world.random("source_meter")
        self._applied = 0.0
        self.output_on = False
        self.reset()

    def reset(self) -> None:
        """Bring every setting to its default; the output goes off."""
        self.switch(False)
        self.function: Literal["VOLT", "CURR"] = "VOLT"
        self.volts = 0.0
        self.amperes = 0.0
        self.current_limit = 1.05e-4
        self.voltage_limit = 21.0
        self.cycles = 1.0
        self.auto_zero = True
        self.average = 1
        self.auto_range = True
        self.current_range = 1e-4 if 1e-4 in self.model.current_noise else self.model.current_ranges[0]
        self.source_auto_range = True
        self.source_voltage_range = 20.0
        self.source_delay = 0.0
        self.in_compliance = False

    # --- output

    def switch(self, on: bool) -> None:
        """Switch the output."""
        self.output_on = on
        self.in_compliance = False
        self._apply(self.volts if on and self.function == "VOLT" else 0.0)

    def source_voltage(self, volts: float) -> None:
        """Set the voltage; the sample sees it if the output is on."""
        self.volts = volts
        self.in_compliance = False
        if self.source_auto_range:
            self.source_voltage_range = self.range_for(volts, self.model.voltage_ranges)
        if self.output_on and self.function == "VOLT":
            self._apply(volts)

    def select(self, function: Literal["VOLT", "CURR"]) -> None:
        """Source voltage or current; as on the real ones, changing it switches the output off."""
        if function != self.function:
            self.switch(False)
            self.function = function

    def _apply(self, volts: float) -> None:
        self._applied = volts
        self.world.set_bias("source_meter", volts)

    # --- ranges

    def range_for(self, value: float, ranges: tuple[float, ...]) -> float:
        """Return the most sensitive range that holds a value."""
        magnitude = abs(value)
        for candidate in ranges:
            if magnitude <= candidate * OVER_RANGE * (1 + 1e-9):
                return candidate
        return ranges[-1]

    @property
    def compliance_range(self) -> float:
        """The measurement range in which the current limit lies, A."""
        return self.range_for(self.current_limit, self.model.current_ranges)

    # --- readings

    @property
    def integration_time(self) -> float:
        """What one conversion integrates over, s."""
        return max(self.cycles / self.line_frequency, SHORTEST)

    @property
    def reading_time(self) -> float:
        """What one reading takes, s: with auto zero, zero and reference are converted as well as the signal."""
        if self.no_latency:
            return 0.0
        conversions = 3 if self.auto_zero else 1
        return self.average * (self.integration_time * conversions + self.model.overhead) + self.source_delay

    @property
    def limits_now(self) -> bool:
        """Whether the output is limited at this moment; the instrument knows without a reading."""
        if not self.output_on or self.function != "VOLT" or self.world.photoconductor is None or not self._applied:
            return self.in_compliance
        at_level = float(self.world.photoconductor.noiseless_current()) * self.volts / self._applied
        return abs(at_level) > self.current_limit

    def end_of_reading(self, start: float) -> float:
        """Return when the signal of a reading that starts then has been integrated, s."""
        return start + max(self.reading_time, self.integration_time)

    def read(self, when: float) -> Reading:
        """Read the current at the end of an integration that is over at `when`."""
        if not self.output_on:
            return Reading(0.0, self._digitized(0.0), False, when)
        current = self._sample_current(when)
        if self.function == "CURR":
            return self._read_as_current_source(when, current)
        at_level = current
        if self._applied != self.volts and self._applied:
            # limited at the last reading: what would flow at the full voltage decides whether it still is
            at_level = current * self.volts / self._applied
        if abs(at_level) > self.current_limit:
            self.in_compliance = True
            self._apply(self.volts * self.current_limit / abs(at_level))
            current = math.copysign(self.current_limit, at_level)
        else:
            self.in_compliance = False
            if self._applied != self.volts:
                self._apply(self.volts)
            current = at_level
        return Reading(self._applied, self._digitized(current), self.in_compliance, when)

    def _read_as_current_source(self, when: float, current: float) -> Reading:
        """Find the voltage that drives the programmed current, within the voltage limit."""
        volts = self._applied
        for _ in range(4):
            if abs(current) > 1e-18 and volts:
                volts *= self.amperes / current
            elif self.amperes:
                volts = math.copysign(min(1.0, self.voltage_limit), self.amperes)
            self.in_compliance = abs(volts) >= self.voltage_limit
            volts = max(-self.voltage_limit, min(self.voltage_limit, volts))
            self._apply(volts)
            if not self.amperes or self.in_compliance:
                break
            current = self._sample_current(when)
        return Reading(volts, self._digitized(current), self.in_compliance, when)

    def _sample_current(self, when: float) -> float:
        return float(self.world.mean_device_current(self.integration_time, when))

    def _digitized(self, current: float) -> float:
        if self.auto_range:
            self.current_range = min(self.range_for(current, self.model.current_ranges), self.compliance_range)
        noise = self.model.current_noise[self.current_range] / math.sqrt(max(self.cycles, 1e-3) * self.average)
        read = current * (1.0 + self.gain_error) + self.offset_error + noise * float(self._random.standard_normal())
        if abs(read) > self.current_range * OVER_RANGE:
            return OVERFLOW
        step = self.current_range * self.model.digits
        return round(read / step) * step


class Series:
    """Readings one after the other, each at its own moment on the bench's clock.

    Parameters
    ----------
    unit
        Which reads.
    count
        How many readings.
    delay
        s before each.
    period
        s from the beginning of one to the beginning of the next, where that is longer than what a reading takes.
    take
        Given each reading.
    """

    def __init__(
        self, unit: SourceMeasureUnit, count: int, delay: float, period: float, take: Callable[[Reading], None]
    ) -> None:
        self._unit = unit
        self._left = count
        self._take = take
        start = unit.world.clock.now()
        self._next = unit.end_of_reading(start + delay)
        self._step = max(self._next - start, period)
        self.ends: float = self._next + (count - 1) * self._step
        self._wait()

    @property
    def running(self) -> bool:
        """Whether readings are still to come."""
        return self._left > 0

    def stop(self) -> None:
        """Take no more."""
        self._left = 0

    def finish(self) -> float:
        """Take what is still to come now, as it will be if nothing changes meanwhile; return when it will be over.

        For a client that asks for the result before it is there, and is made to wait for the answer.
        """
        while self._left > 0:
            self._read_once()
        return self.ends

    def _wait(self) -> None:
        self._unit.world.clock.call_at(self._next, self._read)

    def _read(self) -> None:
        with self._unit.world.lock:
            if self._left > 0:
                self._read_once()
            if self._left > 0:
                self._wait()

    def _read_once(self) -> None:
        self._left -= 1
        when = self._next
        self._next += self._step
        self._take(self._unit.read(when))
