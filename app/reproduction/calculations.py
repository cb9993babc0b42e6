"""Published results of instruments that the simulated bench has not: their data computed from the published parameters.

All of them are closed loops: what goes in was published, and what comes out tells whether the analysis finds it again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from analysis.figure import FigureOfMerit

Scored = Sequence[tuple[FigureOfMerit, float | None]]

_NM_EV = 1239.841984


def decay(given: Mapping[str, Any], seed: int) -> Scored:
    """Photon-counting decay of known lifetimes behind a response of 0.3 ns.

    Either ``lifetimes`` (ns) and ``amplitudes``, or ``intensity_average`` (ns): two lifetimes that give it, as 0.5 to
    1.3 with shares of 0.6 and 0.4.
    """
    from analysis.decay import decay_figures

    random = np.random.default_rng(seed)
    if "intensity_average" in given:
        amplitudes, shape = np.array([0.6, 0.4]), np.array([0.5, 1.3])
        scale = float(given["intensity_average"]) / float(amplitudes @ shape**2 / (amplitudes @ shape))
        lifetimes = scale * shape
    else:
        lifetimes, amplitudes = np.array(given["lifetimes"], dtype=float), np.array(given["amplitudes"], dtype=float)
    step = float(lifetimes.max()) / 100.0
    times = np.arange(0.0, 12.0 * float(lifetimes.max()), step)
    start = 20.0 * step
    sigma = min(0.13, 3 * step)
    pulse = np.exp(-0.5 * ((times - start) / sigma) ** 2)
    tail = np.zeros_like(times)
    after = np.arange(times.size) * step
    for amplitude, lifetime in zip(amplitudes, lifetimes, strict=True):
        # integrated over the bins, as a counter does
        tail += amplitude * lifetime * (np.exp(-after / lifetime) - np.exp(-(after + step) / lifetime))
    clean = np.convolve(pulse, tail)[: times.size]
    counts = random.poisson(clean * (2e6 / clean.sum()) + 1.0).astype(float)
    response = random.poisson(pulse * (1e6 / pulse.sum())).astype(float)
    _, figures = decay_figures(times * 1e-9, counts, (times * 1e-9, response), components=len(lifetimes))
    truths = {
        "lifetime_intensity_average": float(amplitudes @ lifetimes**2 / (amplitudes @ lifetimes)),
        "lifetime_amplitude_average": float(amplitudes @ lifetimes / amplitudes.sum()),
    }
    return [(figure, truths.get(figure.name)) for figure in figures]


def recombination(given: Mapping[str, Any], seed: int) -> Scored:
    """Rates from the published lifetime and quantum yield, as published."""
    from analysis.recombination import recombination_rates

    del seed
    tau, yield_ = float(given["lifetime_ns"]), float(given["plqy"])
    # both are given to three digits: the uncertainty is that of their rounding
    lifetime = FigureOfMerit.normal("lifetime_intensity_average", tau, "ns", "published", statistical=0.05 / 3**0.5)
    rates = recombination_rates(lifetime, yield_, 0.0005 / 3**0.5, published=True)
    # a truth would be the same formula once more: what they are judged by is the published number
    return [(rate, None) for rate in rates]


def chromaticity(given: Mapping[str, Any], seed: int) -> Scored:
    """Chromaticity of a line of Gaussian shape, with 0.1 % of noise."""
    from analysis.chromaticity import chromaticity as coordinates

    random = np.random.default_rng(seed)
    wavelengths = np.arange(380.0, 780.0, 0.5)
    sigma = float(given["fwhm_nm"]) / 2.3548200450309493
    power = np.exp(-0.5 * ((wavelengths - float(given["peak_nm"])) / sigma) ** 2)
    noise = np.full_like(power, 0.001)
    clean = coordinates(wavelengths, power)
    found = coordinates(wavelengths, power + noise * random.standard_normal(power.size), noise)
    return [(figure, exact.value) for figure, exact in zip(found, clean, strict=True)]


def tauc(given: Mapping[str, Any], seed: int) -> Scored:
    """Absorption of a direct gap over a baseline, with noise."""
    from analysis.tauc import tauc_gap

    random = np.random.default_rng(seed)
    gap = float(given["gap_ev"])
    wavelengths = np.arange(600.0, 900.0, 0.5)
    energy = _NM_EV / wavelengths
    absorbed = 0.02 + np.sqrt(np.clip(energy - gap, 0.0, None)) / energy + 0.0005 * random.standard_normal(energy.size)
    _, figure = tauc_gap(wavelengths, absorbed, "direct", wavelength_uncertainty_nm=0.3)
    return [(figure, gap)]


def mott_schottky(given: Mapping[str, Any], seed: int) -> Scored:
    """Capacitance of an abrupt junction against bias, with noise."""
    from analysis.mott_schottky import mott_schottky as junction

    random = np.random.default_rng(seed)
    potential, permittivity, area, doping = float(given["potential_v"]), 25.0, 2.5e-5, 1e21
    charge, vacuum, thermal = 1.602176634e-19, 8.8541878128e-12, 8.617333262e-5 * 295.0
    volts = np.arange(-1.5, 0.45, 0.025)
    inverse = 2.0 * (potential - volts - thermal) / (charge * vacuum * permittivity * doping * area**2)
    capacitance = inverse**-0.5 * (1.0 + 0.001 * random.standard_normal(volts.size))
    found = junction(volts, capacitance, area, 300e-6, permittivity)
    return [(found.figures[0], potential)]


CALCULATIONS: dict[str, Callable[[Mapping[str, Any], int], Scored]] = {
    "decay": decay,
    "recombination": recombination,
    "chromaticity": chromaticity,
    "tauc": tauc,
    "mott-schottky": mott_schottky,
}
"""By the name that the rows use."""
