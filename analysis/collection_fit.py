"""Likelihood of charge-collection data over drift length, second parameter and scatter, J0 solved for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from analysis.checked_arrays import FloatArray
from analysis.excess_scatter import ScatterHypotheses, scatter_hypotheses
from analysis.hecht_models import CollectionModel
from analysis.profile_likelihood import Profile, profile_interval

#: Drift length at the largest bias, in thicknesses. Below, the curve is a straight line, above a flat one.
DRIFT_RANGE = (1e-2, 1e3)
GRID = 141
#: Log likelihoods this far below the best are not looked at again when the grid closes in.
FAR_BELOW = 14.0
#: Most cells that the profile of a linear parameter looks at.
CELLS = 250
#: Hypotheses about the scatter with less than this share of the probability are dropped.
SHARE = 1e-5


@dataclass(frozen=True)
class CollectionFit:
    """A collection model fitted to the photocurrent.

    Attributes
    ----------
    log_drift
        Profile of ln(mu tau V_max/d^2); an end is None where the data leave it open.
    second
        Profile of the second parameter; None when the model has none.
    amplitude, product
        Profiles of J0 and of J0 mu tau V_max/d^2, in the unit of the signal.
    drift, second_value, amplitude_value
        The best fit.
    curve
        (n) the best fit at the points.
    efficiency
        Collection efficiency at the largest bias.
    log_likelihood
        Largest one, the scatter included (not restricted).
    """

    log_drift: Profile
    second: Profile | None
    amplitude: Profile
    product: Profile
    drift: float
    second_value: float
    amplitude_value: float
    curve: FloatArray
    efficiency: float
    log_likelihood: float


@dataclass(frozen=True)
class _Surface:
    """Everything at the cells of a grid: log likelihood (hypotheses, cells), J0 and its variance likewise."""

    log_drift: FloatArray
    second: FloatArray
    shape: tuple[int, int]
    efficiency: FloatArray
    log_likelihood: FloatArray
    restricted: FloatArray
    amplitude: FloatArray
    variance: FloatArray

    @property
    def combined(self) -> FloatArray:
        """(cells) log likelihood, the scatter integrated over."""
        return np.asarray(special.logsumexp(self.restricted, axis=0), dtype=np.float64)


def fit_collection(
    model: CollectionModel, relative_bias: FloatArray, signal: FloatArray, stated: FloatArray
) -> CollectionFit:
    """Fit a collection model.

    J0 enters linearly and is solved for at each cell of a grid of the others, so that no start can be wrong and no
    second minimum missed; scatter beyond the stated one is integrated over with the restricted likelihood.

    Parameters
    ----------
    model
        Which.
    relative_bias
        (n) bias over the largest one, above 0 to 1.
    signal
        (n) photocurrent, positive for carriers that follow the field.
    stated
        (n) stated variances, zeros where none are stated.
    """
    log_drift = np.linspace(np.log(DRIFT_RANGE[0]), np.log(DRIFT_RANGE[1]), GRID)
    second = model.second_grid
    plain = ScatterHypotheses(np.ones((1, signal.size)), np.zeros(1))
    surface = _surface(model, log_drift, second, relative_bias, signal, plain)
    for _ in range(3):
        best = int(np.argmax(surface.combined))
        hypothesis = int(np.argmax(surface.restricted[:, best]))
        curve = surface.amplitude[hypothesis, best] * surface.efficiency[best]
        dof = max(1, signal.size - model.parameters)
        residual = float(np.sqrt(np.sum((signal - curve) ** 2) / dof))
        hypotheses = scatter_hypotheses(curve, residual, stated)
        surface = _surface(model, log_drift, second, relative_bias, signal, _probable(surface, hypotheses, signal))
        log_drift, second = _closer(surface, log_drift, second)
    surface = _surface(model, log_drift, second, relative_bias, signal, _probable(surface, hypotheses, signal))
    return _result(model, surface, signal)


def _probable(surface: _Surface, hypotheses: ScatterHypotheses, signal: FloatArray) -> ScatterHypotheses:
    """Drop the hypotheses that the best curve so far makes improbable."""
    best = int(np.argmax(surface.combined))
    shape = surface.efficiency[best]
    weights = 1.0 / hypotheses.variances
    rest = weights @ signal**2 - (weights @ (shape * signal)) ** 2 / (weights @ shape**2)
    likelihood = 0.5 * np.log(weights).sum(axis=1) - 0.5 * rest + hypotheses.log_prior
    kept = likelihood > likelihood.max() + np.log(SHARE) - 3.0
    return ScatterHypotheses(hypotheses.variances[kept], hypotheses.log_prior[kept])


def _surface(
    model: CollectionModel,
    log_drift: FloatArray,
    second: FloatArray,
    relative_bias: FloatArray,
    signal: FloatArray,
    hypotheses: ScatterHypotheses,
) -> _Surface:
    drift = np.exp(log_drift)[:, None, None] * relative_bias
    shapes = model.efficiency(drift, second[None, :, None], relative_bias).reshape(-1, signal.size)
    weights = 1.0 / hypotheses.variances
    across, square = weights @ (shapes * signal).T, weights @ (shapes**2).T
    rest = (weights @ signal**2)[:, None] - np.maximum(across, 0.0) ** 2 / square
    likelihood = 0.5 * (np.log(weights).sum(axis=1)[:, None] - rest - signal.size * np.log(2.0 * np.pi))
    # Restricted likelihood: the parameters have used up degrees of freedom along the directions they move the curve in.
    best = int(np.argmax(likelihood.max(axis=0)))
    basis = _tangents(shapes.reshape(log_drift.size, second.size, -1), best, second.size)
    spent = np.linalg.slogdet(np.einsum("na,gn,nb->gab", basis, weights, basis))[1]
    return _Surface(
        log_drift,
        second,
        (log_drift.size, second.size),
        shapes,
        likelihood,
        likelihood - 0.5 * spent[:, None] + hypotheses.log_prior[:, None],
        np.maximum(across, 0.0) / square,
        1.0 / square,
    )


def _tangents(shapes: FloatArray, best: int, seconds: int) -> FloatArray:
    """Orthonormal basis (n, parameters) of the directions in which the parameters move the curve."""
    i, j = divmod(best, seconds)
    directions = [shapes[i, j], shapes[min(i + 1, shapes.shape[0] - 1), j] - shapes[max(i - 1, 0), j]]
    if seconds > 1:
        directions.append(shapes[i, min(j + 1, seconds - 1)] - shapes[i, max(j - 1, 0)])
    left, size, _ = np.linalg.svd(np.array([one / max(np.linalg.norm(one), 1e-300) for one in directions]).T,
                                  full_matrices=False)  # fmt: skip
    return np.asarray(left[:, size > 1e-9], dtype=np.float64)


def _closer(surface: _Surface, log_drift: FloatArray, second: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Grids that close in on what is probable, with a margin; probability at an end of the range keeps that end."""
    likelihood = surface.combined.reshape(surface.shape)
    near = likelihood > likelihood.max() - FAR_BELOW
    rows, columns = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
    low, high = log_drift[max(0, rows[0] - 1)], log_drift[min(log_drift.size - 1, rows[-1] + 1)]
    log_drift = np.linspace(low, high, GRID)
    if second.size > 1:
        first, last = max(0, int(columns[0]) - 1), min(second.size - 1, int(columns[-1]) + 1)
        bottom, top = float(second[first]), float(second[last])
        if bottom > 0.0:
            second = np.geomspace(bottom, top, second.size)
        else:
            # From zero: evenly spaced near it, geometrically far from it.
            second = np.concatenate([[0.0], np.geomspace(max(second[1], 1e-3 * top), top, second.size - 1)])
    return log_drift, second


