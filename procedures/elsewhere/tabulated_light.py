"""Radioluminescence over time as a table has it: one number a moment, no spectra."""

from __future__ import annotations

import numpy as np

from analysis.figure import FigureOfMerit
from analysis.stability import ratio_to_monitor, relative_slope, remaining, t95
from procedures.drawing import Drawing, Points
from procedures.run_data import Array, RunData
from procedures.streams import Stream

LIGHT = Stream(
    "series",
    "Radioluminescence over time",
    elapsed="s",
    light="1",
    dose_rate="Gy/s",
    dose="Gy",
    primary=("elapsed", "light"),
)
"""NaN where the table does not tell the dose rate or the dose."""

FEWEST = 6


def has_no_spectra(data: RunData) -> bool:
    """Say whether a run of light over time is such a table."""
    return "light" in data["series"]


def _ratio(data: RunData) -> tuple[Array, Array]:
    series = data["series"]
    if np.isfinite(series["dose_rate"]).all():
        return series["elapsed"], ratio_to_monitor(series["light"], series["dose_rate"])
    return series["elapsed"], series["light"]


def light_figures(data: RunData) -> list[FigureOfMerit]:
    """Return what is left, the time to 95 %, and the slope."""
    elapsed, ratio = _ratio(data)
    if len(elapsed) < FEWEST:
        reason = f"{len(elapsed)} readings, at least {FEWEST} are needed"
        return [FigureOfMerit.refused("remaining", "%", "smooth course", reason)]
    figures = [remaining(elapsed, ratio), t95(elapsed, ratio), relative_slope(elapsed, ratio)]
    if not np.isfinite(data["series"]["dose_rate"]).all():
        figures = [
            figure.with_warnings("not over a dose monitor: a drift of the tube looks the same") for figure in figures
        ]
    dose = float(data["series"]["dose"][-1])
    return [figure.with_details(dose_gy=dose) for figure in figures] if np.isfinite(dose) else figures


def light_drawings(data: RunData) -> list[Drawing]:
    """Draw the course over the mean of its first twentieth."""
    elapsed, ratio = _ratio(data)
    start = float(ratio[: max(1, len(ratio) // 20)].mean()) or 1.0
    return [
        Drawing(
            f"Radioluminescence of {data.sample.name if data.sample else 'the sample'} under the beam",
            "Time (min)",
            "Radioluminescence (% of the start)",
            (Points(elapsed / 60, ratio / start * 100),),
            quoted=("remaining", "t95"),
        )
    ]
