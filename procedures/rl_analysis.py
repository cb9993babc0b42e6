"""From spectra and dose rates to the figures of merit of a scintillator."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from analysis.detector_response import LEFT_OVER, linearised
from analysis.figure import FigureOfMerit
from analysis.line_fit import LineFit
from analysis.linearity import lack_of_fit, linear_dynamic_range, power_law_exponent
from analysis.net_spectrum import NetSpectrum, dark_subtracted, integrated_intensity
from analysis.scattered_line import fit_line_with_scatter
from analysis.spectral_peaks import centroid, fwhm, peak_wavelength, peaks
from config.mistake import UserMistake
from procedures.run_data import Array, RunData

INTENSITY_UNIT = "count nm/s"
SLOPE_UNIT = "count nm/Gy"
DIGITAL_FULL_SCALE = 65535.0
"""Counts; that a pixel was saturated in one of several exposures is recorded apart."""

NEVER_SATURATED = 1e30
FEWEST_POINTS = 3


@dataclass(frozen=True)
class Rate:
    """Light, integrated over a band, by time."""

    value: float
    """count nm/s"""
    uncertainty: float


def band_within(wavelengths: Array, start: float, end: float) -> tuple[float, float]:
    """Return a band that does not reach beyond the spectrometer's.

    Raises
    ------
    UserMistake
        If fewer than three pixels lie in it.
    """
    low, high = max(start, float(wavelengths[0])), min(end, float(wavelengths[-1]))
    if np.sum((wavelengths >= low) & (wavelengths <= high)) < 3:
        raise UserMistake(
            f"band_start = {start:g} nm, band_end = {end:g} nm: the spectrometer has fewer than three pixels there, it "
            f"goes from {wavelengths[0]:.1f} to {wavelengths[-1]:.1f} nm"
        )
    return low, high


def in_band(wavelengths: Array, band: tuple[float, float]) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Say which pixels lie in a band."""
    return np.asarray((wavelengths >= band[0]) & (wavelengths <= band[1]), dtype=np.bool_)


@dataclass(frozen=True)
class Optics:
    """What is known of the spectrometer that took the spectra."""

    wavelengths: Array
    """nm"""
    nonlinearity: tuple[float, ...] = ()
    """The maker's polynomial, lowest order first; empty for none."""
    wavelength_uncertainty: float = 0.0
    """nm, one standard deviation of the wavelength calibration."""

    @classmethod
    def of(cls, wavelengths: Array, calibration: Mapping[str, object]) -> Optics:
        """Take it from what the instrument, or the run file, says of its calibration."""
        found: list[float] = []
        while (name := f"nonlinearity_coefficient_{len(found)}") in calibration:
            found.append(float(str(calibration[name])))
        uncertainty = float(str(calibration.get("wavelength_uncertainty_nm", 0.0)))
        return cls(wavelengths, tuple(found), uncertainty)

    @classmethod
    def of_run(cls, data: RunData, stream: str) -> Optics:
        """Take it from a run."""
        return cls.of(data.axes[stream]["wavelength"], data.calibrations.get("spectrometer", {}))


def net_rate(optics: Optics, light: Array, dark: Array, exposure: float, band: tuple[float, float]) -> Rate:
    """Integrate a spectrum after linearisation and dark subtraction; a saturated one as well, for a live plot."""
    straight = linearised(light, dark, optics.nonlinearity)
    spectrum = dark_subtracted(optics.wavelengths, straight, dark, NEVER_SATURATED)
    figure = integrated_intensity(spectrum, band)
    return Rate((figure.value or 0.0) / exposure, (figure.uncertainty or 0.0) / exposure)


@dataclass(frozen=True)
class LinearityPoints:
    """Radioluminescence against dose rate."""

    dose_rate: Array
    """Gy/s"""
    dose_error: Array
    intensity: Array
    """count nm/s"""
    intensity_error: Array
    setting: Array
    """Tube current, mA, rounded: points of one setting are repeats."""
    warnings: tuple[str, ...]

    @property
    def fit(self) -> LineFit:
        """The line through them."""
        return fit_line_with_scatter(self.dose_rate, self.intensity, self.intensity_error, self.dose_error)


def linearity_points(
    sweep: Mapping[str, Array], dark: Mapping[str, Array], optics: Optics, band: tuple[float, float]
) -> LinearityPoints:
    """Integrate every spectrum of a sweep, each with the last dark spectrum before it; saturated ones are left out."""
    rates = []
    usable = np.flatnonzero(sweep["saturated"] == 0)
    for row in usable:
        before = np.flatnonzero(dark["time"] <= sweep["time"][row])
        rates.append(
            net_rate(optics, sweep["counts"][row], dark["counts"][before[-1]], sweep["integration_time"][row], band)
        )
    lost = len(sweep["saturated"]) - len(usable)
    return LinearityPoints(
        sweep["dose_rate"][usable],
        sweep["dose_rate_errors"][usable],
        np.array([rate.value for rate in rates]),
        np.array([rate.uncertainty for rate in rates]),
        np.array([float(f"{current:.2g}") for current in sweep["tube_current"][usable]]),
        (f"{lost} of {len(sweep['saturated'])} spectra are saturated and left out",) if lost else (),
    )


