"""How a signal or a dark current lasts: share remaining, time to 95 %, slope, drift."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis.checked_arrays import FloatArray, finite_vector, matching_vector, positive_number, relative_uncertainty
from analysis.figure import FigureOfMerit
from analysis.smooth_course import FEWEST, SmoothCourse, smooth_course

COURSE = "smooth curve (polynomials of t and of ln(1 + t/scale), Akaike weights), correlated scatter"
REMAINING_METHOD = f"ratio to the start; {COURSE}"
T95_METHOD = f"time at which 95 % of the start is left; {COURSE}"
SLOPE_METHOD = "straight line, relative to its start, correlated scatter"
DRIFT_METHOD = f"(J(t) - J0)/(E t J0); {COURSE}"
#: A start that is less certain than this share is no reference.
START_KNOWN = 0.1
#: A current that makes this share of its change in the first tenth of the time settles rather than drifts.
SETTLES = 0.5
GRID = 1000
#: Independent points below which slow noise and a slow course cannot be told apart.
FEW_INDEPENDENT = 12.0


def ratio_to_monitor(signal: npt.ArrayLike, monitor: npt.ArrayLike) -> FloatArray:
    """Signal over the dose monitor's reading at the same time, so that the tube's own drift cancels.

    Parameters
    ----------
    signal, monitor
        (n) any units.

    Raises
    ------
    ValueError
        If they do not match or hold NaN, or the monitor read zero or less.
    """
    values = finite_vector("signal", signal)
    doses = matching_vector("monitor", monitor, values, "signal")
    if np.any(doses <= 0):
        raise ValueError(f"monitor read {doses.min():.3g} at point {int(np.argmin(doses))}: the beam was off there")
    return values / doses


def remaining(
    times: npt.ArrayLike, signal: npt.ArrayLike, at: float | None = None, monitor_uncertainty: float = 0.0
) -> FigureOfMerit:
    """Share of the signal left after a time, %.

    Parameters
    ----------
    times
        (n) s, rising, the first one the start; dense early if the signal changes early.
    signal
        (n) any unit, ideally `ratio_to_monitor`.
    at
        s after the start; the last point when None.
    monitor_uncertainty
        Relative standard uncertainty of the monitor's constancy over the run (systematic).

    Returns
    -------
    FigureOfMerit
        `remaining`, %. Refused when the start is not known within 10 %, there are fewer than 6 points, or `at` lies
        beyond the record.

    Raises
    ------
    ValueError
        If the arrays do not match, hold NaN or the times do not rise.
    """
    monitor = relative_uncertainty("monitor_uncertainty", monitor_uncertainty)
    moments = finite_vector("times", times)
    course = _course(moments, signal)
    if isinstance(course, str):
        return FigureOfMerit.refused("remaining", "%", REMAINING_METHOD, course)
    after = course.span if at is None else positive_number("at", at)
    condition = {"time": (after, "s")}
    if after > course.span * (1.0 + 1e-9):
        reason = f"the record ends {course.span:.6g} s after its start, before {after:.6g} s: not extrapolated"
        return FigureOfMerit.refused("remaining", "%", REMAINING_METHOD, reason, at=condition)
    share, spread = (float(part[0]) for part in course.ratio_to_start(np.array([course.start + after])))
    wide = course.quantile * spread
    return FigureOfMerit(
        "remaining",
        100.0 * share,
        100.0 * spread,
        (100.0 * (share - wide), 100.0 * (share + wide)),
        "%",
        REMAINING_METHOD,
        _memory_warnings(course, moments.size),
        condition,
        statistical=100.0 * spread,
        details=_details(course, moments.size),
    ).with_systematic(100.0 * share * monitor)


def t95(times: npt.ArrayLike, signal: npt.ArrayLike, level: float = 0.95, unit: str = "s") -> FigureOfMerit:
    """Time after which 95 % of the signal is left, s.

    Parameters
    ----------
    times, signal
        As `remaining`.
    level
        Share left; the figure is named after it (`t95`, `t80`).
    unit
        Of `times`, where they are no times but doses: ``"Gy"``.

    Returns
    -------
    FigureOfMerit
        Never extrapolated: when the level is not reached within the record, the figure is refused and the warning
        (and the detail `lower_bound_s`) gives the time up to which more is left, at 95 % confidence.

    Raises
    ------
    ValueError
        As `remaining`, or if the level is not between 0 and 1.
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level is {level}, it must lie between 0 and 1")
    name = f"t{100.0 * level:g}"
    method = T95_METHOD.replace("95 %", f"{100.0 * level:g} %")
    moments = finite_vector("times", times)
    course = _course(moments, signal)
    if isinstance(course, str):
        return FigureOfMerit.refused(name, unit, method, course)
    # Even steps late, geometric ones early.
    after = np.unique(np.concatenate([np.linspace(0, 1, GRID), np.geomspace(1e-6, 1, GRID)])) * course.span
    share, spread = course.ratio_to_start(course.start + after)
    reached = _first_below(after, share, level)
    earliest = _first_below(after, share - course.quantile * spread, level)
    latest = _first_below(after, share + course.quantile * spread, level)
    bound = course.span if earliest is None else earliest
    details = {**_details(course, moments.size), "lower_bound_s": bound, "remaining_at_end": float(share[-1])}
    if reached is None or latest is None:
        about = "" if reached is None else f"is reached at about {reached:.4g} {unit}, but not beyond doubt,"
        seen = about or "is not reached"
        reason = f"{100.0 * level:g} % {seen} within {course.span:.6g} {unit}: at least {bound:.4g} {unit}"
        return FigureOfMerit.refused(name, unit, method, reason, details=details)
    near = _first_below(after, share - spread, level)
    far = _first_below(after, share + spread, level)
    u = 0.5 * ((far if far is not None else latest) - (near if near is not None else bound))
    warnings = _memory_warnings(course, moments.size)
    return FigureOfMerit(name, reached, u, (bound, latest), unit, method, warnings, statistical=u, details=details)


