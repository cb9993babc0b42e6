"""Modulation transfer function from a slanted edge (ISO 12233)."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from analysis.checked_arrays import FloatArray, positive_number
from analysis.clipped_pixels import saturation_reason
from analysis.edge_fit import edge_width, fit_edge, fit_edge_as_published, rows_along_edge
from analysis.edge_region import EdgeRefused, EdgeRegion, find_edge_region
from analysis.edge_response import SlantedEdge
from analysis.edge_spread import BINS, EdgeSpread, edge_spread
from analysis.figure import FigureOfMerit

Window = Literal["tukey", "hamming"]
Variant = Literal["corrected", "as published"]

#: Frequencies up to this are given, cycles/pixel; at 2 the bins' own Nyquist frequency lies.
HIGHEST_FREQUENCY = 1.0
#: The frequency axis is at least this fine, cycles/pixel, by padding with zeros.
FREQUENCY_STEP = 0.004
#: The derivative's correction is limited to this (ISO 12233).
LARGEST_CORRECTION = 10.0
#: A region reaches at most so many 10-90 % widths beside the edge; what lies farther is flat.
WIDTHS_BESIDE = 18.0


def slanted_edge(
    image: npt.ArrayLike,
    *,
    pixel_pitch: float | None = None,
    region: tuple[slice, slice] | None = None,
    mask: npt.ArrayLike | None = None,
    edge_order: int = 5,
    window: Window = "tukey",
    saturation: float | None = None,
    variant: Variant = "corrected",
    derivative_correction: bool = True,
    resamples: int = 200,
    seed: int = 0,
) -> SlantedEdge:
    """Spatial frequency response of the edge in an image.

    Edge in any of the four orientations, region found or given; positions of the edge by the centroid of each row's
    windowed derivative; polynomial, refitted once; rows trimmed to whole phase cycles; four bins a pixel; derivative
    [-1/2, 0, 1/2]; window about the edge; Fourier transform; frequencies divided by the cosine of the edge's angle;
    correction of the derivative, D = min(w/sin w, 10) with w = 2 pi k/N.

    Beyond the standard, "corrected" takes out the tilts of both sides, which in the standard draw the centroids to
    the middle and lower the response; looks for the centroid near the edge; leaves out what lies farther from it than
    18 of its 10-90 % widths; and corrects for the mean over a bin's width (without that, the 0.6 cycles/pixel at which
    a pixel's aperture leaves 50 % come out 2 % low). Light scattered far from the edge looks like a tilt: where it is
    wanted in the response, "as published" keeps it. Both reject pixels that are no measurement of the edge.

    Parameters
    ----------
    image
        2-D, linear in the light (dark and flat corrected).
    pixel_pitch
        m, in the plane that frequencies are wanted in: the detector's, or the object's when divided by the
        magnification. None gives cycles/pixel.
    region
        (rows, columns) of the image. None finds the edge and the band that it has for itself.
    mask
        True at pixels to leave out. NaN are left out in any case.
    edge_order
        Order of the polynomial, 1 to 5.
    window
        ``"tukey"``, flat where the edge rises (alpha = 1 as published, as in sfrmat5), or ``"hamming"``.
    saturation
        Level at and above which a pixel is saturated. None looks for clipped pixels.
    variant
        ``"corrected"``, or ``"as published"``: the standard to the letter, for comparison.
    derivative_correction
        False leaves D out, for comparison with programs that forget it (MTF50 4.6 % low).
    resamples
        Of the rows, for the uncertainty; 0 for none.
    seed
        Of the resamples' random weights.

    Raises
    ------
    EdgeRefused
        If the image gives no result: no edge, saturation, an edge along the pixels or their diagonal, nothing but
        NaN, too small a region.
    ValueError
        If an option is out of its range.

    References
    ----------
    ISO 12233:2023; P. D. Burns, sfrmat5 (2023); P. D. Burns, Proc. IS&T PICS (2000) 135. Errors of D in ISO
    12233:2014 and 2017 are not followed.
    """
    if edge_order not in range(1, 6):
        raise ValueError(f"edge_order is {edge_order}, it must be 1 to 5")
    if window not in ("tukey", "hamming"):
        raise ValueError(f"window is {window!r}, it must be 'tukey' or 'hamming'")
    if variant not in ("corrected", "as published"):
        raise ValueError(f"variant is {variant!r}, it must be 'corrected' or 'as published'")
    if resamples < 0 or resamples == 1:
        raise ValueError(f"resamples is {resamples}, it must be 0 or at least 2")
    if pixel_pitch is not None:
        positive_number("pixel_pitch", pixel_pitch)
    pixels = np.asarray(image)
    bad = None if mask is None else np.asarray(mask, dtype=bool)
    if bad is not None and bad.shape != pixels.shape:
        raise ValueError(f"mask has the shape {bad.shape}, the image {pixels.shape}")
    found = find_edge_region(pixels, bad, region)
    part = (slice(*found.rows), slice(*found.columns))
    clipped = saturation_reason(pixels[part], None if bad is None else bad[part], saturation)
    if clipped is not None:
        raise EdgeRefused(clipped)
    if variant == "corrected":
        found = _narrowed(pixels, bad, found)
    rows = rows_along_edge(pixels, bad, found)
    width, flat = edge_width(rows)
    if variant == "corrected":
        fitted = fit_edge(rows, width, edge_order)
    else:
        fitted = fit_edge_as_published(rows, found, edge_order, window)
    spread = edge_spread(rows, fitted, flat, resamples, seed, level=variant == "corrected")
    warnings: tuple[str, ...] = ()
    if edge_order < 3 and fitted.bow_significant and fitted.bow > 0.1:
        warnings = (f"edge is bent by {fitted.bow:.2g} pixels, order {edge_order} does not follow: response too low",)
    warnings += _spread_warnings(spread)
    cosine = math.cos(math.atan(fitted.slope))
    # where the sides are flat there is nothing to be kept: the taper of a Tukey window may as well begin there
    untouched = flat if variant == "corrected" and window == "tukey" else 0.0
    weights = _window(window, spread.distance, untouched)
    along_x, sfr, lsf = _responses(spread, cosine, weights, variant, derivative_correction)
    # 10 to 90 % of a Gaussian is 2.563 sigma; a window 1 - c x2 makes it narrower by c sigma2
    full, sigma = float(np.ptp(spread.distance)), width / 2.563
    bias = 0.0 if untouched else (np.pi * sigma / full) ** 2 * (1.0 if window == "tukey" else 2 * 0.46)
    if bias > 0.005:
        warnings += (
            (
                f"region reaches {full / 2:.0f} pixels beside an edge {width:.3g} wide: the window makes the response "
                f"about {bias:.1%} too good"
            ),
        )
    return SlantedEdge(
        frequencies=along_x / cosine,
        sfr=sfr[0],
        sfr_uncertainty=np.std(sfr[1:], axis=0, ddof=1) if resamples else None,
        distance=spread.distance * cosine,
        esf=spread.values,
        lsf=lsf * BINS / cosine,
        angle=math.degrees(math.atan(abs(fitted.slope))),
        edge_order=edge_order,
        window=window,
        variant=variant,
        region=found,
        rows=spread.offsets.size,
        contrast=spread.contrast,
        noise=max(spread.noise),
        pixel_pitch=pixel_pitch,
        window_bias=bias,
        warnings=warnings,
    )


def mtf_figures(image: npt.ArrayLike, **options: object) -> tuple[SlantedEdge | None, tuple[FigureOfMerit, ...]]:
    """`slanted_edge` and its figures `mtf50` and `mtf20`; where it refuses, None and two figures that say why.

    Parameters
    ----------
    image, **options
        Of `slanted_edge`.
    """
    try:
        edge = slanted_edge(image, **options)  # type: ignore[arg-type]
    except EdgeRefused as refusal:
        unit = "cycles/pixel" if options.get("pixel_pitch") is None else "lp/mm"
        method = "slanted edge (ISO 12233)"
        return None, tuple(FigureOfMerit.refused(name, unit, method, str(refusal)) for name in ("mtf50", "mtf20"))
    return edge, edge.figures()


def _narrowed(pixels: npt.NDArray[np.generic], bad: npt.NDArray[np.bool_] | None, found: EdgeRegion) -> EdgeRegion:
    """Region that reaches no farther beside the edge than it needs: what lies beyond adds noise and time."""
    sampled = rows_along_edge(pixels, bad, found, max(1, (found.rows[1] - found.rows[0]) // 256))
    width = edge_width(sampled)[0]
    return replace(found, half_width=min(found.half_width, max(64, math.ceil(WIDTHS_BESIDE * width))))


def _spread_warnings(spread: EdgeSpread) -> tuple[str, ...]:
    warnings: tuple[str, ...] = ()
    if spread.rejected > 0.01:
        warnings += (f"{spread.rejected:.1%} of the pixels do not belong to the edge and were left out",)
    if spread.contrast < 0.2:
        warnings += (f"contrast of the edge is {spread.contrast:.2g}, below 0.2: the response is uncertain",)
    if spread.empty:
        warnings += ("at this angle some quarter-pixel bins stay empty and were interpolated",)
    blocks = spread.offsets.size / (3 * spread.correlation_rows)
    if blocks < 8 and spread.resampled.size:
        warnings += (
            (
                f"noise is correlated over {spread.correlation_rows:.0f} of {spread.offsets.size} rows: the "
                "uncertainty is itself uncertain"
            ),
        )
    return warnings


def _responses(
    spread: EdgeSpread, cosine: float, weights: FloatArray, variant: Variant, derivative_correction: bool
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Frequencies along x, responses of the edge and of its resamples, and the line spread function a bin."""
    # padding with zeros makes the axis fine enough to read off it; D is a function of frequency and does not change
    size = max(spread.values.size, math.ceil(BINS / (FREQUENCY_STEP * cosine)))
    size = 1 << (size - 1).bit_length()
    count = math.floor(HIGHEST_FREQUENCY * cosine * size / BINS) + 1
    along_x = np.arange(count) * BINS / size
    correction = np.ones(count)
    if derivative_correction:
        phase = 2.0 * np.pi * along_x / BINS
        correction[1:] = np.minimum(phase[1:] / np.sin(phase[1:]), LARGEST_CORRECTION)
    if variant == "corrected":
        correction /= _bin_response(spread, along_x)
    lines = np.concatenate([spread.values[None], spread.resampled])
    lsf = np.empty_like(lines)
    lsf[:, 1:-1] = 0.5 * (lines[:, 2:] - lines[:, :-2])
    lsf[:, 0], lsf[:, -1] = lsf[:, 1], lsf[:, -2]
    spectrum = np.abs(np.fft.rfft(lsf * weights, size)[:, :count])
    return along_x, spectrum / spectrum[:, :1] * correction, lsf[0]


