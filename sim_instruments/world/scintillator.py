"""The scintillator: how much light it gives, of which colour, now and in the past."""

from __future__ import annotations

import itertools
import math
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim_instruments.world.absorption import absorbed_energy_per_kerma
from sim_instruments.world.beam import NODE_KV, Beam
from sim_instruments.world.clock import SimulationClock
from sim_instruments.world.sample_truth import ScintillatorTruth

Floats = NDArray[np.float64]
Times = NDArray[np.floating[Any]]

_J_PER_MEV = 1.602176634e-13
_SIGMA_PER_FWHM = 1.0 / (2.0 * math.sqrt(2.0 * math.log(2.0)))
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)
# edges, s after a change, of pieces in which the light is smooth
_PANELS = np.array([0.0, 0.05, 0.15, 0.4, 1.0, 3.0, 30.0, 300.0])


class ScintillatorPhysics:
    """A scintillator in the beam.

    Photons per second = kerma rate x absorbed energy per kerma x light yield x (D/D_ref)^e x exp(-dose/life).

    Parameters
    ----------
    truth
        What is true of the sample.
    beam
        What it stands in.
    clock
        The bench's.
    random
        Stream for the scatter from exposure to exposure.
    lock
        The world's.
    """

    def __init__(
        self,
        truth: ScintillatorTruth,
        beam: Beam,
        clock: SimulationClock,
        random: np.random.Generator,
        lock: threading.RLock | None = None,
    ) -> None:
        self.truth = truth
        self._beam = beam
        self._clock = clock
        self._random = random
        self._lock = lock or threading.RLock()
        self._dose_before = beam.dose()
        self._put_in = clock.now()
        self._absorbed: dict[tuple[float, object], float] = {}

    def dose(self, t: float | None = None) -> float:
        """Return the air kerma that the sample has received, Gy."""
        return max(0.0, self._beam.dose(t) - self._dose_before)

    def remaining(self, dose: float | None = None) -> float:
        """Return the fraction of the light that is left after a dose, Gy (after what it has received)."""
        if self.truth.dose_life_gy is None:
            return 1.0
        return math.exp(-(self.dose() if dose is None else dose) / self.truth.dose_life_gy)

    def shape(self, wavelengths_nm: Floats) -> Floats:
        """Return the emission per nanometre, whose integral over all wavelengths is 1; shape of the argument."""
        total = sum(line.weight for line in self.truth.lines)
        emission = np.zeros(np.shape(wavelengths_nm))
        for line in self.truth.lines:
            sigma = line.fwhm_nm * _SIGMA_PER_FWHM
            gaussian = np.exp(-0.5 * ((wavelengths_nm - line.peak_nm) / sigma) ** 2)
            emission += line.weight / total * gaussian / (sigma * math.sqrt(2.0 * math.pi))
        return emission

    def photons_per_gray(self, voltage_kv: float) -> float:
        """Return the photons per air kerma, 1/Gy, of the fresh sample in a beam of this kilovoltage, for e = 0."""
        low = max(15.0, NODE_KV * math.floor(voltage_kv / NODE_KV + 1e-9))
        energy = self._energy(low)
        if voltage_kv > low:
            energy += (self._energy(low + NODE_KV) - energy) * (voltage_kv - low) / NODE_KV
        return energy * self.truth.area_m2 * self.truth.light_yield_per_mev / _J_PER_MEV

    def photon_rate(self, t: Times | float | None = None) -> Floats:
        """Return the photons per second, in all directions, now or at moments of the past; no scatter, no afterglow."""
        with self._lock:
            times = np.asarray(self._clock.now() if t is None else t, dtype=float)
            rate = self._beam.dose_rate(times)
            last = float(times.max()) if times.size else self._clock.now()
            light = rate * self.photons_per_gray(self._beam.nominal_kv(last)) * self.remaining(self.dose(last))
            e = self.truth.excess_exponent
            if e:
                light = (
                    light * (rate / self.truth.reference_dose_rate) ** e
                    if e > 0
                    else light
                    * np.where(rate > 0, (np.maximum(rate, 1e-30) / self.truth.reference_dose_rate) ** e, 0.0)
                )
            return np.where(times >= self._put_in, light, 0.0)

    def mean_photon_rate(self, t_start: float, t_end: float) -> float:
        """Return the mean photons per second, afterglow included, of a window of the past."""
        with self._lock:
            edges = [t_start, *self._beam.changes(t_start, t_end), t_end]
            total = 0.0
            for start, end in itertools.pairwise(edges):
                total += self._integral(start, end)
            middle = 0.5 * (t_start + t_end)
            return total / max(t_end - t_start, 1e-12) + self._afterglow(middle)

    def scatter(self, duration: float) -> float:
        """Draw the factor by which the light of one exposure differs: its own scatter, and the tube's ripple."""
        spread = math.hypot(self.truth.exposure_scatter, self._beam.ripple_over(duration))
        return max(0.0, 1.0 + spread * self._random.standard_normal())

    def exposure(self, t_start: float, t_end: float) -> float:
        """Return the mean photons per second that one exposure sees, with its `scatter`."""
        with self._lock:
            return self.scatter(t_end - t_start) * self.mean_photon_rate(t_start, t_end)

    def _integral(self, start: float, end: float) -> float:
        if not end > start:
            return 0.0
        edges = start + np.append(_PANELS[end - start > _PANELS], end - start)
        half = np.diff(edges) / 2.0
        times = (edges[:-1] + half)[:, None] + half[:, None] * _NODES
        return float(np.sum(self.photon_rate(times) * _WEIGHTS * half[:, None]))

    def _afterglow(self, t: float) -> float:
        f, p = self.truth.afterglow_fraction, self.truth.afterglow_exponent
        if f == 0.0:
            return 0.0
        begin = self._put_in
        edges = [begin, *self._beam.changes(begin, t), t]
        starts, ends = np.array(edges[:-1]), np.array(edges[1:])
        if not t > begin:
            return 0.0
        # the light of each stretch is the one at its end: what rises or falls within 0.2 s does not matter here
        light = self.photon_rate(np.maximum(ends - 1e-9, starts))
        weight = (1.0 + t - ends) ** -p - (1.0 + t - starts) ** -p
        return float(f * np.sum(light * weight))

    def _energy(self, voltage_kv: float) -> float:
        geometry = self._beam.geometry
        key = (voltage_kv, (geometry.filter_set, geometry.anode_angle_deg))
        if key not in self._absorbed:
            truth = self.truth
            self._absorbed[key] = absorbed_energy_per_kerma(
                self._beam.spectrum(voltage_kv), truth.absorber, truth.density_kg_m3, truth.thickness_m
            )
        return self._absorbed[key]