def relative_slope(times: npt.ArrayLike, signal: npt.ArrayLike, name: str = "slope") -> FigureOfMerit:
    """Slope of a straight line through the signal over the line's start, % per hour.

    Parameters
    ----------
    times, signal
        As `remaining`.

    Returns
    -------
    FigureOfMerit
        %/h; warns when the course is not straight within its scatter. Refused as `remaining`.

    Raises
    ------
    ValueError
        As `remaining`.
    """
    moments = finite_vector("times", times)
    course = _course(moments, signal)
    if isinstance(course, str):
        return FigureOfMerit.refused(name, "%/h", SLOPE_METHOD, course)
    values = matching_vector("signal", signal, moments, "times")
    design = np.stack([np.ones_like(moments), moments - course.start], axis=1)
    inverse = np.linalg.inv(design.T @ design)
    intercept, slope = (inverse @ (design.T @ values)).tolist()
    rest = values - design @ np.array([intercept, slope])
    effective = max(moments.size / course.correlation, 3.0)
    variance = float(rest @ rest) / moments.size * effective / max(1.0, effective - 2.0)
    covariance = inverse * variance * moments.size / effective
    gradient = np.array([-slope / intercept, 1.0]) / intercept
    u = float(np.sqrt(gradient @ covariance @ gradient))
    bent = sum(
        weight
        for weight, power, scale in zip(course.weights, course.powers, course.scales, strict=True)
        if power > 1 or (power == 1 and np.isfinite(scale))
    )
    warnings = ("the course is not straight: the slope changes over the run",) if bent > 0.9 else ()
    from scipy.special import stdtrit

    per_hour = 3600.0 * 100.0
    wide = float(stdtrit(max(1.0, effective - 2.0), 0.975)) * u
    value = slope / intercept
    return FigureOfMerit(
        name,
        value * per_hour,
        u * per_hour,
        ((value - wide) * per_hour, (value + wide) * per_hour),
        "%/h",
        SLOPE_METHOD,
        warnings,
        statistical=u * per_hour,
        details=_details(course, moments.size),
    )


