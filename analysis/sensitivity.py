"""Sensitivity of a direct detector: slope of the signal current density on dose rate."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis.checked_arrays import finite_vector, matching_vector, relative_uncertainty, standard_uncertainties
from analysis.figure import NORMAL_95, FigureOfMerit
from analysis.line_fit import LineFit
from analysis.scattered_line import fit_line_with_scatter
from analysis.signal_points import SignalPoints

#: C/(Gy m2) in uC/(Gy cm2).
MICROCOULOMB_PER_CM2 = 100.0
UNIT = "uC/(Gy cm2)"


def sensitivity(
    dose_rates: npt.ArrayLike,
    current_densities: npt.ArrayLike,
    uncertainties: npt.ArrayLike | float | None,
    dose_calibration_uncertainty: float,
    area_uncertainty: float,
    dose_uncertainties: npt.ArrayLike | float | None = None,
) -> FigureOfMerit:
    """Slope of J_s on dose rate; statistical and systematic parts listed apart and combined.

    At a negative bias the current is negative. Sensitivity is quoted as the magnitude of the slope; detail
    `slope_sign` keeps the sign.

    Parameters
    ----------
    dose_rates
        Gy/s, air kerma.
    current_densities
        J_s, A/m2.
    uncertainties
        Random standard uncertainties of the current densities, A/m2; None when unknown. Scatter beyond
        them is estimated from the points, constant or in proportion (`analysis.scattered_line`).
    dose_calibration_uncertainty, area_uncertainty
        Relative standard uncertainties of the dosimeter's calibration and the device's area: systematic, the same for
        all points.
    dose_uncertainties
        Random standard uncertainties of the dose rates, Gy/s; None for none.

    Returns
    -------
    FigureOfMerit
        `sensitivity` in uC/(Gy cm2). Refused when there are fewer than three points, all dose rates are equal, or
        the slope is zero within its 95 % interval.

    Raises
    ------
    ValueError
        If arrays do not match, hold NaN or a negative uncertainty.
    """
    calibration = relative_uncertainty("dose_calibration_uncertainty", dose_calibration_uncertainty)
    area = relative_uncertainty("area_uncertainty", area_uncertainty)
    dose = finite_vector("dose_rates", dose_rates)
    if dose.size < 3 or np.ptp(dose) <= 8 * np.finfo(float).eps * np.max(np.abs(dose)):
        reason = f"{np.unique(dose).size} different dose rates among {dose.size} points: a slope needs three points"
        return FigureOfMerit.refused("sensitivity", UNIT, "slope of signal current density on dose rate", reason)
    currents = matching_vector("current_densities", current_densities, dose, "dose_rates")
    own = None if uncertainties is None else standard_uncertainties("uncertainties", uncertainties, currents)
    spread = (
        None if dose_uncertainties is None else standard_uncertainties("dose_uncertainties", dose_uncertainties, dose)
    )
    fit = fit_line_with_scatter(dose, currents, own, spread)
    return sensitivity_of_line(fit, calibration, area)


def sensitivity_of_points(
    points: SignalPoints, dose_calibration_uncertainty: float, area_uncertainty: float
) -> FigureOfMerit:
    """`sensitivity` of the points from which the limits of detection are worked out."""
    return sensitivity(
        points.dose_rate,
        points.signal,
        points.signal_uncertainty if np.all(points.signal_uncertainty > 0) else None,
        dose_calibration_uncertainty,
        area_uncertainty,
        points.dose_uncertainty,
    )


def sensitivity_of_line(fit: LineFit, dose_calibration_uncertainty: float, area_uncertainty: float) -> FigureOfMerit:
    """Sensitivity from a fitted line of J_s (A/m2) on dose rate (Gy/s)."""
    method = f"slope of signal current density on dose rate, {fit.method}"
    slope, (low, high) = abs(fit.slope), fit.slope_interval
    figure = fit.slope_figure("C/(Gy m2)")
    details = {
        **figure.details,
        "slope_sign": float(np.sign(fit.slope)),
        "intercept_a_m2": fit.intercept,
        "intercept_uncertainty_a_m2": fit.intercept_uncertainty,
        "dose_calibration_uncertainty": dose_calibration_uncertainty,
        "area_uncertainty": area_uncertainty,
    }
    if low <= 0 <= high:
        reason = "slope is not significantly different from zero: no sensitivity"
        return FigureOfMerit.refused("sensitivity", UNIT, method, reason, details=details, warnings=fit.warnings)
    if fit.slope < 0:
        low, high = -high, -low
    systematic = slope * float(np.hypot(dose_calibration_uncertainty, area_uncertainty))
    # The systematic part is normal, the statistical one as the fit found it: each side in quadrature.
    ends = (
        slope - float(np.hypot(slope - low, NORMAL_95 * systematic)),
        slope + float(np.hypot(high - slope, NORMAL_95 * systematic)),
    )
    return FigureOfMerit(
        "sensitivity",
        slope,
        float(np.hypot(fit.slope_uncertainty, systematic)),
        ends,
        "C/(Gy m2)",
        method,
        fit.warnings,
        statistical=fit.slope_uncertainty,
        systematic=systematic,
        details=details,
    ).scaled(MICROCOULOMB_PER_CM2, UNIT)
