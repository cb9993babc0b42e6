"""From currents over time to what is left of a detector's signal and how its dark current drifts."""

from __future__ import annotations

import numpy as np

from analysis.figure import FigureOfMerit
from analysis.stability import dark_current_drift, relative_slope, remaining, t95
from config.sample_file import Sample
from procedures.drawing import Drawing, Points
from procedures.elsewhere.tabulated import is_tabulated
from procedures.run_data import Array, RunData

FEWEST = 6
MICROCOULOMB_PER_CM2 = 100.0


def _area(sample: Sample | None) -> float:
    if sample is None or sample.area_m2 is None:
        raise ValueError("the run file holds no sample with an area")
    return sample.area_m2


def responses(data: RunData) -> tuple[Array, Array, Array]:
    """Return time under the beam, s, dose, Gy, and response, uC/(Gy cm2), the dark current interpolated in time.

    Parameters
    ----------
    data
        With the streams of `procedures.operational_stability.OperationalStability`.
    """
    series = data["series"]
    if is_tabulated(data):
        return series["elapsed"], series["dose"], series["response"]
    windows = data["windows"]
    dark = (windows["beam"] == 0) & (windows["time"] <= windows["time"][-1])
    lit = np.flatnonzero(windows["beam"] == 1)
    pairs = min(len(lit), len(series["elapsed"]))
    lit = lit[:pairs]
    # where a current was taken off at the input, only readings after that compare
    dark &= windows["nulled"] == (windows["nulled"][lit[0]] if pairs else 0)
    level = np.interp(windows["moment"][lit], windows["moment"][dark], windows["mean"][dark])
    signal = np.abs(windows["mean"][lit] - level) / _area(data.sample)
    return (
        series["elapsed"][:pairs],
        series["dose"][:pairs],
        signal / windows["dose_rate"][lit] * MICROCOULOMB_PER_CM2,
    )


def operational_figures(data: RunData, initial: float) -> list[FigureOfMerit]:
    """Return what is left, time and dose to 95 %, and the slope.

    Parameters
    ----------
    data
        Of the run.
    initial
        Response at the very beginning, uC/(Gy cm2), of a run that went before; 0 for none.
    """
    elapsed, dose, response = responses(data)
    if len(elapsed) < FEWEST:
        reason = f"{len(elapsed)} readings with beam, at least {FEWEST} are needed"
        return [FigureOfMerit.refused("remaining", "%", "smooth course", reason)]
    figures = [
        remaining(elapsed, response),
        t95(elapsed, response),
        t95(dose, response, unit="Gy").renamed("dose_to_95"),
        relative_slope(elapsed, response),
    ]
    if initial > 0:
        figures = [figure.with_warnings("refers to the beginning of this run alone") for figure in figures]
        figures.append(_since_the_beginning(response, initial))
    return [figure.with_details(dose_gy=float(dose[-1])) for figure in figures]


def _since_the_beginning(response: Array, initial: float) -> FigureOfMerit:
    """Return what is left at the end of this run of the response at the beginning of an earlier one."""
    last = response[-max(FEWEST, len(response) // 10) :]
    share = float(last.mean()) / initial * 100
    error = float(last.std(ddof=1)) / np.sqrt(len(last)) / initial * 100
    return FigureOfMerit.normal(
        "remaining_since_beginning",
        share,
        "%",
        f"mean of the last {len(last)} readings over the initial signal that was given",
        statistical=float(error),
        warnings=("the uncertainty of the initial signal is not known here",),
    )


def drift_figures(data: RunData, field: float, settling: float) -> list[FigureOfMerit]:
    """Return the drift of the dark current.

    Parameters
    ----------
    data
        With the stream of `procedures.dark_current.DarkCurrent`.
    field
        V/cm
    settling
        s from the first reading on that are left out.
    """
    drift = data["drift"]
    return [dark_current_drift(drift["elapsed"], drift["density"], field * 100, settling)]


def operational_drawings(data: RunData) -> list[Drawing]:
    """Draw the response over dose."""
    _, dose, response = responses(data)
    if not len(dose):
        return []
    name = data.sample.name if data.sample else "the sample"
    return [
        Drawing(
            f"Response of {name} under a steady beam",
            "Dose (Gy)",
            "Response (uC/(Gy cm2))",
            (Points(dose, response),),
            quoted=("remaining", "t95"),
        )
    ]
