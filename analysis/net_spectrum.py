"""Optical spectrum minus its dark one, with the uncertainty of every pixel and the pixels that cannot be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.checked_arrays import FloatArray, finite_vector, positive_number
from analysis.figure import FigureOfMerit

#: A pixel that stands this many standard deviations off the curve of its neighbours is hot: no line is that narrow.
HOT = 7.0
#: A hot pixel has lost at least this share of its excess one pixel further; a line as narrow as 4 pixels a third.
SUDDEN = 0.45
#: How many pixels on each side a hot pixel is compared with.
NEIGHBOURS = 3
#: Smallest dark offset, in standard uncertainties of the region without signal, that is worth a warning.
OFFSET_SEEN = 4.0


@dataclass(frozen=True)
class NetSpectrum:
    """Spectrum after dark subtraction.

    Attributes
    ----------
    wavelengths_nm
        (n) rising, nm.
    counts, uncertainty
        (n) net counts of one exposure (the mean of the repeats), and their standard uncertainty.
    saturated
        (n) pixels that reached the saturation level in any repeat: their counts are no values.
    hot
        (n) hot pixels; their counts are interpolated from their neighbours'.
    warnings
        What to know.
    """

    wavelengths_nm: FloatArray
    counts: FloatArray
    uncertainty: FloatArray
    saturated: npt.NDArray[np.bool_]
    hot: npt.NDArray[np.bool_]
    warnings: tuple[str, ...] = ()

    @property
    def pixel_widths_nm(self) -> FloatArray:
        """Width of each pixel on the wavelength axis, nm."""
        return np.asarray(np.gradient(self.wavelengths_nm), dtype=np.float64)

    def within(self, band_nm: tuple[float, float] | None) -> npt.NDArray[np.bool_]:
        """Pixels of a band (nm), or all.

        Raises
        ------
        ValueError
            If the band is reversed or holds fewer than three pixels.
        """
        if band_nm is None:
            return np.ones(self.wavelengths_nm.size, dtype=np.bool_)
        low, high = band_nm
        inside = (self.wavelengths_nm >= low) & (self.wavelengths_nm <= high)
        if not low < high or np.sum(inside) < 3:
            raise ValueError(f"band_nm ({low}, {high}) holds fewer than three pixels of the spectrum")
        return np.asarray(inside, dtype=np.bool_)


def dark_subtracted(
    wavelengths_nm: npt.ArrayLike,
    light: npt.ArrayLike,
    dark: npt.ArrayLike,
    saturation_level: float,
) -> NetSpectrum:
    """Mean of the light spectra minus mean of the dark ones.

    The variance of a pixel is modelled as a + b x net counts (read noise and dark, shot noise). a and b come from the
    spectrum itself, from second differences of neighbouring pixels: no emission line is so narrow, and repeats of one
    exposure would not show the sensor's pixel-to-pixel non-uniformity. Hot pixels, in the dark spectrum or by a
    direct X-ray hit, stand alone off their neighbours (median of the means of the pairs 1, 2, 3 pixels away) by more
    than 7 standard deviations; they are replaced by that median.

    Parameters
    ----------
    wavelengths_nm
        (n) rising, nm; at least 16.
    light, dark
        (n) or (repeats, n) raw counts, same exposure time.
    saturation_level
        Raw counts from which on a pixel is saturated, 65535 for 16 bits.

    Raises
    ------
    ValueError
        If the arrays do not match, hold NaN, or the wavelengths do not rise.
    """
    wavelengths = finite_vector("wavelengths_nm", wavelengths_nm, 16)
    if np.any(np.diff(wavelengths) <= 0):
        raise ValueError("wavelengths_nm do not rise from pixel to pixel")
    level = positive_number("saturation_level", saturation_level)
    light_rows = _repeats("light", light, wavelengths.size)
    dark_rows = _repeats("dark", dark, wavelengths.size)
    saturated = np.any(light_rows >= level, axis=0) | np.any(dark_rows >= level, axis=0)
    counts = light_rows.mean(axis=0) - dark_rows.mean(axis=0)
    counts, hot = _without_hot_pixels(counts)
    uncertainty = pixel_noise(counts)
    warnings = []
    if hot.any():
        warnings.append(f"{int(hot.sum())} hot pixels interpolated")
    offset = _baseline_offset(counts, uncertainty)
    if offset is not None:
        warnings.append(f"dark spectrum does not fit: {offset:.3g} counts are left where there is no signal")
    return NetSpectrum(wavelengths, counts, uncertainty, saturated, hot, tuple(warnings))


def pixel_noise(counts: npt.ArrayLike) -> FloatArray:
    """Estimate each pixel's standard deviation, sqrt(a + b counts), from the second differences of a smooth spectrum.

    Parameters
    ----------
    counts
        (n) net counts, at least 16.
    """
    net = finite_vector("counts", counts, 16)
    bends = (net[:-2] - 2.0 * net[1:-1] + net[2:]) / np.sqrt(6.0)
    level = np.convolve(np.pad(net, 2, mode="edge"), np.full(5, 0.2), mode="valid")[1:-1]
    # Groups of rising level; in each a robust standard deviation (0.6745: median of the absolute normal deviate).
    groups = np.array_split(np.argsort(level, kind="stable"), max(4, min(24, net.size // 64)))
    levels = np.array([level[group].mean() for group in groups])
    variances = np.array([(np.median(np.abs(bends[group])) / 0.6745) ** 2 for group in groups])
    # A pixel at least has the noise of digitisation.
    floor = max(float(np.median(variances[: len(groups) // 2])), 1.0 / 12.0)
    above = np.maximum(levels, 0.0)
    gain = 0.0
    # The variance of a variance goes with its square; weights from the model, not from the estimates themselves, which
    # would favour those that came out low.
    for power in (0.0, 1.0, 1.0, 1.0):
        weights = (floor + gain * above) ** (-2.0 * power)
        gain = max(0.0, float(np.sum(weights * above * (variances - floor)) / max(np.sum(weights * above**2), 1e-300)))
    return np.asarray(np.sqrt(floor + gain * np.maximum(net, 0.0)), dtype=np.float64)


def integrated_intensity(
    spectrum: NetSpectrum, band_nm: tuple[float, float] | None = None, name: str = "integrated_intensity"
) -> FigureOfMerit:
    """Integral of the net counts over wavelength, count nm.

    Parameters
    ----------
    spectrum
        After dark subtraction.
    band_nm
        Limits, nm; the whole spectrum when None.

    Returns
    -------
    FigureOfMerit
        Refused when a pixel of the band is saturated. It may be negative or zero within its uncertainty: a weak
        signal is not cut off.

    Raises
    ------
    ValueError
        If the band holds fewer than three pixels.
    """
    inside = spectrum.within(band_nm)
    wavelengths = spectrum.wavelengths_nm[inside]
    method = f"sum of net counts times pixel width, {wavelengths[0]:.4g} to {wavelengths[-1]:.4g} nm"
    refusal = saturation_refusal(spectrum, inside, name, "count nm", method)
    if refusal is not None:
        return refusal
    widths = spectrum.pixel_widths_nm[inside]
    return FigureOfMerit.normal(
        name,
        float(widths @ spectrum.counts[inside]),
        "count nm",
        method,
        statistical=float(np.sqrt(np.sum((widths * spectrum.uncertainty[inside]) ** 2))),
        warnings=spectrum.warnings,
        details={"pixels": int(inside.sum()), "hot_pixels": int(spectrum.hot[inside].sum())},
    )


def saturation_refusal(
    spectrum: NetSpectrum, inside: npt.NDArray[np.bool_], name: str, unit: str, method: str
) -> FigureOfMerit | None:
    """Refused figure when a pixel of the region is saturated, else None."""
    clipped = inside & spectrum.saturated
    if not clipped.any():
        return None
    where = spectrum.wavelengths_nm[clipped]
    reason = f"{int(clipped.sum())} pixels are saturated between {where[0]:.4g} and {where[-1]:.4g} nm: expose for less"
    return FigureOfMerit.refused(name, unit, method, reason, details={"saturated_pixels": int(clipped.sum())})


def _repeats(name: str, values: npt.ArrayLike, pixels: int) -> FloatArray:
    rows = np.atleast_2d(np.asarray(values, dtype=np.float64))
    if rows.ndim != 2 or rows.shape[0] < 1 or rows.shape[1] != pixels:
        raise ValueError(f"{name} has shape {np.shape(values)}, it must be ({pixels},) or (repeats, {pixels})")
    if not np.all(np.isfinite(rows)):
        raise ValueError(f"{name} holds a number that is not finite")
    return rows


def _without_hot_pixels(counts: FloatArray) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    # Means of the pairs at equal distance on both sides: on a flank all of them agree with the pixel, and one hot
    # neighbour spoils one pair only.
    padded = np.pad(counts, NEIGHBOURS, mode="reflect", reflect_type="odd")
    pixels = np.arange(counts.size) + NEIGHBOURS
    pairs = np.array([0.5 * (padded[pixels - step] + padded[pixels + step]) for step in range(1, NEIGHBOURS + 1)])
    expected = np.median(pairs, axis=0)
    # Where the spectrum bends the pairs differ among themselves, by more than the pixel does from them.
    excess = np.abs(counts - expected) - 0.5 * np.ptp(pairs, axis=0)
    # The top of a narrow line falls slowly at first and then fast; beside a hot pixel it is all gone at once.
    sudden = np.abs(counts - pairs[0]) > SUDDEN * np.abs(counts - expected)
    hot = sudden & (excess > HOT * pixel_noise(counts))
    return np.where(hot, expected, counts), np.asarray(hot, dtype=np.bool_)


def _baseline_offset(counts: FloatArray, uncertainty: FloatArray) -> float | None:
    """Mean of the lowest eighth of the spectrum (in stretches, not in pixels), when it is not zero."""
    stretches = np.array_split(np.arange(counts.size), 16)
    means = np.array([counts[one].mean() for one in stretches])
    errors = np.array([uncertainty[one].mean() / np.sqrt(one.size) for one in stretches])
    # Second lowest of the magnitudes: for a dark spectrum that fits, several stretches lie within their errors of zero.
    quietest = int(np.argsort(np.abs(means))[1])
    return float(means[quietest]) if abs(means[quietest]) > OFFSET_SEEN * errors[quietest] else None
