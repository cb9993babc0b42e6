"""Limit of detection of a detector's current, by four definitions that are not the same number.

All four return Gy/s as "nGy/s". A limit below the lowest measured dose rate carries the warning "extrapolated". All
scale with the square root of the bandwidth for white noise, so the method states bandwidth, sampling rate and N.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from analysis.checked_arrays import FloatArray, positive_number, relative_uncertainty
from analysis.figure import NORMAL_95, Detail, FigureOfMerit
from analysis.line_fit import fit_line
from analysis.signal_points import Acquisition, SignalPoints

#: Signal-to-noise ratio at which a dose rate counts as detected (Currie's determination is another matter).
THRESHOLD = 3.0
#: (z_0.95 + z_0.95) sqrt(2): errors of both kinds at 5 %, blank subtracted (Currie 1968).
CURRIE = 3.29 * 2.0**0.5
UNIT = "nGy/s"
NANO = 1e9


def lod_interpolated(points: SignalPoints, dose_calibration_uncertainty: float = 0.0) -> FigureOfMerit:
    """Dose rate where the signal-to-noise ratio is 3, between the two measured points that bracket it.

    Straight line of log SNR on log dose rate between the neighbours (of SNR on log dose rate when the lower SNR is
    not positive). Refused when the data do not bracket 3: it never extrapolates.

    Parameters
    ----------
    points
        Signals and noise, at least two dose rates.
    dose_calibration_uncertainty
        Relative standard uncertainty of the dosimeter's calibration, common to all points.

    Returns
    -------
    FigureOfMerit
        nGy/s. When the ratio crosses 3 more than once the highest crossing is taken, with a warning.
    """
    calibration = relative_uncertainty("dose_calibration_uncertainty", dose_calibration_uncertainty)
    method = f"SNR = 3 by log interpolation between the bracketing dose rates; {points.acquisition.statement()}"
    dose, ratio, variance, spread = _by_dose(points)
    order = np.argsort(points.dose_rate, kind="stable")
    upward = np.flatnonzero((ratio[:-1] < THRESHOLD) & (ratio[1:] >= THRESHOLD))
    if upward.size == 0 or ratio[-1] < THRESHOLD:
        reason = (
            f"no dose rate below the limit was measured: SNR is {ratio.min():.3g} or more everywhere"
            if ratio.min() >= THRESHOLD
            else f"the data do not bracket SNR = 3: it is {ratio[-1]:.3g} at the highest dose rate"
        )
        return FigureOfMerit.refused("lod_interpolated", UNIT, method, reason, details=_details(points))
    at = int(upward[-1])
    warnings = ["SNR crosses 3 more than once: highest crossing taken"] if upward.size > 1 else []
    pair = slice(at, at + 2)
    if ratio[at] > 0:
        levels, deviations, target = np.log(ratio[pair]), np.sqrt(variance[pair]) / ratio[pair], np.log(THRESHOLD)
    else:
        levels, deviations, target = ratio[pair], np.sqrt(variance[pair]), THRESHOLD
        warnings.append("lower neighbour has no positive signal: SNR interpolated linearly")
    share = float((target - levels[0]) / (levels[1] - levels[0]))
    span = float(np.log(dose[at + 1] / dose[at]))
    limit = float(dose[at] * np.exp(share * span))
    per_level = span / float(levels[1] - levels[0])
    parts = np.array([1.0 - share, share])
    relative = np.sqrt(np.sum((parts * deviations * per_level) ** 2) + np.sum((parts * spread[pair] / dose[pair]) ** 2))
    # Correlation times are estimates too: with Sokal's window their relative variance is about 10/N_eff.
    effective = (points.noise / np.maximum(points.signal_uncertainty, 1e-300))[order[pair]] ** 2
    factor = float(special.stdtrit(max(3.0, float(np.sum(effective)) / 5.0), 0.975))
    # Neighbours that can hardly be told apart in SNR know nothing of the crossing; e^10 is as good as infinity.
    relative = min(float(relative), 10.0 / factor)
    return _log_figure("lod_interpolated", limit, relative, relative * factor, calibration, method, points, warnings)


def lod_line(points: SignalPoints, dose_calibration_uncertainty: float = 0.0) -> FigureOfMerit:
    """Dose rate where a weighted straight line of signal-to-noise ratio on dose rate reaches 3.

    var(SNR) = (1 + SNR2/2)/N for white noise: uncertainty of the mean over the noise, and of the noise itself, taken
    at the fitted SNR (weights from the measured one would favour points that came out low). Interval by Fieller's
    theorem.

    Parameters
    ----------
    points, dose_calibration_uncertainty
        As `lod_interpolated`; at least three dose rates.

    Returns
    -------
    FigureOfMerit
        nGy/s; refused when the line does not rise significantly or reaches 3 at no positive dose rate.
    """
    calibration = relative_uncertainty("dose_calibration_uncertainty", dose_calibration_uncertainty)
    name = "lod_line"
    method = (
        f"SNR = 3 on a weighted straight line of SNR on dose rate, Fieller interval; {points.acquisition.statement()}"
    )
    dose, ratio, variance, spread = _by_dose(points)
    details = _details(points)
    if dose.size < 3 or np.ptp(dose) == 0:
        reason = f"{dose.size} dose rates, at least 3 different ones are needed for a line"
        return FigureOfMerit.refused(name, UNIT, method, reason, details=details)
    for _ in range(20):
        fit = fit_line(dose, ratio, np.sqrt(variance), spread)
        updated = _ratio_variance(points, fit.intercept + fit.slope * dose)
        settled = np.allclose(updated, variance, rtol=1e-10, atol=0.0)
        variance = updated
        if settled:
            break
    details |= {"slope": fit.slope, "intercept": fit.intercept, "chi2_reduced": fit.chi2_reduced, "r2": fit.r2}
    factor = NORMAL_95 if fit.birge == 1.0 else float(special.stdtrit(fit.dof, 0.975))
    ends = fieller_interval(THRESHOLD - fit.intercept, fit.slope, fit.covariance, factor)
    if ends is None or fit.slope <= 0:
        reason = "SNR does not rise significantly with dose rate: no limit by a line"
        return FigureOfMerit.refused(name, UNIT, method, reason, details=details, warnings=fit.warnings)
    limit = (THRESHOLD - fit.intercept) / fit.slope
    if limit <= 0:
        reason = f"the line reaches SNR = 3 at {limit * NANO:.3g} nGy/s, which is no dose rate"
        return FigureOfMerit.refused(name, UNIT, method, reason, details=details, warnings=fit.warnings)
    gradient = np.array([-1.0, -limit]) / fit.slope
    statistical = float(np.sqrt(gradient @ fit.covariance @ gradient))
    systematic = limit * calibration
    low, high = (limit + np.copysign(np.hypot(end - limit, NORMAL_95 * systematic), end - limit) for end in ends)
    warnings = list(fit.warnings)
    if low < 0:
        warnings.append("interval reaches zero: only an upper limit")
    figure = FigureOfMerit(
        name,
        limit,
        float(np.hypot(statistical, systematic)),
        (max(0.0, float(low)), float(high)),
        "Gy/s",
        method,
        (*_warnings(points, limit), *warnings),
        statistical=statistical,
        systematic=systematic,
        details=details,
    )
    return figure.scaled(NANO, UNIT)


def lod_iupac(
    dark_noise: float,
    dark_dof: float,
    slope: float,
    slope_uncertainty: float,
    lowest_dose_rate: float,
    dose_calibration_uncertainty: float = 0.0,
    acquisition: Acquisition | None = None,
) -> FigureOfMerit:
    """Three standard deviations of the dark signal over the slope (IUPAC 1976).

    Parameters
    ----------
    dark_noise
        Standard deviation of the dark samples, A/m2 (or A, as the slope).
    dark_dof
        Its degrees of freedom.
    slope, slope_uncertainty
        Signal over dose rate, (A/m2)/(Gy/s), with its statistical standard uncertainty; the sign does not matter.
    lowest_dose_rate
        Lowest one measured, Gy/s: a limit below it is extrapolated.
    dose_calibration_uncertainty
        Relative standard uncertainty of the dosimeter's calibration.
    acquisition
        Bandwidth, sampling rate and N.

    Raises
    ------
    ValueError
        If a noise, a number of degrees of freedom or a dose rate is not positive, or the slope not finite.
    """
    method = "IUPAC: 3 sigma of the dark signal over the slope"
    inputs = (dark_noise, dark_dof, slope, slope_uncertainty, lowest_dose_rate, dose_calibration_uncertainty)
    return _over_slope("lod_iupac", 3.0, method, *inputs, acquisition or Acquisition())


def lod_currie(
    dark_noise: float,
    dark_dof: float,
    slope: float,
    slope_uncertainty: float,
    lowest_dose_rate: float,
    dose_calibration_uncertainty: float = 0.0,
    acquisition: Acquisition | None = None,
) -> FigureOfMerit:
    """Currie's detection limit, errors of both kinds at 5 %: 3.29 sqrt(2) sigma_B over the slope.

    Parameters and errors as `lod_iupac`.

    References
    ----------
    L. A. Currie, Anal. Chem. 40 (1968) 586, paired observations.
    """
    method = "Currie, alpha = beta = 5 %: 3.29 sqrt(2) sigma of the dark signal over the slope"
    inputs = (dark_noise, dark_dof, slope, slope_uncertainty, lowest_dose_rate, dose_calibration_uncertainty)
    return _over_slope("lod_currie", CURRIE, method, *inputs, acquisition or Acquisition())


def fieller_interval(
    numerator: float, slope: float, covariance: FloatArray, factor: float
) -> tuple[float, float] | None:
    """Confidence interval of numerator/slope, `factor` standard deviations; None when it is unbounded.

    `covariance` is that of (intercept, slope) where numerator = constant - intercept.
    """
    # Roots of (numerator - L slope)^2 = factor^2 var(numerator - L slope).
    square = factor**2
    a = slope**2 - square * covariance[1, 1]
    b = -2.0 * (numerator * slope + square * covariance[0, 1])
    c = numerator**2 - square * covariance[0, 0]
    discriminant = b**2 - 4.0 * a * c
    if a <= 0 or discriminant < 0:
        return None
    root = float(np.sqrt(discriminant))
    return float(-b - root) / float(2.0 * a), float(-b + root) / float(2.0 * a)


def _over_slope(
    name: str,
    multiple: float,
    method: str,
    dark_noise: float,
    dark_dof: float,
    slope: float,
    slope_uncertainty: float,
    lowest_dose_rate: float,
    dose_calibration_uncertainty: float,
    acquisition: Acquisition,
) -> FigureOfMerit:
    noise, dof = positive_number("dark_noise", dark_noise), positive_number("dark_dof", dark_dof)
    lowest = positive_number("lowest_dose_rate", lowest_dose_rate)
    calibration = relative_uncertainty("dose_calibration_uncertainty", dose_calibration_uncertainty)
    if not (np.isfinite(slope) and np.isfinite(slope_uncertainty) and slope_uncertainty >= 0):
        raise ValueError("slope and slope_uncertainty must be finite numbers, the uncertainty not negative")
    method = f"{method}; {acquisition.statement()}"
    steepness = abs(slope)
    details: dict[str, Detail] = {"dark_noise": noise, "dark_degrees_of_freedom": dof, **_settings(acquisition)}
    if steepness <= NORMAL_95 * slope_uncertainty:
        reason = "slope is not significantly different from zero: no limit of detection"
        return FigureOfMerit.refused(name, UNIT, method, reason, details=details)
    limit = multiple * noise / steepness
    slope_part = slope_uncertainty / steepness
    relative = float(np.hypot(1.0 / np.sqrt(2.0 * dof), slope_part))
    # Chi distribution of the noise's own estimate, asymmetric for few degrees of freedom; the other parts are normal.
    low_noise = 0.5 * float(np.log(special.chdtri(dof, 0.025) / dof))
    high_noise = -0.5 * float(np.log(special.chdtri(dof, 0.975) / dof))
    others = NORMAL_95 * float(np.hypot(slope_part, calibration))
    ends = (limit * np.exp(-np.hypot(low_noise, others)), limit * np.exp(np.hypot(high_noise, others)))
    warnings = ("extrapolated: below the lowest measured dose rate",) if limit < lowest else ()
    return FigureOfMerit(
        name,
        limit,
        limit * float(np.hypot(relative, calibration)),
        (float(ends[0]), float(ends[1])),
        "Gy/s",
        method,
        warnings,
        statistical=limit * relative,
        systematic=limit * calibration,
        details=details,
    ).scaled(NANO, UNIT)


def _by_dose(points: SignalPoints) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Dose rates in rising order, SNR there, its variance, random uncertainty of the dose rate."""
    order = np.argsort(points.dose_rate, kind="stable")
    ratio = points.signal_to_noise
    spread = points.dose_uncertainty
    assert spread is not None  # noqa: S101  # set in __post_init__
    return points.dose_rate[order], ratio[order], _ratio_variance(points, ratio[order]), spread[order]


