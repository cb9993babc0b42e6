"""Exponential decays seen through an instrument response, as counts in bins."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from analysis.checked_arrays import FloatArray, finite_vector, matching_vector

#: Times that are a regular grid within this share of a bin: exports round them.
EVEN = 0.05
#: A bin of the response counts where it stands this many standard deviations above its baseline.
ABOVE_BASELINE = 4.0


@dataclass(frozen=True)
class Response:
    """Instrument response as counts in bins, its baseline taken off and its sum one.

    Attributes
    ----------
    weights
        (m) share of the light in each bin.
    start
        s, middle of the first bin on the axis of the decay.
    width
        s, of a bin.
    fwhm
        s, full width at half maximum; a bin's width for a pulse that fills only one.
    """

    weights: FloatArray
    start: float
    width: float
    fwhm: float

    @property
    def centre(self) -> float:
        """Mean time of the light, s."""
        return self.start + self.width * float(self.weights @ np.arange(self.weights.size))

    @classmethod
    def pulse(cls, time: float, width: float) -> Response:
        """Return the response of an instrument that is infinitely fast, the light coming at `time`."""
        return cls(np.ones(1), time, width, width)


def bin_width(times: npt.ArrayLike) -> float:
    """Width of the bins whose middles are given, s.

    Raises
    ------
    ValueError
        If they are fewer than 8, or not evenly spaced.
    """
    axis = finite_vector("times", times, 8)
    width = float(axis[-1] - axis[0]) / (axis.size - 1)
    unevenness = float(np.max(np.abs(np.diff(axis) - width)))
    if not width > 0 or unevenness > EVEN * width:
        raise ValueError("times are not evenly spaced bins that rise")
    return width


def instrument_response(times: npt.ArrayLike, counts: npt.ArrayLike) -> Response:
    """Response from its measured histogram.

    The baseline is the mean of the bins that do not stand out of their own scatter. Bins at either end that do not
    stand out of its noise are left out, so that the noise of thousands of empty bins does not enter the model.

    Parameters
    ----------
    times
        (m) middles of the bins, s.
    counts
        (m) any scale; negative where a background was taken off.

    Raises
    ------
    ValueError
        If the times are uneven or no pulse stands out.
    """
    width = bin_width(times)
    axis = finite_vector("times", times)
    measured = matching_vector("response", counts, axis, "times")
    peak = int(np.argmax(measured))
    baseline, noise = _baseline(measured)
    net = measured - baseline
    if not net[peak] > 10.0 * max(noise, 1e-300):
        raise ValueError("no pulse stands out of the instrument response's baseline")
    seen = np.flatnonzero(_smoothed(net) > ABOVE_BASELINE * noise / np.sqrt(5.0))
    # what stands out far from the pulse, a reflection or a noisy bin, is joined to it only through bins that do as well
    gaps = np.flatnonzero(np.diff(seen) > max(8, measured.size // 50))
    ends = [0, *(gaps + 1).tolist(), seen.size]
    run = next((seen[a:b] for a, b in pairwise(ends) if seen[a] <= peak <= seen[b - 1]), seen)
    first, last = max(0, int(run[0]) - 2), min(measured.size - 1, int(run[-1]) + 2)
    part = net[first : last + 1]
    half = np.flatnonzero(part >= 0.5 * part.max())
    return Response(part / part.sum(), float(axis[first]), width, max(width, width * float(half[-1] - half[0] + 1)))


def _baseline(measured: FloatArray) -> tuple[float, float]:
    """Return mean and standard deviation of what is not the pulse, by clipping until nothing more is clipped."""
    kept = measured
    for _ in range(50):
        mean, deviation = float(kept.mean()), float(kept.std())
        inside = kept[kept <= mean + ABOVE_BASELINE * deviation]
        if inside.size == kept.size or inside.size < 8:
            break
        kept = inside
    return mean, deviation


def _smoothed(values: FloatArray) -> FloatArray:
    return np.asarray(np.convolve(np.pad(values, 2, mode="edge"), np.full(5, 0.2), mode="valid"), dtype=np.float64)


def expected_shape(times: FloatArray, response: Response, lifetime: float, shift: float) -> FloatArray:
    """Give the counts in each bin of exp(-t/lifetime) that begins with the light, for an amplitude of one a bin.

    The light of each bin of the response comes at its middle; the decay is integrated over the bins exactly, so that
    a lifetime shorter than a bin loses nothing.

    Parameters
    ----------
    times
        (n) middles of the bins, s.
    response
        Of the instrument.
    lifetime
        s
    shift
        s by which the response's axis lags behind that of the decay.
    """
    width = response.width
    # lag of the decay's bins behind the light of the response's bin j: t_i - t_j - shift
    lags = times[0] - response.start - shift - width * (response.weights.size - 1)
    lags = lags + width * np.arange(times.size + response.weights.size - 1)
    from_edge, to_edge = lags - 0.5 * width, lags + 0.5 * width
    decay = np.exp(-np.maximum(from_edge, 0.0) / lifetime) - np.exp(-np.maximum(to_edge, 0.0) / lifetime)
    kernel = decay * (lifetime / width)
    size = 1 << (kernel.size + response.weights.size - 1).bit_length()
    full = np.fft.irfft(np.fft.rfft(kernel, size) * np.fft.rfft(response.weights, size), size)
    begin = response.weights.size - 1
    return np.asarray(full[begin : begin + times.size], dtype=np.float64)
