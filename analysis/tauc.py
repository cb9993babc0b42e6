"""Optical gap from an absorption spectrum: Tauc's plot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

from analysis.checked_arrays import FloatArray, finite_vector, matching_vector
from analysis.figure import NORMAL_95, FigureOfMerit

Transition = Literal["direct", "indirect"]
EXPONENTS = {"direct": 2.0, "indirect": 0.5}

#: h c, eV nm.
HC = 1239.841984
FEWEST_POINTS = 8
#: A stretch counts as straight when a parabola would move its ends by less than this share of its rise, or by less than
#: three of its own standard uncertainties.
STRAIGHT = 0.02
#: A stretch must rise by this share of the whole edge.
LEAST_RISE = 0.25
#: Stretches that rise at least so steeply, as a share of the steepest, belong to the edge.
STEEP = 0.7
GRID = 36
#: An edge must rise by so many standard deviations of the absorption's noise.
SEEN = 10.0


class TaucRefused(ValueError):  # noqa: N818 (a refusal is a result)
    """The spectrum gives no gap; the message says why."""


@dataclass(frozen=True)
class TaucLine:
    """The straight stretch of a Tauc plot.

    Attributes
    ----------
    energy, ordinate
        (n) eV, and (absorption x energy)^exponent over its largest value.
    gap, statistical, spread
        eV: where the stretch meets zero; from the scatter about the line; from other straight stretches.
    window
        eV, ends of the stretch.
    slope, intercept
        Of the line, in units of `ordinate`.
    stretches
        How many are straight and steep.
    quantile
        Student's, for the 95 % interval.
    """

    energy: FloatArray
    ordinate: FloatArray
    gap: float
    statistical: float
    spread: float
    window: tuple[float, float]
    slope: float
    intercept: float
    stretches: int
    quantile: float


def tauc_gap(
    wavelengths_nm: npt.ArrayLike,
    absorption: npt.ArrayLike,
    transition: Transition = "direct",
    *,
    window_ev: tuple[float, float] | None = None,
    wavelength_uncertainty_nm: float = 0.0,
) -> tuple[TaucLine | None, FigureOfMerit]:
    """Gap where the straight part of (alpha E)^n over E meets zero, n = 2 direct, 1/2 indirect.

    The stretch is the one with the greatest rise among those that are straight and steep; how much the gap depends on
    that choice is the standard deviation over all of them, and enters as a systematic uncertainty. The absorption at
    the lowest energies is taken for scattering and reflection, and is taken off everywhere before the power is: left
    in, it makes the gap too small.

    Parameters
    ----------
    wavelengths_nm
        (n) nm, rising or falling.
    absorption
        (n) absorbance, absorption coefficient, or the Kubelka-Munk function of a reflectance: any scale.
    transition
        ``"direct"`` or ``"indirect"`` (allowed ones).
    window_ev
        Stretch to use, eV, instead of finding it.
    wavelength_uncertainty_nm
        Standard uncertainty of the wavelength calibration.

    Returns
    -------
    line, figure
        `gap_direct` or `gap_indirect`, eV; None and a refusal when no stretch is straight.

    Raises
    ------
    ValueError
        If the arrays do not match or hold NaN, or a wavelength is not positive.

    References
    ----------
    J. Tauc, Mater. Res. Bull. 3 (1968) 37. P. Makula et al., J. Phys. Chem. Lett. 9 (2018) 6814 (baseline).
    """
    wavelengths = finite_vector("wavelengths_nm", wavelengths_nm, FEWEST_POINTS)
    absorbed = matching_vector("absorption", absorption, wavelengths, "wavelengths_nm")
    if np.any(wavelengths <= 0):
        raise ValueError("wavelengths_nm holds a wavelength that is not above zero")
    exponent = EXPONENTS[transition]
    name = f"gap_{transition}"
    method = f"Tauc plot, exponent {exponent:g}, background taken off"
    order = np.argsort(-wavelengths)
    energy = HC / wavelengths[order]
    background = _background(absorbed[order])
    product = np.maximum((absorbed[order] - background) * energy, 0.0)
    rise = float(np.convolve(absorbed[order], np.full(5, 0.2), mode="valid").max()) - background
    if not (product.max() > 0 and rise > SEEN * _noise(absorbed[order])):
        return None, FigureOfMerit.refused(name, "eV", method, "no edge stands out of the spectrum's noise")
    ordinate = (product / product.max()) ** exponent
    try:
        line = _line(energy, ordinate, window_ev)
    except TaucRefused as refusal:
        return None, FigureOfMerit.refused(name, "eV", method, str(refusal))
    calibration = line.gap**2 / HC * wavelength_uncertainty_nm
    wide = np.hypot(line.quantile * line.statistical, NORMAL_95 * np.hypot(line.spread, calibration))
    systematic = float(np.hypot(line.spread, calibration))
    warnings: tuple[str, ...] = ("a Tauc plot cannot tell which transition it is: compare direct and indirect",)
    share = background / float(absorbed.max())
    if share > 0.1:
        warnings += (f"absorption below the edge is {share:.0%} of the largest: scattering or a wide tail",)
    if line.stretches < 3 and window_ev is None:
        warnings += ("only one stretch is straight: how the gap depends on its choice is not known",)
    figure = FigureOfMerit(
        name,
        line.gap,
        float(np.hypot(line.statistical, systematic)),
        (line.gap - float(wide), line.gap + float(wide)),
        "eV",
        method,
        warnings,
        statistical=line.statistical,
        systematic=systematic,
        details={
            "window_low_ev": line.window[0],
            "window_high_ev": line.window[1],
            "background": background,
            "straight_stretches": line.stretches,
            "edge_nm": HC / line.gap,
        },
    )
    return line, figure


def kubelka_munk(reflectance: npt.ArrayLike) -> FloatArray:
    """Kubelka-Munk function (1 - R)^2 / (2 R) of a diffuse reflectance between 0 and 1.

    Raises
    ------
    ValueError
        If one is not.
    """
    reflected = np.asarray(reflectance, dtype=np.float64)
    if not np.all((reflected > 0) & (reflected <= 1.5)):
        raise ValueError("reflectance holds a value outside 0 to 1: give it as a share or in percent")
    return np.asarray((1.0 - reflected) ** 2 / (2.0 * reflected), dtype=np.float64)


def absorbance(transmittance: npt.ArrayLike) -> FloatArray:
    """Absorbance -log10(T) of a transmittance above 0.

    Raises
    ------
    ValueError
        If one is not.
    """
    passed = np.asarray(transmittance, dtype=np.float64)
    if not np.all((passed > 0) & (passed <= 1.5)):
        raise ValueError("transmittance holds a value outside 0 to 1: give it as a share or in percent")
    return np.asarray(-np.log10(passed), dtype=np.float64)


def _line(energy: FloatArray, ordinate: FloatArray, window: tuple[float, float] | None) -> TaucLine:
    noise = _noise(ordinate)
    if window is not None:
        inside = np.flatnonzero((energy >= window[0]) & (energy <= window[1]))
        if inside.size < FEWEST_POINTS:
            raise TaucRefused(f"{inside.size} points lie between {window[0]:g} and {window[1]:g} eV, 8 are needed")
        found = [(_gap(energy, ordinate, int(inside[0]), int(inside[-1]) + 1), inside[0], inside[-1] + 1)]
    else:
        found = _straight_stretches(energy, ordinate, noise)
    (gap, error, slope, intercept, quantile), first, last = max(
        found, key=lambda one: one[0][2] * (energy[one[2] - 1] - energy[one[1]])
    )
    gaps = np.array([one[0][0] for one in found])
    return TaucLine(
        energy,
        ordinate,
        gap,
        error,
        float(gaps.std(ddof=1)) if gaps.size > 2 else 0.0,
        (float(energy[first]), float(energy[last - 1])),
        slope,
        intercept,
        len(found),
        quantile,
    )


def _background(absorbed: FloatArray) -> float:
    """Absorption below the edge: the median of the lowest tenth of the energies."""
    return float(np.median(absorbed[: max(4, absorbed.size // 10)]))


def _noise(ordinate: FloatArray) -> float:
    bends = (ordinate[:-2] - 2.0 * ordinate[1:-1] + ordinate[2:]) / np.sqrt(6.0)
    return float(1.4826 * np.median(np.abs(bends)))


def _gap(energy: FloatArray, ordinate: FloatArray, first: int, last: int) -> tuple[float, float, float, float, float]:
    """Gap, its statistical uncertainty, slope, intercept and Student's 95 % quantile of one stretch."""
    x, y = energy[first:last], ordinate[first:last]
    middle = float(x.mean())
    design = np.vander(x - middle, 2)
    (slope, level), rest, *_ = np.linalg.lstsq(design, y, rcond=None)
    if not slope > 0:
        raise TaucRefused("the stretch does not rise")
    dof = x.size - 2
    variance = float(rest[0]) / dof if rest.size else 0.0
    gap = middle - float(level) / float(slope)
    sum_squares = float(np.sum((x - middle) ** 2))
    error = np.sqrt(variance * (1.0 / x.size + (gap - middle) ** 2 / sum_squares)) / float(slope)
    return gap, float(error), float(slope), float(level - slope * middle), float(stats.t.ppf(0.975, dof))