def _window(window: Window, distance: FloatArray, untouched: float) -> FloatArray:
    """Window centred on the edge, as long as the line spread function; 1 within `untouched` pixels of it."""
    reach = np.abs(distance).max() + 0.5 / BINS
    phase = np.pi * np.maximum(np.abs(distance) - untouched, 0.0) / (reach - untouched)
    weights: FloatArray = np.cos(phase / 2) ** 2 if window == "tukey" else 0.54 + 0.46 * np.cos(phase)
    return weights


def _bin_response(spread: EdgeSpread, along_x: FloatArray) -> FloatArray:
    """Response of the mean over a bin, from where in their bins the rows' pixels really lie.

    Evenly spread phases give sinc(f/4); an edge whose tangent is a quarter puts every pixel at the same place of its
    bin and needs no correction.
    """
    offsets = spread.offsets.copy()
    for phase in range(BINS):
        here = spread.phases == phase
        if here.any():
            offsets[here] -= offsets[here].mean()
    # cos(2 pi f x) of offsets below an eighth of a pixel: two moments hold it to 1e-3 at 1 cycle/pixel
    square = float(np.mean(offsets**2))
    fourth = float(np.mean(offsets**4))
    phase_square = (2 * np.pi * along_x) ** 2
    response: FloatArray = 1.0 - phase_square * square / 2 + phase_square**2 * fourth / 24
    return response
