"""The world's true figures of merit: closed forms without noise, by the names that analyses give theirs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from sim_instruments.world.beam import kerma_rate
from sim_instruments.world.image_truth import CAMERA
from sim_instruments.world.photoconductor import READOUT_BAND_HZ, PhotoconductorPhysics
from sim_instruments.world.scintillator import ScintillatorPhysics

if TYPE_CHECKING:
    from sim_instruments.world.world import World

CURRIE = 3.29 * math.sqrt(2.0)
"""Detection limit over standard deviation for alpha = beta = 5 % and a paired blank (Currie, 1968)."""


def truth(world: World, name: str, **conditions: float) -> float:
    """Return a true figure of merit of the sample that is in.

    Parameters
    ----------
    world
        Whose.
    name
        A name of `SCINTILLATOR`, `PHOTOCONDUCTOR`, `CAMERA` or ``dose_rate``.
    **conditions
        What the figure depends on: ``field`` (V/cm), ``bandwidth_hz`` or ``integration_time`` (s) of the reading,
        ``voltage_kv``, ``current_ma``, ``dose`` (Gy, since the sample was fresh), ``dose_rate`` (Gy/s),
        ``wavelength_from`` and ``wavelength_to`` (nm), ``voltage`` (V), ``line_pairs_per_mm``.

    Returns
    -------
    float
        In the unit in which an analysis states it: uC/(Gy cm2), nGy/s, nA/cm2, nm, cm2/V, ohm cm; slope in count/s per
        Gy/s (counts summed over pixels), slope_nm in count nm/s per Gy/s.

    Raises
    ------
    KeyError
        If the sample has no such figure.
    TypeError
        If a condition is missing or does not belong.
    """
    if name == "dose_rate":
        return kerma_rate(conditions["voltage_kv"], conditions["current_ma"], world.beam.geometry)
    if name in CAMERA:
        return CAMERA[name](world.camera, **conditions)
    if world.photoconductor is not None and name in PHOTOCONDUCTOR:
        return PHOTOCONDUCTOR[name](world.photoconductor, **conditions)
    if world.scintillator is not None and name in SCINTILLATOR:
        return SCINTILLATOR[name](world, world.scintillator, **conditions)
    known = PHOTOCONDUCTOR if world.photoconductor else SCINTILLATOR if world.scintillator else {}
    msg = f"the world has no true '{name}' for what is in the holder; it has {', '.join(['dose_rate', *known])}"
    raise KeyError(msg)


def _sensitivity(device: PhotoconductorPhysics, *, field: float) -> float:
    return device.sensitivity(field)


def _noise(
    device: PhotoconductorPhysics,
    *,
    field: float,
    bandwidth_hz: float = READOUT_BAND_HZ,
    integration_time: float | None = None,
) -> float:
    return device.noise_density(field, bandwidth_hz, integration_time) * 1e9


def _lod(device: PhotoconductorPhysics, *, field: float, **reading: float) -> float:
    """Dose rate at which signal over noise is three, nGy/s: nA/cm2 over uC/(Gy cm2) is mGy/s."""
    return 3.0 * _noise(device, field=field, **reading) / device.sensitivity(field) * 1e6


def _lod_currie(device: PhotoconductorPhysics, *, field: float, **reading: float) -> float:
    return _lod(device, field=field, **reading) * CURRIE / 3.0


def _dark(device: PhotoconductorPhysics, *, field: float) -> float:
    return device.dark_current_density(field) * 1e9


def _mobility(device: PhotoconductorPhysics, polarity: float) -> float:
    """Return the mobility of the carriers that cross at a bias of that sign, m2/(V s)."""
    other = device.truth.mobility_negative_m2_per_v_s
    return device.truth.mobility_m2_per_v_s if polarity > 0 or other is None else other


def _dark_current_drift(device: PhotoconductorPhysics, *, field: float, since: float, duration: float) -> float:
    """Relative change over field and time of the dark current, from `since` s after the bias on, cm/(V s)."""
    t = device.truth

    def level(at: float) -> float:
        return 1.0 + t.dark_drift * math.exp(-((at / t.dark_drift_time_s) ** t.dark_drift_stretch))

    return (level(since + duration) / level(since) - 1.0) / (abs(field) * duration)


PHOTOCONDUCTOR: dict[str, Callable[..., float]] = {
    "sensitivity": _sensitivity,
    "lod_interpolated": _lod,
    "lod_line": _lod,
    "lod_iupac": _lod,
    "lod_currie": _lod_currie,
    "noise_current_density": _noise,
    "dark_current_density": _dark,
    "exponent": lambda _, **__: 1.0,
    "s0_spectral": lambda device, **_: device.truth.theoretical_sensitivity,
    "normalized_sensitivity": lambda device, *, field: device.sensitivity(field) / device.truth.theoretical_sensitivity,
    "gain": lambda device, *, field: device.gain(field),
    "mu_tau": lambda device: device.truth.mu_tau_m2_per_v * 1e4,
    "resistivity": lambda device: device.truth.resistivity_ohm_cm,
    "mobility": lambda device, *, polarity=1.0: _mobility(device, polarity) * 1e4,
    "transit_time": lambda device, *, voltage: (
        device.truth.thickness_m**2 / (_mobility(device, voltage) * abs(voltage))
    ),
    "lifetime": lambda device: device.truth.mu_tau_m2_per_v / device.truth.mobility_m2_per_v_s,
    "activation_energy": lambda device, **_: device.truth.activation_energy_ev,
    "activation_energy_below": lambda device, **_: device.truth.activation_energy_below_ev,
    "breakpoint": lambda device, **_: device.truth.breakpoint_k,
    "dark_current_drift": _dark_current_drift,
    "remaining_percent": lambda _device, **_: 100.0,
}
"""Figures of a photoconductor."""


def _counts_per_gray(
    world: World,
    sample: ScintillatorPhysics,
    *,
    voltage_kv: float,
    dose: float = 0.0,
    dose_rate: float | None = None,
    wavelength_from: float = 0.0,
    wavelength_to: float = math.inf,
    per_nm: bool,
) -> float:
    e = sample.truth.excess_exponent
    photons = sample.photons_per_gray(voltage_kv) * sample.remaining(dose)
    if e:
        if dose_rate is None:
            msg = "the light is not proportional to the dose rate: a slope needs the condition dose_rate"
            raise TypeError(msg)
        photons *= (1.0 + e) * (dose_rate / sample.truth.reference_dose_rate) ** e
    wavelengths = world.spectrometer.wavelengths_nm
    counts = world.spectrometer.count_rates(photons, sample)
    if per_nm:
        counts = counts * np.gradient(wavelengths)
    return float(counts[(wavelengths >= wavelength_from) & (wavelengths <= wavelength_to)].sum())


def _slope(world: World, sample: ScintillatorPhysics, **conditions: float) -> float:
    return _counts_per_gray(world, sample, per_nm=False, **conditions)


def _slope_nm(world: World, sample: ScintillatorPhysics, **conditions: float) -> float:
    return _counts_per_gray(world, sample, per_nm=True, **conditions)


def _emission_at(sample: ScintillatorPhysics, wavelength: float) -> float:
    return float(sample.shape(np.array([wavelength]))[0])


def _peak(world: World, sample: ScintillatorPhysics) -> float:
    del world
    lines = sample.truth.lines
    grid = np.linspace(
        min(line.peak_nm - line.fwhm_nm for line in lines), max(line.peak_nm + line.fwhm_nm for line in lines), 20001
    )
    return float(grid[np.argmax(sample.shape(grid))])


def _fwhm(world: World, sample: ScintillatorPhysics) -> float:
    peak = _peak(world, sample)
    half = _emission_at(sample, peak) / 2.0
    reach = 3.0 * max(line.fwhm_nm for line in sample.truth.lines)

    def crossing(direction: float) -> float:
        steps = np.linspace(0.0, reach, 30001)
        emission = sample.shape(peak + direction * steps)
        beyond = int(np.argmax(emission < half))
        return float(np.interp(half, emission[[beyond, beyond - 1]], steps[[beyond, beyond - 1]]))

    return crossing(1.0) + crossing(-1.0)


def _centroid(world: World, sample: ScintillatorPhysics) -> float:
    del world
    total = sum(line.weight for line in sample.truth.lines)
    return sum(line.weight * line.peak_nm for line in sample.truth.lines) / total


def _time_to_95(sample: ScintillatorPhysics, dose_rate: float) -> float:
    """Return the time until 95 % of the light is left, s."""
    life = sample.truth.dose_life_gy
    if life is None:
        msg = "t95: this sample's light lasts"
        raise KeyError(msg)
    return -math.log(0.95) * life / dose_rate


SCINTILLATOR: dict[str, Callable[..., float]] = {
    "slope": _slope,
    "slope_nm": _slope_nm,
    "exponent": lambda _, sample, **__: 1.0 + sample.truth.excess_exponent,
    "peak_wavelength": _peak,
    "fwhm": _fwhm,
    "centroid": _centroid,
    "remaining": lambda _, sample, *, dose: sample.remaining(dose),
    "remaining_percent": lambda _, sample, *, dose: 100.0 * sample.remaining(dose),
    "t95": lambda _, sample, *, dose_rate: _time_to_95(sample, dose_rate),
    "light_yield": lambda _, sample: sample.truth.light_yield_per_mev,
}
"""Figures of a scintillator."""