def _result(model: CollectionModel, surface: _Surface, signal: FloatArray) -> CollectionFit:
    combined = surface.combined
    best = int(np.argmax(combined))
    dof = max(1, signal.size - model.parameters)
    table = combined.reshape(surface.shape)
    log_drift = profile_interval(surface.log_drift, table.max(axis=1), dof)
    second = profile_interval(surface.second, table.max(axis=0), dof) if surface.second.size > 1 else None
    drift = np.repeat(np.exp(surface.log_drift), surface.second.size)
    hypothesis = int(np.argmax(surface.restricted[:, best]))
    amplitude = float(surface.amplitude[hypothesis, best])
    at_largest = _efficiency_at_largest(model, float(drift[best]), surface, best)
    return CollectionFit(
        log_drift,
        second,
        _linear_profile(surface, combined, np.ones_like(drift), dof),
        _linear_profile(surface, combined, drift, dof),
        float(np.exp(log_drift.value)),
        float(np.tile(surface.second, surface.log_drift.size)[best]),
        amplitude,
        amplitude * surface.efficiency[best],
        at_largest,
        float(surface.log_likelihood[:, best].max()),
    )


def _efficiency_at_largest(model: CollectionModel, drift: float, surface: _Surface, best: int) -> float:
    second = surface.second[best % surface.second.size]
    return float(model.efficiency(np.array([drift]), np.array([second]), np.ones(1))[0])


def _linear_profile(surface: _Surface, combined: FloatArray, multiplier: FloatArray, dof: float) -> Profile:
    """Profile of J0 times `multiplier` (cells): at each cell it is normal about the solved value."""
    cells = np.flatnonzero(combined > combined.max() - FAR_BELOW / 2.0)
    if cells.size > CELLS:
        cells = np.append(cells[:: cells.size // CELLS + 1], np.argmax(combined))
    table = surface.restricted[:, cells]
    table = np.exp(table - table.max())
    kept = table.sum(axis=1) > 1e-3 * table.sum(axis=1).max()
    table = table[kept]
    centre = surface.amplitude[kept][:, cells] * multiplier[cells]
    width = np.sqrt(surface.variance[kept][:, cells]) * multiplier[cells]
    reach = 6.0 * width[:, np.argmax(combined[cells])].max()
    grid = np.linspace(max(centre.min() - reach, 1e-3 * centre.min()), centre.max() + reach, 101)
    values = [np.sum(table * np.exp(-0.5 * ((at - centre) / width) ** 2), axis=0).max() for at in grid.tolist()]
    return profile_interval(grid, np.log(np.maximum(values, 1e-300)), dof)
