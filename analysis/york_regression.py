"""York's best straight line for many variance models at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.checked_arrays import FloatArray

ITERATIONS = 100
TOLERANCE = 1e-13


@dataclass(frozen=True)
class YorkLine:
    """Lines for G variance models: `slope`, `intercept` (G), `covariance` (G, 2, 2), `weights` (G, n).

    The order in a covariance matrix is intercept, slope.
    """

    slope: FloatArray
    intercept: FloatArray
    covariance: FloatArray
    weights: FloatArray


def york_line(x: FloatArray, y: FloatArray, variance_x: FloatArray, variance_y: FloatArray) -> YorkLine:
    """Best line by York's iteration, errors of x and y independent.

    Parameters
    ----------
    x, y
        (n) points.
    variance_x, variance_y
        (n) or (G, n): variances of the points, one row for each model of them.

    References
    ----------
    D. York, N. M. Evensen, M. Lopez Martinez, J. De Basabe Delgado, Am. J. Phys. 72 (2004) 367, section III with r = 0.
    """
    vx, vy = (np.atleast_2d(variance) for variance in np.broadcast_arrays(variance_x, variance_y))
    dx = x - x.mean()
    slope = np.full((vx.shape[0], 1), float(dx @ (y - y.mean())) / float(dx @ dx))
    for _ in range(ITERATIONS):
        weights = 1.0 / (vy + slope**2 * vx)
        total = weights.sum(axis=1, keepdims=True)
        x_mean = (weights * x).sum(axis=1, keepdims=True) / total
        y_mean = (weights * y).sum(axis=1, keepdims=True) / total
        u, v = x - x_mean, y - y_mean
        beta = weights * (u * vy + slope * v * vx)
        new = (weights * beta * v).sum(axis=1, keepdims=True) / (weights * beta * u).sum(axis=1, keepdims=True)
        settled = np.all(np.abs(new - slope) <= TOLERANCE * np.abs(new))
        slope = new
        if settled:
            break
    intercept = y_mean - slope * x_mean
    adjusted = x_mean + beta
    adjusted_mean = (weights * adjusted).sum(axis=1, keepdims=True) / total
    slope_variance = 1.0 / (weights * (adjusted - adjusted_mean) ** 2).sum(axis=1, keepdims=True)
    covariance = np.empty((vx.shape[0], 2, 2))
    covariance[:, 0, 0] = (1.0 / total + adjusted_mean**2 * slope_variance)[:, 0]
    covariance[:, 1, 1] = slope_variance[:, 0]
    covariance[:, 0, 1] = covariance[:, 1, 0] = (-adjusted_mean * slope_variance)[:, 0]
    return YorkLine(slope[:, 0], intercept[:, 0], covariance, weights)
