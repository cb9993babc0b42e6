"""The top and the flanks of a peak in a spectrum with noise: what its position, height and width come from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.checked_arrays import FloatArray
from analysis.figure import FigureOfMerit
from analysis.net_spectrum import NetSpectrum, saturation_refusal

#: A peak has a position when the smoothed spectrum exceeds its uncertainty this many times. With less, the noise
#: chooses the region that is fitted, and the interval does not know of it.
SIGNIFICANT = 25.0
#: A position that is less certain than this share of the top's half width is no position: the top is flat.
UNCERTAIN = 0.5
#: The top of a peak, above this share of its height, is fitted by a polynomial.
TOP = 0.65
#: Flanks are fitted between these shares of the height.
FLANK = (0.35, 0.65)
#: Widths of the Gaussian filters tried when looking for peaks, pixels.
SMOOTHINGS = (12.0, 6.0, 3.0)

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class PeakTop:
    """Fitted top of a peak.

    Attributes
    ----------
    position, position_uncertainty
        nm.
    height, height_uncertainty
        Net counts.
    smoothed
        (n) the whole spectrum behind the filter the peak was found with.
    index
        Pixel of its highest point.
    """

    position: float
    position_uncertainty: float
    height: float
    height_uncertainty: float
    smoothed: FloatArray
    index: int


def smoothed_spectrum(spectrum: NetSpectrum, width: float) -> tuple[FloatArray, FloatArray]:
    """Spectrum behind a Gaussian filter of this standard deviation in pixels, and its standard uncertainty."""
    from scipy.ndimage import gaussian_filter1d

    smoothed = np.asarray(gaussian_filter1d(spectrum.counts, width), dtype=np.float64)
    # White noise behind a Gaussian filter keeps 1/(2 sqrt(pi) width) of its variance.
    variance = np.asarray(gaussian_filter1d(spectrum.uncertainty**2, width), dtype=np.float64)
    return smoothed, np.sqrt(variance / (2.0 * np.sqrt(np.pi) * width))


def highest_peak(
    spectrum: NetSpectrum, band_nm: tuple[float, float] | None, name: str, method: str
) -> PeakTop | FigureOfMerit:
    """Top of the highest peak of the band, or the refusal that says why there is none."""
    inside = spectrum.within(band_nm)
    refusal = saturation_refusal(spectrum, inside, name, "nm", method)
    if refusal is not None:
        return refusal
    significant = False
    for width in SMOOTHINGS:
        smoothed, noise = smoothed_spectrum(spectrum, width)
        pixels = np.flatnonzero(inside)
        index = int(pixels[np.argmax(smoothed[pixels])])
        if smoothed[index] <= SIGNIFICANT * noise[index]:
            continue
        significant = True
        if index in (pixels[0], pixels[-1]):
            reason = f"the spectrum is highest at the edge of the band, {spectrum.wavelengths_nm[index]:.4g} nm"
            return FigureOfMerit.refused(name, "nm", method, reason)
        # A filter alone makes a line two of its widths wide here; a peak that is not much wider is blurred by it.
        above = _run_above(smoothed, index, TOP * smoothed[index], inside)
        if above[1] - above[0] < 4.0 * width and width != SMOOTHINGS[-1]:
            continue
        top = fitted_top(spectrum, smoothed, index, inside, float(smoothed[index]))
        if top is not None:
            return top
    reason = (
        "the top of the peak is too noisy or too flat for a position"
        if significant
        else "no peak stands far enough above the noise"
    )
    return FigureOfMerit.refused(name, "nm", method, reason)


def _run_above(values: FloatArray, index: int, level: float, inside: Mask) -> tuple[int, int]:
    """Find first and last pixel of the run around `index` that lies above `level` inside the band."""
    below = np.flatnonzero((values < level) | ~inside)
    left = below[below < index]
    right = below[below > index]
    return (int(left[-1]) + 1 if left.size else 0), (int(right[0]) - 1 if right.size else values.size - 1)


def fitted_top(
    spectrum: NetSpectrum,
    smoothed: FloatArray,
    index: int,
    inside: Mask,
    prominence: float,
) -> PeakTop | None:
    """Fit a polynomial through the top of a peak; None when it has no maximum there."""
    # On the shoulder of a stronger line only what rises above the valley is the peak.
    level = float(smoothed[index]) - (1.0 - TOP) * prominence
    first, last = _run_above(smoothed, index, level, inside)
    first, last = min(first, index - 3), max(last, index + 3)
    pixels = np.arange(max(0, first), min(smoothed.size - 1, last) + 1)
    order = 4 if pixels.size >= 12 else 2
    centre, half = spectrum.wavelengths_nm[index], 0.5 * float(np.ptp(spectrum.wavelengths_nm[pixels]))
    position = (spectrum.wavelengths_nm[pixels] - centre) / half
    coefficients, covariance = _polynomial(position, spectrum.counts[pixels], spectrum.uncertainty[pixels], order)
    slope, bend = np.polynomial.polynomial.polyder(coefficients), np.polynomial.polynomial.polyder(coefficients, 2)
    roots = np.polynomial.polynomial.polyroots(slope)
    real = roots[np.abs(roots.imag) < 1e-9].real
    tops = [at for at in real.tolist() if -1.2 < at < 1.2 and np.polynomial.polynomial.polyval(at, bend) < 0]
    if not tops:
        return None
    at = max(tops, key=lambda where: float(np.polynomial.polynomial.polyval(where, coefficients)))
    curvature = float(np.polynomial.polynomial.polyval(at, bend))
    powers = np.arange(order + 1)
    by_slope = np.concatenate([[0.0], powers[1:] * at ** (powers[1:] - 1.0)])
    moved = float(np.sqrt(by_slope @ covariance @ by_slope)) / abs(curvature)
    by_height = at ** powers.astype(np.float64)
    height = float(by_height @ coefficients)
    if height <= 0 or moved > UNCERTAIN:
        return None
    deviation = float(np.sqrt(by_height @ covariance @ by_height))
    return PeakTop(float(centre + half * at), half * moved, height, deviation, smoothed, index)


def _polynomial(
    position: FloatArray, counts: FloatArray, uncertainty: FloatArray, order: int
) -> tuple[FloatArray, FloatArray]:
    """Fit a weighted polynomial: coefficients in rising powers, covariance (enlarged where chi2 says so)."""
    design = np.vander(position, order + 1, increasing=True) / uncertainty[:, None]
    target = counts / uncertainty
    covariance = np.linalg.pinv(design.T @ design)
    coefficients = covariance @ design.T @ target
    dof = max(1, position.size - order - 1)
    chi2 = float(np.sum((target - design @ coefficients) ** 2)) / dof
    # Enlarged when the polynomial demonstrably does not follow the points (three deviations of chi2), not by chance.
    enlarged = chi2 if chi2 > 1.0 + 3.0 * np.sqrt(2.0 / dof) else 1.0
    return np.asarray(coefficients, dtype=np.float64), np.asarray(covariance * enlarged, dtype=np.float64)


def half_height_crossing(
    spectrum: NetSpectrum, top: PeakTop, side: int, band_nm: tuple[float, float] | None
) -> tuple[float, float, float] | None:
    """Wavelength of the half height on one side, its uncertainty from the flank, and its derivative by the level."""
    inside = spectrum.within(band_nm)
    pixels = np.arange(top.index, spectrum.counts.size if side > 0 else -1, side)
    pixels = pixels[inside[pixels]]
    low, high = (share * top.height for share in FLANK)
    fallen = np.flatnonzero(top.smoothed[pixels] < low)
    if fallen.size == 0:
        return None
    last = int(fallen[0])
    high_ones = np.flatnonzero(top.smoothed[pixels[: last + 1]] > high)
    # A top that barely stands out has no flank above the upper share: the flank then begins at the top itself.
    first = int(high_ones[-1]) if high_ones.size else 0
    while last - first < 4:
        first, last = max(0, first - 1), min(pixels.size - 1, last + 1)
        if last - first < 4 and first == 0 and last == pixels.size - 1:
            return None
    flank = pixels[first : last + 1]
    wavelengths = spectrum.wavelengths_nm[flank]
    centre, half = float(wavelengths.mean()), 0.5 * float(np.ptp(wavelengths))
    position = (wavelengths - centre) / half
    order = 2 if flank.size >= 6 else 1
    coefficients, covariance = _polynomial(position, spectrum.counts[flank], spectrum.uncertainty[flank], order)
    shifted = coefficients.copy()
    shifted[0] -= 0.5 * top.height
    roots = np.polynomial.polynomial.polyroots(shifted)
    real = roots[np.abs(roots.imag) < 1e-9].real
    real = real[np.abs(real) < 1.5]
    if real.size == 0:
        return None
    at = float(real[np.argmin(np.abs(real))])
    steepness = float(np.polynomial.polynomial.polyval(at, np.polynomial.polynomial.polyder(coefficients)))
    if steepness * side >= 0:
        return None
    powers = at ** np.arange(order + 1.0)
    own = float(np.sqrt(powers @ covariance @ powers)) / abs(steepness)
    return centre + half * at, half * own, half / steepness
