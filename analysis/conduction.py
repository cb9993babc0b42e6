"""What a current-voltage curve tells: resistivity, rectification, hysteresis, and whether a reading has settled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from analysis.autocorrelation import correlation_time
from analysis.checked_arrays import (
    FloatArray,
    finite_vector,
    matching_vector,
    positive_number,
    relative_uncertainty,
    standard_uncertainties,
)
from analysis.figure import NORMAL_95, FigureOfMerit
from analysis.line_fit import LineFit, fit_line
from analysis.linearity import power_law_exponent
from analysis.scattered_line import fit_line_with_scatter

OHM_CM = 100.0
RESISTIVITY_METHOD = "slope of I on V over the ohmic window times d/A"
#: A window is ohmic when its log-log slope is one within this, beyond its own 95 % uncertainty.
SLOPE_TOLERANCE = 0.05
#: A log-log slope that is less certain than this cannot tell ohmic from not.
SLOPE_KNOWN = 0.25
FEWEST_POINTS = 4
#: A window that covers less than this ratio of voltages tells nothing of its slope.
NARROWEST = 1.9
#: A forward over reverse current is one of the ends of a curve: voltages agree this well.
SAME_VOLTAGE = 0.02


def resistivity(
    voltage: npt.ArrayLike,
    current: npt.ArrayLike,
    thickness: float,
    area: float,
    sigma: npt.ArrayLike | float | None = None,
    *,
    thickness_uncertainty: float = 0.0,
    area_uncertainty: float = 0.0,
) -> FigureOfMerit:
    """Resistivity in the ohmic part of an I-V curve.

    The window is the widest run of voltages (both polarities together, by magnitude) in which the slope of log I on
    log V is one within its 95 % uncertainty and 0.05; the slope of I on V in it, with free intercept, is
    the conductance.

    Parameters
    ----------
    voltage
        (n) V, in any order.
    current
        (n) A, settled.
    thickness, area
        m, m2.
    sigma
        Standard uncertainties of the currents, A; scatter beyond them is estimated.
    thickness_uncertainty, area_uncertainty
        Relative standard uncertainties (systematic).

    Returns
    -------
    FigureOfMerit
        `resistivity`, ohm cm; details `window_low_v`, `window_high_v`, `log_slope`, `points`, `offset_current_a`.
        Refused when there is no ohmic window.

    Raises
    ------
    ValueError
        If the arrays do not match or hold NaN, or thickness or area is not positive.
    """
    name, unit = "resistivity", "ohm cm"
    volts = finite_vector("voltage", voltage)
    amps = matching_vector("current", current, volts, "voltage")
    stated = None if sigma is None else standard_uncertainties("sigma", sigma, amps)
    geometry = positive_number("area", area) / positive_number("thickness", thickness)
    relative = np.hypot(
        relative_uncertainty("thickness_uncertainty", thickness_uncertainty),
        relative_uncertainty("area_uncertainty", area_uncertainty),
    )
    window = ohmic_window(volts, amps, stated)
    if isinstance(window, str):
        return FigureOfMerit.refused(name, unit, RESISTIVITY_METHOD, window)
    inside, exponent = window
    line = fit_line_with_scatter(volts[inside], amps[inside], None if stated is None else stated[inside])
    low, high = line.slope_interval
    details = {
        "window_low_v": float(np.abs(volts[inside]).min()),
        "window_high_v": float(np.abs(volts[inside]).max()),
        "log_slope": exponent.value,
        "log_slope_uncertainty": exponent.uncertainty,
        "points": int(inside.sum()),
        "offset_current_a": line.intercept,
    }
    if low <= 0.0:
        reason = "the conductance is not above zero within its uncertainty: the resistivity has no upper limit"
        return FigureOfMerit.refused(name, unit, RESISTIVITY_METHOD, reason, details=details)
    value = OHM_CM * geometry / line.slope
    spread = value * line.slope_uncertainty / line.slope
    ends = (OHM_CM * geometry / high, OHM_CM * geometry / low)
    warnings = []
    outside = np.abs(volts[~inside & (volts != 0)])
    if outside.size:
        warnings.append(
            f"ohmic from {details['window_low_v']:.3g} to {details['window_high_v']:.3g} V only, the curve goes from "
            f"{np.abs(volts[volts != 0]).min():.3g} to {np.abs(volts).max():.3g} V"
        )
    return FigureOfMerit(
        name, value, spread, ends, unit, RESISTIVITY_METHOD, tuple(warnings), statistical=spread, details=details
    ).with_systematic(float(relative) * value)


def ohmic_window(
    voltage: FloatArray, current: FloatArray, sigma: FloatArray | None = None
) -> tuple[npt.NDArray[np.bool_], FigureOfMerit] | str:
    """Points of the widest ohmic run and its log-log slope, or why there is none.

    Parameters
    ----------
    voltage, current
        (n) V, A.
    sigma
        (n) A.
    """
    size = np.abs(voltage)
    follows = (voltage * current > 0) & (size > 0)
    levels = np.unique(size[size > 0])
    if follows.sum() < FEWEST_POINTS or levels.size < 3:
        return f"{int(follows.sum())} points with a current along the voltage, at least {FEWEST_POINTS} are needed"
    # Candidates by width: the widest run that is ohmic is the window.
    runs = [(i, j) for i in range(levels.size) for j in range(i + 2, levels.size) if levels[j] >= NARROWEST * levels[i]]
    runs.sort(key=lambda ends: (levels[ends[1]] / levels[ends[0]], ends[1] - ends[0]), reverse=True)
    seen: list[float] = []
    for i, j in runs:
        inside = (size >= levels[i]) & (size <= levels[j])
        used = inside & follows
        if used.sum() < FEWEST_POINTS or used.sum() < 0.75 * inside.sum():
            continue
        slope = power_law_exponent(size[used], np.abs(current[used]), None if sigma is None else sigma[used])
        if slope.value is None or slope.interval is None or slope.uncertainty is None:
            continue
        seen.append(slope.value)
        if slope.uncertainty > SLOPE_KNOWN:
            continue
        near = slope.interval[0] - SLOPE_TOLERANCE <= 1.0 <= slope.interval[1] + SLOPE_TOLERANCE
        relative = None if sigma is None else sigma[used] / np.abs(current[used])
        if near and _ohmic_throughout(np.log(size[used]), np.log(np.abs(current[used])), relative):
            return np.asarray(inside, dtype=np.bool_), slope
    if not seen:
        return "the current is not above its noise over a ratio of voltages of two: no ohmic window"
    return f"no ohmic window: the log-log slope is {min(seen):.2g} to {max(seen):.2g} and nowhere known to be one"


def _ohmic_throughout(x: FloatArray, y: FloatArray, relative: FloatArray | None) -> bool:
    """Whether the ends of the window lie on a line of slope one, and the log-log curve does not bend."""
    departure = y - x - np.median(y - x)
    scatter = np.hypot(1.48 * np.median(np.abs(departure)), 0.0 if relative is None else relative)
    beyond = np.abs(departure) > np.maximum(2.0 * SLOPE_TOLERANCE, 4.0 * scatter)
    ends = (x == x.min()) | (x == x.max())
    return not np.any(beyond & ends) and not _bent(x, y)


def _bent(x: FloatArray, y: FloatArray) -> bool:
    """Whether the log-log curve bends by more than the tolerance over the window, significantly."""
    if x.size < 5 or np.unique(x).size < 4:
        return False
    length = 0.5 * np.ptp(x)
    design = np.vander((x - x.mean()) / length, 3, increasing=True)
    solution, rest, rank, _ = np.linalg.lstsq(design, y, rcond=None)
    if rank < 3 or rest.size == 0:
        return False
    dof = x.size - 3
    spread = np.sqrt(float(rest[0]) / dof * np.linalg.inv(design.T @ design)[2, 2])
    # The slope changes by 4 c / length over the window.
    change = 4.0 * abs(float(solution[2])) / length
    return bool(change > 2.0 * SLOPE_TOLERANCE and abs(solution[2]) > float(special.stdtrit(dof, 0.995)) * spread)


def rectification_ratio(
    voltage: npt.ArrayLike, current: npt.ArrayLike, at: float, sigma: npt.ArrayLike | float | None = None
) -> FigureOfMerit:
    """Ratio of the larger to the smaller magnitude of the currents at +V and -V.

    Parameters
    ----------
    voltage, current
        (n) V, A; readings within 2 % of the voltage are averaged.
    at
        V, the magnitude.
    sigma
        Standard uncertainties of the currents, A.

    Returns
    -------
    FigureOfMerit
        `rectification_ratio`; detail `forward` is "+" or "-". Refused when a polarity was not measured or one of the
        currents is not above its noise: then only a lower bound is known.

    Raises
    ------
    ValueError
        If the arrays do not match, hold NaN, or `at` is not positive.
    """
    name, method = "rectification_ratio", "larger over smaller current at +V and -V"
    volts = finite_vector("voltage", voltage)
    amps = matching_vector("current", current, volts, "voltage")
    stated = np.zeros_like(amps) if sigma is None else standard_uncertainties("sigma", sigma, amps)
    magnitude = positive_number("at", at)
    condition = {"voltage": (magnitude, "V")}
    sides = [np.abs(volts - sign * magnitude) <= SAME_VOLTAGE * magnitude for sign in (1.0, -1.0)]
    if not all(side.any() for side in sides):
        return FigureOfMerit.refused(name, "1", method, f"not measured at both +{magnitude:g} and -{magnitude:g} V",
                                     at=condition)  # fmt: skip
    means = [abs(float(amps[side].mean())) for side in sides]
    spreads = [_mean_uncertainty(amps[side], stated[side]) for side in sides]
    forward = int(np.argmax(means))
    big, small = means[forward], means[1 - forward]
    u_big, u_small = spreads[forward], spreads[1 - forward]
    details = {"forward": "+" if forward == 0 else "-", "larger_a": big, "smaller_a": small}
    if small <= 3.0 * u_small or small == 0.0:
        bound = max(0.0, big - NORMAL_95 * u_big) / (small + NORMAL_95 * u_small) if small + u_small > 0 else np.inf
        reason = f"the smaller current is not above its noise: the ratio is at least {bound:.3g}"
        return FigureOfMerit.refused(name, "1", method, reason, at=condition, details=details)
    ratio, relative = big / small, float(np.hypot(u_big / big, u_small / small))
    known = relative > 0
    ends = (ratio * np.exp(-NORMAL_95 * relative), ratio * np.exp(NORMAL_95 * relative)) if known else None
    u = ratio * relative if known else None
    warnings = () if known else ("single readings of unknown noise: no uncertainty",)
    return FigureOfMerit(name, ratio, u, ends, "1", method, warnings, condition, statistical=u, details=details)


def _mean_uncertainty(values: FloatArray, stated: FloatArray) -> float:
    own = float(np.sqrt(np.sum(stated**2))) / values.size
    scatter = float(values.std(ddof=1)) / np.sqrt(values.size) if values.size > 1 else 0.0
    return max(own, scatter)


def hysteresis(
    voltage_up: npt.ArrayLike, current_up: npt.ArrayLike, voltage_down: npt.ArrayLike, current_down: npt.ArrayLike
) -> FigureOfMerit:
    """Area between the branches of a loop over the area under them, integral of |I_up - I_down| over |I_up| + |I_down|.

    0 for branches that coincide, 1 for branches of opposite sign. Noise alone makes it positive: its contribution, from
    the second differences of the branches, is the uncertainty, and a value below twice that counts as none.

    Parameters
    ----------
    voltage_up, current_up, voltage_down, current_down
        The two branches, V and A, each of at least 3 points in any order.

    Returns
    -------
    FigureOfMerit
        `hysteresis`, dimensionless.

    Raises
    ------
    ValueError
        If the arrays do not match or hold NaN, or the branches share no voltages.
    """
    name, method = "hysteresis", "area between the branches over the area under them"
    branches = []
    for volts_in, amps_in, label in ((voltage_up, current_up, "up"), (voltage_down, current_down, "down")):
        volts = finite_vector(f"voltage_{label}", volts_in, 3)
        amps = matching_vector(f"current_{label}", amps_in, volts, f"voltage_{label}")
        order = np.argsort(volts, kind="stable")
        branches.append((volts[order], amps[order]))
    (v_up, i_up), (v_down, i_down) = branches
    low, high = max(v_up[0], v_down[0]), min(v_up[-1], v_down[-1])
    if not low < high:
        raise ValueError("the branches share no voltages")
    grid = np.unique(np.concatenate([v_up, v_down, [low, high]]))
    grid = grid[(grid >= low) & (grid <= high)]
    up, down = np.interp(grid, v_up, i_up), np.interp(grid, v_down, i_down)
    total = float(np.trapezoid(np.abs(up) + np.abs(down), grid))
    if total == 0.0:
        return FigureOfMerit.refused(name, "1", method, "no current flows on either branch")
    value = float(np.trapezoid(np.abs(up - down), grid)) / total
    # Mean absolute value of a normal deviate, of the difference of two branches.
    noise = float(np.sqrt(2.0 / np.pi) * np.hypot(_roughness(i_up), _roughness(i_down))) * (high - low) / total
    warnings = ("not larger than what the noise of the branches makes of none",) if value <= 2.0 * noise else ()
    ends = (max(0.0, value - NORMAL_95 * noise), value + NORMAL_95 * noise)
    return FigureOfMerit(name, value, noise, ends, "1", method, warnings, statistical=noise)


def _roughness(values: FloatArray) -> float:
    bends = np.abs(values[:-2] - 2.0 * values[1:-1] + values[2:])
    return float(np.median(bends) / (0.6745 * np.sqrt(6.0)))


@dataclass(frozen=True)
class Settling:
    """Whether a reading after a change of bias has settled.

    Attributes
    ----------
    settled
        Whether the drift over the next window of equal length is within what is asked.
    drift, drift_uncertainty
        Rate, A/s, of the last window.
    mean, uncertainty
        A, of the last window.
    reason
        In words.
    """

    settled: bool
    drift: float
    drift_uncertainty: float
    mean: float
    uncertainty: float
    reason: str


def settled(currents: npt.ArrayLike, times: npt.ArrayLike, tolerance: float = 0.01, fewest: int = 8) -> Settling:
    """Tell whether a current has settled, from its drift over the last third of the readings.

    Settled means: the change over one more window of that length is, at 95 %, less than `tolerance` of the current, or
    the drift is not distinguishable from zero while the mean is limited by the noise (drift within noise): going on
    reading would not improve the value.

    Parameters
    ----------
    currents, times
        (n) A and s, since the change of bias, in order of time.
    tolerance
        Relative change allowed.
    fewest
        Readings below which nothing counts as settled; at least 6.

    Raises
    ------
    ValueError
        If the arrays do not match, hold NaN, the times do not rise, or tolerance or fewest is out of range.
    """
    at = finite_vector("times", times)
    values = matching_vector("currents", currents, at, "times")
    positive_number("tolerance", tolerance)
    if fewest < 6:
        raise ValueError(f"fewest is {fewest}, at least 6 readings are needed to tell a drift from noise")
    if np.any(np.diff(at) <= 0):
        raise ValueError("times do not rise")
    if at.size < fewest:
        mean = float(values[-1]) if values.size else 0.0
        return Settling(False, 0.0, 0.0, mean, abs(mean), f"{at.size} readings, at least {fewest} are needed")
    length = max(at.size // 3, 6)
    x, y = at[-length:], values[-length:]
    line = fit_line(x, y)
    correlated = float(np.sqrt(min(correlation_time(line.residuals), length / 3.0))) if _scatters(line) else 1.0
    drift, spread = line.slope, line.slope_uncertainty * correlated
    quantile = float(special.stdtrit(length - 2, 0.975))
    window = float(x[-1] - x[0])
    mean = float(y.mean())
    error = float(np.std(line.residuals, ddof=2)) / np.sqrt(length) * correlated if length > 2 else abs(mean)
    allowed = tolerance * abs(mean)
    change = abs(drift) * window
    uncertain = quantile * spread * window
    if change + uncertain <= allowed:
        reason = f"drift of {change:.2g} A a window, at most {change + uncertain:.2g}, is within {tolerance:.1%}"
        return Settling(True, drift, spread, mean, error, reason)
    # Earlier readings say whether the drift that noise hides is still the tail of a relaxation.
    if change <= uncertain and not _relaxing(values, length, float(np.std(line.residuals, ddof=2))):
        reason = f"drift of {change:.2g} A a window is within its noise of {uncertain:.2g} A"
        return Settling(True, drift, spread, mean, error, reason)
    reason = f"drift of {change:.2g} A a window (95 %: up to {change + uncertain:.2g}) exceeds {allowed:.2g} A"
    return Settling(False, drift, spread, mean, error, reason)


def _scatters(line: LineFit) -> bool:
    return bool(np.ptp(line.residuals) > 1e-12 * np.max(np.abs(line.y), initial=0.0)) and line.x.size >= 8


def _relaxing(values: FloatArray, length: int, noise: float) -> bool:
    """Whether the two halves of the window still differ from each other."""
    early, late = values[-length : -length // 2], values[-(length // 2) :]
    difference = abs(float(early.mean() - late.mean()))
    return difference > 2.0 * noise * float(np.sqrt(1.0 / early.size + 1.0 / late.size))
