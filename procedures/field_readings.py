"""What was read at one field: signals between dark readings, and what they were taken with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from analysis.autocorrelation import SteadySignal, steady_signal
from analysis.signal_current import CurrentReading, SignalCurrent, signal_current
from analysis.signal_points import Acquisition
from procedures.elsewhere.tabulated import is_tabulated, tabulated_signals
from procedures.run_data import Array, RunData


@dataclass(frozen=True)
class FieldReadings:
    """What was measured at one field."""

    field: float
    signals: list[SignalCurrent]
    dark: list[SteadySignal]
    """Of every reading without beam whose level counts, A."""
    dose_rates: Array
    dose_errors: Array
    acquisition: Acquisition
    range_changes: int
    """Points whose readings with and without beam were not all taken on one range of the preamplifier."""


def field_readings(data: RunData, area: float) -> Iterator[FieldReadings]:
    """Pair the windows of a run, field by field in the order they were measured; electrode area in m2.

    An imported table has its signals already.
    """
    if is_tabulated(data):
        for field, signals, dark, rates, errors, acquisition in tabulated_signals(data, area):
            yield FieldReadings(field, signals, dark, rates, errors, acquisition, 0)
        return
    windows = data["windows"]
    for field in dict.fromkeys(windows["field"].tolist()):
        rows = np.flatnonzero(windows["field"] == field)
        lit = [
            row
            for row in rows
            if windows["beam"][row]
            and {row - 1, row + 1} <= set(rows)
            and not windows["beam"][[row - 1, row + 1]].any()
        ]
        readings = {row: CurrentReading(float(windows["moment"][row]), windows["current"][row]) for row in rows}
        signals = [signal_current(readings[row - 1], readings[row], readings[row + 1], area) for row in lit]
        # where a current was taken off at the input, the level of what is left means nothing
        dark = [
            steady_signal(windows["current"][row]) for row in rows if not (windows["beam"] + windows["nulled"])[row]
        ]
        bandwidth = windows["bandwidth"][rows]
        interval = float(windows["interval"][rows].mean())
        lowest = float(bandwidth.min()) if np.isfinite(bandwidth).all() else None
        yield FieldReadings(
            field,
            signals,
            dark,
            windows["dose_rate"][lit],
            windows["dose_rate_errors"][lit],
            Acquisition(lowest, 1.0 / interval, windows["current"].shape[1]),
            sum(_range_changed(windows["range"][row - 1 : row + 2]) for row in lit),
        )


def _range_changed(ranges: Array) -> bool:
    """Say whether the range changed; an instrument that chooses by itself gives none."""
    return bool(np.isfinite(ranges).all() and len(set(ranges.tolist())) > 1)
