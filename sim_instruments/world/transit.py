"""The current of a packet of carriers that a light pulse makes at one electrode and the field drives to the other.

i(t) = (Q v / d) 1/2 erfc((v t - d) / (sqrt(2) sigma)) exp(-t / tau), sigma2 = 2 D t + s0^2, D = mu k T / q, convolved
with the light pulse and the time constant of the sample's capacitance and the resistance behind it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BOLTZMANN_OVER_CHARGE = 8.617333262e-5
"""V/K"""
FWHM_OVER_SIGMA = 2.0 * math.sqrt(2.0 * math.log(2.0))
VACUUM_PERMITTIVITY = 8.8541878128e-12
_NARROWEST = 1e-15
"""m"""
_POINTS_A_TRANSIT = 2000
_POINTS_A_PULSE = 8
_MOST_POINTS = 40_000


@dataclass(frozen=True)
class Packet:
    """What a light pulse sets in motion.

    Parameters
    ----------
    mobility
        m2 V-1 s-1.
    voltage
        Across the sample, V; its sign is left out.
    thickness
        m
    lifetime
        Until a carrier is trapped, s; infinite: never.
    spread
        s0, standard deviation of the packet at first: the depth of the light, m.
    temperature
        K
    pulse_fwhm
        Of the light, s.
    rc
        s
    """

    mobility: float
    voltage: float
    thickness: float
    lifetime: float
    spread: float
    temperature: float
    pulse_fwhm: float
    rc: float

    @property
    def transit_time(self) -> float:
        """d2 / (mu V), s."""
        return self.thickness**2 / (self.mobility * abs(self.voltage))


@dataclass(frozen=True, eq=False)
class Transient:
    """Current for each coulomb that the light made, on an even grid of times after the middle of the light pulse."""

    start: float
    step: float
    current: Floats
    """1/s"""

    @property
    def end(self) -> float:
        """When it has died away, s."""
        return self.start + self.step * (len(self.current) - 1)

    def at(self, times: Floats) -> Floats:
        """Return the current at times after the light pulse, 1/s; zero outside the grid."""
        place = (times - self.start) / self.step
        return np.asarray(np.interp(place, np.arange(len(self.current)), self.current, left=0.0, right=0.0))


def ideal_current(packet: Packet, times: Floats) -> Floats:
    """Return the current for each coulomb of an infinitely short pulse and an infinitely fast circuit, 1/s."""
    from scipy.special import erfc

    t = np.maximum(times, 0.0)
    velocity = packet.mobility * abs(packet.voltage) / packet.thickness
    diffusion = packet.mobility * BOLTZMANN_OVER_CHARGE * packet.temperature
    # a packet that is infinitely narrow at first has arrived, or not
    sigma = np.maximum(np.sqrt(2.0 * diffusion * t + packet.spread**2), _NARROWEST)
    arrived = erfc((velocity * t - packet.thickness) / (math.sqrt(2.0) * sigma))
    trapped = np.exp(-t / packet.lifetime)
    return np.asarray(np.where(times >= 0.0, 0.5 * velocity / packet.thickness * arrived * trapped, 0.0))


def transient(packet: Packet) -> Transient:
    """Return the current as the amplifier is given it."""
    width = packet.pulse_fwhm / FWHM_OVER_SIGMA
    transit = packet.transit_time
    # a packet with much diffusion has a long tail, one with a short lifetime none
    spread = math.sqrt(2.0 * BOLTZMANN_OVER_CHARGE * packet.temperature / abs(packet.voltage))
    last = min(transit * (1.0 + 8.0 * spread + spread**2 * 32.0), 40.0 * packet.lifetime)
    end = last + 12.0 * packet.rc + 6.0 * width
    start = -6.0 * width
    finest = min(last / _POINTS_A_TRANSIT, width / _POINTS_A_PULSE if width else math.inf)
    if packet.rc:
        finest = min(finest, max(packet.rc / _POINTS_A_PULSE, last / _MOST_POINTS))
    step = max(finest, (end - start) / _MOST_POINTS)
    times = start + step * np.arange(math.ceil((end - start) / step) + 1)
    # what flows within a step is its mean: the rise at zero falls between two points
    nodes, weights = np.polynomial.legendre.leggauss(4)
    current = np.zeros_like(times)
    for node, weight in zip(nodes, weights, strict=True):
        current += 0.5 * weight * ideal_current(packet, times + 0.5 * step * node)
    if width > 0.0:
        from scipy.signal import fftconvolve

        half = math.ceil(6.0 * width / step)
        kernel = np.exp(-0.5 * (step * np.arange(-half, half + 1) / width) ** 2)
        current = fftconvolve(current, kernel / kernel.sum(), mode="same")
    if packet.rc > 0.0:
        from scipy.signal import lfilter

        decay = math.exp(-step / packet.rc)
        current = lfilter([1.0 - decay], [1.0, -decay], current)
    return Transient(start, step, np.asarray(current, dtype=np.float64))


def collected_fraction(packet: Packet) -> float:
    """Return the part of the charge that flows in the outer circuit before it is trapped (no diffusion)."""
    ratio = packet.lifetime / packet.transit_time
    return -ratio * math.expm1(-1.0 / ratio) if math.isfinite(ratio) else 1.0
