"""The camera behind the screen: from the beam to digital numbers.

A pixel's signal is the energy that the screen absorbs behind the phantom, the sum of phi(E) exp(-mu t) absorbed(E) E,
blurred. The number of absorbed quanta is Poisson's (each counted as one of the energy-weighted mean energy, so that the
spread of their energies is in the noise: Swank, J. Appl. Phys. 44, 4199, 1973), and so is that of the photoelectrons;
pixels respond differently, add dark charge and read noise, some are hit by X-rays themselves, and the converter rounds
and clips. The noise of the quanta is drawn behind the blur, so that it is white. A scintillator's excess exponent is
left out: images are proportional to the dose.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sim_instruments.world.absorption import photoelectric
from sim_instruments.world.attenuation import Layers, transmission
from sim_instruments.world.beam import LOWEST_KV, NODE_KV, Beam
from sim_instruments.world.blurred_shapes import frequency_at, line_pair_contrast, modulation_transfer
from sim_instruments.world.camera_parameters import CameraParameters
from sim_instruments.world.phantom import (
    LinePairGroup,
    Part,
    PhantomParameters,
    View,
    image_parts,
    line_pair_groups,
)
from sim_instruments.world.scintillator import ScintillatorPhysics

Floats = NDArray[np.float64]
Window = tuple[int, int, int, int]
"""x, y, width, height in pixels."""

_MANY_QUANTA = 200.0
_HIT_SHAPES = ((0, 0), (0, 1), (1, 0), (1, 1), (0, 2))
"""Pixels of a direct hit, relative to the first; a hit has one to five of them."""


class CameraPhysics:
    """A camera that looks at the screen, or a panel that is its own screen.

    Parameters
    ----------
    parameters
        What is true of it.
    phantom_parameters
        What phantoms are made of.
    beam
        What it is exposed to.
    scintillator
        Returns the scintillator in the holder, which is the screen; None: the camera's own screen is used.
    pixels
        Random stream for what the sensor was made like.
    random
        Random stream for what happens in exposures.
    lock
        The world's.
    """

    def __init__(
        self,
        parameters: CameraParameters,
        phantom_parameters: PhantomParameters,
        beam: Beam,
        scintillator: Callable[[], ScintillatorPhysics | None],
        pixels: np.random.Generator,
        random: np.random.Generator,
        lock: threading.RLock | None = None,
    ) -> None:
        self.parameters = parameters
        self.phantom_parameters = phantom_parameters
        self._beam = beam
        self._scintillator = scintillator
        self._pixel_random = pixels
        self._random = random
        self._lock = lock or threading.RLock()
        self._phantom = ""
        self._responses: tuple[Floats, NDArray[np.bool_], NDArray[np.bool_]] | None = None
        self._parts: tuple[tuple[str, View], list[Part]] | None = None
        self._image: tuple[object, Floats] | None = None
        self._energies: dict[object, tuple[float, float]] = {}

    # --- what it looks at

    @property
    def phantom(self) -> str:
        """What is before the camera; empty: nothing."""
        return self._phantom

    @phantom.setter
    def phantom(self, name: str) -> None:
        if name:
            image_parts(name, View(2, 2, 1e-3, 1e-3, 0.0), self.phantom_parameters)  # raises if there is none
        with self._lock:
            self._phantom = name

    @property
    def sigma_m(self) -> float:
        """Standard deviation of the blur, m: the scintillator's own where it has one, else the camera's."""
        screen = self._scintillator()
        own = None if screen is None else screen.truth.blur_sigma_m
        return self.parameters.sigma_m if own is None else own

    @property
    def aperture_m(self) -> float:
        """Side of the square over which a pixel averages, m; a scintillator's own blur includes it."""
        screen = self._scintillator()
        return self.parameters.aperture_m if screen is None or screen.truth.blur_sigma_m is None else 0.0

    @property
    def view(self) -> View:
        """What the whole sensor sees."""
        p = self.parameters
        return View(p.rows, p.columns, p.pixel_m, self.sigma_m, self.aperture_m)

    # --- closed forms

    def mtf(self, line_pairs_per_mm: float) -> float:
        """Return the presampled MTF along rows or columns."""
        return float(modulation_transfer(line_pairs_per_mm * 1e3, self.sigma_m, self.aperture_m))

    def frequency_at(self, level: float) -> float:
        """Return the spatial frequency at which the MTF has fallen to `level`, line pairs per mm."""
        return frequency_at(level, self.sigma_m, self.aperture_m) * 1e-3

    def line_pair_contrast(self, line_pairs_per_mm: float, voltage_kv: float) -> float:
        """Return the contrast (Imax - Imin)/(Imax + Imin) of an endless pattern of the phantom's lead."""
        bar = self.signal_behind({"Pb": self.phantom_parameters.bar_thickness_m}, voltage_kv)
        open_beam = self.signal_behind({}, voltage_kv)
        return line_pair_contrast(line_pairs_per_mm * 1e3, self.sigma_m, self.aperture_m, bar / open_beam)

    def line_pair_groups(self) -> list[LinePairGroup]:
        """Return where the groups of the line-pair pattern lie on the sensor."""
        return line_pair_groups(self.view, self.phantom_parameters)

    def signal_behind(self, layers: Layers, voltage_kv: float) -> float:
        """Return the energy that the screen absorbs behind layers, keV for each Gy in the open beam and m2."""
        return self._between(layers, voltage_kv)[0]

    def quanta_per_gray(self, voltage_kv: float) -> float:
        """Return the effective number of quanta that a pixel absorbs for each Gy in the open beam."""
        energy, quantum = self._between({}, voltage_kv)
        return energy * self.parameters.pixel_m**2 / quantum

    def photons_per_gray(self, voltage_kv: float) -> float:
        """Return the photons of the open beam for each Gy and m2."""
        low = max(LOWEST_KV, NODE_KV * math.floor(voltage_kv / NODE_KV + 1e-9))
        nodes = [self._beam.spectrum(node) for node in (low, low + NODE_KV)]
        first, second = (float(beam.fluence.sum()) * 1e4 / beam.kerma for beam in nodes)
        return float(first + (second - first) * max(0.0, voltage_kv - low) / NODE_KV)

    def light_at(self, across: float, down: float) -> float:
        """Return how much light a place of the sensor gets, from -1 to 1 across and down; 1 in the middle."""
        return 1.0 - 0.5 * self.parameters.shading * (across**2 + down**2)

    @property
    def typical_light(self) -> float:
        """The light whose noise is that of the whole sensor on average."""
        places = np.linspace(-1.0, 1.0, 41)
        return float(1.0 / np.mean([1.0 / self.light_at(x, y) for x in places for y in places]))

    def _electrons_at(self, voltage_kv: float, dose: float, light: float) -> float:
        """Return the mean photoelectrons of a pixel in the open beam."""
        screen = self._scintillator()
        left = 1.0 if screen is None else screen.remaining()
        energy = self._between({}, voltage_kv)[0]
        return float(energy * dose * self.parameters.pixel_m**2 * self.electrons_per_kev() * left * light)

    def relative_dark_noise_power(self, voltage_kv: float, dose: float, exposure_time: float, light: float) -> float:
        """Return the variance of a pixel without beam over the square of its signal at a dose, gain 0 dB."""
        p = self.parameters
        step = p.full_well / ((2**p.bits - 1) * (1.0 - p.offset))
        electrons = self._electrons_at(voltage_kv, dose, light)
        return float((p.dark_rate * exposure_time + p.read_noise**2 + step**2 / 12.0) / electrons**2)

    def relative_noise_power(
        self, voltage_kv: float, dose: float, exposure_time: float, light: float, line_pairs_per_mm: float | None = None
    ) -> float:
        """Return the variance of a pixel from frame to frame over the square of its signal, gain 0 dB.

        Direct hits are in it that lie within six standard deviations, where nobody tells them from noise. They are all
        of it that is not white, as one hit has several pixels: at a frequency, averaged over the directions, what is
        returned is the noise power over the square of the signal and a pixel's area.
        """
        from scipy.special import gammainc

        p = self.parameters
        electrons = self._electrons_at(voltage_kv, dose, light)
        dark = self.relative_dark_noise_power(voltage_kv, dose, exposure_time, light)
        noise = 1.0 / (self.quanta_per_gray(voltage_kv) * dose) + 1.0 / electrons + dark
        unseen = 6.0 * math.sqrt(noise) * electrons
        sizes = np.arange(1, len(_HIT_SHAPES) + 1)
        charge = p.hit_electrons / sizes
        # of exponentially distributed charges: the second moment up to a limit
        squares = 2.0 * charge**2 * gammainc(3.0, unseen / charge)
        hits = p.hits_per_gray_m2 * dose * p.pixel_m**2
        shares = sizes if line_pairs_per_mm is None else _hit_powers(line_pairs_per_mm * 1e3 * p.pixel_m)
        return noise + float(hits * np.mean(shares * squares)) / electrons**2

    def relative_third_moment(self, voltage_kv: float, dose: float, light: float) -> float:
        """Return the third central moment of a pixel's signal over its cube: of photoelectrons of Poisson's quanta."""
        quanta = self.quanta_per_gray(voltage_kv) * dose
        electrons = self._electrons_at(voltage_kv, dose, light)
        return 1.0 / quanta**2 + 3.0 / (quanta * electrons) + 1.0 / electrons**2

    def electrons_per_kev(self) -> float:
        """Return the photoelectrons for each keV absorbed, of an unaged screen."""
        screen = self._scintillator()
        photons = self.parameters.screen_photons_per_kev if screen is None else screen.truth.light_yield_per_mev * 1e-3
        return photons * self.parameters.electrons_per_photon

    def _between(self, layers: Layers, voltage_kv: float) -> tuple[float, float]:
        """Interpolate between the kilovoltages whose spectra are at hand."""
        low = max(LOWEST_KV, NODE_KV * math.floor(voltage_kv / NODE_KV + 1e-9))
        first = self._absorbed(layers, low)
        if voltage_kv <= low + 1e-9:
            return first
        second = self._absorbed(layers, low + NODE_KV)
        share = (voltage_kv - low) / NODE_KV
        return first[0] + (second[0] - first[0]) * share, first[1] + (second[1] - first[1]) * share

    def _absorbed(self, layers: Layers, node_kv: float) -> tuple[float, float]:
        """Return the energy absorbed, keV/(Gy m2), and the energy of an effective quantum, keV."""
        screen = self._scintillator()
        p = self.parameters
        formula, density, thickness = (
            (p.screen_formula, p.screen_density, p.screen_thickness_m)
            if screen is None
            else (screen.truth.absorber, screen.truth.density_kg_m3, screen.truth.thickness_m)
        )
        geometry = self._beam.geometry
        key = (
            tuple(sorted(layers.items())), node_kv, formula, density, thickness,
            geometry.filter_set, geometry.anode_angle_deg,
        )  # fmt: skip
        if key not in self._energies:
            beam = self._beam.spectrum(node_kv)
            energies = beam.energies_kev
            absorbed = -np.expm1(-photoelectric(formula, energies) * density * thickness)
            seen = beam.fluence * 1e4 / beam.kerma * absorbed * transmission(layers, energies)
            energy = float(seen @ energies)
            self._energies[key] = (energy, float(seen @ energies**2) / energy if energy > 0 else 1.0)
        return self._energies[key]

    # --- exposing

    def expose(
        self, t_start: float, t_end: float, window: Window | None = None, gain_db: float = 0.0
    ) -> NDArray[np.uint16]:
        """Return what the converter makes of an exposure of the past.

        Parameters
        ----------
        t_start, t_end
            When it began and ended, s.
        window
            Part that is read out; None: all.
        gain_db
            Analogue gain.

        Returns
        -------
        numpy.ndarray
            (height, width), 0 to 2**bits - 1.
        """
        p = self.parameters
        x, y, width, height = window or (0, 0, p.columns, p.rows)
        part = (slice(y, y + height), slice(x, x + width))
        with self._lock:
            electrons = self._electrons(t_start, t_end, part)
            _, dead, hot = self._sensor()
            largest = float(2**p.bits - 1)
            per_electron = largest * (1.0 - p.offset) / p.full_well * 10.0 ** (gain_db / 20.0)
            numbers = electrons
            numbers *= per_electron
            numbers += p.offset * largest
            numbers[dead[part]] = p.offset * largest
            numbers[hot[part]] = largest
            np.rint(numbers, out=numbers)
            np.clip(numbers, 0.0, largest, out=numbers)
            return numbers.astype(np.uint16)

    def _electrons(self, t_start: float, t_end: float, part: tuple[slice, slice]) -> Floats:
        p = self.parameters
        duration = t_end - t_start
        dose = max(0.0, self._beam.dose(t_end) - self._beam.dose(t_start))
        voltage_kv = self._beam.nominal_kv(0.5 * (t_start + t_end))
        random = self._random
        response, _, _ = self._sensor()
        charge: Floats
        if dose > 0.0 and voltage_kv > 0.0:
            ripple = max(0.0, 1.0 + self._beam.ripple_over(duration) * random.standard_normal())
            screen = self._scintillator()
            light = 1.0 if screen is None else screen.remaining()
            _, quantum = self._between({}, voltage_kv)
            mean = self._energy_image(voltage_kv)[part] * (dose * ripple * p.pixel_m**2 / quantum)
            charge = poisson(mean, random)
            charge *= response[part] * (quantum * self.electrons_per_kev() * light)
        else:
            charge = np.zeros(response[part].shape)
        charge += p.dark_rate * duration
        charge = poisson(charge, random)
        charge += p.read_noise * random.standard_normal(charge.shape, dtype=np.float32)
        self._hit(charge, dose, random)
        return charge

    def _hit(self, charge: Floats, dose: float, random: np.random.Generator) -> None:
        """Let X-rays that miss the screen hit the sensor: each leaves its charge in one to five pixels."""
        p = self.parameters
        rows, columns = charge.shape
        count = random.poisson(p.hits_per_gray_m2 * dose * p.pixel_m**2 * rows * columns)
        if count == 0:
            return
        row, column = random.integers(0, rows, count), random.integers(0, columns, count)
        sizes = random.integers(1, len(_HIT_SHAPES) + 1, count)
        amounts = p.hit_electrons * random.exponential(1.0, count) / sizes
        for number, (down, right) in enumerate(_HIT_SHAPES):
            struck = (sizes > number) & (row + down < rows) & (column + right < columns)
            np.add.at(charge, (row[struck] + down, column[struck] + right), amounts[struck])

    def prepare(self) -> None:
        """Do now what takes long when it is done first: the first frame is not to come later than the others."""
        from scipy.ndimage import gaussian_filter
        from scipy.special import ndtr

        del gaussian_filter, ndtr
        with self._lock:
            self._sensor()

    def _sensor(self) -> tuple[Floats, NDArray[np.bool_], NDArray[np.bool_]]:
        """Return the pixels' responses, and which are dead or always full: the same as long as the sensor lives."""
        if self._responses is None:
            p = self.parameters
            random = self._pixel_random
            shape = (p.rows, p.columns)
            x = np.linspace(-1.0, 1.0, p.columns)
            y = np.linspace(-1.0, 1.0, p.rows)[:, None]
            response = (1.0 - 0.5 * p.shading * (x**2 + y**2)) * (1.0 + p.prnu * random.standard_normal(shape))
            draw = random.random(shape)
            self._responses = response, draw < 0.5 * p.dead_fraction, draw > 1.0 - 0.5 * p.dead_fraction
        return self._responses

    def _energy_image(self, voltage_kv: float) -> Floats:
        """Return the energy absorbed at each pixel of the whole sensor, keV/(Gy m2)."""
        view = self.view
        key = (self._phantom, view, voltage_kv, self._beam.geometry, self._scintillator())
        if self._image is None or self._image[0] != key:
            if not self._phantom:
                image = np.full((view.rows, view.columns), self._between({}, voltage_kv)[0])
            else:
                if self._parts is None or self._parts[0] != (self._phantom, view):
                    parts = image_parts(self._phantom, view, self.phantom_parameters)
                    self._parts = ((self._phantom, view), parts)
                image = np.zeros((view.rows, view.columns))
                for layers, covered in self._parts[1]:
                    image += self._between(layers, voltage_kv)[0] * covered
            self._image = (key, image)
        return self._image[1]


def _hit_powers(frequency: float) -> Floats:
    """Return |sum of exp(2 pi i f r)|2 over the pixels of hits of each size, averaged over the directions of f."""
    from scipy.special import j0

    places = np.array(_HIT_SHAPES, dtype=np.float64)
    shared = j0(2.0 * math.pi * frequency * np.linalg.norm(places[:, None] - places, axis=2))
    return np.array([shared[:size, :size].sum() for size in range(1, len(places) + 1)])


def poisson(mean: Floats, random: np.random.Generator) -> Floats:
    """Draw Poisson numbers; those of large mean from their normal limit, several times as fast."""
    few = mean <= _MANY_QUANTA
    count = int(np.count_nonzero(few))
    if count == mean.size:
        return np.asarray(random.poisson(np.maximum(mean, 0.0)), dtype=np.float64)
    drawn = random.standard_normal(mean.shape, dtype=np.float32) * np.sqrt(np.maximum(mean, 0.0))
    drawn += mean
    drawn = np.rint(drawn)
    if count:
        drawn[few] = random.poisson(np.maximum(mean[few], 0.0))
    return np.asarray(drawn, dtype=np.float64)
