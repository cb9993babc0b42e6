"""From current-voltage curves to their figures of merit."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from analysis.conduction import hysteresis, rectification_ratio, resistivity
from analysis.figure import FigureOfMerit
from procedures.run_data import Array, RunData

Mask = npt.NDArray[np.bool_]


def iv_figures(data: RunData) -> list[FigureOfMerit]:
    """Return resistivity, rectification ratio and hysteresis; those under the beam are named so.

    Parameters
    ----------
    data
        With the stream of `procedures.iv.CurrentVoltage`, and a sample that has an area.
    """
    sample = data.sample
    if sample is None or sample.area_m2 is None or sample.area_cm2 is None:
        raise ValueError("the run file holds no sample with an area")
    curve = data["curve"]
    measured = np.isfinite(curve["current"])
    figures: list[FigureOfMerit] = []
    for beam in sorted(set(curve["beam"].tolist())):
        rows = measured & (curve["beam"] == beam)
        found = [
            resistivity(
                curve["bias"][rows],
                curve["current"][rows],
                sample.thickness_m,
                sample.area_m2,
                curve["current_errors"][rows],
                thickness_uncertainty=sample.thickness_uncertainty_um / sample.thickness_um,
                area_uncertainty=sample.area_uncertainty_cm2 / sample.area_cm2,
            )
            if int(rows.sum()) >= 3
            else FigureOfMerit.refused("resistivity", "ohm cm", "I-V", f"{int(rows.sum())} points were measured"),
            *_rectification(curve, rows),
            *_hysteresis(curve, rows),
        ]
        found = [figure.with_warnings(*_warnings(curve, curve["beam"] == beam)) for figure in found]
        figures += found if not beam else [figure.renamed(f"{figure.name}_under_beam") for figure in found]
    return figures


def _rectification(curve: Mapping[str, Array], rows: Mask) -> list[FigureOfMerit]:
    """Return the ratio at the largest voltage of which both signs were measured."""
    bias = curve["bias"][rows]
    both = sorted(set(bias[bias > 0].round(9).tolist()) & set((-bias[bias < 0]).round(9).tolist()))
    if not both:
        return []
    return [rectification_ratio(bias, curve["current"][rows], both[-1], curve["current_errors"][rows])]


def _hysteresis(curve: Mapping[str, Array], rows: Mask) -> list[FigureOfMerit]:
    """Return the area between the way up and the way down, where both were gone."""
    up, down = rows & (curve["direction"] > 0), rows & (curve["direction"] < 0)
    if min(int(up.sum()), int(down.sum())) < 3:
        return []
    return [hysteresis(curve["bias"][up], curve["current"][up], curve["bias"][down], curve["current"][down])]


def _warnings(curve: Mapping[str, Array], rows: Mask) -> list[str]:
    """Say which points are no settled currents."""
    points = int(rows.sum())
    limited = int(curve["in_compliance"][rows].sum())
    unsettled = int(((curve["settled"] == 0) & (curve["in_compliance"] == 0))[rows].sum())
    found = []
    if limited:
        found.append(f"{limited} of {points} points reached the compliance and are left out")
    if unsettled:
        found.append(f"{unsettled} of {points} points had not settled within the limit")
    return found
