"""Radiographs: frames averaged without direct hits, dark and flat corrected, with mask and uncertainty."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from analysis.checked_arrays import FloatArray

BoolArray = npt.NDArray[np.bool_]

#: A pixel of a frame this many sigmas above the others at the same place is a direct hit.
HIT_SIGMAS = 6.0
#: A pixel whose dark level, dark noise or response lies this many robust sigmas from the image's is defective.
DEFECT_SIGMAS = 8.0
#: A pixel that responds with less than this share of its neighbourhood is dead whatever the scatter.
LEAST_RESPONSE = 0.3
#: Fewer frames than this do not tell a hit from a change of the scene.
FEWEST_FRAMES = 3
#: A pixel is noisier than those as bright if its scatter over n frames is above theirs by this over sqrt(n).
NOISIER = 6.0


@dataclass(frozen=True)
class AveragedFrames:
    """Mean of repeated frames.

    Attributes
    ----------
    mean
        rows x columns, unit of the frames.
    uncertainty
        Standard uncertainty of the mean, from the scatter of the frames; NaN where fewer than two were left.
    frames
        Number of frames.
    hits
        How many values were rejected as direct hits.
    saturated
        True where a frame was at or above the saturation level.
    used
        Number of frames in the mean, each pixel.
    warnings
        What to know.
    """

    mean: FloatArray
    uncertainty: FloatArray
    frames: int
    hits: int
    saturated: BoolArray
    used: npt.NDArray[np.intp]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Radiograph:
    """Corrected image, transmission of the object: 0 in the dark, 1 in the open beam.

    Attributes
    ----------
    transmission
        rows x columns; NaN where `mask` is True.
    uncertainty
        Standard uncertainty of each pixel, from the scatter of the frames of object, dark and flat; same shape.
    mask
        True at dead, hot and saturated pixels.
    warnings
        What to know.
    """

    transmission: FloatArray
    uncertainty: FloatArray
    mask: BoolArray
    warnings: tuple[str, ...] = ()

    def for_display(self) -> FloatArray:
        """Transmission with the masked pixels interpolated from their neighbours; for the eye, not for a figure."""
        return interpolated_for_display(self.transmission, self.mask)


def average_frames(
    frames: npt.ArrayLike, *, saturation: float | None = None, hit_sigmas: float = HIT_SIGMAS
) -> AveragedFrames:
    """Mean of repeated frames of the same scene, without the pixels that X-rays hit directly.

    A direct hit adds to one to five pixels of one frame, so it is found by comparison with the same pixels of the
    other frames, and nothing is blurred. The scatter that a value is judged by is the pixel's own over the frames,
    estimated from the median; as that of few frames is poor, it is not believed to lie below that of pixels as bright.

    Parameters
    ----------
    frames
        frames x rows x columns, or one frame of two dimensions. From three frames on hits are rejected.
    saturation
        Level at and above which a pixel is saturated; None for none.
    hit_sigmas
        How far above the median a hit is.

    Raises
    ------
    ValueError
        If the array has not two or three dimensions, is empty or holds a number that is not finite.
    """
    stack = np.asarray(frames)
    if stack.ndim == 2:
        stack = stack[None]
    if stack.ndim != 3 or stack.size == 0:
        raise ValueError(f"frames has the shape {stack.shape}, it must be (frames, rows, columns) and not empty")
    if stack.dtype.kind == "f" and not np.isfinite(stack.sum(dtype=np.float64)):
        raise ValueError("frames holds a number that is not finite")
    count = stack.shape[0]
    saturated = np.zeros(stack.shape[1:], bool) if saturation is None else np.any(stack >= saturation, axis=0)
    warnings: tuple[str, ...] = ()
    if saturated.any():
        warnings += (f"{saturated.mean():.2%} of the pixels are saturated and masked",)
    mean: FloatArray = stack.mean(axis=0, dtype=np.float64)
    used = np.full(mean.shape, count)
    if count < FEWEST_FRAMES:
        warnings += (f"direct hits are not looked for: {count} frames, at least {FEWEST_FRAMES} are needed",)
        unknown = np.full(mean.shape, np.nan)
        spread = unknown if count == 1 else np.abs(stack[1].astype(np.float64) - stack[0]) / 2
        return AveragedFrames(mean, spread, count, 0, saturated, used, warnings)
    hit = direct_hits(stack, hit_sigmas)
    squares = np.zeros_like(mean)
    hits = int(np.count_nonzero(hit))
    if hits:
        kept = np.where(hit, 0, stack).sum(axis=0, dtype=np.float64)
        used = count - hit.sum(axis=0)
        mean = kept / used
    for frame, struck in zip(stack, hit, strict=True):
        off = frame - mean
        off[struck] = 0.0
        squares += off**2
    with np.errstate(divide="ignore", invalid="ignore"):
        uncertainty = np.sqrt(squares / (used - 1) / used)
    uncertainty[used < 2] = np.nan
    share = hits / stack.size
    if share > 0.02:
        warnings += (
            f"{share:.1%} of the values were rejected as direct hits: has the scene moved between the frames?",
        )
    return AveragedFrames(mean, uncertainty, count, hits, saturated, used, warnings)


def direct_hits(frames: npt.ArrayLike, hit_sigmas: float = HIT_SIGMAS) -> BoolArray:
    """Say which values of repeated frames are direct hits of X-rays, as `average_frames` finds them.

    Parameters
    ----------
    frames
        frames x rows x columns, at least three frames.
    hit_sigmas
        How far above the median a hit is.
    """
    stack = np.asarray(frames)
    middle = np.median(stack, axis=0)
    struck: BoolArray = stack > middle + hit_sigmas * _temporal_scatter(stack, middle)
    return struck


def _temporal_scatter(stack: npt.NDArray[np.generic], middle: FloatArray) -> FloatArray:
    """Scatter of each pixel over the frames, one standard deviation.

    It is that of the pixels as bright, which are many; only a pixel that scatters beyond doubt more than they do is
    judged by its own, which few frames tell poorly.
    """
    count = stack.shape[0]
    # typical scatter against brightness, by classes of equally many pixels
    order = np.argsort(middle, axis=None, kind="stable")
    classes = np.array_split(order, max(1, min(64, order.size // 256)))
    levels = np.array([middle.ravel()[pixels].mean() for pixels in classes])
    flat = stack.reshape(count, -1)
    typical = np.array([_typical_scatter(flat[:, pixels]) for pixels in classes])
    # counts come in steps of one: a scatter below that is a rounding
    least = 0.5 if stack.dtype.kind in "iu" else 1e-12
    expected = np.maximum(np.interp(middle, levels, np.maximum.accumulate(typical)), least)
    # the median absolute deviation of few normal values is too small on average (Hayes 2014: 1/(1 - 0.8/n) about)
    deviations = np.abs(np.subtract(stack, middle, dtype=np.float64))
    own: FloatArray = 1.4826 / (1.0 - 0.8 / count) * np.median(deviations, axis=0)
    return np.where(own > (1.0 + NOISIER / math.sqrt(count)) * expected, own, expected)


def _typical_scatter(values: npt.NDArray[np.generic]) -> float:
    """Return the standard deviation over the frames of most pixels, from the differences of neighbouring frames.

    Parameters
    ----------
    values
        frames x pixels.
    """
    steps = np.abs(np.diff(values.astype(np.float64), axis=0))
    most = 1.4826 * float(np.median(steps))
    # of whole numbers the median is one as well: it only says which differences are no hits
    kept = steps[steps <= 5.0 * most + 1.0] if values.dtype.kind in "iu" else steps[steps <= 5.0 * most]
    return math.sqrt(float(np.mean(kept**2)) / 2.0)


def defective_pixels(dark: AveragedFrames, flat: AveragedFrames, sigmas: float = DEFECT_SIGMAS) -> BoolArray:
    """Find dead and hot pixels in dark and flat frames.

    Defective are pixels whose dark level or dark noise is far above the others', whose response (flat - dark) is far
    from that of their neighbourhood (7 x 7 median, as the beam's profile is no defect), that do not respond at all, or
    that are saturated.

    Raises
    ------
    ValueError
        If dark and flat do not have the same shape.
    """
    if dark.mean.shape != flat.mean.shape:
        raise ValueError(f"dark has the shape {dark.mean.shape}, flat {flat.mean.shape}")
    response = flat.mean - dark.mean
    around = ndimage.median_filter(response, min(7, *response.shape), mode="nearest")
    bad = (response <= 0) | (response < LEAST_RESPONSE * around) | dark.saturated | flat.saturated
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(around > 0, response / around, 0.0)
    bad |= np.abs(relative - 1.0) > np.maximum(sigmas * _robust_sigma(relative - 1.0), 0.1)
    level = dark.mean - ndimage.median_filter(dark.mean, min(7, *response.shape), mode="nearest")
    bad |= np.abs(level) > np.maximum(sigmas * _robust_sigma(level), 0.02 * float(np.median(np.abs(response))))
    noise = dark.uncertainty
    if dark.frames >= FEWEST_FRAMES:
        known = noise[np.isfinite(noise)]
        # scatter of few frames is itself scattered: chi2 with n - 1 degrees, not normal
        typical = float(np.median(known)) if known.size else 0.0
        bad |= noise > typical * (1.0 + sigmas / np.sqrt(2.0 * (dark.frames - 1)) + 1.0) if typical > 0 else False
        bad |= np.isnan(noise)
    return bad


def _robust_sigma(values: FloatArray) -> float:
    return 1.4826 * float(np.median(np.abs(values - np.median(values))))


@dataclass(frozen=True)
class FlatFieldCorrection:
    """What turns a raw frame into transmission, made ready once: dark, and 1/(flat - dark).

    Attributes
    ----------
    dark
        Mean dark frame.
    gain
        1/(flat - dark) times the ratio of the flat's to the object's dose; NaN at masked pixels.
    dark_uncertainty, flat_uncertainty
        Standard uncertainties of their means.
    mask
        True at defective pixels.
    dose_ratio
        Dose of the flat over that of the object.
    """

    dark: FloatArray
    gain: FloatArray
    dark_uncertainty: FloatArray
    flat_uncertainty: FloatArray
    mask: BoolArray
    dose_ratio: float = 1.0

    def of_other_exposure(self, dark: AveragedFrames, dose_ratio: float) -> FlatFieldCorrection:
        """Correction of frames that had another exposure time, and a dark of their own.

        Parameters
        ----------
        dark
            Of that exposure time.
        dose_ratio
            Dose of this flat over that of those frames.
        """
        gain = self.gain * (dose_ratio / self.dose_ratio)
        return FlatFieldCorrection(
            dark.mean, gain, dark.uncertainty, self.flat_uncertainty, self.mask | dark.saturated, dose_ratio
        )

    def radiograph(self, frames: AveragedFrames) -> Radiograph:
        """Transmission of averaged frames, with its uncertainty and mask."""
        transmission = self.apply(frames.mean)
        mask = self.mask | frames.saturated
        transmission[mask] = np.nan
        # T = (r - d) g with g = k/(f - d): dT/dr = g, dT/df = -(T/k) g, dT/dd = (T/k - 1) g
        share = transmission / self.dose_ratio
        parts = (
            np.nan_to_num(frames.uncertainty) ** 2
            + (share * np.nan_to_num(self.flat_uncertainty)) ** 2
            + ((share - 1.0) * np.nan_to_num(self.dark_uncertainty)) ** 2
        )
        uncertainty = np.abs(self.gain) * np.sqrt(parts)
        uncertainty[np.isnan(frames.uncertainty)] = np.nan
        warnings = (f"{int(mask.sum())} of {mask.size} pixels are masked",) if mask.any() else ()
        return Radiograph(transmission, uncertainty, mask, (*frames.warnings, *warnings))

    def apply(self, raw: npt.ArrayLike, out: FloatArray | None = None) -> FloatArray:
        """Transmission of one raw frame, (raw - dark) gain; NaN at masked pixels. Two passes over the frame.

        Parameters
        ----------
        raw
            rows x columns.
        out
            Array for the result, so that a video allocates none.
        """
        frame = np.asarray(raw)
        if frame.shape != self.dark.shape:
            raise ValueError(f"frame has the shape {frame.shape}, dark and flat {self.dark.shape}")
        corrected: FloatArray = np.subtract(frame, self.dark, out=out, dtype=np.float64)
        corrected *= self.gain
        return corrected


def flat_field_correction(
    dark: AveragedFrames,
    flat: AveragedFrames,
    *,
    mask: npt.ArrayLike | None = None,
    dose_ratio: float = 1.0,
) -> FlatFieldCorrection:
    """Correction by dark and flat frames of the exposure time and gain of the object's.

    Parameters
    ----------
    dark, flat
        Without beam, and with beam and no object.
    mask
        Further pixels to mask.
    dose_ratio
        Dose of the flat over that of the object, from the monitor; 1 when they had the same.

    Raises
    ------
    ValueError
        If shapes do not match, or more than half of all pixels would be masked: dark and flat are then no such.
    """
    bad = defective_pixels(dark, flat)
    if mask is not None:
        extra = np.asarray(mask, dtype=bool)
        if extra.shape != bad.shape:
            raise ValueError(f"mask has the shape {extra.shape}, dark and flat {bad.shape}")
        bad |= extra
    if not (np.isfinite(dose_ratio) and dose_ratio > 0):
        raise ValueError(f"dose_ratio is {dose_ratio}, it must be a finite number above zero")
    if bad.mean() > 0.5:
        raise ValueError(
            f"{bad.mean():.0%} of the pixels do not respond or are saturated: are dark and flat exchanged, was the "
            "beam on?"
        )
    response = flat.mean - dark.mean
    response[bad] = np.nan
    return FlatFieldCorrection(dark.mean, dose_ratio / response, dark.uncertainty, flat.uncertainty, bad, dose_ratio)


def radiograph(
    object_frames: AveragedFrames, dark: AveragedFrames, flat: AveragedFrames, **options: float | npt.ArrayLike | None
) -> Radiograph:
    """Correct averaged frames of an object; (raw - dark)/(flat - dark).

    Parameters
    ----------
    object_frames, dark, flat
        From `average_frames`.
    **options
        Of `flat_field_correction`.
    """
    correction = flat_field_correction(dark, flat, **options)  # type: ignore[arg-type]
    image = correction.radiograph(object_frames)
    return replace(image, warnings=tuple(dict.fromkeys((*dark.warnings, *flat.warnings, *image.warnings))))


def interpolated_for_display(image: FloatArray, mask: BoolArray) -> FloatArray:
    """Image with its masked pixels replaced by the mean of the nearest valid ones, spreading inwards.

    Raises
    ------
    ValueError
        If every pixel is masked.
    """
    left = mask | ~np.isfinite(image)
    if left.all():
        raise ValueError("all pixels are masked")
    filled = np.where(left, 0.0, image)
    kernel = np.array([[0.5, 1.0, 0.5], [1.0, 0.0, 1.0], [0.5, 1.0, 0.5]])
    while left.any():
        weight = ndimage.convolve((~left).astype(np.float64), kernel, mode="constant")
        total = ndimage.convolve(filled, kernel, mode="constant")
        reached = left & (weight > 0)
        filled[reached] = total[reached] / weight[reached]
        left &= ~reached
    return filled
