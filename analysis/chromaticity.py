"""CIE 1931 chromaticity of an emission spectrum."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis.checked_arrays import finite_vector, matching_vector, standard_uncertainties
from analysis.figure import FigureOfMerit

METHOD = "CIE 1931, 2 degree standard observer"
#: Range of the tabulated observer, nm.
OBSERVER_NM = (360.0, 830.0)
#: Luminous sum over its own uncertainty below which there is no colour.
SIGNIFICANT = 5.0


def chromaticity(
    wavelengths_nm: npt.ArrayLike, spectral_power: npt.ArrayLike, uncertainty: npt.ArrayLike | float | None = None
) -> tuple[FigureOfMerit, FigureOfMerit]:
    """Chromaticity coordinates x and y.

    Parameters
    ----------
    wavelengths_nm
        (n) rising, nm.
    spectral_power
        (n) power per wavelength, any unit, after dark subtraction. A spectrometer's photon counts become that when they
        are divided by the wavelength and the response.
    uncertainty
        Standard uncertainties, independent from pixel to pixel; None when unknown, and then the figures have none.

    Returns
    -------
    tuple of FigureOfMerit
        `cie_x` and `cie_y`. Refused when there is no light in the visible beyond the noise.

    Raises
    ------
    ValueError
        If the arrays do not match or hold NaN, or the wavelengths do not rise.

    References
    ----------
    CIE 015:2018, Colorimetry; colour matching functions from the colour-science package.
    """
    wavelengths = finite_vector("wavelengths_nm", wavelengths_nm, 3)
    power = matching_vector("spectral_power", spectral_power, wavelengths, "wavelengths_nm")
    if np.any(np.diff(wavelengths) <= 0):
        raise ValueError("wavelengths_nm do not rise from pixel to pixel")
    spread = np.zeros_like(power) if uncertainty is None else standard_uncertainties("uncertainty", uncertainty, power)
    observer = _observer(wavelengths) * np.gradient(wavelengths)
    stimulus = observer @ power
    total = float(stimulus.sum())
    error = float(np.sqrt(np.sum((observer.sum(axis=0) * spread) ** 2)))
    if total <= max(SIGNIFICANT * error, 1e-12 * float(np.sum(np.abs(observer.sum(axis=0) * power)))):
        reason = "no light in the visible stands above the noise: no chromaticity"
        x, y = (FigureOfMerit.refused(name, "1", METHOD, reason) for name in ("cie_x", "cie_y"))
        return x, y
    warnings = _cut_off(wavelengths, power)
    figures = []
    for index, name in enumerate(("cie_x", "cie_y")):
        value = float(stimulus[index]) / total
        if uncertainty is None:
            figures.append(FigureOfMerit(name, value, None, None, "1", METHOD, warnings))
            continue
        gradient = (observer[index] - value * observer.sum(axis=0)) / total
        u = float(np.sqrt(np.sum((gradient * spread) ** 2)))
        figures.append(FigureOfMerit.normal(name, value, "1", METHOD, statistical=u, warnings=warnings))
    return figures[0], figures[1]


def _observer(wavelengths: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Colour matching functions (3, n) at the wavelengths, zero outside their table."""
    import colour

    table = colour.MSDS_CMFS["CIE 1931 2 Degree Standard Observer"]
    return np.array([np.interp(wavelengths, table.wavelengths, one, left=0.0, right=0.0) for one in table.values.T])


def _cut_off(wavelengths: npt.NDArray[np.float64], power: npt.NDArray[np.float64]) -> tuple[str, ...]:
    # Light beyond the record counts for nothing here; at 1 % of the peak its share may show in the third digit.
    ends = [
        f"{at:.4g} nm"
        for at, level in ((wavelengths[0], power[:3].mean()), (wavelengths[-1], power[-3:].mean()))
        if OBSERVER_NM[0] + 40.0 < at < OBSERVER_NM[1] - 130.0 and level > 0.01 * power.max()
    ]
    return tuple(f"the spectrum is cut off at {end} where it still emits" for end in ends)
