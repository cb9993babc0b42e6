"""Transit time without a model: where the current has fallen by half, where plateau and flank meet, and log-log."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis.broken_line import BELIEVED, fit_broken_line
from analysis.checked_arrays import FloatArray, positive_number
from analysis.figure import FigureOfMerit
from analysis.line_fit import LineFit, fit_line
from analysis.transit_fit import evenly_sampled, neighbour_noise

HALF_METHOD = "time at which the current has fallen to half of its plateau, the plateau's decay continued"
KNEE_METHOD = "crossing of the straight lines through plateau and flank"
DISPERSIVE_METHOD = "crossing of two straight lines in log current against log time"
#: The plateau is read between these shares of the time at half height.
PLATEAU = (0.3, 0.7)
#: The flank is read between these shares of the plateau.
FLANK = (0.4, 0.62)
#: Bins a decade of time for the log-log lines.
BINS_A_DECADE = 12
#: Slopes that sum to less than this away from -2 agree with Scher and Montroll's theory.
SUM_TOLERANCE = 0.3


def half_height_and_knee(
    times: npt.ArrayLike, current: npt.ArrayLike, delay: float = 0.0
) -> tuple[FigureOfMerit, FigureOfMerit]:
    """Two cross-checks of a transit time; amplifier and diffusion are left in them.

    Parameters
    ----------
    times, current
        (n) evenly spaced, s, and of either sign, any unit; the last twentieth is taken as the level without carriers
        when there is no sample before the pulse.
    delay
        Time of the light pulse, s.

    Returns
    -------
    tuple of FigureOfMerit
        `transit_time_half_height` and `transit_time_knee`, s; refused when the transient has no plateau or flank.

    Raises
    ------
    ValueError
        As `fit_transit`.
    """
    at, signal = evenly_sampled(times, current)
    at = at - delay
    names = (("transit_time_half_height", HALF_METHOD), ("transit_time_knee", KNEE_METHOD))
    lines = _plateau_and_flank(at, _upright(at, signal))
    if isinstance(lines, str):
        half, knee = (FigureOfMerit.refused(name, "s", method, lines) for name, method in names)
        return half, knee
    plateau, flank = lines
    return _crossing(*names[0], plateau, flank, 0.5), _crossing(*names[1], plateau, flank, 1.0)


def dispersive_transit(
    times: npt.ArrayLike, current: npt.ArrayLike, delay: float = 0.0, after: float | None = None
) -> FigureOfMerit:
    """Transit time of a dispersive transient: the crossing of the two lines in a log-log plot.

    Parameters
    ----------
    times, current
        (n) evenly spaced, s, and of either sign, above the mean of the samples before the pulse; when there are not
        five of them, above zero: a tail that has not ended is no level to subtract.
    delay
        Time of the light pulse, s.
    after
        Time after the pulse from which on the record is not blurred by the electronics, s; four samples when None.

    Returns
    -------
    FigureOfMerit
        `transit_time_dispersive`, s; details `slope_before`, `slope_after`, `slope_sum` (-2 in Scher and Montroll's
        theory) and their interval. Refused when one straight line describes the plot as well.

    Raises
    ------
    ValueError
        As `fit_transit`.

    References
    ----------
    H. Scher, E. W. Montroll, Phys. Rev. B 12 (1975) 2455.
    """
    name = "transit_time_dispersive"
    at, signal = evenly_sampled(times, current)
    at = at - delay
    upright = _upright(at, signal, 0.0)
    log_time, log_current, weight = _logarithmic_bins(at, upright, after or 4.0 * float(at[1] - at[0]))
    if log_time.size < 8:
        reason = "fewer than eight logarithmic bins of the transient stand above its noise"
        return FigureOfMerit.refused(name, "s", DISPERSIVE_METHOD, reason)
    _, broken = fit_broken_line(log_time, log_current, weight)
    if broken is None or broken.aicc_gain < BELIEVED:
        reason = "no knee: one straight line describes the log-log plot as well as two"
        return FigureOfMerit.refused(name, "s", DISPERSIVE_METHOD, reason)
    where, details = broken.breakpoint, {
        "slope_before": broken.left.value,
        "slope_after": broken.right.value,
        "slope_sum": broken.slope_sum.value,
        "slope_sum_low": broken.slope_sum.low,
        "slope_sum_high": broken.slope_sum.high,
        "aicc_gain": broken.aicc_gain,
        "bins": log_time.size,
    }  # fmt: skip
    if broken.right.value >= broken.left.value or broken.left.value > 0.5:
        reason = "no knee: the current does not fall faster after the crossing"
        return FigureOfMerit.refused(name, "s", DISPERSIVE_METHOD, reason, details=details)
    if where.low is None or where.high is None or where.uncertainty is None:
        reason = "the crossing of the two lines is not fixed by the data"
        return FigureOfMerit.refused(name, "s", DISPERSIVE_METHOD, reason, details=details)
    warnings = []
    if abs(broken.slope_sum.value + 2.0) > SUM_TOLERANCE:
        warnings.append(
            f"the slopes {broken.left.value:.2f} and {broken.right.value:.2f} sum to {broken.slope_sum.value:.2f}, not "
            "to the -2 of dispersive transport"
        )
    value = float(np.exp(where.value))
    return FigureOfMerit(
        name,
        value,
        value * where.uncertainty,
        (float(np.exp(where.low)), float(np.exp(where.high))),
        "s",
        DISPERSIVE_METHOD,
        tuple(warnings),
        statistical=value * where.uncertainty,
        details=details,
    )


def mobility_of(transit: FigureOfMerit, thickness: float, bias: float, name: str = "mobility") -> FigureOfMerit:
    """Mobility d^2/(V t) of a transit time in s, cm2/(V s).

    Raises
    ------
    ValueError
        If thickness or bias is zero or not finite.
    """
    factor = positive_number("thickness", thickness) ** 2 / positive_number("bias", abs(bias)) * 1e4
    method = f"d2/(V t); t: {transit.method}"
    if transit.value is None:
        return FigureOfMerit.refused(name, "cm2/(V s)", method, transit.warnings[0], details=transit.details)
    value = factor / transit.value
    relative = None if transit.uncertainty is None else transit.uncertainty / transit.value
    ends = None
    if transit.interval is not None and transit.interval[0] > 0:
        ends = (factor / transit.interval[1], factor / transit.interval[0])
    u = None if relative is None else value * relative
    return FigureOfMerit(
        name, value, u, ends, "cm2/(V s)", method, transit.warnings, statistical=u, details=transit.details
    )


def _upright(at: FloatArray, signal: FloatArray, level: float | None = None) -> FloatArray:
    """Take the current above its level without carriers, positive."""
    before = signal[at < 0]
    if before.size >= 5:
        level = float(np.median(before))
    elif level is None:
        level = float(np.median(signal[-max(5, signal.size // 20) :]))
    above = signal - level
    return np.asarray(above if above[np.argmax(np.abs(above))] >= 0 else -above, dtype=np.float64)


def _plateau_and_flank(at: FloatArray, y: FloatArray) -> tuple[LineFit, LineFit] | str:
    noise = neighbour_noise(y)
    after = at > 0
    if after.sum() < 20 or np.percentile(y[after], 90) < 5.0 * noise:
        return "the transient does not stand above its noise"
    smooth = np.convolve(np.pad(y, 2, mode="edge"), np.full(5, 0.2), mode="valid")
    half = _last_above(at, smooth, np.full(at.size, 0.5 * float(smooth[after].max())))
    for _ in range(3):
        flat = (at > PLATEAU[0] * half) & (at < PLATEAU[1] * half)
        if flat.sum() < 5:
            return "the plateau holds fewer than five samples"
        if np.any(smooth[flat] <= noise):
            return "the plateau has fallen to nothing before its end: no knee"
        plateau = fit_line(at[flat], np.log(smooth[flat]))
        level = np.exp(np.minimum(plateau.predict(at)[0], 700.0))
        half = _last_above(at, smooth, np.maximum(0.5 * level, noise))
    share = smooth / np.where(level > 0, level, np.inf)
    end = int(np.searchsorted(at, half))
    first = end
    while first > 0 and share[first - 1] < FLANK[1] and at[first - 1] > 0:
        first -= 1
    last = end
    while last < at.size - 1 and share[last] > FLANK[0]:
        last += 1
    if last - first < 4:
        first, last = max(0, end - 3), min(at.size - 1, end + 3)
    if last >= at.size - 1:
        return "the record ends before the current has fallen: no knee"
    flank = fit_line(at[first : last + 1], y[first : last + 1])
    decay = min(plateau.slope, 0.0) * float(np.interp(half, at, smooth))
    if flank.slope >= 2.0 * decay - 3.0 * flank.slope_uncertainty or flank.slope >= 0:
        return "no knee: the current does not fall faster after the plateau than on it"
    return plateau, flank


def _last_above(at: FloatArray, values: FloatArray, level: FloatArray) -> float:
    return float(at[np.flatnonzero((at > 0) & (values > level))[-1]])


def _crossing(name: str, method: str, plateau: LineFit, flank: LineFit, share: float) -> FigureOfMerit:
    value = -flank.intercept / flank.slope
    # Newton's steps towards where the flank meets the (exponential) plateau's share.
    for _ in range(8):
        log_level, relative = (float(part) for part in plateau.predict(value))
        level = share * float(np.exp(min(log_level, 700.0)))
        line, error = (float(part) for part in flank.predict(value))
        steepness = level * plateau.slope - flank.slope
        if steepness <= 0:
            return FigureOfMerit.refused(name, "s", method, "no knee: plateau and flank do not meet")
        value += (line - level) / steepness
    spread = float(np.hypot(error, level * relative)) / steepness
    if value <= 0:
        return FigureOfMerit.refused(name, "s", method, "no knee: plateau and flank do not meet after the pulse")
    return FigureOfMerit.normal(name, float(value), "s", method, statistical=spread)


def _logarithmic_bins(at: FloatArray, y: FloatArray, after: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Bins of equal width in log time: log of their mean time and current, relative uncertainty of the current."""
    kept = at >= after
    at, y = at[kept], y[kept]
    if at.size < 8:
        return (np.zeros(0),) * 3
    number = np.floor(np.log10(at / at[0]) * BINS_A_DECADE).astype(np.int64)
    _, group = np.unique(number, return_inverse=True)
    counts = np.bincount(group)
    mean, when = np.bincount(group, y) / counts, np.exp(np.bincount(group, np.log(at)) / counts)
    error = neighbour_noise(y) / np.sqrt(counts)
    # From the first bin on that drowns in the noise the tail is left out: choosing the bins that came out high
    # would bend it.
    drowned = np.flatnonzero(mean < 5.0 * error)
    end = int(drowned[0]) if drowned.size else mean.size
    # A knee is round: bins as exact as a per mille would pull the lines into it.
    relative = np.hypot(error[:end] / mean[:end], 0.05)
    return np.log(when[:end]), np.log(mean[:end]), np.asarray(relative, dtype=np.float64)
