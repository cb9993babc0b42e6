"""What tables of published or exported results hold where our own runs hold windows of samples."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from analysis.autocorrelation import SteadySignal
from analysis.signal_current import NANOAMPERE_PER_CM2, SignalCurrent
from analysis.signal_points import Acquisition
from procedures.run_data import Array, RunData
from procedures.streams import Scalar, Stream

SIGNALS = Stream(
    "points",
    "Photocurrent density against dose rate",
    dose_rate=Scalar("Gy/s", errors=True),
    signal=Scalar("nA/cm2", errors=True),
    field="V/cm",
    tube_current="mA",
    noise="nA/cm2",
    dark_noise="nA/cm2",
    dark="nA/cm2",
    samples="1",
    primary=("dose_rate", "signal"),
)
"""Signals whose dark current was taken off; NaN where the table does not say."""

SERIES = Stream(
    "series",
    "Sensitivity under a steady beam",
    elapsed="s",
    response="uC/(Gy cm2)",
    dose="Gy",
    dose_rate="Gy/s",
    density="nA/cm2",
    primary=("dose", "response"),
)

LEAST_DOF = 1.0


def is_tabulated(data: RunData) -> bool:
    """Say whether a run holds a table of results instead of windows of samples."""
    return "windows" not in data.streams


def tabulated_signals(
    data: RunData, area: float
) -> Iterator[tuple[float, list[SignalCurrent], list[SteadySignal], Array, Array, Acquisition]]:
    """Yield, by field: signals, dark readings (A), dose rates and their errors (NaN where not known), acquisition."""
    points = data["points"]
    for field in dict.fromkeys(points["field"].tolist()):
        rows = np.flatnonzero(points["field"] == field)
        signals = [_signal(points, int(row)) for row in rows]
        dark = [
            _dark(float(points["dark"][row]) / NANOAMPERE_PER_CM2 * area)
            for row in rows
            if math.isfinite(points["dark"][row])
        ]
        counts = set(points["samples"][rows].tolist())
        count = next(iter(counts)) if len(counts) == 1 else math.nan
        acquisition = Acquisition(samples=int(count) if math.isfinite(count) else None)
        errors = np.nan_to_num(points["dose_rate_errors"][rows])
        yield field, signals, dark, points["dose_rate"][rows], errors, acquisition


def _signal(points: Mapping[str, Array], row: int) -> SignalCurrent:
    def value(name: str) -> float:
        return float(points[name][row]) / NANOAMPERE_PER_CM2

    samples = float(points["samples"][row])
    noise, error = value("noise"), value("signal_errors")
    known = math.isfinite(samples) and samples > 1
    if not math.isfinite(error):
        # the noise of one sample over the root of their number; where neither is known the scatter about the line tells
        error = noise / math.sqrt(samples) if known and math.isfinite(noise) else 0.0
    dof = samples - 1 if known else LEAST_DOF
    dark_noise = value("dark_noise")
    return SignalCurrent(
        density=value("signal"),
        uncertainty=error,
        noise=noise,
        noise_dof=dof,
        dark_density=value("dark"),
        dark_uncertainty=0.0,
        dark_noise=dark_noise,
        dark_noise_dof=dof,
        count=int(samples) if known else 1,
        effective_count=samples if known else 1.0,
    )


def _dark(current: float) -> SteadySignal:
    return SteadySignal(current, 0.0, 0.0, LEAST_DOF, 1, 1.0, 1.0, False)
