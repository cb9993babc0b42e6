"""Lifetimes from a photon-counting decay, and their two averages."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from analysis.decay_fit import METHOD, TAIL_METHOD, DecayFit, fit_decay
from analysis.decay_model import Response, instrument_response
from analysis.figure import NORMAL_95, FigureOfMerit


def decay_figures(
    times: npt.ArrayLike,
    counts: npt.ArrayLike,
    response: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    *,
    components: int = 2,
) -> tuple[DecayFit | None, list[FigureOfMerit]]:
    """`fit_decay` and its figures; where it refuses, None and figures that say why.

    Parameters
    ----------
    times, counts, components
        As `fit_decay`.
    response
        Times and counts of the instrument response; None follows the decay from its peak on.

    Returns
    -------
    fit, figures
        `lifetime_intensity_average`, `lifetime_amplitude_average`, then `lifetime_1`, `amplitude_1`, ... (shares).
    """
    names = ("lifetime_intensity_average", "lifetime_amplitude_average")
    try:
        seen = None if response is None else instrument_response(*response)
        fit = fit_decay(times, counts, seen, components=components)
        if components > 1:
            fit = _compared(fit, times, counts, seen, components)
    except ValueError as refusal:
        method = METHOD if response is not None else TAIL_METHOD
        return None, [FigureOfMerit.refused(name, "ns", method, str(refusal)) for name in names]
    return fit, [*(_average(fit, name, power) for name, power in zip(names, (1, 0), strict=True)), *_parts(fit)]


def _compared(
    fit: DecayFit, times: npt.ArrayLike, counts: npt.ArrayLike, response: Response | None, components: int
) -> DecayFit:
    fewer = fit_decay(times, counts, response, components=components - 1)
    if fewer.aic > fit.aic:
        return fit
    text = f"{components - 1} exponential{'s' if components > 2 else ''} describe the decay as well (AIC)"
    return replace(fit, warnings=(*fit.warnings, text))


def _average(fit: DecayFit, name: str, power: int) -> FigureOfMerit:
    value, error = fit.average(power)
    return _positive(
        name,
        value * 1e9,
        error * 1e9,
        fit,
        f"{fit.method}; sum A tau^{power + 1} / sum A tau^{power}" if power else f"{fit.method}; sum A tau / sum A",
        details={
            "components": fit.lifetimes.size,
            "pearson_chi2": fit.pearson / fit.dof,
            "dof": fit.dof,
            "aic": fit.aic,
            "shift_s": fit.shift,
            "background_counts": fit.background,
        },
    )


def _positive(
    name: str,
    value: float,
    error: float,
    fit: DecayFit,
    method: str,
    details: dict[str, float | str | bool | None] | None = None,
) -> FigureOfMerit:
    # lifetimes are positive: the interval is symmetric in their logarithm
    wide = float(np.exp(NORMAL_95 * error / value))
    return FigureOfMerit(
        name,
        value,
        error,
        (value / wide, value * wide),
        "ns",
        method,
        fit.warnings,
        statistical=error,
        details=details or {},
    )


def _parts(fit: DecayFit) -> list[FigureOfMerit]:
    found = []
    k = fit.lifetimes.size
    shares = fit.amplitudes / fit.amplitudes.sum()
    for index, (lifetime, share) in enumerate(zip(fit.lifetimes, shares, strict=True)):
        error = float(np.sqrt(fit.covariance[index, index]) * lifetime)
        found.append(_positive(f"lifetime_{index + 1}", lifetime * 1e9, error * 1e9, fit, fit.method))
        if k == 1:
            break
        gradient = np.where(np.arange(k) == index, share, 0.0) - share * shares
        own = fit.covariance[k : 2 * k, k : 2 * k]
        error = float(np.sqrt(gradient @ own @ gradient))
        ends = share * (1 - share)
        # symmetric in the logit, so that a share stays between 0 and 1
        logit, spread = float(np.log(share / (1 - share))), NORMAL_95 * error / ends
        low, high = (1.0 / (1.0 + np.exp(-(logit + sign * spread))) for sign in (-1.0, 1.0))
        found.append(
            FigureOfMerit(
                f"amplitude_{index + 1}",
                float(share),
                error,
                (float(low), float(high)),
                "1",
                f"{fit.method}; share of the amplitudes",
                fit.warnings,
                statistical=error,
            )
        )
    return found
