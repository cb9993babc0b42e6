"""Spatial frequency response across an edge, and the figures read off it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from analysis.checked_arrays import FloatArray
from analysis.edge_region import EdgeRegion
from analysis.figure import NORMAL_95, FigureOfMerit

#: Half the sampling frequency, cycles/pixel.
NYQUIST = 0.5


@dataclass(frozen=True)
class SlantedEdge:
    """Spatial frequency response across an edge.

    Attributes
    ----------
    frequencies
        Normal to the edge, cycles/pixel.
    sfr
        Spatial frequency response there, 1 at 0.
    sfr_uncertainty
        One standard deviation; None when no rows were resampled.
    distance
        Normal to the edge, pixels, of `esf` and `lsf`.
    esf
        Edge spread function from 0 to 1.
    lsf
        Its derivative, 1/pixel, before the window.
    angle
        Of the edge to the nearest image axis, degrees.
    edge_order, window, variant
        How it was computed.
    region
        What part of the image it was computed from.
    rows
        Number of rows (columns of the image for a horizontal edge) in whole phase cycles.
    contrast
        Michelson contrast of the edge's two sides.
    noise
        Standard deviation of a pixel on the noisier side, as a share of the edge's step.
    pixel_pitch
        m in the plane that frequencies are wanted in; None when not known.
    window_bias
        By how much, relative, the window narrows a line spread function as wide as this one (Gaussian).
    warnings
        What to know before quoting it.
    """

    frequencies: FloatArray
    sfr: FloatArray
    sfr_uncertainty: FloatArray | None
    distance: FloatArray
    esf: FloatArray
    lsf: FloatArray
    angle: float
    edge_order: int
    window: str
    variant: str
    region: EdgeRegion
    rows: int
    contrast: float
    noise: float
    pixel_pitch: float | None
    window_bias: float
    warnings: tuple[str, ...]

    @property
    def frequencies_lp_mm(self) -> FloatArray | None:
        """The same frequencies in line pairs per millimetre; None when the pixel pitch is not known."""
        return None if self.pixel_pitch is None else self.frequencies / (self.pixel_pitch * 1e3)

    @property
    def nyquist(self) -> tuple[float, str]:
        """Half the sampling frequency, with its unit as in the figures."""
        return (NYQUIST, "cycles/pixel") if self.pixel_pitch is None else (NYQUIST / self.pixel_pitch / 1e3, "lp/mm")

    @property
    def method(self) -> str:
        """How it was computed, in words."""
        more = ", tilts and bin width corrected" if self.variant == "corrected" else ", as published"
        return f"slanted edge (ISO 12233), edge of order {self.edge_order}, {self.window} window{more}"

    def frequency_figure(self, level: float, name: str) -> FigureOfMerit:
        """Lowest frequency at which the response falls to `level`.

        Parameters
        ----------
        level
            Above 0, below 1.
        name
            Of the figure: ``mtf50`` at 0.5, ``mtf20`` at 0.2.
        """
        if not 0 < level < 1:
            raise ValueError(f"level is {level}, it must lie between 0 and 1")
        unit = self.nyquist[1]
        details = {"angle_deg": self.angle, "rows": self.rows, "nyquist": self.nyquist[0], "edge_noise": self.noise}
        found = float(_crossings(self.frequencies, self.sfr[None], level)[0])
        if math.isnan(found):
            reason = f"response stays above {level:g} up to {self.frequencies[-1]:.3g} cycles/pixel"
            return FigureOfMerit.refused(name, unit, self.method, reason, details=details, warnings=self.warnings)
        warnings = self.warnings
        if found > NYQUIST:
            warnings += (
                (
                    f"above the Nyquist frequency of {self.nyquist[0]:.3g} {unit}: a presampled MTF, no image of this "
                    "sampling shows such detail"
                ),
            )
        if self.sfr_uncertainty is None:
            figure = FigureOfMerit(name, found, None, None, unit, self.method, warnings, details=details)
        else:
            # the response's own errors are normal; those of a crossing are not, as its slope is uncertain as well
            reach = NORMAL_95 * self.sfr_uncertainty
            low, high = _crossings(self.frequencies, np.stack([self.sfr - reach, self.sfr + reach]), level)
            if math.isnan(high):
                reason = f"noise: the response may stay above {level:g} up to {self.frequencies[-1]:.3g} cycles/pixel"
                return FigureOfMerit.refused(name, unit, self.method, reason, details=details, warnings=self.warnings)
            interval, spread = (float(low), float(high)), float(high - low) / (2.0 * NORMAL_95)
            figure = FigureOfMerit(
                name, found, spread, interval, unit, self.method, warnings, statistical=spread, details=details
            ).with_systematic(found * self.window_bias)
        return figure if self.pixel_pitch is None else figure.scaled(1.0 / (self.pixel_pitch * 1e3), unit)

    def response_figure(self, frequency: float, name: str = "mtf") -> FigureOfMerit:
        """Response at a frequency, in cycles/pixel, or lp/mm when the pixel pitch is known."""
        unit = self.nyquist[1]
        pixels = frequency if self.pixel_pitch is None else frequency * self.pixel_pitch * 1e3
        at = {"frequency": (frequency, unit)}
        if not 0 <= pixels <= self.frequencies[-1]:
            reason = f"frequency {frequency:.4g} {unit} lies outside the response's range"
            return FigureOfMerit.refused(name, "1", self.method, reason, at=at)
        value = float(np.interp(pixels, self.frequencies, self.sfr))
        if self.sfr_uncertainty is None:
            return FigureOfMerit(name, value, None, None, "1", self.method, self.warnings, at)
        spread = float(np.interp(pixels, self.frequencies, self.sfr_uncertainty))
        figure = FigureOfMerit.normal(name, value, "1", self.method, statistical=spread, warnings=self.warnings)
        return figure.at_condition(frequency=(frequency, unit))

    def figures(self) -> tuple[FigureOfMerit, ...]:
        """`mtf50` and `mtf20`."""
        return self.frequency_figure(0.5, "mtf50"), self.frequency_figure(0.2, "mtf20")


def _crossings(frequencies: FloatArray, responses: FloatArray, level: float) -> FloatArray:
    """First frequency at which each response (one a row) falls to a level; NaN where it never does."""
    below = responses < level
    after = np.argmax(below, axis=1)
    row = np.arange(responses.shape[0])
    before = np.maximum(after - 1, 0)
    high, low = responses[row, before], responses[row, after]
    with np.errstate(divide="ignore", invalid="ignore"):
        found = frequencies[before] + (high - level) / (high - low) * (frequencies[after] - frequencies[before])
    crossed: FloatArray = np.where(below.any(axis=1) & (after > 0), found, np.nan)
    return crossed
