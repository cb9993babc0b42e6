"""The beam at the sample: air kerma rate now and in the past, and the dose that it has added up to.

Run as a module, ``python -m sim_instruments.world.beam``, it writes the table of spectra that is shipped.
"""

from __future__ import annotations

import math
import threading
from bisect import bisect_right
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim_instruments.world.clock import SimulationClock
from sim_instruments.world.geometry import Filters, Geometry
from sim_instruments.world.spectrum import TABLE, TubeSpectrum, spectrum
from sim_instruments.world.tube import HISTORY_S, Segment, TubePhysics

Floats = NDArray[np.float64]
Times = NDArray[np.floating[Any]]

NODE_KV = 5.0
"""Spectra are calculated at multiples of this and at the ends; kerma in between is interpolated."""
LOWEST_KV = 15.0
"""Below it kerma follows the power law of this kilovoltage."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)
_start = attrgetter("start")
# edges, s after something was set, between which the dose rate is smooth enough for eight points
_PANELS = np.array([0.0, 0.05, 0.15, 0.4, 1.0, 3.0, 30.0, 300.0, 3000.0])


def kerma_per_charge(voltage_kv: float, filters: Filters, anode_angle_deg: float = 12.0) -> float:
    """Air kerma 1 m from the focal spot, Gy per mA s.

    Exact (SpekPy's) at multiples of `NODE_KV`; a cubic through values and slopes of ln(kerma) on ln(kV) in between.
    SpekPy itself is not smoother there: its energy bins jump by half a kiloelectronvolt.
    """
    if voltage_kv <= 0:
        return 0.0
    below = max(LOWEST_KV, NODE_KV * math.floor(voltage_kv / NODE_KV + 1e-9))
    low = spectrum(below, filters, anode_angle_deg)
    x = math.log(voltage_kv / below)
    if x < 1e-12:
        return low.kerma * math.exp(low.exponent * x)
    high = spectrum(below + NODE_KV, filters, anode_angle_deg)
    width = math.log((below + NODE_KV) / below)
    u = x / width
    step = math.log(high.kerma / low.kerma)
    log_ratio = (
        step * u**2 * (3 - 2 * u) + width * low.exponent * u * (1 - u) ** 2 + width * high.exponent * u**2 * (u - 1)
    )
    return low.kerma * math.exp(log_ratio)


def kerma_exponent(voltage_kv: float, filters: Filters, anode_angle_deg: float = 12.0) -> float:
    """Local exponent d ln(kerma) / d ln(kV)."""
    if voltage_kv <= LOWEST_KV:
        return spectrum(LOWEST_KV, filters, anode_angle_deg).exponent
    if voltage_kv % NODE_KV == 0.0:
        return spectrum(voltage_kv, filters, anode_angle_deg).exponent
    ratio = kerma_per_charge(voltage_kv * 1.001, filters, anode_angle_deg) / kerma_per_charge(
        voltage_kv * 0.999, filters, anode_angle_deg
    )
    return math.log(ratio) / math.log(1.001 / 0.999)


def kerma_rate(voltage_kv: float, current_ma: float, geometry: Geometry) -> float:
    """Air kerma rate at the sample, Gy/s, of a steady beam of a warm tube."""
    per_charge = kerma_per_charge(voltage_kv, geometry.filter_set, geometry.anode_angle_deg)
    return per_charge * current_ma * geometry.output_factor / geometry.distance_m**2


class Beam:
    """What reaches the sample.

    Parameters
    ----------
    tube
        Whose past the beam follows.
    geometry
        Filters and distance at first.
    clock
        The bench's.
    lock
        The world's.
    """

    def __init__(
        self,
        tube: TubePhysics,
        geometry: Geometry,
        clock: SimulationClock,
        lock: threading.RLock | None = None,
    ) -> None:
        self._tube = tube
        self._clock = clock
        self._lock = lock or threading.RLock()
        self._geometries: list[tuple[float, Geometry]] = [(-math.inf, geometry)]
        # (moment, dose until then), at every moment at which something changed
        self._checkpoints: list[tuple[float, float]] = [(clock.now(), 0.0)]
        self._power_laws: dict[tuple[float, Geometry], tuple[float, float, float]] = {}
        tube.on_change(self._checkpoint)

    @property
    def geometry(self) -> Geometry:
        """Filters and distance now."""
        return self._geometries[-1][1]

    def set_geometry(self, geometry: Geometry) -> None:
        """Change filters and distance, from now on."""
        with self._lock:
            now = self._clock.now()
            self._checkpoint(now)
            self._geometries.append((now, geometry))
            while len(self._geometries) > 1 and self._geometries[1][0] < now - HISTORY_S:
                del self._geometries[0]

    def spectrum(self, voltage_kv: float) -> TubeSpectrum:
        """Return the spectrum of this kilovoltage behind the present filters, 1 m from the focal spot."""
        return spectrum(voltage_kv, self.geometry.filter_set, self.geometry.anode_angle_deg)

    def dose_rate(self, t: Times | float | None = None) -> Floats:
        """Return the air kerma rate at the sample, Gy/s, now or at moments of the past; shape of `t`. No ripple."""
        with self._lock:
            times = np.asarray(self._clock.now() if t is None else t, dtype=float)
            flat = np.atleast_1d(times)
            if flat.size == 0:
                return times.copy()
            first, last = float(flat.min()), float(flat.max())
            stretches = self._stretches(first, last)
            laws = [self._power_law(segment.nominal_kv, geometry) for _, segment, geometry in stretches]
            if len(stretches) == 1:
                return self._rate(flat, stretches[0][1], laws[0]).reshape(times.shape)
            within = np.maximum(np.searchsorted([start for start, _, _ in stretches], flat, side="right") - 1, 0)
            segments = np.array([segment for _, segment, _ in stretches]).T[:, within]
            return self._rate(flat, segments, np.array(laws).T[:, within]).reshape(times.shape)

    def dose(self, t: float | None = None) -> float:
        """Return the dose at the sample's place since the world began, Gy, until now or a moment of the past."""
        with self._lock:
            moment = self._clock.now() if t is None else t
            start, before = self._checkpoints[-1]
            if moment < start:
                start, before = next((c for c in reversed(self._checkpoints) if c[0] <= moment), self._checkpoints[0])
            return before + self._integral(start, max(moment, start))

    def mean_dose_rate(self, t_start: float, t_end: float) -> float:
        """Return the mean air kerma rate, Gy/s, of a window of the past. No ripple."""
        if not t_end > t_start:
            return float(self.dose_rate(t_end))
        return (self.dose(t_end) - self.dose(t_start)) / (t_end - t_start)

    def changes(self, t_start: float, t_end: float) -> list[float]:
        """Return the moments in (t_start, t_end) at which tube or geometry was changed."""
        with self._lock:
            return [t for t, _ in self._checkpoints if t_start < t < t_end]

    def ripple_over(self, duration: float) -> float:
        """Return the relative standard deviation that the ripple leaves in a mean over `duration` seconds."""
        p = self._tube.parameters
        return p.ripple * math.sqrt(min(1.0, 2.0 * p.ripple_time / max(duration, p.ripple_time)))

    def nominal_kv(self, t: float | None = None) -> float:
        """Return the kilovoltage that the beam has, or last had, now or at a moment of the past."""
        moment = self._clock.now() if t is None else t
        segments = self._tube.segments()
        return next((s for s in reversed(segments) if s.start <= moment), segments[0]).nominal_kv

    def _stretches(self, first: float, last: float) -> list[tuple[float, Segment, Geometry]]:
        """Return what was set from `first` to `last`, each stretch with its beginning, the first one's at -infinity."""
        segments = self._tube.segments()
        oldest = max(bisect_right(segments, first, key=_start) - 1, 0)
        found: list[tuple[float, Segment, Geometry]] = []
        for number in range(oldest, max(bisect_right(segments, last, key=_start), oldest + 1)):
            start = -math.inf if number == oldest else segments[number].start
            end = segments[number + 1].start if number + 1 < len(segments) else math.inf
            for index, (since, geometry) in enumerate(self._geometries):
                until = self._geometries[index + 1][0] if index + 1 < len(self._geometries) else math.inf
                if max(start, since) < min(end, until):
                    found.append((max(start, since), segments[number], geometry))
        return found

    def _power_law(self, kv: float, geometry: Geometry) -> tuple[float, float, float]:
        """Return the nominal kilovoltage, the kerma rate there, Gy/s per mA, and its exponent."""
        if kv <= 0:
            return 1.0, 0.0, 1.0
        law = self._power_laws.get((kv, geometry))
        if law is None:
            exponent = kerma_exponent(kv, geometry.filter_set, geometry.anode_angle_deg)
            law = (kv, kerma_rate(kv, 1.0, geometry), exponent)
            self._power_laws[kv, geometry] = law
        return law

    def _rate(self, times: Floats, segment: Segment | Floats, law: tuple[float, float, float] | Floats) -> Floats:
        """Return the dose rate, each time with its own segment and power law, or all with the same."""
        start, voltage_from, voltage_to, current_from, current_to, warmth_from, warmth_to, _ = segment
        kv, per_ma, exponent = law
        p = self._tube.parameters
        elapsed = np.maximum(times - start, 0.0)
        voltage = voltage_to + (voltage_from - voltage_to) * np.exp(-elapsed / p.voltage_time)
        current = current_to + (current_from - current_to) * np.exp(-elapsed / p.current_time)
        warmth = warmth_to + (warmth_from - warmth_to) * np.exp(-elapsed / p.warm_up_time)
        rate: Floats = per_ma * (voltage / kv) ** exponent * current * (1.0 - p.warm_up * (1.0 - warmth))
        return rate

    def _integral(self, start: float, end: float) -> float:
        """Integrate the dose rate over a time in which nothing was set."""
        if end <= start:
            return 0.0
        edges = start + np.append(_PANELS[end - start > _PANELS], end - start)
        half = np.diff(edges) / 2.0
        times = (edges[:-1] + half)[:, None] + half[:, None] * _NODES
        return float(np.sum(self.dose_rate(times) * _WEIGHTS * half[:, None]))

    def _checkpoint(self, now: float) -> None:
        with self._lock:
            last, before = self._checkpoints[-1]
            if now > last:
                self._checkpoints.append((now, before + self._integral(last, now)))
            while len(self._checkpoints) > 2 and self._checkpoints[1][0] < now - HISTORY_S:
                del self._checkpoints[0]


def write_table() -> None:
    """Write the shipped table: the presets' beams from 15 to 60 kV, and the elements' photoelectric absorption."""
    from sim_instruments.world.absorption import ATOMIC_MASS, photoelectric_from_xraydb
    from sim_instruments.world.spectrum import calculate, key_of

    filter_sets: list[Filters] = [
        (),
        (("Be", 127e-6),),
        (("Al", 0.4e-3),),
        (("SiO2", 26e-3),),
        (("Be", 127e-6), ("SiO2", 26e-3)),
    ]
    beams = {
        key_of(kv, filters, 12.0): calculate(kv, filters, 12.0)
        for filters in filter_sets
        for kv in np.arange(LOWEST_KV, 65.0, NODE_KV)
    }
    energies = max((beam.energies_kev for beam in beams.values()), key=len)
    np.savez_compressed(
        TABLE,
        keys=np.array(list(beams)),
        energies_kev=energies,
        fluences=np.array([np.pad(beam.fluence, (0, len(energies) - len(beam.fluence))) for beam in beams.values()]),
        lengths=np.array([len(beam.fluence) for beam in beams.values()]),
        kermas=np.array([beam.kerma for beam in beams.values()]),
        exponents=np.array([beam.exponent for beam in beams.values()]),
        elements=np.array(list(ATOMIC_MASS)),
        photo=np.array([photoelectric_from_xraydb(symbol, energies) for symbol in ATOMIC_MASS]),
    )


if __name__ == "__main__":
    write_table()
