"""A PTW UNIDOS Tango or Romeo with an ionisation chamber in the beam."""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from drivers.errors import BadReply, ConnectionLost, InstrumentError, Overloaded, WrongInstrument
from drivers.roles import DoseRate, Dosimeter, DriverOptions, Identity, Surroundings, exclusive
from drivers.unidos_electrometer import Flag, Measurement, Unidos
from drivers.who_answers import who_answers
from drivers.wire import Wire

log = logging.getLogger(__name__)

RANGES = ("VERY_LOW", "LOW", "MEDIUM", "HIGH")
LONGEST_ZERO_S = 600.0
_ENOUGH_READINGS = 4


class UnidosOptions(DriverOptions):
    """What a bench file may say of the dosimeter."""

    calibration_uncertainty: float = Field(
        0.05, gt=0, lt=1, description="relative standard uncertainty of the calibration at this beam's quality"
    )
    range: Literal["auto", "VERY_LOW", "LOW", "MEDIUM", "HIGH"] = Field("auto", description="measuring range")
    method: Literal["readings", "interval"] = Field(
        "readings", description="mean of repeated readings of the dose rate, or dose over time of an interval"
    )
    reading_interval_s: float = Field(0.2, gt=0, le=10, description="between two readings of the dose rate")
    reading_uncertainty: float = Field(
        0.02, gt=0, lt=1, description="relative, of one reading; used where there are too few to see their scatter"
    )