def dark_current_drift(
    times: npt.ArrayLike, current_density: npt.ArrayLike, field: float, settling: float = 0.0
) -> FigureOfMerit:
    """Drift of the dark current, (J(t) - J0)/(E t J0), in cm/(V s).

    J0 and J(t) are the smooth course's values at start and end, not single readings. A current that still settles after
    the change of bias makes J0 and with it the drift depend on where the record begins: that is warned of, and the
    drift of the second half is given in the details.

    Parameters
    ----------
    times
        (n) s, rising.
    current_density
        (n) A/m2 (any unit: only ratios enter), dark, at constant bias.
    field
        V/m; its sign is dropped.
    settling
        s from the first point on that are left out; J0 is then the current at the end of them.

    Returns
    -------
    FigureOfMerit
        `dark_current_drift`; details `relative_change`, `duration_s`, `late_drift`, `share_in_first_tenth`. Refused
        when J0 is not known within 10 % or fewer than 6 points are left. Warns when the interval includes zero.

    Raises
    ------
    ValueError
        If the arrays do not match or hold NaN, the field is zero, or `settling` is negative.
    """
    name, unit = "dark_current_drift", "cm/(V s)"
    strength = positive_number("field", abs(field)) / 100.0
    if not 0.0 <= settling < np.inf:
        raise ValueError(f"settling is {settling} s, it must be zero or above")
    moments = finite_vector("times", times)
    values = matching_vector("current_density", current_density, moments, "times")
    kept = moments >= moments[0] + settling
    at = {"field": (field / 100.0, "V/cm")}
    course = _course(moments[kept], values[kept])
    if isinstance(course, str):
        return FigureOfMerit.refused(name, unit, DRIFT_METHOD, course, at=at)
    span = course.span
    marks = course.start + span * np.array([0.1, 0.5, 1.0])
    share, spread = course.ratio_to_start(marks)
    change, u = float(share[2]) - 1.0, float(spread[2])
    per = 1.0 / (strength * span)
    late = (float(share[2]) / float(share[1]) - 1.0) / (strength * 0.5 * span)
    early = (float(share[0]) - 1.0) / change if change != 0.0 else None
    warnings = list(_memory_warnings(course, int(kept.sum())))
    wide = course.quantile * u
    if abs(change) <= wide:
        warnings.append(f"no significant drift: {100 * change:.2g} % in {span:.4g} s, 95 % +- {100 * wide:.2g} %")
    elif early is not None and early > SETTLES:
        warnings.append(
            f"the current settles: {early:.0%} of its change falls in the first tenth of the record; the second half "
            f"drifts by {late:.2g} {unit}. J0 depends on where the record begins"
        )
    return FigureOfMerit(
        name,
        change * per,
        u * per,
        ((change - wide) * per, (change + wide) * per),
        unit,
        DRIFT_METHOD,
        tuple(warnings),
        at,
        statistical=u * per,
        details={
            **_details(course, int(kept.sum())),
            "relative_change": change,
            "late_drift": late,
            "share_in_first_tenth": early,
        },
    )


def _course(times: FloatArray, signal: npt.ArrayLike) -> SmoothCourse | str:
    """Smooth course whose start is fit to be a reference, or why there is none."""
    values = matching_vector("signal", signal, times, "times")
    if times.size < FEWEST:
        return f"{times.size} points, at least {FEWEST} are needed"
    course = smooth_course(times, values)
    start, spread = (float(part[0]) for part in course.at(np.array([course.start])))
    if abs(start) <= spread / START_KNOWN:
        return f"the start, {start:.3g} with a standard uncertainty of {spread:.2g}, is not known within 10 %"
    return course


def _first_below(after: FloatArray, share: FloatArray, level: float) -> float | None:
    below = np.flatnonzero(share <= level)
    if below.size == 0:
        return None
    index = int(below[0])
    if index == 0:
        return 0.0
    fall = float(share[index - 1] - share[index])
    part = float(share[index - 1] - level) / fall if fall > 0 else 1.0
    return float(after[index - 1] + part * (after[index] - after[index - 1]))


def _memory_warnings(course: SmoothCourse, points: int) -> tuple[str, ...]:
    independent = points / course.correlation
    if independent >= FEW_INDEPENDENT:
        return ()
    return (f"the {points} points are worth only {independent:.2g} independent ones: the interval may be too narrow",)


def _details(course: SmoothCourse, points: int) -> dict[str, float | str | bool | None]:
    return {
        "points": points,
        "duration_s": course.span,
        "correlation_points": course.correlation,
        "scatter": course.scatter,
        "models": len(course.powers),
    }
