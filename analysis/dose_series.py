"""How the noise of images falls with their dose."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from analysis.checked_arrays import finite_vector, matching_vector, positive_number, relative_uncertainty
from analysis.figure import FigureOfMerit
from analysis.line_fit import fit_line


def low_dose_series(doses: npt.ArrayLike, signal_to_noise_ratios: npt.ArrayLike) -> FigureOfMerit:
    """Exponent of SNR on dose; 1/2 where quanta limit the image, more where the camera's read noise does.

    Parameters
    ----------
    doses
        Of each image, Gy (any unit).
    signal_to_noise_ratios
        `snr` of the same region in each.

    Returns
    -------
    FigureOfMerit
        `snr_exponent`, from a line through the logarithms.
    """
    dose = finite_vector("doses", doses, 3)
    ratio = matching_vector("signal_to_noise_ratios", signal_to_noise_ratios, dose, "doses")
    if np.any(dose <= 0) or np.any(ratio <= 0):
        return FigureOfMerit.refused("snr_exponent", "1", "line of log SNR on log dose", "a dose or SNR is not above 0")
    return fit_line(np.log(dose), np.log(ratio)).slope_figure("1", "snr_exponent")


def dose_at_snr(
    doses: npt.ArrayLike, ratios: Sequence[FigureOfMerit], criterion: float, dose_uncertainty: float = 0.0
) -> FigureOfMerit:
    """Dose from which on the signal-to-noise ratio of an image reaches a criterion.

    Between the last image below and the first above, the logarithm of the SNR is interpolated on that of the dose.

    Parameters
    ----------
    doses
        Of each image, Gy.
    ratios
        `snr` of the same region in each.
    criterion
        SNR; Rose's criterion for a detail to be seen is 5.
    dose_uncertainty
        Relative standard uncertainty of all doses together: the dosimeter's calibration.

    Returns
    -------
    FigureOfMerit
        `dose_at_snr`, uGy; refused where the images do not bracket the criterion.

    References
    ----------
    A. Rose, J. Opt. Soc. Am. 38 (1948) 196.
    """
    dose = finite_vector("doses", doses, 1)
    if len(ratios) != dose.size:
        raise ValueError(f"{dose.size} doses and {len(ratios)} ratios: there must be as many")
    wanted = positive_number("criterion", criterion)
    common = relative_uncertainty("dose_uncertainty", dose_uncertainty)
    method = f"SNR {wanted:g}, log SNR interpolated on log dose"
    known = sorted(
        ((float(d), r.value, r.uncertainty or 0.0) for d, r in zip(dose, ratios, strict=True) if r.value and d > 0),
        key=lambda one: one[0],
    )
    if not known:
        return FigureOfMerit.refused("dose_at_snr", "uGy", method, "no image has a dose and an SNR")
    above = next((i for i, one in enumerate(known) if one[1] >= wanted), None)
    if above is None:
        reason = f"SNR is {known[-1][1]:.3g} at most, at {known[-1][0] * 1e6:.3g} uGy: larger doses are needed"
        return FigureOfMerit.refused("dose_at_snr", "uGy", method, reason)
    if above == 0:
        reason = f"SNR is {known[0][1]:.3g} already at the lowest dose, {known[0][0] * 1e6:.3g} uGy"
        return FigureOfMerit.refused("dose_at_snr", "uGy", method, reason)
    (low, weak, weak_error), (high, strong, strong_error) = known[above - 1], known[above]
    steps = math.log(high / low), math.log(strong / weak)
    share = math.log(wanted / weak) / steps[1]
    value = low * math.exp(share * steps[0])
    # d ln D / d ln SNR of the two images
    slope = steps[0] / steps[1]
    relative = slope * math.hypot((1.0 - share) * weak_error / weak, share * strong_error / strong)
    return FigureOfMerit.normal(
        "dose_at_snr",
        value * 1e6,
        "uGy",
        method,
        statistical=value * 1e6 * relative,
        systematic=value * 1e6 * common,
        details={"snr_below": weak, "snr_above": strong},
    )
