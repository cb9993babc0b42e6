"""Between the points of a dose table: linear in the current, a power law in the voltage, nothing outside."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from config.mistake import UserMistake
from drivers.dose_table_file import DoseTableEntry

SAME_VOLTAGE = 0.005
"""Relative; the monitors' noise and resolution, within which a voltage is the measured one."""
COARSEST = 0.25
"""Relative uncertainty of the interpolation in voltage above which there is none."""
EDGE = 0.03
"""Relative; a current so little outside the table is its outermost one as the monitor reads it."""


@dataclass(frozen=True)
class Interpolated:
    """A dose rate at an operating point."""

    dose_rate: float
    """Gy/s"""
    uncertainty: float
    """Gy/s, one standard deviation: of the points and of the interpolation."""
    slope: float
    """Gy/(s mA)"""


def interpolate(entries: Sequence[DoseTableEntry], voltage_kv: float, current_ma: float) -> Interpolated:
    """Interpolate a dose table.

    In current the dose rate is a straight line from point to point. In voltage it is a power law from one measured
    voltage to the next: the exponent depends on the filter (1.3 behind 0.4 mm Al, 8 behind 26 mm SiO2) and falls
    with the voltage, so ln(dose rate) is bent over ln(voltage). The uncertainty of neglecting that is
    half the curvature times the distances to both ends. The curvature is taken as 1.5 times that of the next measured
    voltages, or, where there are only two, as twice the exponent: with that, SpekPy's spectra behind Al, Cu and SiO2
    stay within 1.3 of these uncertainties from 30 to 60 kV.

    Parameters
    ----------
    entries
        The table.
    voltage_kv, current_ma
        Operating point.

    Raises
    ------
    UserMistake
        If it is outside the table, or the table is too coarse there (`COARSEST`).
    """
    voltages = sorted({entry.voltage_kv for entry in entries})
    nearest = min(voltages, key=lambda value: abs(value - voltage_kv))
    if abs(voltage_kv / nearest - 1) <= SAME_VOLTAGE:
        return _at_voltage(entries, nearest, current_ma)
    above = next((index for index, value in enumerate(voltages) if value > voltage_kv), 0)
    if above == 0:
        raise UserMistake(
            f"tube voltage {voltage_kv:.4g} kV is outside the dose table ({_range(voltages)} kV): "
            f"measure a table with it"
        )
    low, high = voltages[above - 1], voltages[above]
    at_low, at_high = _at_voltage(entries, low, current_ma), _at_voltage(entries, high, current_ma)
    x, x_low, x_high = math.log(voltage_kv), math.log(low), math.log(high)
    weight = (x - x_low) / (x_high - x_low)
    rate = at_low.dose_rate ** (1 - weight) * at_high.dose_rate**weight
    points = math.hypot(
        (1 - weight) * at_low.uncertainty / at_low.dose_rate, weight * at_high.uncertainty / at_high.dose_rate
    )
    bend = 0.5 * _curvature(entries, voltages, above, current_ma) * (x - x_low) * (x_high - x)
    if bend > COARSEST:
        raise UserMistake(
            f"between {low:g} and {high:g} kV the dose table is too coarse for {voltage_kv:.4g} kV (uncertain by "
            f"{100 * bend:.0f} %): measure a table with it"
        )
    slope = (1 - weight) * at_low.slope / at_low.dose_rate + weight * at_high.slope / at_high.dose_rate
    return Interpolated(rate, rate * math.hypot(points, bend), rate * slope)


def _curvature(entries: Sequence[DoseTableEntry], voltages: list[float], above: int, current_ma: float) -> float:
    """Return the largest second derivative of ln(dose rate) on ln(voltage) that the table shows there."""

    def slope(index: int) -> float:
        low, high = voltages[index], voltages[index + 1]
        ratio = _at_voltage(entries, high, current_ma).dose_rate / _at_voltage(entries, low, current_ma).dose_rate
        return math.log(ratio) / math.log(high / low)

    here = slope(above - 1)
    found = []
    for other in (above - 2, above):
        if not 0 <= other < len(voltages) - 1:
            continue
        first, last = min(other, above - 1), max(other, above - 1) + 1
        half = 0.5 * math.log(voltages[last] / voltages[first])
        try:
            found.append(abs(slope(other) - here) / half)
        except UserMistake:  # that voltage was not measured at this current
            continue
    return 1.5 * max(found) if found else 2 * abs(here)


def _at_voltage(entries: Sequence[DoseTableEntry], voltage_kv: float, current_ma: float) -> Interpolated:
    points = sorted((entry for entry in entries if entry.voltage_kv == voltage_kv), key=lambda entry: entry.current_ma)
    first, last = points[0], points[-1]
    for edge, beyond in ((first, current_ma < first.current_ma), (last, current_ma > last.current_ma)):
        ratio = current_ma / edge.current_ma
        if beyond and abs(ratio - 1) <= EDGE:
            slope = edge.dose_rate / edge.current_ma
            return Interpolated(edge.dose_rate * ratio, edge.uncertainty * ratio, slope)
    if not first.current_ma <= current_ma <= last.current_ma:
        currents = [entry.current_ma for entry in points]
        raise UserMistake(
            f"tube current {current_ma:.4g} mA is outside the dose table ({_range(currents)} mA at {voltage_kv:g} kV): "
            f"measure a table with it"
        )
    if len(points) == 1:
        return Interpolated(first.dose_rate, first.uncertainty, first.dose_rate / first.current_ma)
    upper = next(index for index, entry in enumerate(points) if entry.current_ma >= current_ma and index > 0)
    low, high = points[upper - 1], points[upper]
    slope = (high.dose_rate - low.dose_rate) / (high.current_ma - low.current_ma)
    weight = (current_ma - low.current_ma) / (high.current_ma - low.current_ma)
    rate = low.dose_rate + slope * (current_ma - low.current_ma)
    return Interpolated(rate, math.hypot((1 - weight) * low.uncertainty, weight * high.uncertainty), slope)


def _range(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"only {low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
