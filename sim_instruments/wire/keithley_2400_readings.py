"""The readings of a Keithley 2400 as it writes them: elements, status word, buffer statistics."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

from sim_instruments.wire.scpi import ScpiError
from sim_instruments.wire.source_measure import (
    NOT_MEASURED,
    OVERFLOW,
    Reading,
    SourceMeasureModel,
    SourceMeasureUnit,
)

ELEMENTS = ("VOLTage", "CURRent", "RESistance", "TIME", "STATus")
MOST_READINGS = 2500

# bits of the status word that comes with each reading (manual, section 18, FORMat:ELEMents)
OVERFLOWED, FILTERED, REAR, IN_COMPLIANCE = 1 << 0, 1 << 1, 1 << 2, 1 << 3
V_MEASURED, I_MEASURED, R_MEASURED, V_SOURCE, I_SOURCE = 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15
RANGE_COMPLIANCE = 1 << 16

MODEL_2400 = SourceMeasureModel(
    voltage_ranges=(0.2, 2.0, 20.0, 200.0),
    current_noise={1e-6: 5e-12, 1e-5: 5e-11, 1e-4: 5e-10, 1e-3: 5e-9, 1e-2: 5e-8, 1e-1: 5e-7, 1.0: 1e-5},
    digits=1e-5,
    overhead=1.8e-3,
    largest_power=22.0,
)
MODEL_2410 = SourceMeasureModel(
    voltage_ranges=(0.2, 2.0, 20.0, 1000.0),
    current_noise={1e-6: 5e-12, 1e-5: 5e-11, 1e-4: 5e-10, 1e-3: 5e-9, 2e-2: 5e-8, 1e-1: 5e-7, 1.0: 1e-5},
    digits=1e-5,
    overhead=1.8e-3,
    largest_power=22.0,
)

_STATISTICS: dict[str, Callable[[list[float]], float]] = {
    "MEAN": statistics.fmean,
    "MAX": max,
    "MIN": min,
    "SDEV": lambda values: statistics.stdev(values) if len(values) > 1 else 0.0,
    "PKPK": lambda values: max(values) - min(values),
}


def formatted(
    readings: Sequence[Reading],
    elements: Sequence[str],
    sensed: Sequence[str],
    unit: SourceMeasureUnit,
    time_zero: float,
) -> str:
    """Write readings in one line.

    Parameters
    ----------
    readings
        At least one, else the error that the real one gives.
    elements
        What is sent of each, of VOLT, CURR, RES, TIME, STAT.
    sensed
        What is measured; the rest is the programmed source value, or 9.91e37.
    unit
        Whose they are.
    time_zero
        s; from which times count.
    """
    if not readings:
        raise ScpiError(-230)
    fields: list[str] = []
    for reading in readings:
        values = _values(reading, sensed, unit, time_zero)
        fields += [f"{values[name]:+.6E}" for name in elements]
    return ",".join(fields)


def _values(reading: Reading, sensed: Sequence[str], unit: SourceMeasureUnit, zero: float) -> dict[str, float]:
    sourcing_volts = unit.function == "VOLT"
    overflowed = abs(reading.current) >= OVERFLOW
    volts = reading.voltage if "VOLT" in sensed else (unit.volts if sourcing_volts else NOT_MEASURED)
    current = reading.current if "CURR" in sensed else (NOT_MEASURED if sourcing_volts else unit.amperes)
    ohms = NOT_MEASURED
    if "RES" in sensed:
        ohms = OVERFLOW if overflowed or not reading.current else reading.voltage / reading.current
    status = (V_SOURCE if sourcing_volts else I_SOURCE) | (IN_COMPLIANCE if reading.in_compliance else 0)
    status |= (OVERFLOWED | RANGE_COMPLIANCE) if overflowed else 0
    status |= FILTERED if unit.average > 1 else 0
    for name, bit in {"VOLT": V_MEASURED, "CURR": I_MEASURED, "RES": R_MEASURED}.items():
        status |= bit if name in sensed else 0
    return {"VOLT": volts, "CURR": current, "RES": ohms, "TIME": reading.time - zero, "STAT": float(status)}


def statistic(name: str, readings: Sequence[Reading]) -> str:
    """Calculate a statistic of voltage, current and resistance over the buffer, as ``:CALCulate3`` does."""
    if not readings:
        raise ScpiError(-230)
    columns = [
        [reading.voltage for reading in readings],
        [reading.current for reading in readings],
        [reading.voltage / reading.current if reading.current else NOT_MEASURED for reading in readings],
    ]
    return ",".join(f"{_STATISTICS[name](column):+.6E}" for column in columns)
