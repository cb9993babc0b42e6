"""Charge collection against bias: Hecht's formula, Many's and the one for generation in the bulk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from analysis.checked_arrays import FloatArray

ModelName = Literal["single-carrier", "surface-recombination", "two-carrier", "two-carrier-unequal"]


def single_carrier_collection(x: npt.ArrayLike) -> FloatArray:
    """Hecht's x (1 - exp(-1/x)) for carriers that start at one electrode and cross the whole thickness.

    Parameters
    ----------
    x
        mu tau V / d^2, the drift length in thicknesses; any shape, not negative.

    References
    ----------
    K. Hecht, Z. Phys. 77 (1932) 235.
    """
    at = np.maximum(np.asarray(x, dtype=np.float64), 1e-300)
    return np.asarray(-at * np.expm1(-1.0 / at), dtype=np.float64)


def bulk_collection(r: npt.ArrayLike) -> FloatArray:
    """One carrier's share r - r^2 (1 - exp(-1/r)) when pairs are generated evenly through the thickness.

    Rises from r (short drift length) to 1/2; the two carriers' shares add up.

    Parameters
    ----------
    r
        mu tau F / d; any shape, not negative.
    """
    at = np.maximum(np.asarray(r, dtype=np.float64), 1e-150)
    # For long drift lengths the difference cancels: its series in 1/r is used there.
    long = at > 1e3
    safe = np.where(long, 1.0, at)
    exact = safe + safe**2 * np.expm1(-1.0 / safe)
    series = 0.5 - 1.0 / (6.0 * at) + 1.0 / (24.0 * at**2)
    return np.asarray(np.where(long, series, exact), dtype=np.float64)


@dataclass(frozen=True)
class CollectionModel:
    """Collection efficiency as a function of the drift length and, in some, of a second parameter.

    Attributes
    ----------
    name
        As `ModelName`.
    formula
        Of J, as it is quoted.
    parameters
        Number of parameters, J0 included.
    second_grid
        Values at which the second parameter is tried: (d/V_max)(s/mu), or the ratio of the smaller mu tau to the
        larger one. A single number when the model has none.
    efficiency
        (x, second, V/V_max) to the efficiency; arguments broadcast.
    """

    name: ModelName
    formula: str
    parameters: int
    second_grid: FloatArray
    efficiency: Callable[[FloatArray, FloatArray, FloatArray], FloatArray]


MODELS: dict[ModelName, CollectionModel] = {
    "single-carrier": CollectionModel(
        "single-carrier",
        "J0 x (1 - exp(-1/x)), x = mu tau V/d2 (Hecht)",
        2,
        np.zeros(1),
        lambda x, _second, _relative: single_carrier_collection(x),
    ),
    "surface-recombination": CollectionModel(
        "surface-recombination",
        "J0 x (1 - exp(-1/x))/(1 + (d/V)(s/mu)), x = mu tau V/d2 (Many)",
        3,
        np.concatenate([[0.0], np.geomspace(1e-4, 1e2, 37)]),
        lambda x, second, relative: single_carrier_collection(x) / (1.0 + second / relative),
    ),
    "two-carrier": CollectionModel(
        "two-carrier",
        "2 J0 (r - r2 (1 - exp(-1/r))), r = mu tau F/d, both carriers alike, generated in the bulk",
        2,
        np.zeros(1),
        lambda x, _second, _relative: 2.0 * bulk_collection(x),
    ),
    "two-carrier-unequal": CollectionModel(
        "two-carrier-unequal",
        "J0 sum of r - r2 (1 - exp(-1/r)) over two carriers, r = mu tau F/d, generated in the bulk",
        3,
        np.concatenate([[0.0], np.geomspace(1e-3, 1.0, 37)]),
        lambda x, second, _relative: bulk_collection(x) + bulk_collection(second * x),
    ),
}