def linearity_figures(points: LinearityPoints, calibration: float) -> list[FigureOfMerit]:
    """Return slope, intercept, R2, exponent and linear dynamic range of a linearity run.

    Parameters
    ----------
    points
        Of the run.
    calibration
        Relative standard uncertainty of the dosimeter's calibration.
    """
    if len(np.unique(points.setting)) < FEWEST_POINTS:
        reason = f"spectra at {len(np.unique(points.setting))} different dose rates: a line needs 3"
        return [FigureOfMerit.refused("slope", SLOPE_UNIT, "line", reason, warnings=points.warnings)]
    fit = points.fit
    test = lack_of_fit(fit, points.setting)
    slope = fit.slope_figure(SLOPE_UNIT).with_systematic(abs(fit.slope) * calibration).with_warnings(*points.warnings)
    if test is not None:
        slope = slope.with_details(lack_of_fit_f=test.f, lack_of_fit_p=test.p_value)
        if test.p_value < 0.01:
            slope = slope.with_warnings(f"the line does not fit: p = {test.p_value:.2g}, see the exponent")
    return [
        slope,
        fit.intercept_figure(INTENSITY_UNIT),
        fit.r2_figure(),
        power_law_exponent(points.dose_rate, points.intensity, points.intensity_error, points.dose_error),
        linear_dynamic_range(fit, sigma_x=points.dose_error),
    ]


def spectrum_of(row: int, spectra: Mapping[str, Array], optics: Optics) -> NetSpectrum:
    """Return one recorded spectrum, linearised, after dark subtraction, saturated where any exposure was."""
    light, dark = spectra["counts"][row], spectra["dark"][row]
    straight = np.where(light >= DIGITAL_FULL_SCALE, light, linearised(light, dark, optics.nonlinearity))
    net = dark_subtracted(optics.wavelengths, straight, dark, DIGITAL_FULL_SCALE)
    if spectra["saturated"][row]:
        brightest = spectra["counts"][row] >= 0.98 * spectra["counts"][row].max()
        net = replace(net, saturated=net.saturated | brightest)
    return net


def spectrum_figures(
    spectra: Mapping[str, Array], optics: Optics, band: tuple[float, float], calibration: float
) -> list[FigureOfMerit]:
    """Return peak, width, centroid and intensity per dose of the sample, and its ratio to the reference.

    Parameters
    ----------
    spectra
        Columns of the stream.
    optics
        Of the spectrometer.
    band
        That is looked at, nm.
    calibration
        Relative standard uncertainty of the dosimeter's calibration; it cancels in the ratio.
    """
    figures: list[FigureOfMerit] = []
    intensities: dict[bool, FigureOfMerit] = {}
    for row in range(len(spectra["time"])):
        is_reference = bool(spectra["is_reference"][row])
        net = spectrum_of(row, spectra, optics)
        per_dose = _per_dose(row, spectra, net, band)
        intensities[is_reference] = per_dose
        found = [
            peak_wavelength(net, band).with_systematic(optics.wavelength_uncertainty),
            _width(net, band),
            centroid(net, band).with_systematic(optics.wavelength_uncertainty),
            per_dose.with_systematic(abs(per_dose.value or 0.0) * calibration),
        ]
        further = [
            figure.renamed(f"peak_{rank + 1}").with_systematic(optics.wavelength_uncertainty)
            for rank, figure in enumerate(peaks(net, band))
        ]
        found += further if len(further) > 1 else []
        figures += [figure.renamed(f"reference_{figure.name}") for figure in found] if is_reference else found
    if True in intensities and False in intensities:
        figures.append(_ratio(intensities[False], intensities[True]))
    return figures


def _width(net: NetSpectrum, band: tuple[float, float]) -> FigureOfMerit:
    """Return the FWHM; what is left of the detector's non-linearity bends the line and so widens or narrows it.

    What the maker states is a bound: over the root of three it is a standard uncertainty (GUM, 4.3.7), here of half
    the peak's height against the peak's. A Gaussian's width at a level is sigma sqrt(8 ln(peak/level)): at half the
    height it changes by 1/(2 ln 2) of the level's change.
    """
    figure = fwhm(net, band)
    relative = LEFT_OVER / math.sqrt(3.0) / (2.0 * math.log(2.0))
    return figure.with_systematic(abs(figure.value or 0.0) * relative).with_warnings(
        *(() if figure.value is None else ("the spectrometer's own line width is not taken off",))
    )


def _per_dose(row: int, spectra: Mapping[str, Array], net: NetSpectrum, band: tuple[float, float]) -> FigureOfMerit:
    """Return the integrated intensity per dose of one spectrum."""
    rate, error = float(spectra["dose_rate"][row]), float(spectra["dose_rate_errors"][row])
    figure = integrated_intensity(net, band, "intensity_per_dose")
    if figure.value is None:
        return replace(figure, unit=SLOPE_UNIT)
    if not rate > 0:
        return FigureOfMerit.refused(figure.name, SLOPE_UNIT, figure.method, "the dose rate is not known")
    scaled = figure.scaled(1.0 / (rate * float(spectra["integration_time"][row])), SLOPE_UNIT)
    return scaled.with_random(abs(scaled.value or 0.0) * error / rate)


def _ratio(sample: FigureOfMerit, reference: FigureOfMerit) -> FigureOfMerit:
    name, method = "relative_intensity", "integrated intensity per dose over that of the reference"
    if sample.value is None or reference.value is None or reference.value <= 0:
        missing = sample if sample.value is None else reference
        why = missing.warnings[0] if missing.warnings else "the reference gives no light"
        return FigureOfMerit.refused(name, "1", method, why)
    ratio = sample.value / reference.value
    relative = float(
        np.hypot((sample.uncertainty or 0.0) / sample.value, (reference.uncertainty or 0.0) / reference.value)
    )
    return FigureOfMerit.normal(
        name,
        ratio,
        "1",
        method,
        statistical=abs(ratio) * relative,
        warnings=("counts are not corrected for the spectrometer's response and differing absorption",),
    )
