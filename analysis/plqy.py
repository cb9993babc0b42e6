"""Photoluminescence quantum yield in an integrating sphere: the three measurements of de Mello."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis.checked_arrays import FloatArray, finite_vector, matching_vector
from analysis.figure import FigureOfMerit
from analysis.net_spectrum import pixel_noise

METHOD = "three measurements in an integrating sphere (de Mello 1997)"
#: A sample that absorbs less than this many standard uncertainties of its absorption gives no yield.
ABSORBS = 3.0

Band = tuple[float, float]


def quantum_yield(
    wavelengths_nm: npt.ArrayLike,
    empty: npt.ArrayLike,
    beside: npt.ArrayLike,
    direct: npt.ArrayLike,
    excitation_nm: Band,
    emission_nm: Band,
    *,
    response: npt.ArrayLike | None = None,
    self_absorption: float = 0.0,
) -> tuple[FigureOfMerit, FigureOfMerit]:
    """Give emitted over absorbed photons, with the light accounted for that the sphere throws back onto the sample.

    A = 1 - L_direct/L_beside is what the beam itself loses, and PLQY = (P_direct - (1 - A) P_beside)/(A L_empty), L and
    P being photons in the bands of excitation and emission; what the empty sphere shows in the emission band is taken
    off.

    Parameters
    ----------
    wavelengths_nm
        (n) nm, rising.
    empty, beside, direct
        (n) dark-subtracted counts a pixel: sphere without the sample, sample in the sphere beside the beam, sample in
        the beam; same exposure.
    excitation_nm, emission_nm
        Bands, nm; they must not overlap.
    response
        (n) relative counts per photon of sphere and spectrometer; None when the counts are proportional to photons.
    self_absorption
        Share of the emission that the sample absorbs again, 0 to below 1: yield = observed/(1 - a + a observed).

    Returns
    -------
    yield, absorption : FigureOfMerit
        `plqy` and `absorption`, 1. Refused when the sample does not absorb.

    Raises
    ------
    ValueError
        If arrays do not match, bands overlap or hold fewer than three pixels, or `self_absorption` is out of range.

    References
    ----------
    J. C. de Mello, H. F. Wittmann, R. H. Friend, Adv. Mater. 9 (1997) 230.
    T.-S. Ahn et al., Rev. Sci. Instrum. 78 (2007) 086105 (self-absorption).
    """
    wavelengths = finite_vector("wavelengths_nm", wavelengths_nm, 16)
    if np.any(np.diff(wavelengths) <= 0):
        raise ValueError("wavelengths_nm do not rise from pixel to pixel")
    if not 0.0 <= self_absorption < 1.0:
        raise ValueError(f"self_absorption is {self_absorption}, it must be at least 0 and below 1")
    if max(excitation_nm[0], emission_nm[0]) < min(excitation_nm[1], emission_nm[1]):
        raise ValueError(
            f"the bands of excitation, {excitation_nm[0]:g} to {excitation_nm[1]:g} nm, and emission, "
            f"{emission_nm[0]:g} to {emission_nm[1]:g} nm, overlap"
        )
    sensitivity = np.ones_like(wavelengths)
    warnings: tuple[str, ...] = ("counts are taken for photons: no response of sphere and spectrometer was given",)
    if response is not None:
        sensitivity, warnings = matching_vector("response", response, wavelengths, "wavelengths_nm"), ()
    bands = [_band(wavelengths, band) for band in (excitation_nm, emission_nm)]
    if np.any(sensitivity[bands[0] | bands[1]] <= 0):
        raise ValueError("response holds a value in the bands that is not above zero")
    sums, errors = [], []
    for name, given in (("empty", empty), ("beside", beside), ("direct", direct)):
        counts = matching_vector(name, given, wavelengths, "wavelengths_nm")
        noise = pixel_noise(counts)
        for inside in bands:
            sums.append(float(np.sum(counts[inside] / sensitivity[inside])))
            errors.append(float(np.sqrt(np.sum((noise[inside] / sensitivity[inside]) ** 2))))
    return _figures(np.array(sums), np.array(errors), self_absorption, warnings)


def _band(wavelengths: FloatArray, band: Band) -> npt.NDArray[np.bool_]:
    inside = (wavelengths >= band[0]) & (wavelengths <= band[1])
    if inside.sum() < 3:
        raise ValueError(f"band {band[0]:g} to {band[1]:g} nm holds fewer than three pixels")
    return np.asarray(inside, dtype=np.bool_)


def _observed(sums: FloatArray) -> tuple[float, float]:
    """Absorption of the direct beam, and the yield, from L and P of the three measurements in turn."""
    light_empty, floor, light_beside, glow_beside, light_direct, glow_direct = sums
    absorbed = 1.0 - light_direct / light_beside
    glow = (glow_direct - floor) - (1.0 - absorbed) * (glow_beside - floor)
    return absorbed, glow / (absorbed * light_empty)


def _figures(
    sums: FloatArray, errors: FloatArray, again: float, warnings: tuple[str, ...]
) -> tuple[FigureOfMerit, FigureOfMerit]:
    if min(sums[0], sums[2], sums[4]) <= 0:
        reason = "no excitation light is in its band: check the band"
        return FigureOfMerit.refused("plqy", "1", METHOD, reason), FigureOfMerit.refused(
            "absorption", "1", METHOD, reason
        )
    absorbed, observed = _observed(sums)
    slopes = np.empty((2, sums.size))
    for index, error in enumerate(errors):
        step = np.zeros_like(sums)
        step[index] = max(1e-4 * error, 1e-9 * sums[0])
        ends = [_observed(sums + step), _observed(sums - step)]
        slopes[:, index] = [(high - low) / (2.0 * step[index]) for high, low in zip(*ends, strict=True)]
    absorbed_error, error = np.sqrt(np.sum((slopes * errors) ** 2, axis=1))
    absorption = FigureOfMerit.normal("absorption", absorbed, "1", METHOD, statistical=float(absorbed_error))
    if absorbed < ABSORBS * absorbed_error:
        reason = f"the sample absorbs {absorbed:.2g} of the beam, not significantly: no yield can be taken from that"
        return FigureOfMerit.refused("plqy", "1", METHOD, reason, warnings=warnings), absorption
    factor = 1.0 - again + again * observed
    value = observed / factor
    spread = float(error) * (1.0 - again) / factor**2
    if value - 2.0 * spread > 1.0:
        warnings += ("above 1: bands, dark spectra or the sphere's response are wrong",)
    if absorbed < 0.1:
        warnings += (f"the sample absorbs {absorbed:.1%} of the beam: small errors of the sphere weigh heavily",)
    found = FigureOfMerit.normal(
        "plqy", value, "1", METHOD, statistical=spread, warnings=warnings, details={"observed": observed}
    )
    return found, absorption
