"""Noise of images: signal to noise, noise power spectrum, and the detective quantum efficiency it leads to."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from analysis.checked_arrays import FloatArray, finite_vector, positive_number, relative_uncertainty
from analysis.edge_response import SlantedEdge
from analysis.figure import FigureOfMerit

#: Side of the regions that IEC 62220-1 takes, pixels; smaller images take smaller ones.
REGION_SIDE = 256
#: Sections along the axes average this many lines on each side of the axis, the axis itself left out (IEC 62220-1).
LINES_BESIDE_AXIS = 7
#: Fewer regions than this give no honest spectrum.
FEWEST_REGIONS = 4


@dataclass(frozen=True)
class NoisePowerSpectrum:
    """Noise power spectrum of flat images.

    Attributes
    ----------
    frequencies_x, frequencies_y
        Of the axes of `power`, 1/m, ascending through 0.
    power
        2-D, signal2 m2; its integral over the frequencies is the variance.
    radial_frequencies, radial, radial_uncertainty
        Average over direction, 1/m and signal2 m2; the zero frequency and the axes (which hold what detrending left
        and line noise) are not in it.
    horizontal, vertical
        (frequencies, power) along x and y, seven lines each side of the axis averaged, without the axis itself.
    mean
        Mean signal.
    variance
        Of the pixels about the fitted background.
    regions
        Number of regions averaged, half overlapping ones counted.
    pixel_pitch
        m.
    warnings
        What to know.
    """

    frequencies_x: FloatArray
    frequencies_y: FloatArray
    power: FloatArray
    radial_frequencies: FloatArray
    radial: FloatArray
    radial_uncertainty: FloatArray
    horizontal: tuple[FloatArray, FloatArray]
    vertical: tuple[FloatArray, FloatArray]
    mean: float
    variance: float
    regions: int
    pixel_pitch: float
    warnings: tuple[str, ...]

    @property
    def integral(self) -> float:
        """Power integrated over all frequencies, signal2: the variance (Parseval)."""
        step = (self.frequencies_x[1] - self.frequencies_x[0]) * (self.frequencies_y[1] - self.frequencies_y[0])
        return float(self.power.sum() * step)

    def figure(self, frequency: float, name: str = "normalized_noise_power") -> FigureOfMerit:
        """Radial power over the square of the mean signal, mm2, at a frequency in lp/mm."""
        at = {"frequency": (frequency, "lp/mm")}
        method = "noise power spectrum (IEC 62220-1), radial average"
        low, high = self.radial_frequencies[[0, -1]] / 1e3
        if not low <= frequency <= high:
            reason = f"frequency {frequency:.4g} lp/mm lies outside {low:.3g} to {high:.3g}"
            return FigureOfMerit.refused(name, "mm2", method, reason, at=at)
        value = float(np.interp(frequency * 1e3, self.radial_frequencies, self.radial)) * 1e6 / self.mean**2
        spread = float(np.interp(frequency * 1e3, self.radial_frequencies, self.radial_uncertainty)) * 1e6
        figure = FigureOfMerit.normal(
            name, value, "mm2", method, statistical=spread / self.mean**2, warnings=self.warnings
        )
        return figure.at_condition(frequency=(frequency, "lp/mm"))


def signal_to_noise(
    image: npt.ArrayLike, region: tuple[slice, slice] | None = None, mask: npt.ArrayLike | None = None
) -> FigureOfMerit:
    """Mean over standard deviation of a uniform region, a fitted plane taken out of the deviation.

    The uncertainty is a jackknife over 16 blocks of the region, so that noise which is correlated over neighbouring
    pixels counts as what it is.

    Parameters
    ----------
    image
        2-D, offset subtracted.
    region
        (rows, columns); None for the whole image.
    mask
        True at pixels to leave out; NaN are left out in any case.

    Returns
    -------
    FigureOfMerit
        `snr`; refused where the region is too small, or has no noise or no light.
    """
    method = "mean over standard deviation about a plane, jackknife of 16 blocks"
    whole = np.asarray(image, dtype=np.float64)
    if whole.ndim != 2:
        raise ValueError(f"image has {whole.ndim} dimensions, it must have two")
    valid = np.isfinite(whole) if mask is None else np.isfinite(whole) & ~np.asarray(mask, dtype=bool)
    part, good = (whole, valid) if region is None else (whole[region], valid[region])
    if min(part.shape, default=0) < 16 or good.sum() < 200:
        reason = f"region of {part.shape[0]} x {part.shape[1]} pixels is too small, 16 x 16 whole ones are needed"
        return FigureOfMerit.refused("snr", "1", method, reason)
    y, x = np.nonzero(good)
    values = part[good]
    design = np.stack([np.ones(values.size), x - x.mean(), y - y.mean()], axis=1)
    residuals = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    block = (y * 4 // part.shape[0]) * 4 + x * 4 // part.shape[1]
    counts = np.bincount(block, minlength=16)
    sums, squares = np.bincount(block, values, 16), np.bincount(block, residuals**2, 16)
    freedom = 1.0 - 3.0 / values.size
    variance = squares.sum() / counts.sum() / freedom
    if variance <= 1e-24 * float(np.mean(values**2)):
        return FigureOfMerit.refused("snr", "1", method, "region has no noise: is it saturated?")
    mean = float(values.mean())
    if mean <= 0:
        return FigureOfMerit.refused("snr", "1", method, "mean signal is not above zero")
    value = mean / math.sqrt(variance)
    used = counts > 0
    without = counts.sum() - counts[used]
    left_out = (sums.sum() - sums[used]) / without / np.sqrt((squares.sum() - squares[used]) / without / freedom)
    n = int(used.sum())
    uncertainty = math.sqrt((n - 1) / n * float(np.sum((left_out - left_out.mean()) ** 2)))
    factor = float(special.stdtrit(n - 1, 0.975))
    return FigureOfMerit(
        "snr",
        value,
        uncertainty,
        (max(0.0, value - factor * uncertainty), value + factor * uncertainty),
        "1",
        method,
        statistical=uncertainty,
        details={"mean": mean, "standard_deviation": math.sqrt(variance), "pixels": int(values.size)},
    )


def noise_power_spectrum(
    frames: npt.ArrayLike, pixel_pitch: float, *, region_side: int | None = None, fixed_pattern: bool = True
) -> NoisePowerSpectrum:
    """Noise power spectrum of flat-corrected images of the open beam, as IEC 62220-1 normalises it.

    NPS(u, v) = dx dy / (M N N) sum over regions of |FFT(I - S)|2, regions of N x N pixels overlapping by half, S a
    polynomial of second order in x and y fitted to each region.

    Parameters
    ----------
    frames
        frames x rows x columns, or one of two dimensions; linear, finite (masked pixels interpolated: a few hundred
        among a million do not show in the spectrum).
    pixel_pitch
        m.
    region_side
        N, pixels; 256 by default, less for small images.
    fixed_pattern
        False takes the mean of all frames out of each (and makes up for the noise that goes with it), so that only
        what changes from frame to frame is left; needs two frames.

    Raises
    ------
    ValueError
        If frames are not finite, or too small for four regions.

    References
    ----------
    IEC 62220-1:2003, 5.7 and 6.3.
    """
    pitch = positive_number("pixel_pitch", pixel_pitch)
    stack = np.asarray(frames, dtype=np.float64)
    if stack.ndim == 2:
        stack = stack[None]
    if stack.ndim != 3 or stack.size == 0:
        raise ValueError(f"frames has the shape {stack.shape}, it must be (frames, rows, columns) and not empty")
    if not np.isfinite(stack.sum()):
        raise ValueError("frames holds a number that is not finite: interpolate masked pixels first")
    side = region_side or min(REGION_SIDE, 2 * (min(stack.shape[1:]) // 3))
    if side < 16:
        raise ValueError(f"regions of {side} pixels are too small for a noise power spectrum, 16 are needed")
    mean = float(stack.mean())
    scale = 1.0
    if not fixed_pattern:
        if stack.shape[0] < 2:
            raise ValueError("one frame does not tell fixed pattern from noise, two are needed")
        scale = stack.shape[0] / (stack.shape[0] - 1.0)
        stack = stack - stack.mean(axis=0)
    powers, variances = _periodograms(stack, side)
    count = powers.shape[0]
    if count < FEWEST_REGIONS:
        raise ValueError(f"images hold {count} regions of {side} x {side} pixels, at least {FEWEST_REGIONS} are needed")
    power = np.fft.fftshift(powers.mean(axis=0)) * pitch**2 * scale / side**2
    axis = np.fft.fftshift(np.fft.fftfreq(side, pitch))
    warnings: tuple[str, ...] = ()
    if side < REGION_SIDE:
        warnings += (f"regions of {side} pixels instead of the standard's {REGION_SIDE}: a coarse frequency axis",)
    if count * side**2 < 4e6:
        warnings += (f"{count * side**2 / 1e6:.2g} million pixels instead of the standard's 4",)
    radial = _radial(power, axis, count)
    middle, lines = side // 2, max(1, min(LINES_BESIDE_AXIS, side // 8))
    beside = [*range(middle - lines, middle), *range(middle + 1, middle + lines + 1)]
    positive = slice(middle + 1, None)
    return NoisePowerSpectrum(
        frequencies_x=axis,
        frequencies_y=axis,
        power=power,
        radial_frequencies=radial[0],
        radial=radial[1],
        radial_uncertainty=radial[2],
        horizontal=(axis[positive], power[beside].mean(axis=0)[positive]),
        vertical=(axis[positive], power[:, beside].mean(axis=1)[positive]),
        mean=mean,
        variance=float(np.mean(variances)) * scale,
        regions=count,
        pixel_pitch=pitch,
        warnings=warnings,
    )


def _periodograms(stack: FloatArray, side: int) -> tuple[FloatArray, FloatArray]:
    """|FFT|2 of each region about its background, and the variance there."""
    at = np.linspace(-1.0, 1.0, side)
    x, y = np.meshgrid(at, at)
    design = np.stack([np.ones_like(x), x, y, x * y, x**2, y**2], axis=-1).reshape(-1, 6)
    fit = np.linalg.pinv(design)
    starts = [range(0, size - side + 1, max(1, side // 2)) for size in stack.shape[1:]]
    powers, variances = [], []
    for frame in stack:
        for row in starts[0]:
            for column in starts[1]:
                part = frame[row : row + side, column : column + side].ravel()
                off = (part - design @ (fit @ part)).reshape(side, side)
                powers.append(np.abs(np.fft.fft2(off)) ** 2)
                variances.append(np.mean(off**2))
    return np.array(powers), np.array(variances)


def _radial(power: FloatArray, axis: FloatArray, regions: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Average over rings one frequency step wide, up to Nyquist, with its standard uncertainty."""
    step, middle = axis[1] - axis[0], axis.size // 2
    distance = np.hypot(axis[:, None], axis[None]) / step
    ring = np.rint(distance).astype(np.intp)
    ring[middle, :] = ring[:, middle] = 0
    rings = np.arange(1, middle)
    counts = np.bincount(ring.ravel(), minlength=middle)[1:middle]
    total = np.bincount(ring.ravel(), power.ravel(), middle)[1:middle]
    frequency = np.bincount(ring.ravel(), distance.ravel(), middle)[1:middle] * step
    there = counts > 0
    rings, counts, mean = rings[there], counts[there], total[there] / counts[there]
    # a periodogram's scatter is its mean; of a real image half of the ring repeats the other half, and regions that
    # overlap by half share some of their noise
    independent = np.maximum(1.0, counts / 2.0 * regions / 1.7)
    return frequency[there] / counts, mean, mean / np.sqrt(independent)


