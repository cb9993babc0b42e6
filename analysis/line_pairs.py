"""Contrast of line-pair patterns, and what it says about resolution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from analysis.checked_arrays import FloatArray, positive_number
from analysis.figure import FigureOfMerit

NOT_MTF = "Michelson contrast of a bar pattern is no MTF: its harmonics add to it (Coltman's series takes them out)"
OFFSET = "an offset left in the image (dark level, scattered light) lowers the contrast"
#: Harmonics of the bars that are looked for, below the Nyquist frequency.
HARMONICS = 9
#: A modulation counts as seen from this many of its standard uncertainties.
SEEN = 5.0
#: Extremes that give a contrast larger by this share than the lines' middles are worth a warning.
ASYMMETRIC = 0.02
METHOD = "Michelson contrast of the pattern's periodic part in the middles of its lines, averaged along them"


class LinePairsRefused(ValueError):  # noqa: N818 (a refusal is a result)
    """The image gives no contrast; the message says why."""


@dataclass(frozen=True)
class LinePairs:
    """Periodic pattern in a region of an image.

    Attributes
    ----------
    frequency
        Of the lines, across them, cycles/pixel.
    angle
        Of the lines to the nearest image axis, degrees.
    horizontal
        Whether the lines are nearer to horizontal.
    contrast
        Figure `contrast`, at the frequency.
    fundamental
        Amplitude of the fundamental over the mean.
    phase, profile
        One period, from 0 to 1, and the brightness there.
    pixel_pitch
        m; None when not known.
    """

    frequency: float
    angle: float
    horizontal: bool
    contrast: FigureOfMerit
    fundamental: float
    phase: FloatArray
    profile: FloatArray
    pixel_pitch: float | None

    @property
    def frequency_lp_mm(self) -> float | None:
        """Frequency in line pairs per millimetre."""
        return None if self.pixel_pitch is None else self.frequency / (self.pixel_pitch * 1e3)


def line_pair_contrast(
    image: npt.ArrayLike,
    *,
    frequency: float | None = None,
    pixel_pitch: float | None = None,
    region: tuple[slice, slice] | None = None,
    mask: npt.ArrayLike | None = None,
    resamples: int = 300,
    seed: int = 0,
) -> LinePairs:
    """Contrast (Imax - Imin)/(Imax + Imin) of a group of line pairs.

    Direction and frequency of the lines are found from the strongest peak of the region's power spectrum. In each
    row, fundamental, harmonics below the Nyquist frequency and a linear background are fitted, and the rows are
    averaged along the lines; Imax and Imin are the averaged wave in the middles of bright and dark lines, where it is
    extreme if the lines are symmetric. Looked for anywhere, the extremes would be those of the noise: raised by it, and
    more than a bootstrap shows. What noise still adds to a faint fundamental is taken off, as the resamples show it,
    and counted as an uncertainty.

    Parameters
    ----------
    image
        2-D, linear in the light, dark subtracted.
    frequency
        Nominal one, cycles/pixel, or lp/mm when the pixel pitch is given; the peak is then looked for within 12 % of
        it, and a pattern that is not seen has a contrast near 0. None: the strongest periodicity, which must be seen.
    pixel_pitch
        m.
    region
        (rows, columns) that hold one group and nothing else; None for the whole image.
    mask
        True at pixels to leave out; NaN are left out in any case.
    resamples, seed
        Of the rows, in blocks as long as their correlation, for the uncertainty.

    Raises
    ------
    LinePairsRefused
        If the region holds fewer than two periods, no periodicity, or no light.
    """
    if pixel_pitch is not None:
        positive_number("pixel_pitch", pixel_pitch)
    nominal = None
    if frequency is not None:
        nominal = positive_number("frequency", frequency) * (1.0 if pixel_pitch is None else pixel_pitch * 1e3)
        if nominal >= 0.5:
            raise LinePairsRefused(f"{nominal:.3g} cycles/pixel is not below the Nyquist frequency of 0.5")
    part, valid = _part(image, region, mask)
    fx, fy = _wave_vector(np.where(valid, part, part[valid].mean()), nominal)
    horizontal = abs(fy) > abs(fx)
    if horizontal:
        part, valid, fx, fy = part.T, valid.T, fy, fx
    if abs(fx) * part.shape[1] < 2.0:
        raise LinePairsRefused(f"region holds {abs(fx) * part.shape[1]:.2g} periods, at least 2 are needed")
    fx = _refined(np.where(valid, part, part[valid].mean()), fx)
    found = math.hypot(fx, fy)
    waves, fitted = _row_waves(part, valid, fx, fy)
    weights = _weights(waves, resamples, seed)
    drawn = np.concatenate([waves.mean(axis=0)[None], weights @ waves / weights.sum(axis=1, keepdims=True)])
    if drawn[0, 0].real <= 0:
        raise LinePairsRefused("mean brightness is not above zero: there is no contrast without light")
    orders = np.arange(1, drawn.shape[1])
    # in the middle of a bright line the phase of each harmonic is 0 (or half a turn), by the fundamental's phase
    turned = drawn[:, 1:] * np.exp(-1j * np.angle(drawn[:, 1:2]) * orders)
    top = drawn[:, 0].real + turned.real.sum(axis=1)
    bottom = drawn[:, 0].real + turned.real @ (-1.0) ** orders
    contrasts = (top - bottom) / (top + bottom)
    modulation = np.abs(drawn[:, 1]) / drawn[:, 0].real
    spread = float(np.std(drawn[1:, 1])) / float(drawn[0, 0].real)
    if nominal is None and modulation[0] < SEEN * spread:
        raise LinePairsRefused("no periodic pattern stands out of the noise: give its frequency or a smaller region")
    # noise only ever raises the amplitude of the fundamental; how much, the resamples tell, which have it twice
    bias = float(np.mean(contrasts[1:]) - contrasts[0])
    uncertainty = math.hypot(float(np.std(contrasts[1:], ddof=1)), bias)
    phase = np.arange(64) / 64
    profile = drawn[0, 0].real + (drawn[0, 1:] @ np.exp(2j * np.pi * orders[:, None] * phase)).real
    warnings: tuple[str, ...] = (NOT_MTF, OFFSET)
    extremes = float(np.ptp(profile) / (profile.max() + profile.min()))
    leaning = np.abs(turned[0].imag) > SEEN * np.std(turned[1:].imag, axis=0)
    if leaning[1:].any() and extremes > (1.0 + ASYMMETRIC) * contrasts[0]:
        warnings += (f"lines are not symmetric: the extremes beside their middles give a contrast of {extremes:.3g}",)
    if modulation[0] < SEEN * spread:
        warnings += ("pattern is not seen: the contrast is an upper limit of what noise looks like",)
    if found > 0.25:
        warnings += (f"{found:.2g} cycles/pixel: less than four pixels a line pair, the pixels' own aperture counts",)
    value = max(0.0, float(contrasts[0]) - bias)
    # few rows tell their own scatter poorly
    wide = float(special.stdtrit(len(np.unique(weights[0])) - 1, 0.975))
    at = (found, "cycles/pixel") if pixel_pitch is None else (found / (pixel_pitch * 1e3), "lp/mm")
    figure = FigureOfMerit(
        "contrast",
        value,
        uncertainty,
        (max(0.0, value - wide * uncertainty), value + wide * uncertainty),
        "1",
        METHOD,
        warnings,
        {"frequency": at},
        statistical=uncertainty,
        details={
            "imax": float(top[0]),
            "imin": float(bottom[0]),
            "periods": abs(fx) * part.shape[1],
            "rows": fitted,
            "harmonics": waves.shape[1] - 1,
        },
    )
    angle = math.degrees(math.atan(abs(fy / fx)))
    return LinePairs(
        found, angle, horizontal, figure, float(modulation[0]), phase, np.asarray(profile, np.float64), pixel_pitch
    )


def _part(
    image: npt.ArrayLike, region: tuple[slice, slice] | None, mask: npt.ArrayLike | None
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    whole = np.asarray(image, dtype=np.float64)
    if whole.ndim != 2:
        raise LinePairsRefused(f"line pairs need an image of two dimensions, this array has {whole.ndim}")
    valid = np.isfinite(whole) if mask is None else np.isfinite(whole) & ~np.asarray(mask, dtype=bool)
    part, good = (whole, valid) if region is None else (whole[region], valid[region])
    if min(part.shape) < 8:
        raise LinePairsRefused(f"region of {part.shape[0]} x {part.shape[1]} pixels is too small for line pairs")
    if good.mean() < 0.5:
        raise LinePairsRefused("most pixels of the region are masked or not finite")
    return part, good


def _wave_vector(part: FloatArray, nominal: float | None) -> tuple[float, float]:
    """Frequency across the lines, (x, y) components in cycles/pixel, of the strongest peak; x or y above 0."""
    rows, columns = part.shape
    y, x = np.arange(rows) - (rows - 1) / 2, np.arange(columns) - (columns - 1) / 2
    flat = part - part.mean()
    flat = flat - (flat.mean(axis=0) @ x) / (x @ x) * x
    flat -= ((flat.mean(axis=1) @ y) / (y @ y) * y)[:, None]
    windowed = flat * np.hanning(rows)[:, None] * np.hanning(columns)
    power = np.abs(np.fft.rfft2(windowed, (2 * rows, 2 * columns))) ** 2
    fy, fx = np.fft.fftfreq(2 * rows)[:, None], np.fft.rfftfreq(2 * columns)[None]
    size = np.hypot(fx, fy)
    # at least two periods across the region, so that a gradient is no pattern
    allowed = np.maximum(fx * columns, np.abs(fy) * rows) >= 2.0
    if nominal is not None:
        allowed &= np.abs(size / nominal - 1.0) < 0.12
    if not allowed.any():
        raise LinePairsRefused("region holds fewer than two periods of such a pattern")
    row, column = divmod(int(np.argmax(np.where(allowed, power, -1.0))), power.shape[1])
    best = np.array([float(fx[0, column]), float(fy[row, 0])])
    # the peak of the windowed transform, to a fraction of its width
    step = np.array([0.5 / columns, 0.5 / rows])
    for _ in range(12):
        around = best + step * np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]])
        height = [abs(np.exp(-2j * np.pi * v[1] * y) @ windowed @ np.exp(-2j * np.pi * v[0] * x)) for v in around]
        best = around[int(np.argmax(height))]
        step = step / 1.6
    if best[0] < 0:
        best = -best
    return float(best[0]), float(best[1])


def _refined(part: FloatArray, fx: float) -> float:
    """Frequency along the rows that leaves the least squares about the rows' waves.

    A peak of the transform of few periods is drawn aside by its own negative frequency, and by what lies beyond the
    outermost lines.
    """

    def unexplained(frequency: float) -> float:
        inside = part @ np.linalg.qr(_design(part.shape[1], frequency))[0]
        return -float(np.sum(inside**2))

    reach = 0.25 / part.shape[1]
    best = optimize.minimize_scalar(unexplained, bounds=(fx - reach, fx + reach), method="bounded")
    return float(best.x)


def _design(columns: int, fx: float) -> FloatArray:
    """Constant, slope, cosines and sines of the harmonics along a row."""
    count = max(1, min(HARMONICS, math.ceil(0.48 / abs(fx)) - 1, columns // 8))
    x = np.arange(columns) - (columns - 1) / 2
    phase = 2 * np.pi * fx * np.outer(x, np.arange(1, count + 1))
    return np.hstack([np.ones((columns, 1)), (x / columns)[:, None], np.cos(phase), np.sin(phase)])


def _row_waves(
    part: FloatArray, valid: npt.NDArray[np.bool_], fx: float, fy: float
) -> tuple[npt.NDArray[np.complex128], int]:
    """Mean and complex amplitudes of the harmonics in each row, their phases those of the first row's lines."""
    rows, columns = part.shape
    design = _design(columns, fx)
    count, y = design.shape[1] // 2 - 1, np.arange(rows) - (rows - 1) / 2
    whole = valid.all(axis=1)
    parameters = np.full((rows, design.shape[1]), np.nan)
    parameters[whole] = part[whole] @ np.linalg.pinv(design).T
    for row in np.nonzero(~whole & (valid.mean(axis=1) > 0.6))[0]:
        parameters[row] = np.linalg.lstsq(design[valid[row]], part[row, valid[row]], rcond=None)[0]
    there = np.isfinite(parameters[:, 0])
    if there.sum() < 6:
        raise LinePairsRefused("fewer than six rows of the region are whole")
    amplitudes = parameters[there, 2 : 2 + count] - 1j * parameters[there, 2 + count :]
    turned = amplitudes * np.exp(-2j * np.pi * fy * np.outer(y[there], np.arange(1, count + 1)))
    return np.hstack([parameters[there, :1].astype(np.complex128), turned]), int(there.sum())


