"""Whether figures of merit of several runs differ, and their mean where they do not.

What two runs share, such as the calibration of one dosimeter, shifts both alike: it is left out of the uncertainty of
their difference, and does not shrink in their mean. Sources: GUM (JCGM 100:2008), 5.2, for correlated terms and annex
F.1.2.3 for their origin in shared instruments; R. T. Birge, Phys. Rev. 40, 207 (1932), for the ratio of external to
internal consistency; S. Holm, Scand. J. Stat. 6, 65 (1979), for the significance of many pairs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from analysis.figure import NORMAL_95, FigureOfMerit

LARGEST_BIRGE_RATIO = 3.0
"""Above it the runs have not measured the same, and a mean would say nothing about any of them."""

CONSISTENT_P = 0.05


@dataclass(frozen=True)
class Compared:
    """A value and the parts of its uncertainty.

    Parameters
    ----------
    value, statistical, systematic
        In one unit; the last two are standard uncertainties.
    """

    value: float
    statistical: float
    systematic: float

    @classmethod
    def of(cls, figure: FigureOfMerit) -> Compared | None:
        """Take the parts of a figure; None where there is no value or no uncertainty."""
        if figure.value is None or figure.uncertainty is None:
            return None
        systematic = figure.systematic or 0.0
        statistical = figure.statistical
        if statistical is None:
            statistical = math.sqrt(max(figure.uncertainty**2 - systematic**2, 0.0))
        return cls(figure.value, statistical, systematic)


@dataclass(frozen=True)
class Difference:
    """How far two figures lie apart.

    Attributes
    ----------
    first, second
        Indices of the two.
    value, uncertainty
        First minus second, and its standard uncertainty.
    z
        The ratio of the two.
    p
        Two-sided probability of a larger one if the two were equal, for a normal error.
    p_holm
        The same, corrected for the number of pairs that were looked at.
    """

    first: int
    second: int
    value: float
    uncertainty: float
    z: float
    p: float
    p_holm: float


def differences(figures: Sequence[Compared | None], shared: Sequence[Sequence[float]]) -> list[Difference]:
    """Compare each figure with each other.

    Parameters
    ----------
    figures
        In one unit; None is left out.
    shared
        ``shared[i][j]``: the part of the systematic uncertainty of figure i that it has in common with figure j, in the
        same unit; 0 counts the two as independent, which makes their difference less certain, never more.

    Returns
    -------
    list of Difference
        Of each pair whose difference has an uncertainty.
    """
    found = []
    for first, one in enumerate(figures):
        for second in range(first + 1, len(figures)):
            other = figures[second]
            if one is None or other is None:
                continue
            common = min(shared[first][second], one.systematic) * min(shared[second][first], other.systematic)
            # both scale with the value: of opposite signs they would not be shared in this sense
            common *= 1.0 if one.value * other.value >= 0 else -1.0
            variance = one.statistical**2 + other.statistical**2 + one.systematic**2 + other.systematic**2 - 2 * common
            if variance > 0:
                found.append((first, second, one.value - other.value, math.sqrt(variance)))
    p = [2.0 * float(stats.norm.sf(abs(value) / uncertainty)) for _, _, value, uncertainty in found]
    return [
        Difference(first, second, value, uncertainty, value / uncertainty, p[number], corrected)
        for number, ((first, second, value, uncertainty), corrected) in enumerate(zip(found, holm(p), strict=True))
    ]


def holm(p: Sequence[float]) -> list[float]:
    """Correct probabilities for their number, after Holm."""
    order = sorted(range(len(p)), key=lambda index: p[index])
    corrected = [0.0] * len(p)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p) - rank) * p[index]))
        corrected[index] = largest
    return corrected


def weighted_mean(figures: Sequence[FigureOfMerit]) -> FigureOfMerit:
    """Mean of what several runs found for the same quantity of the same sample.

    Weights are the inverse squares of the statistical uncertainties. Where the values scatter more than these explain
    (Birge ratio above 1), the statistical uncertainty is multiplied by that ratio. Systematic parts are taken as
    common to all runs: their mean has the weighted mean of them.

    Parameters
    ----------
    figures
        At least two, of one name, unit and condition.

    Returns
    -------
    FigureOfMerit
        Refused where the Birge ratio is above `LARGEST_BIRGE_RATIO` or fewer than two have a statistical uncertainty.

    Raises
    ------
    ValueError
        If names, units or conditions differ.
    """
    first = figures[0]
    if any((one.name, one.unit, one.at) != (first.name, first.unit, first.at) for one in figures):
        raise ValueError("only figures of one name, unit and condition have a mean")
    method = "mean weighted with the statistical uncertainties"
    usable = [one for one in map(Compared.of, figures) if one is not None and one.statistical > 0]
    if len(usable) < 2:
        reason = f"{len(usable)} of {len(figures)} runs have a value with a statistical uncertainty: a mean needs two"
        return FigureOfMerit.refused(first.name, first.unit, method, reason, at=first.at)
    values = np.array([one.value for one in usable])
    errors = np.array([one.statistical for one in usable])
    systematic = np.array([one.systematic for one in usable])
    weights = errors**-2 / np.sum(errors**-2)
    mean = float(weights @ values)
    freedom = len(usable) - 1
    chi2 = float(np.sum(((values - mean) / errors) ** 2))
    birge = math.sqrt(chi2 / freedom)
    p = float(stats.chi2.sf(chi2, freedom))
    details = {"runs": len(usable), "chi2": chi2, "degrees_of_freedom": freedom, "p": p, "birge_ratio": birge}
    if birge > LARGEST_BIRGE_RATIO:
        reason = (
            f"the runs scatter {birge:.3g} times as much as their statistical uncertainties (p = {p:.2g}): they have "
            "not measured the same"
        )
        return FigureOfMerit.refused(first.name, first.unit, method, reason, at=first.at, details=details)
    warnings = []
    if len(usable) < len(figures):
        warnings.append(f"{len(figures) - len(usable)} of {len(figures)} runs have no value or no uncertainty")
    if p < CONSISTENT_P:
        warnings.append(f"the runs are not consistent (p = {p:.2g}); the uncertainty is widened by {birge:.3g}")
    internal = float(np.sum(errors**-2)) ** -0.5
    widened = birge > 1.0
    statistical = internal * max(1.0, birge)
    common = float(weights @ systematic)
    factor = float(stats.t.ppf(0.975, freedom)) if widened else NORMAL_95
    half = math.hypot(factor * statistical, NORMAL_95 * common)
    return FigureOfMerit(
        first.name,
        mean,
        math.hypot(statistical, common),
        (mean - half, mean + half),
        first.unit,
        method + (", widened by the Birge ratio" if widened else ""),
        tuple(warnings),
        first.at,
        statistical,
        common,
        details,
    )
