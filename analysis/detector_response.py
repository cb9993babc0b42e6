"""Corrections of an optical detector's own response."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from analysis.checked_arrays import FloatArray

#: What is left of a CCD's non-linearity after the maker's polynomial, relative to the counts: Ocean Optics states
#: "corrected linearity > 99.8 %" for the USB2000+ (data sheet).
LEFT_OVER = 0.002


def linearised(light: npt.ArrayLike, dark: npt.ArrayLike, coefficients: Sequence[float]) -> FloatArray:
    """Correct raw counts for the detector's non-linearity, as the maker's polynomial says.

    The counts above the dark, divided by the polynomial of themselves, are linear; the dark is added again, so that
    the result can stand wherever raw counts did. Without coefficients the counts come back as they are.

    Parameters
    ----------
    light, dark
        Raw counts of the same exposure time, same shape.
    coefficients
        Of the polynomial, lowest order first; about 1, 0, 0, ...

    Returns
    -------
    numpy.ndarray
        Counts, shape of `light`.

    Raises
    ------
    ValueError
        If the polynomial is zero or negative somewhere, which no detector's is.

    References
    ----------
    Ocean Optics, OOINLCorrect manual; the coefficients stand in the spectrometer's EEPROM slots 6 to 14.
    """
    raw, base = np.asarray(light, dtype=np.float64), np.asarray(dark, dtype=np.float64)
    if not len(coefficients):
        return raw.copy()
    net = raw - base
    divisor = np.polynomial.polynomial.polyval(net, np.asarray(coefficients, dtype=np.float64))
    if not np.all(divisor > 0):
        raise ValueError(f"the non-linearity coefficients {list(coefficients)} give a polynomial that is not positive")
    return np.asarray(base + net / divisor, dtype=np.float64)