def _weights(waves: npt.NDArray[np.complex128], resamples: int, seed: int) -> FloatArray:
    """Exponential weights of the rows (Bayesian bootstrap), shared by as many as their noise is correlated for."""
    if resamples < 2:
        raise ValueError(f"resamples is {resamples}, it must be at least 2")
    rows = waves.shape[0]
    off = waves[:, 1] - waves[:, 1].mean()
    power = float(np.mean(np.abs(off) ** 2))
    correlation = 1.0
    for lag in range(1, rows // 6):
        shared = float(np.mean((off[lag:] * off[:-lag].conj()).real)) / power if power > 0 else 0.0
        if shared < max(0.05, 1.0 / math.sqrt(rows)):
            break
        correlation += 2 * shared
    block = round(3 * correlation) if correlation > 1.2 else 1
    block = max(1, min(block, rows // 6))
    blocks = -(-rows // block)
    drawn = np.random.default_rng(seed).exponential(size=(resamples, blocks))
    # of n values such weights give a mean's variance (n - 1)/(n + 1) of what it is
    drawn = 1.0 + (drawn - drawn.mean(axis=1, keepdims=True)) * math.sqrt((blocks + 1) / (blocks - 1))
    return np.repeat(drawn, block, axis=1)[:, :rows]


def resolvable_frequency(groups: Sequence[FigureOfMerit], threshold: float = 0.2) -> FigureOfMerit:
    """Largest frequency up to which the contrast stays above a threshold.

    Parameters
    ----------
    groups
        Figures `contrast`, each at its frequency, all in one unit.
    threshold
        Contrast.

    Returns
    -------
    FigureOfMerit
        `limiting_resolution`, interpolated between the last group above and the first below; where all are above,
        the highest frequency measured, with a warning that it is a lower bound and no uncertainty.
    """
    method = f"contrast above {threshold:g}"
    known = sorted((g for g in groups if g.value is not None), key=lambda g: g.at["frequency"][0])
    unit = known[0].at["frequency"][1] if known else "lp/mm"
    if len({g.at["frequency"][1] for g in known}) > 1:
        raise ValueError("the groups' frequencies are not in one unit")
    if not known:
        return FigureOfMerit.refused("limiting_resolution", unit, method, "no group has a contrast")
    frequencies = [g.at["frequency"][0] for g in known]
    values = [float(g.value) for g in known if g.value is not None]
    if values[0] <= threshold:
        reason = f"contrast at the lowest frequency, {frequencies[0]:.3g} {unit}, is {values[0]:.2g} already"
        return FigureOfMerit.refused("limiting_resolution", unit, method, reason)
    below = next((i for i, value in enumerate(values) if value <= threshold), None)
    if below is None:
        warning = f"a lower bound: no group above {frequencies[-1]:.3g} {unit} was measured"
        return FigureOfMerit("limiting_resolution", frequencies[-1], None, None, unit, method, (warning,))
    high, low = known[below - 1], known[below]
    slope = (frequencies[below] - frequencies[below - 1]) / (values[below - 1] - values[below])
    share = (values[below - 1] - threshold) / (values[below - 1] - values[below])
    spread = slope * math.hypot((1 - share) * (high.uncertainty or 0.0), share * (low.uncertainty or 0.0))
    value = frequencies[below - 1] + share * (frequencies[below] - frequencies[below - 1])
    return FigureOfMerit.normal("limiting_resolution", value, unit, method + ", interpolated", statistical=spread)
