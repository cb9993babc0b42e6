"""Activation energy of a conductivity, with a breakpoint where the process changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.broken_line import BELIEVED, fit_broken_line
from analysis.checked_arrays import FloatArray, finite_vector, matching_vector, standard_uncertainties
from analysis.figure import FigureOfMerit
from analysis.line_fit import LineFit
from analysis.profile_likelihood import Profile
from analysis.transit_model import BOLTZMANN_OVER_CHARGE

METHOD = "ln(sigma T) on 1/T"


@dataclass(frozen=True)
class ActivationEnergy:
    """Activation energies of a conductivity against temperature.

    Attributes
    ----------
    figures
        `activation_energy` in eV: one, or two when a breakpoint is found, the one of the higher temperatures first;
        `at` says the range of temperatures.
    breakpoint
        Temperature of the break, K; refused when one line describes the data as well.
    inverse_temperature, log_conductivity, curve
        (n) 1/T in 1/K, ln(sigma T), and the line or lines at the points.
    """

    figures: tuple[FigureOfMerit, ...]
    breakpoint: FigureOfMerit
    inverse_temperature: FloatArray
    log_conductivity: FloatArray
    curve: FloatArray


def activation_energy(
    temperatures: npt.ArrayLike,
    conductivities: npt.ArrayLike,
    sigma: npt.ArrayLike | float | None = None,
    temperature_scale_uncertainty: float = 0.0,
) -> ActivationEnergy:
    """Activation energy E_a of sigma = (A/T) exp(-E_a/kT), ion hopping.

    Two lines that meet are fitted beside one; they are believed when AICc falls by more than 4. The slopes'
    intervals know of the breakpoint's uncertainty.

    Parameters
    ----------
    temperatures
        (n) K; at least 3 different ones, 8 for a breakpoint.
    conductivities
        (n) positive; any unit, or current at a constant bias, for a factor does not matter.
    sigma
        Standard uncertainties of the conductivities, one or one each: relative weights, and the scatter where they
        are not too small.
    temperature_scale_uncertainty
        Relative standard uncertainty of the sensor's scale (systematic): E_a goes with the temperature.

    Returns
    -------
    ActivationEnergy
        Refused when the conductivity does not depend on temperature within the interval or falls with it.

    Raises
    ------
    ValueError
        If the arrays do not match or hold NaN, or a temperature or conductivity is not positive.
    """
    kelvin = finite_vector("temperatures", temperatures)
    values = matching_vector("conductivities", conductivities, kelvin, "temperatures")
    if np.any(kelvin <= 0):
        raise ValueError("temperatures hold one that is not above 0 K: are they in degrees Celsius?")
    if np.any(values <= 0):
        raise ValueError("conductivities hold one that is not positive: subtract offsets, take magnitudes")
    if not 0 <= temperature_scale_uncertainty < 1:
        raise ValueError(f"temperature_scale_uncertainty is {temperature_scale_uncertainty}, it must be 0 to below 1")
    relative = None if sigma is None else standard_uncertainties("sigma", sigma, values) / values
    x, y = 1.0 / kelvin, np.log(values * kelvin)
    different = np.unique(kelvin).size
    if different < 3 or np.ptp(kelvin) < 1.0:
        reason = f"{different} different temperatures over {np.ptp(kelvin):.3g} K: at least 3 over 1 K are needed"
        refused = FigureOfMerit.refused("activation_energy", "eV", METHOD, reason)
        return ActivationEnergy((refused,), _no_breakpoint(reason), x, y, y)
    if relative is not None and np.any(relative == 0):
        relative = None
    line, broken = fit_broken_line(x, y, relative)
    if broken is not None and broken.aicc_gain > BELIEVED and broken.breakpoint.value > 0:
        inverse = broken.breakpoint
        hot = (broken.left, (1.0 / inverse.value, float(kelvin.max())), broken.left_points)
        cold = (broken.right, (float(kelvin.min()), 1.0 / inverse.value), broken.right_points)
        figures = tuple(
            _figure(slope.value, slope.uncertainty or 0.0, (slope.low or 0.0, slope.high or 0.0), span,
                    temperature_scale_uncertainty, f"{METHOD}, two lines with a fitted breakpoint", (), points)
            for slope, span, points in (hot, cold)
        )  # fmt: skip
        return ActivationEnergy(figures, _breakpoint(broken.breakpoint, broken.aicc_gain), x, y, broken.predict(x))
    gain = None if broken is None else broken.aicc_gain
    reason = (
        f"{different} different temperatures are too few to look for a breakpoint (8 are needed)"
        if broken is None
        else f"one straight line describes the data as well as two (AICc gain {broken.aicc_gain:.1f})"
    )
    warnings = _bend_warnings(line, different)
    span = (float(kelvin.min()), float(kelvin.max()))
    slope = line.slope, line.slope_uncertainty, line.slope_interval
    figure = _figure(*slope, span, temperature_scale_uncertainty, f"{METHOD}, {line.method}", warnings, x.size)
    none = FigureOfMerit.refused("breakpoint", "K", METHOD, reason, details={"aicc_gain": gain})
    return ActivationEnergy((figure,), none, x, y, line.predict(x)[0])


def _bend_warnings(line: LineFit, different: int) -> tuple[str, ...]:
    return line.warnings if different > 3 else (*line.warnings, "three temperatures cannot show a break")


def _figure(
    slope: float,
    uncertainty: float,
    interval: tuple[float, float],
    span: tuple[float, float],
    scale: float,
    method: str,
    warnings: tuple[str, ...],
    points: int,
) -> FigureOfMerit:
    k = BOLTZMANN_OVER_CHARGE
    energy, low, high = -slope * k, -interval[1] * k, -interval[0] * k
    at = {"from": (span[0], "K"), "to": (span[1], "K")}
    if low <= 0.0:
        reason = (
            f"the conductivity does not rise with temperature beyond doubt: E_a between {low:.2g} and {high:.2g} eV"
        )
        return FigureOfMerit.refused("activation_energy", "eV", method, reason, at=at, details={"points": points})
    return FigureOfMerit(
        "activation_energy",
        energy,
        uncertainty * k,
        (low, high),
        "eV",
        method,
        warnings,
        at,
        statistical=uncertainty * k,
        details={"points": points},
    ).with_systematic(scale * energy)


def _breakpoint(inverse: Profile, gain: float) -> FigureOfMerit:
    value = 1.0 / inverse.value
    ends, spread = None, None
    warnings: tuple[str, ...] = ("the breakpoint may lie at or beyond the end of the data",)
    if inverse.low is not None and inverse.high is not None and inverse.uncertainty is not None:
        ends, spread, warnings = (1.0 / inverse.high, 1.0 / inverse.low), inverse.uncertainty * value**2, ()
    method = f"{METHOD}, profile likelihood of the breakpoint"
    details = {"aicc_gain": gain}
    return FigureOfMerit(
        "breakpoint", value, spread, ends, "K", method, warnings, statistical=spread, details=details
    )  # fmt: skip


def _no_breakpoint(reason: str) -> FigureOfMerit:
    return FigureOfMerit.refused("breakpoint", "K", METHOD, reason)
