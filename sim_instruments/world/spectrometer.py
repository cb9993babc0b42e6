"""The spectrometer: from the sample's light to raw counts."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim_instruments.world.clock import SimulationClock
from sim_instruments.world.scintillator import ScintillatorPhysics

Floats = NDArray[np.float64]


WAVELENGTH_UNCERTAINTY_NM = 0.2
"""Standard uncertainty of a stored wavelength calibration."""


@dataclass(frozen=True)
class SpectrometerParameters:
    """How this spectrometer is made; the defaults are a USB2000+ with a Sony ILX511B.

    Parameters
    ----------
    wavelength_coefficients
        nm; polynomial in the pixel number, lowest order first: what is true of this individual.
    wavelength_error_nm
        By how much the calibration that it stores is off, nm; ``"drawn"``: drawn from the seed with
        `WAVELENGTH_UNCERTAINTY_NM`.
    nonlinearity_coefficients
        Lowest order first, in Ocean Optics' convention: true = counts / polynomial(counts), both above the offset.
    collection
        Electrons in the detector per photon that the sample gives in all directions.
    electrons_per_count
        1.02 makes the signal-to-noise ratio 251 at full well.
    offset, offset_spread
        Mean of the raw counts in the dark and spread of the pixels, counts.
    read_noise
        Counts.
    dark_rate
        Counts per second.
    hot_fraction, hot_rate
        Fraction of hot pixels and their typical dark rate, counts per second.
    """

    wavelength_coefficients: tuple[float, ...] = (340.0, 0.38, -1.5e-5, -2e-9)
    wavelength_error_nm: float | str = 0.0
    nonlinearity_coefficients: tuple[float, ...] = (0.990, 6.5e-7, -7.5e-12)
    collection: float = 1.68e-4
    electrons_per_count: float = 1.02
    offset: float = 1500.0
    offset_spread: float = 15.0
    read_noise: float = 50.0
    dark_rate: float = 30.0
    hot_fraction: float = 0.005
    hot_rate: float = 600.0

    def __post_init__(self) -> None:
        error = self.wavelength_error_nm
        if isinstance(error, str) and error != "drawn":
            msg = f"the spectrometer's wavelength_error_nm must be a number or 'drawn', not '{error}'"
            raise ValueError(msg)
        if not isinstance(error, str) and not math.isfinite(error):
            msg = f"the spectrometer's wavelength_error_nm must be finite, not {error}"
            raise ValueError(msg)


class SpectrometerPhysics:
    """A CCD spectrometer whose fibre looks at the sample.

    Parameters
    ----------
    sample
        Returns the scintillator that is in now, or None.
    clock
        The bench's.
    pixels_random
        Stream from which this individual's pixels are made.
    random
        Stream for the noise of the exposures.
    lock
        The world's.
    parameters
        How it is made.
    """

    pixels: int = 2048
    saturation: int = 65535

    def __init__(
        self,
        sample: Callable[[], ScintillatorPhysics | None],
        clock: SimulationClock,
        pixels_random: np.random.Generator,
        random: np.random.Generator,
        lock: threading.RLock | None = None,
        parameters: SpectrometerParameters | None = None,
    ) -> None:
        self.parameters = p = parameters or SpectrometerParameters()
        self._sample = sample
        self._clock = clock
        self._random = random
        self._lock = lock or threading.RLock()
        pixel = np.arange(self.pixels, dtype=float)
        self.wavelengths_nm: Floats = np.polynomial.polynomial.polyval(pixel, p.wavelength_coefficients)
        self._widths_nm: Floats = np.gradient(self.wavelengths_nm)
        self._offsets = p.offset + p.offset_spread * pixels_random.standard_normal(self.pixels)
        self._dark_rates = p.dark_rate * (1.0 + 0.1 * pixels_random.standard_normal(self.pixels))
        hot = pixels_random.random(self.pixels) < p.hot_fraction
        self._dark_rates = np.where(hot, p.hot_rate * pixels_random.lognormal(0.0, 0.8, self.pixels), self._dark_rates)
        self.hot_pixels: NDArray[np.intp] = np.flatnonzero(hot)
        # always drawn, so that the stream goes on alike whether it is used or not
        drawn = WAVELENGTH_UNCERTAINTY_NM * float(pixels_random.standard_normal())
        self.wavelength_error_nm: float = (
            drawn if isinstance(p.wavelength_error_nm, str) else float(p.wavelength_error_nm)
        )
        """What the stored calibration gives too much."""

    @property
    def wavelength_coefficients(self) -> tuple[float, ...]:
        """nm; the stored calibration: polynomial in the pixel number, lowest order first."""
        true, *rest = self.parameters.wavelength_coefficients
        return (true + self.wavelength_error_nm, *rest)

    @property
    def nonlinearity_coefficients(self) -> tuple[float, ...]:
        """Lowest order first: true = counts / polynomial(counts), both above the offset."""
        return self.parameters.nonlinearity_coefficients

    def count_rates(self, photon_rate: float, scintillator: ScintillatorPhysics) -> Floats:
        """Return the light's linear counts per second in each pixel, for photons per second in all directions."""
        per_nm = scintillator.shape(self.wavelengths_nm) * photon_rate
        return per_nm * self._widths_nm * (self.parameters.collection / self.parameters.electrons_per_count)

    def expose(self, integration_time: float, t_end: float | None = None) -> NDArray[np.uint16]:
        """Take a spectrum whose exposure ends at `t_end` (now).

        Parameters
        ----------
        integration_time
            s.
        t_end
            s.

        Returns
        -------
        ndarray of uint16
            Raw counts, shape (2048,): offset, dark and light; `saturation` where the detector is full.
        """
        if not integration_time > 0:
            msg = f"the integration time must be positive, not {integration_time} s"
            raise ValueError(msg)
        p = self.parameters
        with self._lock:
            end = self._clock.now() if t_end is None else t_end
            rates = self._dark_rates.copy()
            scintillator = self._sample()
            if scintillator is not None:
                rates += self.count_rates(scintillator.exposure(end - integration_time, end), scintillator)
            electrons = np.maximum(rates, 0.0) * (integration_time * p.electrons_per_count)
            # Poisson; above 1e6 electrons, all saturated, the normal limit keeps the numbers small enough
            counts = self._random.poisson(np.minimum(electrons, 1e6)) / p.electrons_per_count
            raw = self._offsets + self._bent(counts) + p.read_noise * self._random.standard_normal(self.pixels)
        return np.clip(np.rint(raw), 0, self.saturation).astype(np.uint16)

    def _bent(self, counts: Floats) -> Floats:
        """Return what the detector makes of linear counts: the inverse of the published correction."""
        measured = counts
        for _ in range(4):  # the polynomial is within 1 % of one and flat: each pass gains two digits
            measured = counts * np.polynomial.polynomial.polyval(measured, self.parameters.nonlinearity_coefficients)
        return measured
