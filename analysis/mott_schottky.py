"""Built-in potential and doping from capacitance against voltage: the Mott-Schottky plot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.checked_arrays import FloatArray, finite_vector, matching_vector, positive_number, relative_uncertainty
from analysis.figure import NORMAL_95, FigureOfMerit
from analysis.line_fit import LineFit
from analysis.scattered_line import fit_line_with_scatter

ELEMENTARY_CHARGE = 1.602176634e-19
BOLTZMANN = 1.380649e-23
VACUUM_PERMITTIVITY = 8.8541878128e-12
METHOD = "line of 1/C2 on V, depletion approximation"
FEWEST_POINTS = 5
#: A stretch is straight when a parabola would move its ends by less than this share of its fall.
STRAIGHT = 0.03
#: A stretch must fall by this share of the whole fall of 1/C2.
LEAST_FALL = 0.3
#: From this share of the thickness on, the depletion width counts as having reached it.
REACHED = 0.95


@dataclass(frozen=True)
class MottSchottky:
    """The plot and its line.

    Attributes
    ----------
    voltage, ordinate
        (n) V, and 1/C2 in m4/F2 (per area).
    line
        Of the stretch; None where there is none.
    width
        (n) depletion width eps A/C, m.
    figures
        `built_in_potential`, V, and `doping_density`, 1/cm3.
    """

    voltage: FloatArray
    ordinate: FloatArray
    line: LineFit | None
    width: FloatArray
    figures: tuple[FigureOfMerit, FigureOfMerit]


def mott_schottky(
    voltage: npt.ArrayLike,
    capacitance: npt.ArrayLike,
    area: float,
    thickness: float,
    relative_permittivity: float,
    *,
    window_v: tuple[float, float] | None = None,
    temperature: float = 295.0,
    area_uncertainty: float = 0.0,
) -> MottSchottky:
    """Built-in potential from where 1/C2 meets zero, doping density from its slope.

    1/C2 = 2 (V_bi - V - kT/q) / (q eps N A2), forward bias positive. The depletion width at each voltage is eps A/C:
    where it reaches the thickness, the sample is a plate capacitor, and a line through that says nothing of a junction.

    Parameters
    ----------
    voltage
        (n) V, forward positive.
    capacitance
        (n) F.
    area, thickness
        m2, m.
    relative_permittivity
        Of the layer.
    window_v
        Stretch to use, V; None finds the straight one with the greatest fall.
    temperature
        K
    area_uncertainty
        Relative standard uncertainty; the potential does not depend on it.

    Raises
    ------
    ValueError
        If the arrays do not match, hold NaN, or a number is not positive.

    References
    ----------
    S. M. Sze, K. K. Ng, Physics of Semiconductor Devices (2007), section 2.2.
    S. Ravishankar, T. Unold, T. Kirchartz, Science 371 (2021) eabd8014 (what plates and injection look like).
    """
    volts = finite_vector("voltage", voltage, FEWEST_POINTS)
    farads = matching_vector("capacitance", capacitance, volts, "voltage")
    if np.any(farads <= 0):
        raise ValueError("capacitance holds a value that is not above zero")
    electrode, d = positive_number("area", area), positive_number("thickness", thickness)
    permittivity = positive_number("relative_permittivity", relative_permittivity) * VACUUM_PERMITTIVITY
    relative_area = relative_uncertainty("area_uncertainty", area_uncertainty)
    order = np.argsort(volts, kind="stable")
    volts, farads = volts[order], farads[order]
    ordinate, width = (electrode / farads) ** 2, permittivity * electrode / farads
    try:
        inside = _stretch(volts, ordinate, width, d, window_v)
    except ValueError as refusal:
        return MottSchottky(volts, ordinate, None, width, _refused(str(refusal)))
    line = fit_line_with_scatter(volts[inside], ordinate[inside], proportional=False)
    if line.slope_interval[1] >= 0:
        return MottSchottky(volts, ordinate, line, width, _refused("1/C2 does not fall significantly with the voltage"))
    thermal = BOLTZMANN * positive_number("temperature", temperature) / ELEMENTARY_CHARGE
    crossing = -line.intercept / line.slope
    gradient = np.array([-1.0, line.intercept / line.slope]) / line.slope
    error = float(np.sqrt(gradient @ line.covariance @ gradient))
    # half the width of the slope's 95 % interval over its standard uncertainty: Student's quantile for these points
    wide = 0.5 * (line.slope_interval[1] - line.slope_interval[0])
    quantile = wide / line.slope_uncertainty if line.slope_uncertainty else NORMAL_95
    warnings = _warnings(volts[inside], width[inside], permittivity, d, thermal, line)
    built_in = FigureOfMerit(
        "built_in_potential",
        crossing + thermal,
        error,
        (crossing + thermal - quantile * error, crossing + thermal + quantile * error),
        "V",
        f"{METHOD}, kT/q added",
        warnings,
        statistical=error,
        details={
            "window_low_v": float(volts[inside][0]),
            "window_high_v": float(volts[inside][-1]),
            "points": int(inside.sum()),
            "largest_depletion_width_um": float(width[inside].max()) * 1e6,
            "r2": line.r2,
        },
    )
    density = -2.0 / (ELEMENTARY_CHARGE * permittivity * line.slope) * 1e-6
    ends = sorted(-2.0 / (ELEMENTARY_CHARGE * permittivity * slope) * 1e-6 for slope in line.slope_interval)
    doping = FigureOfMerit(
        "doping_density",
        density,
        density * line.slope_uncertainty / abs(line.slope),
        (ends[0], ends[1]),
        "1/cm3",
        METHOD,
        warnings,
        statistical=density * line.slope_uncertainty / abs(line.slope),
    ).with_systematic(2.0 * relative_area * density)
    return MottSchottky(volts, ordinate, line, width, (built_in, doping))


def _refused(reason: str) -> tuple[FigureOfMerit, FigureOfMerit]:
    return (
        FigureOfMerit.refused("built_in_potential", "V", METHOD, reason),
        FigureOfMerit.refused("doping_density", "1/cm3", METHOD, reason),
    )


def _stretch(
    volts: FloatArray, ordinate: FloatArray, width: FloatArray, thickness: float, window: tuple[float, float] | None
) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    inside = _straightest(volts, ordinate) if window is None else (volts >= window[0]) & (volts <= window[1])
    count = int(inside.sum())
    if count < FEWEST_POINTS:
        raise ValueError(f"{count} points are in the stretch, at least {FEWEST_POINTS} are needed")
    widest = float(width[inside].max())
    if widest >= REACHED * thickness:
        raise ValueError(
            f"the depletion width reaches {widest * 1e6:.3g} um of {thickness * 1e6:.3g} um: the sample is depleted "
            f"through and its capacitance is that of its plates"
        )
    return np.asarray(inside, dtype=np.bool_)


def _straightest(volts: FloatArray, ordinate: FloatArray) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Straight stretch with the greatest fall."""
    ends = np.unique(np.linspace(0, volts.size, min(volts.size, 40) + 1).astype(int))
    whole = float(np.ptp(ordinate))
    bends = (ordinate[:-2] - 2.0 * ordinate[1:-1] + ordinate[2:]) / np.sqrt(6.0)
    noise = float(1.4826 * np.median(np.abs(bends)))
    best: tuple[float, int, int] | None = None
    for place, first in enumerate(ends):
        for last in ends[place + 1 :]:
            if last - first < FEWEST_POINTS or np.ptp(volts[first:last]) == 0:
                continue
            centred = (volts[first:last] - volts[first:last].mean()) / np.ptp(volts[first:last])
            bend, slope, _ = np.polyfit(centred, ordinate[first:last], 2)
            error = noise / np.sqrt(max(float(np.sum((centred**2 - np.mean(centred**2)) ** 2)), 1e-12))
            if slope >= 0 or -slope < LEAST_FALL * whole or abs(bend) / 4 > max(-STRAIGHT * slope, 0.75 * error):
                continue
            if best is None or -slope > best[0]:
                best = (-float(slope), int(first), int(last))
    if best is None:
        raise ValueError("no stretch of 1/C2 on V is straight and falls: give one with window_start and window_end")
    inside = np.zeros(volts.size, dtype=np.bool_)
    inside[best[1] : best[2]] = True
    return inside


def _warnings(
    volts: FloatArray,
    width: FloatArray,
    permittivity: float,
    thickness: float,
    thermal: float,
    line: LineFit,
) -> tuple[str, ...]:
    found: tuple[str, ...] = ()
    density = -2.0 / (ELEMENTARY_CHARGE * permittivity * line.slope)
    least = 27.0 * thermal * permittivity / (ELEMENTARY_CHARGE * thickness**2)
    if density < 3.0 * least:
        found += (
            f"a doping density below {3 * least * 1e-6:.2g} 1/cm3 is what injection into an undoped layer looks like",
        )
    if float(width.max()) > 0.5 * thickness:
        found += (f"the depletion width reaches {float(width.max()) / thickness:.0%} of the thickness",)
    if float(volts.max()) > -line.intercept / line.slope - 3.0 * thermal:
        found += ("the stretch reaches into flat band, where the depletion approximation does not hold",)
    return found