class PtwUnidos(Dosimeter):
    """A PTW UNIDOS electrometer.

    The random uncertainty of a dose rate is the standard error of the mean of repeated readings, widened by
    sqrt((n - 1)/(n - 3)) for their small number (Kacker and Jones, Metrologia 40 (2003) 235), and never below the
    display's resolution. With fewer than four readings, and for an interval measurement, which is a single one,
    it follows from ``options.reading_uncertainty``.

    Write permission is asked for before a setting and given back after it, so that the panel stays usable.

    Parameters
    ----------
    resource
        VISA address, ``TCPIP::host::PORT::SOCKET`` with the port of its remote control.
    options
        See `UnidosOptions`.
    surroundings
        Of the bench.

    Raises
    ------
    ConnectionLost
        If nobody is at the address.
    WrongInstrument
        If it is no UNIDOS.
    """

    Options: ClassVar[type[DriverOptions]] = UnidosOptions
    options: UnidosOptions

    def __init__(
        self, resource: str, options: DriverOptions | None = None, surroundings: Surroundings | None = None
    ) -> None:
        super().__init__(resource, options, surroundings)
        self._wire = Wire(
            resource,
            self.name,
            self.options.timeout_s,
            read_termination="\r\n",
            write_termination="\r\n",
            encoding="utf8",
        )
        self.electrometer = Unidos(self._wire, self.name)
        try:
            self._identity = self._identify()
            self._range = str(self.electrometer.range)
            self._detector = self._read_detector()
        except BaseException as error:
            self._wire.close()
            if not isinstance(error, InstrumentError) or isinstance(error, WrongInstrument):
                raise
            found = who_answers(resource)
            if found is None and isinstance(error, ConnectionLost):
                raise
            raise WrongInstrument(
                self.name, f"is no PTW UNIDOS but {found or 'something else'}", error.command, error.reply
            ) from error

    def _identify(self) -> Identity:
        model, number, firmware, _ = self.electrometer.fields("PTW", 4)
        if "UNIDOS" not in model:
            raise WrongInstrument(self.name, f"is a PTW '{model}' and no UNIDOS", "PTW", model)
        return Identity("PTW", f"{model} {number}", str(self.electrometer.serial_number), firmware)

    def _read_detector(self) -> Mapping[str, Any]:
        """Return what the electrometer knows of its chamber; nothing where it will not say."""
        try:
            chosen = self.electrometer.measurement_parameters["detectorGuid"]
            found = self.electrometer.read_detector(chosen)
        except (InstrumentError, KeyError, TypeError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def identity(self) -> Identity:
        """Who answered when the connection was opened."""
        return self._identity

    @property
    def calibration_uncertainty(self) -> float:
        """Relative standard uncertainty of the calibration, from the options."""
        return self.options.calibration_uncertainty

    def settings(self) -> Mapping[str, float | str | bool]:
        """Return range and method; nothing is asked for."""
        return {
            "range": self._range,
            "method": self.options.method,
            "reading_interval_s": self.options.reading_interval_s,
        }

    def calibration(self) -> Mapping[str, float | str]:
        """Return the calibration's uncertainty and what the electrometer knows of its chamber."""
        known = (
            "name",
            "typeNumber",
            "serialNumber",
            "calibrationFactor",
            "calibrationFactorUnit",
            "calibrationLab",
            "radiationQuality",
            "testDate",
        )
        chamber = {f"chamber_{key}": self._detector[key] for key in known if key in self._detector}
        usable = {key: value for key, value in chamber.items() if isinstance(value, float | int | str)}
        return {"relative_uncertainty": self.calibration_uncertainty, **usable}

    @exclusive
    def dose_rate(self, duration: float = 1.0) -> DoseRate:
        """Measure the dose rate now, in the range that suits it.

        Parameters
        ----------
        duration
            s to average over; an interval measurement takes whole seconds.

        Raises
        ------
        Overloaded
            If the highest range is exceeded, or the chamber's voltage or calibration is missing.
        """
        if not (math.isfinite(duration) and duration > 0):
            raise ValueError(f"a dose rate is measured over a positive time, not {duration} s")
        self._choose_range()
        measure = self._by_interval if self.options.method == "interval" else self._by_readings
        try:
            return measure(duration)
        except Overloaded:
            if not self._go_up():
                raise
            return measure(duration)

    @exclusive
    def zero(self) -> None:
        """Correct the zero, which takes about a minute and a half; the beam must be off.

        Raises
        ------
        InstrumentError
            If the electrometer reports another end of it than "Passed".
        """
        with self._write_permission():
            self.electrometer.zero()
            started = self.clock.now()
            while True:
                status, remaining, _ = self.electrometer.fields("NUS", 3)
                left = self.electrometer.number(remaining) / 1e3
                if left <= 0:
                    break
                if self.clock.now() - started > LONGEST_ZERO_S:
                    raise InstrumentError(self.name, f"the zero is not done after {LONGEST_ZERO_S:g} s", "NUS", status)
                self.wait(min(max(left, 0.1), 5.0))
        if status.lower() != "passed":
            raise InstrumentError(
                self.name, f"the zero correction ended with '{status}': is the beam off?", "NUS", status
            )

    @exclusive
    def close(self) -> None:
        """Close the connection; leaves the electrometer as it is. Any number of times."""
        self._wire.close()

    # --- the two ways to measure

    def _by_readings(self, duration: float) -> DoseRate:
        count = max(1, round(duration / self.options.reading_interval_s))
        values = []
        for _ in range(count):
            self.wait(duration / count)
            values.append(self._rate(self.electrometer.measurement))
        mean = math.fsum(values) / count
        resolution = self.electrometer.rate_resolution.value / math.sqrt(12)
        if count < _ENOUGH_READINGS:
            random = self.options.reading_uncertainty * abs(mean) / math.sqrt(count)
        else:
            variance = math.fsum((value - mean) ** 2 for value in values) / (count - 1)
            random = math.sqrt(variance / count * (count - 1) / (count - 3))
        return DoseRate(mean, math.hypot(random, resolution), duration)

    def _by_interval(self, duration: float) -> DoseRate:
        seconds = math.ceil(duration - 1e-9)
        with self._write_permission():
            self.electrometer.reset()
            self.electrometer.interval_measurement(seconds)
        self.wait(seconds)
        started = self.clock.now()
        while (result := self.electrometer.measurement).status == "INT":
            if self.clock.now() - started > seconds + 5:
                raise InstrumentError(self.name, f"an interval of {seconds} s does not end", "MV", result.status)
            self.wait(0.1)
        self._check(result.flags, Flag.OVERLOAD_DOSE, Flag.HIGH_VOLTAGE_DOSE)
        if result.dose.unit != "Gy":
            raise self._no_dose(result.dose.unit)
        if result.status != "INTHLD" or not math.isclose(result.time, seconds, abs_tol=0.1):
            raise self._wire.bad(f"the interval ended in state {result.status} after {result.time:g} s", result.status)
        rate = result.dose.value / result.time
        resolution = self.electrometer.rate_resolution.value / math.sqrt(12)
        return DoseRate(rate, math.hypot(self.options.reading_uncertainty * rate, resolution), result.time)

    def _rate(self, reading: Measurement) -> float:
        self._check(reading.flags, Flag.OVERLOAD_RATE, Flag.HIGH_VOLTAGE_RATE)
        if reading.rate.unit != "Gy/s":
            raise self._no_dose(reading.rate.unit)
        return reading.rate.value

    def _check(self, flags: Flag, overload: Flag, high_voltage: Flag) -> None:
        if flags & overload:
            raise Overloaded(self.name, f"overload in range {self._range}", "MV", hex(flags))
        if flags & high_voltage:
            raise Overloaded(self.name, "the chamber's voltage is missing or wrong", "MV", hex(flags))
        if flags & Flag.UNCALIBRATED:
            raise Overloaded(self.name, "the chamber has no calibration", "MV", hex(flags))
        if flags & Flag.INTERNAL:
            raise BadReply(self.name, "the electrometer reports an internal error", "MV", hex(flags))

    def _no_dose(self, unit: str) -> Overloaded:
        return Overloaded(
            self.name, f"reads in {unit} and not in Gy: choose a chamber with a calibration, and no electrical units"
        )

    # --- ranges

    def _choose_range(self) -> None:
        self._range = str(self.electrometer.range)
        if self._range not in RANGES:
            raise self._wire.bad(f"the range is none of {', '.join(RANGES)}", self._range)
        if self.options.range != "auto":
            if self._range != self.options.range:
                self._set_range(self.options.range)
            return
        for _ in RANGES:
            reading = self.electrometer.measurement
            if reading.flags & Flag.OVERLOAD_RATE:
                if not self._go_up():
                    return
            elif not self._go_down(reading.rate.value):
                return

    def _go_up(self) -> bool:
        if self.options.range != "auto" or self._range == RANGES[-1]:
            return False
        self._set_range(RANGES[RANGES.index(self._range) + 1])
        return True

    def _go_down(self, rate: float) -> bool:
        """Change to the next range below where the rate is well inside it; False where it stays."""
        below = RANGES.index(self._range) - 1
        # the lowest range is for currents that no X-ray tube makes
        if below < 1 or rate > 0.1 * self.electrometer.largest_rate.value:
            return False
        before = self._range
        self._set_range(RANGES[below])
        if rate > 0.5 * self.electrometer.largest_rate.value:
            self._set_range(before)
            return False
        return True

    def _set_range(self, name: str) -> None:
        with self._write_permission():
            self.electrometer.range = name
        self._range = str(self.electrometer.range)
        if self._range != name:
            raise InstrumentError(self.name, f"was set to range {name} and is in {self._range}", f"RGE;{name}")
        # a reading of the range before must not pass for one of this
        self.wait(self.options.reading_interval_s)

    @contextlib.contextmanager
    def _write_permission(self) -> Iterator[None]:
        granted = self.electrometer.ask("TOK")
        if granted != "true":
            raise InstrumentError(
                self.name,
                "gives no write permission: put it into viewer mode (closed lock on its display)",
                "TOK",
                granted,
            )
        try:
            yield
        finally:
            try:
                self.electrometer.ask("TOK;0")
            except InstrumentError as error:
                log.warning("%s: write permission could not be given back (%s)", self.name, error)
