"""Peak wavelength, full width at half maximum and centroid of an emission spectrum."""

from __future__ import annotations

import numpy as np

from analysis.figure import FigureOfMerit
from analysis.net_spectrum import NetSpectrum, saturation_refusal
from analysis.peak_top import (
    FLANK,
    SMOOTHINGS,
    PeakTop,
    fitted_top,
    half_height_crossing,
    highest_peak,
    smoothed_spectrum,
)

#: A peak is listed when it rises above its valleys by this many standard uncertainties of the smoothed spectrum.
PROMINENT = 10.0
POSITION_METHOD = "maximum of a polynomial through the top 35 % of the peak"


def peak_wavelength(spectrum: NetSpectrum, band_nm: tuple[float, float] | None = None) -> FigureOfMerit:
    """Wavelength of the highest peak, nm.

    Maximum of a weighted fourth-order polynomial through the top of the peak (above 65 % of its height): it follows an
    asymmetric line where a Gaussian would not.

    Parameters
    ----------
    spectrum
        After dark subtraction.
    band_nm
        Where to look, nm; everywhere when None.

    Returns
    -------
    FigureOfMerit
        Details `height` (count) and `height_uncertainty`. Refused when no peak stands above the noise, a pixel of the
        band is saturated, or the maximum lies at the edge of the band.

    Raises
    ------
    ValueError
        If the band holds fewer than three pixels.
    """
    top = highest_peak(spectrum, band_nm, "peak_wavelength", POSITION_METHOD)
    return top if isinstance(top, FigureOfMerit) else _position_figure(spectrum, top)


def fwhm(spectrum: NetSpectrum, band_nm: tuple[float, float] | None = None) -> FigureOfMerit:
    """Full width at half maximum of the highest peak, nm.

    Half of the fitted height above zero (the dark has been subtracted); each crossing from a weighted parabola through
    the flank between 35 and 65 % of it.

    Returns
    -------
    FigureOfMerit
        Refused as `peak_wavelength`, and when a flank does not fall to 35 % of the height within the band: peaks that
        overlap have no width of their own.

    Raises
    ------
    ValueError
        If the band holds fewer than three pixels.
    """
    method = "half-height crossings of parabolas through the flanks"
    top = highest_peak(spectrum, band_nm, "fwhm", method)
    if isinstance(top, FigureOfMerit):
        return top
    left = half_height_crossing(spectrum, top, -1, band_nm)
    right = half_height_crossing(spectrum, top, +1, band_nm)
    if left is None or right is None:
        side = "short" if left is None else "long"
        reason = f"on its {side}-wavelength side the peak does not fall to {FLANK[0]:.0%} of its height within the band"
        return FigureOfMerit.refused("fwhm", "nm", method, reason)
    # A height that is too large moves both crossings towards each other: their parts add before they are squared.
    by_height = (right[2] - left[2]) * 0.5 * top.height_uncertainty
    return FigureOfMerit.normal(
        "fwhm",
        right[0] - left[0],
        "nm",
        method,
        statistical=float(np.sqrt(left[1] ** 2 + right[1] ** 2 + by_height**2)),
        warnings=spectrum.warnings,
        details={"left_nm": left[0], "right_nm": right[0], "height": top.height},
    )


def centroid(spectrum: NetSpectrum, band_nm: tuple[float, float] | None = None) -> FigureOfMerit:
    """Mean wavelength weighted with the net counts, nm.

    Parameters
    ----------
    spectrum
        After dark subtraction.
    band_nm
        Limits, nm; when None one and a half widths each way of the highest peak's maximum, or the whole spectrum when
        it has no width of its own. An offset left by the dark subtraction moves it: keep the band close.

    Returns
    -------
    FigureOfMerit
        Refused when nothing stands above the noise, or a pixel of the band is saturated.

    Raises
    ------
    ValueError
        If the band holds fewer than three pixels.
    """
    top = highest_peak(spectrum, band_nm, "centroid", "mean wavelength weighted with net counts")
    if isinstance(top, FigureOfMerit):
        return top
    band = band_nm
    if band is None:
        width = fwhm(spectrum)
        reach = np.inf if width.value is None else 1.5 * width.value
        ends = spectrum.wavelengths_nm[[0, -1]]
        band = (float(max(ends[0], top.position - reach)), float(min(ends[1], top.position + reach)))
    inside = spectrum.within(band)
    method = f"mean wavelength weighted with net counts, {band[0]:.5g} to {band[1]:.5g} nm"
    refusal = saturation_refusal(spectrum, inside, "centroid", "nm", method)
    if refusal is not None:
        return refusal
    wavelengths = spectrum.wavelengths_nm[inside]
    widths = spectrum.pixel_widths_nm[inside]
    weights, errors = widths * spectrum.counts[inside], widths * spectrum.uncertainty[inside]
    total = float(weights.sum())
    if total <= PROMINENT * float(np.sqrt(np.sum(errors**2))):
        reason = "the integral over the band does not stand above its noise"
        return FigureOfMerit.refused("centroid", "nm", method, reason)
    mean = float(weights @ wavelengths / total)
    return FigureOfMerit.normal(
        "centroid",
        mean,
        "nm",
        method,
        statistical=float(np.sqrt(np.sum(((wavelengths - mean) * errors) ** 2))) / total,
        warnings=spectrum.warnings,
        details={"low_nm": band[0], "high_nm": band[1]},
    )


def peaks(spectrum: NetSpectrum, band_nm: tuple[float, float] | None = None) -> tuple[FigureOfMerit, ...]:
    """Wavelengths of all peaks that stand above the noise and between valleys, rising.

    A peak must rise above the higher of its valleys by ten standard uncertainties of the smoothed spectrum.

    Returns
    -------
    tuple of FigureOfMerit
        Each `peak_wavelength` in nm with details `height` and `prominence` (count), `at` its rank by wavelength.
        Saturated peaks are refused figures among them; empty when there is none.

    Raises
    ------
    ValueError
        If the band holds fewer than three pixels.
    """
    from scipy.signal import find_peaks

    inside = spectrum.within(band_nm)
    smoothed, noise = smoothed_spectrum(spectrum, SMOOTHINGS[-1])
    found, properties = find_peaks(np.where(inside, smoothed, 0.0), prominence=PROMINENT * float(np.median(noise)))
    figures: list[FigureOfMerit] = []
    for index, prominence in zip(found.tolist(), properties["prominences"].tolist(), strict=True):
        if prominence < PROMINENT * noise[index] * np.sqrt(2.0):
            continue
        top = fitted_top(spectrum, smoothed, index, inside, prominence)
        region = np.zeros_like(inside)
        region[max(0, index - 3) : index + 4] = True
        figure = saturation_refusal(spectrum, region, "peak_wavelength", "nm", POSITION_METHOD)
        if figure is None and top is not None:
            figure = _position_figure(spectrum, top).with_details(prominence=prominence)
        if figure is not None:
            figures.append(figure.at_condition(peak=(len(figures) + 1.0, "1")))
    return tuple(figures)


def _position_figure(spectrum: NetSpectrum, top: PeakTop) -> FigureOfMerit:
    return FigureOfMerit.normal(
        "peak_wavelength",
        top.position,
        "nm",
        POSITION_METHOD,
        statistical=top.position_uncertainty,
        warnings=spectrum.warnings,
        details={"height": top.height, "height_uncertainty": top.height_uncertainty},
    )
