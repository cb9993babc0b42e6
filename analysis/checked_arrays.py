"""Checks of the arrays that come into an analysis: one mistake, one line that names the argument."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def finite_vector(name: str, values: npt.ArrayLike, minimum_size: int = 1) -> FloatArray:
    """One-dimensional array of finite numbers.

    Raises
    ------
    ValueError
        If it is not one-dimensional, has fewer than `minimum_size` elements or holds a NaN or an infinity.
    """
    vector = np.asarray(values, dtype=np.float64)
    if vector.ndim != 1:
        raise ValueError(f"{name} has {vector.ndim} dimensions, it must have one")
    if vector.size < minimum_size:
        raise ValueError(f"{name} has {vector.size} elements, at least {minimum_size} are needed")
    if not np.all(np.isfinite(vector)):
        raise ValueError(f"{name} holds a number that is not finite")
    return vector


def matching_vector(name: str, values: npt.ArrayLike, partner: FloatArray, partner_name: str) -> FloatArray:
    """Finite vector as long as `partner`.

    Raises
    ------
    ValueError
        If it is not, or as `finite_vector`.
    """
    vector = finite_vector(name, values)
    if vector.size != partner.size:
        raise ValueError(f"{name} has {vector.size} elements, {partner_name} has {partner.size}")
    return vector


def standard_uncertainties(name: str, values: npt.ArrayLike | float, partner: FloatArray) -> FloatArray:
    """Uncertainties of the elements of `partner`: a number for all, or one each; zero is allowed.

    Raises
    ------
    ValueError
        If one is negative or not finite, or there are too few or too many.
    """
    vector = np.asarray(values, dtype=np.float64)
    if vector.ndim == 0:
        vector = np.full(partner.size, float(vector))
    vector = matching_vector(name, vector, partner, "the values they belong to")
    if np.any(vector < 0):
        raise ValueError(f"{name} holds a negative uncertainty")
    return vector


def positive_number(name: str, value: float) -> float:
    """Finite number above zero.

    Raises
    ------
    ValueError
        If it is not.
    """
    number = float(value)
    if not (np.isfinite(number) and number > 0):
        raise ValueError(f"{name} is {number}, it must be a finite number above zero")
    return number


def relative_uncertainty(name: str, value: float) -> float:
    """Relative standard uncertainty: zero or more, below one.

    Raises
    ------
    ValueError
        If it is not.
    """
    number = float(value)
    if not 0 <= number < 1:
        raise ValueError(f"{name} is {number}, a relative standard uncertainty is at least 0 and below 1")
    return number