def _ratio_variance(points: SignalPoints, ratio: FloatArray) -> FloatArray:
    """Variance of each SNR, taken at `ratio`, dose rates in rising order."""
    order = np.argsort(points.dose_rate, kind="stable")
    mean_part = (points.signal_uncertainty / points.noise)[order] ** 2
    return mean_part + ratio**2 / (2.0 * points.noise_dof[order])


def _log_figure(
    name: str,
    limit: float,
    relative: float,
    half_width: float,
    calibration: float,
    method: str,
    points: SignalPoints,
    warnings: list[str],
) -> FigureOfMerit:
    width = float(np.hypot(half_width, NORMAL_95 * calibration))
    return FigureOfMerit(
        name,
        limit,
        limit * float(np.hypot(relative, calibration)),
        (limit * float(np.exp(-width)), limit * float(np.exp(width))),
        "Gy/s",
        method,
        (*_warnings(points, limit), *warnings),
        statistical=limit * relative,
        systematic=limit * calibration,
        details=_details(points),
    ).scaled(NANO, UNIT)


def _warnings(points: SignalPoints, limit: float) -> tuple[str, ...]:
    return ("extrapolated: below the lowest measured dose rate",) if limit < points.dose_rate.min() else ()


def _details(points: SignalPoints) -> dict[str, Detail]:
    return {
        "points": points.dose_rate.size,
        "lowest_dose_rate_ngy_s": float(points.dose_rate.min()) * NANO,
        "lowest_snr": float(points.signal_to_noise.min()),
        "noise_degrees_of_freedom": float(np.sum(points.noise_dof)),
        **_settings(points.acquisition),
    }


def _settings(acquisition: Acquisition) -> dict[str, Detail]:
    return {
        "bandwidth_hz": acquisition.bandwidth,
        "sampling_rate_hz": acquisition.sampling_rate,
        "samples": acquisition.samples,
    }
