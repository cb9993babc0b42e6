"""Hypotheses about the scatter of points: what is stated, and an unknown part, constant or growing with the signal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.checked_arrays import FloatArray

#: Grid: sizes of the excess scatter, and mixtures of its constant and its proportional part.
SCALES = 28
SHAPES = 7
#: Weight of "the stated uncertainties are right", in e-folds of excess scatter.
AS_STATED = 0.5
#: Scatter relative to the largest point below which data count as free of it.
NEGLIGIBLE = 1e-6


@dataclass(frozen=True)
class ScatterHypotheses:
    """Variances that the points may have, and how probable each is before the data are looked at.

    Attributes
    ----------
    variances
        (hypotheses, n), in the unit of the signal squared.
    log_prior
        (hypotheses).
    """

    variances: FloatArray
    log_prior: FloatArray


def scatter_hypotheses(curve: FloatArray, residual: float, stated: FloatArray) -> ScatterHypotheses:
    """Grid of stated^2 + c^2 + (p f)^2 over the unknown c and p, with the prior of `fit_line_with_scatter`.

    Parameters
    ----------
    curve
        (n) the signal expected at the points, f.
    residual
        Standard deviation of the residuals of a first fit.
    stated
        (n) stated variances; zero where nothing is stated.
    """
    size = np.abs(curve)
    typical = float(np.sqrt(np.mean(size**2)))
    shapes = np.ones((1, curve.size))
    if typical > 0.0:
        relative = np.maximum(size / typical, 1e-3)
        ratios = np.geomspace(0.3 / relative.max(), 6.0 / relative.min(), SHAPES) ** 2
        constant = 1.0 / (1.0 + ratios)
        shapes = constant[:, None] + (1.0 - constant)[:, None] * relative**2
    residual = max(residual, NEGLIGIBLE * float(size.max(initial=0.0)), 1e-60)
    low, high = residual, max(residual, float(np.sqrt(stated.max())))
    if np.all(stated > 0):
        low = min(low, float(np.sqrt(stated.min())))
    scales = np.geomspace(0.05 * low, 60.0 * high, SCALES)
    excess = scales[:, None, None] ** 2 * shapes
    noticeable = np.median(stated / shapes, axis=1)
    prior = scales[:, None] ** 2 / (scales[:, None] ** 2 + noticeable) * np.log(scales[1] / scales[0])
    variances = (stated + excess).reshape(-1, curve.size)
    log_prior = np.log(prior / shapes.shape[0]).ravel()
    if np.all(stated > 0):
        variances = np.concatenate([stated[None, :], variances])
        log_prior = np.concatenate([[np.log(AS_STATED)], log_prior])
    return ScatterHypotheses(variances, log_prior)
