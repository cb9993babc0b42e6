"""Mobility from the time that light-generated carriers take to cross the sample."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import special

from analysis.checked_arrays import finite_vector, matching_vector, positive_number, relative_uncertainty
from analysis.figure import FigureOfMerit
from analysis.scattered_line import fit_line_with_scatter
from analysis.transit_conditions import TransitConditions, too_slow, transit_warnings
from analysis.transit_estimates import dispersive_transit, half_height_and_knee, mobility_of
from analysis.transit_fit import TransitFit, fit_transit
from analysis.transit_model import Electronics

MODEL_METHOD = "least squares of drift, diffusion and trapping through pulse, RC and amplifier"
BIAS_METHOD = "slope of 1/t against V times d2"
#: Biases that 1/t against V needs.
FEWEST_BIASES = 4
#: Built-in potential that is worth a warning, V.
BUILT_IN = 0.1


@dataclass(frozen=True)
class TimeOfFlight:
    """What one transient tells.

    Attributes
    ----------
    transit_time, mobility, trapping_time
        Of the model, s, cm2/(V s), s.
    half_height, knee, dispersive
        Transit times read without the model, s.
    mobility_half_height, mobility_dispersive
        Mobilities of those, cm2/(V s).
    fit
        The model's curve and everything else.
    bias
        V.
    """

    transit_time: FigureOfMerit
    mobility: FigureOfMerit
    trapping_time: FigureOfMerit
    half_height: FigureOfMerit
    knee: FigureOfMerit
    dispersive: FigureOfMerit
    mobility_half_height: FigureOfMerit
    mobility_dispersive: FigureOfMerit
    fit: TransitFit
    bias: float

    @property
    def figures(self) -> tuple[FigureOfMerit, ...]:
        """All of them."""
        return (
            self.transit_time,
            self.mobility,
            self.trapping_time,
            self.half_height,
            self.knee,
            self.dispersive,
            self.mobility_half_height,
            self.mobility_dispersive,
        )


def time_of_flight(
    times: npt.ArrayLike,
    current: npt.ArrayLike,
    thickness: float,
    bias: float,
    conditions: TransitConditions | None = None,
    *,
    delay: float = 0.0,
    temperature: float = 295.0,
    thickness_uncertainty: float = 0.0,
    bandwidth_uncertainty: float = 0.0,
) -> TimeOfFlight:
    """Transit time, mobility and trapping time of a transient, with cross-checks and warnings.

    Parameters
    ----------
    times, current
        (n) evenly spaced, s, on the record's axis; current of either sign, any unit, averaged over pulses.
    thickness
        Electrode distance, m.
    bias
        V, of either sign.
    conditions
        What is known of amplifier, circuit, light and sample; bandwidth, RC and pulse enter the model.
    delay
        Time of the light pulse on the record's axis, s.
    temperature
        K.
    thickness_uncertainty
        Relative standard uncertainty of the thickness (systematic; enters the mobility twice).
    bandwidth_uncertainty
        Relative standard uncertainty of the bandwidth: the transit time moves by its share of the amplifier's delay.

    Returns
    -------
    TimeOfFlight
        Figures refused when the transient has no knee, or the amplifier's rise time exceeds the transit.

    Raises
    ------
    ValueError
        If thickness or bias is zero, the arrays do not match or hold NaN, or the times are uneven.
    """
    d = positive_number("thickness", thickness)
    positive_number("bias", abs(bias))
    relative_d = relative_uncertainty("thickness_uncertainty", thickness_uncertainty)
    relative_band = relative_uncertainty("bandwidth_uncertainty", bandwidth_uncertainty)
    known = conditions or TransitConditions()
    box = Electronics(known.bandwidth or None, known.rc or 0.0, known.pulse_fwhm or 0.0, delay)
    fit = fit_transit(times, current, bias, box, temperature)
    half, knee = half_height_and_knee(times, current, delay)
    blurred = 4.0 * sum(box.poles) + 2.0 * box.pulse_fwhm
    dispersive = dispersive_transit(times, current, delay, blurred or None)
    slow_delay = 0.0 if known.bandwidth is None else relative_band / (2.0 * np.pi * known.bandwidth)
    transit, trapping = _model_figures(fit, known, d, bias, slow_delay)
    half, knee, dispersive = (_checked(one, known, d, bias) for one in (half, knee, dispersive))
    at = {"bias": (bias, "V"), "field": (bias / d / 100.0, "V/cm")}

    def mobility(figure: FigureOfMerit, name: str) -> FigureOfMerit:
        result = mobility_of(figure, d, bias, name)
        return result.with_systematic(2.0 * relative_d * (result.value or 0.0)).at_condition(**at)

    return TimeOfFlight(
        transit.at_condition(**at),
        mobility(transit, "mobility"),
        trapping.at_condition(**at),
        half.at_condition(**at),
        knee.at_condition(**at),
        dispersive.at_condition(**at),
        mobility(half, "mobility_half_height"),
        mobility(dispersive, "mobility_dispersive"),
        fit,
        bias,
    )


def mobility_from_biases(
    biases: npt.ArrayLike,
    transit_times: npt.ArrayLike,
    uncertainties: npt.ArrayLike,
    thickness: float,
    *,
    thickness_uncertainty: float = 0.0,
) -> tuple[FigureOfMerit, FigureOfMerit]:
    """Mobility from 1/t against bias, which a built-in potential shifts but does not tilt.

    Parameters
    ----------
    biases
        (n) V, of one sign, at least four different ones.
    transit_times, uncertainties
        (n) s; the uncertainties statistical. Scatter beyond them is estimated.
    thickness
        m.
    thickness_uncertainty
        Relative standard uncertainty (systematic).

    Returns
    -------
    mobility : FigureOfMerit
        cm2/(V s). Warns when the mobility depends on the bias or a built-in potential shows.
    built_in_potential : FigureOfMerit
        V, where the line meets zero, added to the bias; refused with the mobility.

    Raises
    ------
    ValueError
        If the arrays do not match, hold NaN, the biases have both signs, or a time is not positive.
    """
    volts = finite_vector("biases", biases)
    transit = matching_vector("transit_times", transit_times, volts, "biases")
    spread = matching_vector("uncertainties", uncertainties, volts, "biases")
    d = positive_number("thickness", thickness)
    relative_d = relative_uncertainty("thickness_uncertainty", thickness_uncertainty)
    if np.any(transit <= 0) or np.any(spread < 0):
        raise ValueError("transit_times holds a time that is not positive, or an uncertainty is negative")
    if np.any(volts == 0) or np.any(volts > 0) == np.any(volts < 0):
        raise ValueError("biases hold zero or both signs: the two carriers are fitted one at a time")
    different = np.unique(volts).size
    if different < FEWEST_BIASES:
        reason = f"{different} different biases, at least {FEWEST_BIASES} are needed for 1/t against V"
        return (
            FigureOfMerit.refused("mobility", "cm2/(V s)", BIAS_METHOD, reason),
            FigureOfMerit.refused("built_in_potential", "V", BIAS_METHOD, reason),
        )
    x, y, sy = np.abs(volts), 1.0 / transit, spread / transit**2
    # An uncertainty of zero would forbid any other scatter.
    line = fit_line_with_scatter(x, y, np.maximum(sy, 1e-9 * y))
    factor = d**2 * 1e4
    mobility = line.slope_figure("1/(V s)", "mobility").scaled(factor, "cm2/(V s)")
    mobility = replace(mobility, method=f"{BIAS_METHOD}, {line.method}")
    if line.slope_interval[0] <= 0:
        reason = "1/t does not rise significantly with the bias: no mobility"
        return (
            FigureOfMerit.refused("mobility", "cm2/(V s)", mobility.method, reason),
            FigureOfMerit.refused("built_in_potential", "V", mobility.method, reason),
        )
    built_in = line.intercept / line.slope
    gradient = np.array([1.0, -built_in]) / line.slope
    u_built_in = float(np.sqrt(gradient @ line.covariance @ gradient))
    shift = FigureOfMerit.normal("built_in_potential", built_in, "V", f"{BIAS_METHOD}: intercept over slope",
                                 statistical=u_built_in)  # fmt: skip
    if abs(built_in) > BUILT_IN and abs(built_in) > 2.0 * u_built_in:
        text = f"1/t against V meets zero at a bias of {-built_in:.2g} V: built-in potential or trapping at low bias"
        mobility = mobility.with_warnings(text)
    bend = _bend(x, y, line.sigma)
    if bend is not None:
        mobility = mobility.with_warnings(f"the mobility depends on the bias: 1/t against V bends (p = {bend:.2g})")
    return mobility.with_systematic(2.0 * relative_d * (mobility.value or 0.0)), shift


def _bend(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], sigma: npt.NDArray[np.float64]) -> float | None:
    """Probability of the curvature if there were none, when it is below 1 %."""
    dof = x.size - 3
    if dof < 1:
        return None
    design = np.vander((x - x.mean()) / np.ptp(x), 3, increasing=True) / sigma[:, None]
    solution = np.linalg.lstsq(design, y / sigma, rcond=None)[0]
    rest = float(np.sum((y / sigma - design @ solution) ** 2)) / dof
    inverse = np.linalg.inv(design.T @ design)
    ratio = abs(float(solution[2])) / np.sqrt(max(rest, 1e-18) * float(inverse[2, 2]))
    p = 2.0 * float(special.stdtr(dof, -ratio))
    # A bend of less than one per cent of the line is no dependence, however certain.
    return p if p < 0.01 and abs(float(solution[2])) > 0.01 * float(np.ptp(y)) else None


def _model_figures(
    fit: TransitFit, known: TransitConditions, thickness: float, bias: float, delay_uncertainty: float
) -> tuple[FigureOfMerit, FigureOfMerit]:
    names = ("transit_time", "trapping_time")
    refusal = fit.refusal or too_slow(known, fit.transit_time)
    if refusal is not None:
        transit, trapping = (FigureOfMerit.refused(name, "s", MODEL_METHOD, refusal) for name in names)
        return transit, trapping
    wide = fit.quantile * fit.transit_uncertainty
    rates = [fit.trapping_rate + sign * fit.quantile * fit.trapping_uncertainty for sign in (-1, 1)]
    tau = 1.0 / fit.trapping_rate if fit.trapping_rate > 0 else None
    transit = FigureOfMerit(
        "transit_time",
        fit.transit_time,
        fit.transit_uncertainty,
        (fit.transit_time - wide, fit.transit_time + wide),
        "s",
        MODEL_METHOD,
        transit_warnings(known, fit.transit_time, thickness, bias, tau),
        statistical=fit.transit_uncertainty,
        details={
            "knee_gain": fit.knee_gain,
            "spread": float(np.sqrt(fit.spread)),
            "misfit": fit.misfit / abs(fit.height),
        },
    ).with_systematic(delay_uncertainty)
    if tau is None or rates[0] <= 0.0:
        reason = f"no trapping is seen within the transit: tau is above {1.0 / rates[1]:.3g} s"
        return transit, FigureOfMerit.refused("trapping_time", "s", MODEL_METHOD, reason)
    u = tau * fit.trapping_uncertainty / fit.trapping_rate
    ends = (1.0 / rates[1], 1.0 / rates[0])
    return transit, FigureOfMerit("trapping_time", tau, u, ends, "s", MODEL_METHOD, statistical=u)


def _checked(figure: FigureOfMerit, known: TransitConditions, thickness: float, bias: float) -> FigureOfMerit:
    if figure.value is None:
        return figure
    refusal = too_slow(known, figure.value)
    if refusal is not None:
        return FigureOfMerit.refused(figure.name, figure.unit, figure.method, refusal, details=figure.details)
    return figure.with_warnings(*transit_warnings(known, figure.value, thickness, bias))
