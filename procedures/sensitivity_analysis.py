"""From the readings of a sensitivity run to its figures of merit."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from analysis.autocorrelation import SteadySignal
from analysis.detection_limit import lod_currie, lod_interpolated, lod_iupac, lod_line
from analysis.figure import FigureOfMerit
from analysis.linearity import linear_dynamic_range, power_law_exponent
from analysis.scattered_line import fit_line_with_scatter
from analysis.sensitivity import UNIT, sensitivity_of_line
from analysis.signal_current import (
    NANOAMPERE_PER_CM2,
    SignalCurrent,
    dark_current_density,
    pooled_deviation,
    signal_points,
)
from analysis.signal_points import SignalPoints
from config.sample_file import Sample
from procedures.drawing import Drawing, Points, line_curve
from procedures.elsewhere.tabulated import is_tabulated
from procedures.field_readings import FieldReadings, field_readings
from procedures.run_data import RunData
from procedures.theoretical_sensitivity import theoretical_figures

NANO = 1e9
FEWEST_POINTS = 3
"""Dose rates that a line needs."""


def sensitivity_figures(data: RunData) -> list[FigureOfMerit]:
    """Return, per field, sensitivity, limits of detection, linearity and dark current; then the theoretical ones.

    Parameters
    ----------
    data
        With the streams of `procedures.sensitivity.Sensitivity`, and a sample that has an area.
    """
    sample = data.sample
    if sample is None or sample.area_m2 is None:
        raise ValueError("the run file holds no sample with an area")
    theoretical = theoretical_figures(data) if _beam_known(data) else []
    figures: list[FigureOfMerit] = []
    for measured in field_readings(data, sample.area_m2):
        found = _figures_of(measured, data, sample)
        found += [figure for one in theoretical if (figure := one.normalized(found[0])) is not None]
        figures += [figure.at_condition(field=(measured.field, "V/cm")) for figure in found]
    return figures + [one.figure for one in theoretical]


def _beam_known(data: RunData) -> bool:
    """Say whether the beam's spectrum can be worked out: of an imported table not everybody tells tube and filters."""
    return not is_tabulated(data) or bool(data.settings.get("import", {}).get("beam_known"))


def sensitivity_drawings(data: RunData) -> list[Drawing]:
    """Draw signal against dose rate at every field, each with its fit."""
    if data.sample is None or data.sample.area_m2 is None:
        return []
    points, curves = [], []
    for measured in field_readings(data, data.sample.area_m2):
        density = np.array([signal.density for signal in measured.signals]) * NANOAMPERE_PER_CM2
        error = np.array([signal.uncertainty for signal in measured.signals]) * NANOAMPERE_PER_CM2
        rate, rate_error = measured.dose_rates * NANO, measured.dose_errors * NANO
        points.append(Points(rate, density, error, rate_error, f"{measured.field:g} V/cm"))
        if len(density) >= FEWEST_POINTS:
            curves.append(line_curve(fit_line_with_scatter(rate, density, error, rate_error)))
    return [
        Drawing(
            f"Photocurrent of {data.sample.name}",
            "Dose rate (nGy/s)",
            "Signal current density (nA/cm2)",
            points,
            curves,
            quoted=("sensitivity", "lod_line"),
        )
    ]


def _figures_of(measured: FieldReadings, data: RunData, sample: Sample) -> list[FigureOfMerit]:
    if len(measured.signals) < FEWEST_POINTS:
        reason = f"{len(measured.signals)} dose rates were measured between two dark readings, a line needs 3"
        return [FigureOfMerit.refused("sensitivity", UNIT, "slope of signal current density on dose rate", reason)]
    calibration = data.calibration("dosimeter", "relative_uncertainty", 0.0)
    area_cm2 = sample.area_cm2
    area = sample.area_uncertainty_cm2 / area_cm2 if area_cm2 else 0.0
    points = signal_points(
        measured.dose_rates, [_noisy(signal) for signal in measured.signals], measured.dose_errors, measured.acquisition
    )
    fit = fit_line_with_scatter(points.dose_rate, points.signal, points.signal_uncertainty, points.dose_uncertainty)
    warnings = dict.fromkeys(warning for signal in measured.signals for warning in signal.warnings)
    if measured.range_changes:
        # each range has its own gain and its own offset, and the offset does not cancel then
        warnings[
            f"{measured.range_changes} of {len(measured.signals)} points were read across a change of the "
            f"preamplifier's range"
        ] = None
    sensitivity = sensitivity_of_line(fit, calibration, area)
    return [
        sensitivity.with_warnings(*warnings),
        fit.r2_figure(),
        power_law_exponent(points.dose_rate, points.magnitude, points.signal_uncertainty, points.dose_uncertainty),
        linear_dynamic_range(fit, sigma_x=points.dose_uncertainty),
        *_limits(measured, points, calibration, fit.slope, fit.slope_uncertainty),
        _dark_current_density(measured.dark, sample.area_m2 or math.nan, area),
    ]


def _dark_current_density(dark: list[SteadySignal], area: float, area_uncertainty: float) -> FigureOfMerit:
    if not dark:
        reason = (
            "no reading without beam whose level counts: taken off at the preamplifier's input, or not in the table"
        )
        return FigureOfMerit.refused("dark_current_density", "nA/cm2", "mean of the dark readings", reason)
    return dark_current_density(
        [reading.mean / area for reading in dark], [reading.uncertainty / area for reading in dark], area_uncertainty
    )


def _noisy(signal: SignalCurrent) -> SignalCurrent:
    """Put a number in the place of a noise that is not known; no limit of detection is worked out from it."""
    return signal if math.isfinite(signal.noise) else replace(signal, noise=abs(signal.density) or 1.0)


def _limits(
    measured: FieldReadings, points: SignalPoints, calibration: float, slope: float, slope_uncertainty: float
) -> list[FigureOfMerit]:
    """Return the limits of detection, or why there are none: a table need not tell the noise."""
    known = {
        "noise": all(math.isfinite(signal.noise) and signal.count > 1 for signal in measured.signals),
        "dark_noise": all(math.isfinite(signal.dark_noise) and signal.count > 1 for signal in measured.signals),
    }
    if all(known.values()):
        return _detection_limits(measured, points, calibration, slope, slope_uncertainty)
    reasons = {name: f"the imported table does not hold {name} and the number of samples" for name in known}
    method = "SNR = 3"
    found = (
        [lod_interpolated(points, calibration), lod_line(points, calibration)]
        if known["noise"]
        else [
            FigureOfMerit.refused(name, "nGy/s", method, reasons["noise"]) for name in ("lod_interpolated", "lod_line")
        ]
    )
    return found + [
        FigureOfMerit.refused(name, "nGy/s", "dark noise over slope", reasons["dark_noise"])
        for name in ("lod_iupac", "lod_currie")
    ]


def _detection_limits(
    measured: FieldReadings, points: SignalPoints, calibration: float, slope: float, slope_uncertainty: float
) -> list[FigureOfMerit]:
    noise, freedom = pooled_deviation(
        [signal.dark_noise for signal in measured.signals], [signal.dark_noise_dof for signal in measured.signals]
    )
    # each dark reading serves two pairs, so that pooling the pairs counts it twice
    freedom /= 2
    lowest = float(points.dose_rate.min())
    over_slope = (noise, freedom, slope, slope_uncertainty, lowest, calibration, measured.acquisition)
    return [
        lod_interpolated(points, calibration),
        lod_line(points, calibration),
        lod_iupac(*over_slope),
        lod_currie(*over_slope),
    ]