def _straight_stretches(
    energy: FloatArray, ordinate: FloatArray, noise: float
) -> list[tuple[tuple[float, float, float, float, float], int, int]]:
    top = float(ordinate.max())
    edge = np.flatnonzero(ordinate > max(0.05 * top, 4.0 * noise))
    ends = np.unique(np.linspace(edge[0], energy.size, GRID).astype(int))
    found = []
    steepest = 0.0
    for place, first in enumerate(ends):
        for last in ends[place + 1 :]:
            if last - first < FEWEST_POINTS:
                continue
            x, y = energy[first:last], ordinate[first:last]
            centred = (x - x.mean()) / np.ptp(x)
            bend, slope, _ = np.polyfit(centred, y, 2)
            rise = abs(slope)
            # at the ends of a stretch of length 1 a parabola lies a quarter of its bend off the middle
            error = noise / np.sqrt(max(np.sum((centred**2 - np.mean(centred**2)) ** 2), 1e-12))
            if slope <= 0 or rise < LEAST_RISE * top or abs(bend) / 4.0 > max(STRAIGHT * rise, 3.0 * error / 4.0):
                continue
            steepest = max(steepest, slope / float(np.ptp(x)))
            found.append((slope / float(np.ptp(x)), int(first), int(last)))
    chosen = [(first, last) for slope, first, last in found if slope >= STEEP * steepest]
    if not chosen:
        raise TaucRefused("no stretch of the plot is straight: this exponent does not describe the edge")
    return [(_gap(energy, ordinate, first, last), first, last) for first, last in chosen]
