"""Where in an image groups of line pairs lie."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from analysis.checked_arrays import FloatArray
from analysis.line_pairs import LinePairsRefused, line_pair_contrast

#: Frequencies tried when none are given lie this factor apart.
STEP = 1.2
#: A group's amplitude stands this many times above the median of the image's at its frequency.
STANDING_OUT = 6.0
#: Standard deviations of the window that the amplitude is averaged over, periods.
ACROSS, ALONG = 1.5, 0.5
#: Left out at each end of the lines, and at each outer line, periods: blur mixes them with what lies beyond. Only the
#: least of it where a group is so short that less than half of its lines, or too few periods, would be left.
LEAST, MOST, ENOUGH = (0.5, 0.25), (1.0, 1.25), 2.5
#: Its amplitude falls to this share of its top at its border.
BORDER = 0.5


def find_line_groups(
    image: npt.ArrayLike, frequencies: Sequence[float] | None = None
) -> tuple[tuple[slice, slice], ...]:
    """Find the regions of an image that hold groups of parallel lines.

    The image is demodulated at each frequency, along x and along y, over a few periods; where the amplitude
    stands out, and is larger than at every other frequency, there is a group.

    Parameters
    ----------
    image
        2-D; NaN count as the mean.
    frequencies
        Nominal ones, cycles/pixel, below 0.5. None tries all from four periods in the image on.

    Returns
    -------
    tuple of (rows, columns)
        Ascending frequency; empty when nothing periodic is seen. Each lies inside its group.
    """
    pixels = np.asarray(image, dtype=np.float64)
    if pixels.ndim != 2:
        raise ValueError(f"line groups need an image of two dimensions, this array has {pixels.ndim}")
    there = np.isfinite(pixels)
    if not there.any():
        return ()
    pixels = np.where(there, pixels - pixels[there].mean(), 0.0)
    if frequencies is None:
        lowest, highest = 4.0 / max(pixels.shape), 0.45
        count = max(2, math.ceil(math.log(highest / lowest) / math.log(STEP)) + 1)
        frequencies = np.geomspace(lowest, highest, count).tolist()
    spectrum = _spectrum(pixels)
    candidates: list[tuple[float, float, tuple[slice, slice], tuple[slice, slice]]] = []
    for frequency in frequencies:
        if not 0 < frequency < 0.5:
            raise ValueError(f"frequency is {frequency}, it must lie between 0 and 0.5 cycles/pixel")
        for axis in (0, 1):
            amplitude = _amplitude(spectrum, (pixels.shape[0], pixels.shape[1]), frequency, axis)
            found = _standing_out(amplitude, frequency, axis)
            candidates += [(top, frequency, whole, inner) for top, whole, inner in found]
    # harmonics, neighbouring frequencies and borders see the same group, more weakly
    kept: list[tuple[float, tuple[slice, slice]]] = []
    taken: list[tuple[slice, slice]] = []
    for _, frequency, whole, inner in sorted(candidates, key=lambda found: -found[0]):
        if any(_overlap(whole, other) > 0.25 for other in taken) or not _holds_lines(image, inner, frequency):
            continue
        kept.append((frequency, inner))
        taken.append(whole)
    return tuple(part for _, part in sorted(kept, key=lambda found: found[0]))


def _spectrum(pixels: FloatArray) -> npt.NDArray[np.complex128]:
    """Transform of the image in a margin of zeros, so that one border does not leak into the other."""
    rows, columns = (int(fft.next_fast_len(size + size // 4)) for size in pixels.shape)
    transformed: npt.NDArray[np.complex128] = fft.fft2(pixels, (rows, columns))
    return transformed


def _amplitude(spectrum: npt.NDArray[np.complex128], shape: tuple[int, int], frequency: float, axis: int) -> FloatArray:
    """Amplitude about `frequency` along an axis, averaged over some periods across the lines, and fewer along them.

    Lines may be short: groups often lie close to each other.
    """
    bands = []
    for along in (0, 1):
        width = frequency / ((ACROSS if along == axis else ALONG) * 2 * np.pi)
        distance = fft.fftfreq(spectrum.shape[along]) - (frequency if along == axis else 0.0)
        bands.append(np.exp(-0.5 * (distance / width) ** 2))
    filtered = fft.ifft2(spectrum * np.multiply.outer(*bands))[: shape[0], : shape[1]]
    amplitude: FloatArray = np.asarray(2.0 * np.abs(filtered))
    return amplitude


def _standing_out(
    amplitude: FloatArray, frequency: float, axis: int
) -> list[tuple[float, tuple[slice, slice], tuple[slice, slice]]]:
    """Amplitude, whole and inner region of what stands out."""
    found = []
    left = amplitude.copy()
    typical = float(np.median(amplitude))
    for _ in range(4):
        top = float(left.max())
        if top <= STANDING_OUT * typical or top <= 0.0:
            break
        labels, _ = ndimage.label(left > BORDER * top)
        row, column = divmod(int(np.argmax(left)), left.shape[1])
        part = ndimage.find_objects((labels == labels[row, column]).astype(np.int8))[0]
        left[part] = 0.0
        # half of the amplitude is where the window is half inside: the border, or beyond it where the group is small.
        # Rows without lines spoil a contrast more than a missing period does
        margins = []
        for along in (0, 1):
            periods = (part[along].stop - part[along].start) * frequency
            wanted = (periods - ENOUGH) / 2 if along == axis else periods / 4
            margins.append(math.ceil(min(max(wanted, LEAST[along == axis]), MOST[along == axis]) / frequency))
        rows, columns = (slice(s.start + margin, s.stop - margin) for s, margin in zip(part, margins, strict=True))
        sides = (rows.stop - rows.start, columns.stop - columns.start)
        if min(sides) >= 8 and sides[axis] >= 2.2 / frequency:
            found.append((top, (part[0], part[1]), (rows, columns)))
    return found


def _holds_lines(image: npt.ArrayLike, part: tuple[slice, slice], frequency: float) -> bool:
    try:
        pairs = line_pair_contrast(image, region=part, resamples=50)
    except LinePairsRefused:
        return False
    return abs(pairs.frequency / frequency - 1.0) < 0.3


def _overlap(one: tuple[slice, slice], other: tuple[slice, slice]) -> float:
    """Shared area over the smaller of two regions."""
    shared, areas = 1.0, [1.0, 1.0]
    for a, b in zip(one, other, strict=True):
        shared *= max(0, min(a.stop, b.stop) - max(a.start, b.start))
        areas = [areas[0] * (a.stop - a.start), areas[1] * (b.stop - b.start)]
    return shared / min(areas)