def detective_quantum_efficiency(
    edge: SlantedEdge,
    noise: NoisePowerSpectrum,
    fluence: float,
    frequencies: npt.ArrayLike,
    *,
    fluence_relative_uncertainty: float = 0.0,
) -> tuple[FigureOfMerit, ...]:
    """Estimate the DQE, MTF(f)2 S2 / (NPS(f) q).

    Indicative, because IEC 62220-1 asks for one of its standard beams, a stated geometry and an edge of tungsten, and
    because the fluence is calculated from dose and spectrum.

    Parameters
    ----------
    edge
        MTF, in the detector's plane.
    noise
        NPS of frames taken with that fluence, same pixel pitch, same signal scale.
    fluence
        q, photons/m2 on the detector a frame.
    frequencies
        lp/mm.
    fluence_relative_uncertainty
        Relative standard uncertainty of q.

    Returns
    -------
    tuple of FigureOfMerit
        `dqe` at each frequency; refused above the Nyquist frequency, and where the noise holds less than the photons'.
    """
    q = positive_number("fluence", fluence)
    u_q = relative_uncertainty("fluence_relative_uncertainty", fluence_relative_uncertainty)
    wanted = finite_vector("frequencies", frequencies)
    method = "MTF2 S2/(NPS q), indicative"
    if edge.pixel_pitch is None or not math.isclose(edge.pixel_pitch, noise.pixel_pitch, rel_tol=0.01):
        raise ValueError(f"edge has the pixel pitch {edge.pixel_pitch}, the noise {noise.pixel_pitch} m: not the same")
    warnings = (
        "indicative: beam, geometry and fluence are not those of IEC 62220-1",
        "lag and non-linearity of the detector are not corrected for",
        *edge.warnings,
        *noise.warnings,
    )
    figures = []
    for frequency in wanted:
        at = {"frequency": (float(frequency), "lp/mm")}
        mtf, power = edge.response_figure(float(frequency)), noise.figure(float(frequency))
        if mtf.value is None or power.value is None:
            reason = (mtf if mtf.value is None else power).warnings[0]
            figures.append(FigureOfMerit.refused("dqe", "1", method, reason, at=at, warnings=warnings))
            continue
        value = mtf.value**2 / (power.value * 1e-6 * q)
        statistical = value * math.hypot(
            2 * (mtf.uncertainty or 0.0) / max(mtf.value, 1e-9), (power.uncertainty or 0.0) / power.value
        )
        figure = FigureOfMerit.normal(
            "dqe", value, "1", method, statistical=statistical, systematic=value * u_q, warnings=warnings
        )
        if figure.interval is not None and figure.interval[0] > 1.0:
            reason = f"DQE of {value:.3g} is above 1: fluence too low, or the image is not linear or was filtered"
            figures.append(FigureOfMerit.refused("dqe", "1", method, reason, at=at, warnings=warnings))
            continue
        figures.append(figure.at_condition(frequency=(float(frequency), "lp/mm")))
    return tuple(figures)
