"""Spectrum of a tungsten X-ray tube behind filters, through SpekPy."""

from __future__ import annotations

import warnings as python_warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from analysis.checked_arrays import FloatArray, positive_number

#: J in one keV.
KEV = 1.602176634e-16
#: Air kerma of one milliroentgen, Gy: the number that detector papers use.
GRAY_PER_MILLIROENTGEN = 8.76e-6
LOWEST_KV, HIGHEST_KV = 10.0, 300.0
LOWEST_ANGLE, HIGHEST_ANGLE = 3.0, 60.0
#: A solid filter thicker than this was meant in millimetres, m.
THICKEST_SOLID = 0.15

#: Names that SpekPy has no table under: its own name, and the density in kg/m3. Quartz glass is fused silica.
ALIASES = {
    "SiO2": ("Silicon Dioxide (Quartz)", 2200.0),
    "silica": ("Silicon Dioxide (Quartz)", 2200.0),
    "quartz glass": ("Silicon Dioxide (Quartz)", 2200.0),
    "quartz": ("Silicon Dioxide (Quartz)", 2650.0),
}

Filter = tuple[str, float] | tuple[str, float, float]


@dataclass(frozen=True)
class TubeSpectrum:
    """Photons at a point of the beam's axis, per tube load.

    Attributes
    ----------
    energy_kev
        (n) centres of bins of equal width, keV.
    fluence
        (n) photons m-2 keV-1 mAs-1.
    air_absorption
        (n) mass energy-absorption coefficient of air, m2/kg, the one that gives the kerma.
    kerma
        Air kerma free in air, Gy/mAs.
    kilovolts, anode_angle, distance
        kV, degrees, m.
    filters
        (material, thickness in m[, density in kg/m3]).
    """

    energy_kev: FloatArray
    fluence: FloatArray
    air_absorption: FloatArray
    kerma: float
    kilovolts: float
    anode_angle: float
    distance: float
    filters: tuple[Filter, ...]

    @property
    def bin_width_kev(self) -> float:
        """Width of a bin, keV."""
        return float(self.energy_kev[1] - self.energy_kev[0])

    @property
    def total_fluence(self) -> float:
        """Photons m-2 mAs-1."""
        return float(np.sum(self.fluence)) * self.bin_width_kev

    @property
    def energy_fluence(self) -> float:
        """J m-2 mAs-1."""
        return float(self.fluence @ self.energy_kev) * self.bin_width_kev * KEV

    @property
    def mean_energy_kev(self) -> float:
        """Mean photon energy, keV."""
        return float(self.fluence @ self.energy_kev / np.sum(self.fluence))

    @property
    def fluence_per_kerma(self) -> float:
        """Photons m-2 Gy-1."""
        return self.total_fluence / self.kerma

    @property
    def fluence_per_milliroentgen(self) -> float:
        """Photons mm-2 mR-1, the customary unit, 1 mR = 8.76e-6 Gy."""
        return self.fluence_per_kerma * GRAY_PER_MILLIROENTGEN * 1e-6


def tube_spectrum(
    kilovolts: float,
    filters: Sequence[Filter] = (),
    anode_angle: float = 12.0,
    distance: float = 1.0,
) -> TubeSpectrum:
    """Spectrum of a tungsten reflection anode on the central axis; cached.

    Parameters
    ----------
    kilovolts
        Constant tube potential, 10 to 300 kV.
    filters
        What the beam passes: (material, thickness in m), or with a density in kg/m3 as third element. Materials are
        elements and SpekPy's own names (``"Al"``, ``"Be"``, ``"Air"``), the `ALIASES`, or, with a
        density, any chemical formula. ``"SiO2"`` is fused silica.
    anode_angle
        Degrees, 3 to 60.
    distance
        From the focal spot, m. Air on the way counts only when it is among the filters.

    Raises
    ------
    ValueError
        If a number is out of its range, a material unknown, or a solid filter thicker than 15 cm (a thickness
        in millimetres).

    References
    ----------
    G. Poludniowski, A. Omar, R. Bujila, P. Andreo, Med. Phys. 48 (2021) 3630 (SpekPy 2, model casim).
    """
    kilovolts = float(kilovolts)
    if not LOWEST_KV <= kilovolts <= HIGHEST_KV:
        raise ValueError(f"kilovolts is {kilovolts}, the model holds from {LOWEST_KV:g} to {HIGHEST_KV:g} kV")
    if not LOWEST_ANGLE <= float(anode_angle) <= HIGHEST_ANGLE:
        raise ValueError(
            f"anode_angle is {anode_angle}, it must lie between {LOWEST_ANGLE:g} and {HIGHEST_ANGLE:g} degrees"
        )
    chosen = tuple(_checked(one) for one in filters)
    return _spectrum(kilovolts, chosen, float(anode_angle), positive_number("distance", distance))


def air_fluence_per_milliroentgen(energies_kev: npt.ArrayLike) -> FloatArray:
    """Photons mm-2 mR-1 of one energy that give one milliroentgen (8.76e-6 Gy) of air kerma, from NIST's mu_en/rho.

    213 050 at 42 keV; never above 299 700 (60 keV).

    Parameters
    ----------
    energies_kev
        Photon energies, 1 to 300 keV.

    Raises
    ------
    ValueError
        If an energy lies outside.

    References
    ----------
    J. H. Hubbell, S. M. Seltzer, NISTIR 5632 (1995), in SpekPy's table nist_muen_air.
    """
    energies = np.asarray(energies_kev, dtype=np.float64)
    if not np.all((energies >= 1.0) & (energies <= 300.0)):
        raise ValueError("energies_kev holds an energy outside 1 to 300 keV")
    # the package first: a thread that began with the part would be given half of it where another begins with the whole
    import spekpy  # noqa: F401
    from spekpy.SpekTools import load_mu_data

    # cm2/g to m2/kg
    absorption = np.asarray(load_mu_data("nist")[1].get_muen_over_rho_air(energies), dtype=np.float64) * 0.1
    return np.asarray(GRAY_PER_MILLIROENTGEN / (energies * KEV * absorption) * 1e-6, dtype=np.float64)


def _checked(one: Filter) -> Filter:
    if len(one) not in (2, 3):
        raise ValueError(
            f"filter {one!r} must be (material, thickness in m) or (material, thickness, density in kg/m3)"
        )
    material, thickness = str(one[0]), float(one[1])
    if not (np.isfinite(thickness) and thickness >= 0):
        raise ValueError(f"filter {material}: thickness is {thickness} m, it must be zero or more")
    density = positive_number(f"filter {material}: density", one[2]) if len(one) == 3 else None
    gas = material.lower().startswith("air") or (density is not None and density < 50.0)
    if thickness > THICKEST_SOLID and not gas:
        millimetres = f"{thickness:g} mm would be {thickness / 1e3:g}"
        raise ValueError(f"filter {material}: {thickness:g} m thick; thicknesses are in metres, {millimetres}")
    return (material, thickness) if density is None else (material, thickness, density)


@lru_cache(maxsize=64)
def _spectrum(kilovolts: float, filters: tuple[Filter, ...], anode_angle: float, distance: float) -> TubeSpectrum:
    import spekpy

    with python_warnings.catch_warnings():
        python_warnings.simplefilter("ignore")
        tube = spekpy.Spek(kvp=kilovolts, th=anode_angle, z=distance * 100.0, mas=1.0)
        energy, fluence = tube.get_spectrum()
        energy = np.asarray(energy, dtype=np.float64)
        # cm-2 to m-2
        fluence = np.nan_to_num(np.asarray(fluence, dtype=np.float64)) * 1e4
        absorption = np.asarray(tube.muen_air_data.get_muen_over_rho_air(energy), dtype=np.float64) * 0.1
        for one in filters:
            fluence = fluence * np.exp(-_thickness_times_attenuation(tube.mu_data, one, energy))
    kerma = float(np.sum(fluence * energy * absorption)) * float(energy[1] - energy[0]) * KEV
    if not kerma > 0:
        raise ValueError(f"nothing of {kilovolts:g} kV passes the filters")
    for array in (energy, fluence, absorption):
        array.setflags(write=False)
    return TubeSpectrum(energy, fluence, absorption, kerma, kilovolts, anode_angle, distance, filters)


def _thickness_times_attenuation(tables: object, one: Filter, energy: FloatArray) -> FloatArray:
    material, thickness = one[0], one[1]
    name, density = ALIASES.get(material, (material, None))
    if len(one) == 3:
        density = one[2]
    try:
        # SpekPy raises bare Exceptions for a name it has no table for.
        per_mass, own_density = tables.get_mu_over_rho_composition(name, energy)  # type: ignore[attr-defined]
    except Exception as unknown:
        if density is None:
            remedy = "give a formula with its density in kg/m3, or one of SpekPy's names"
            raise ValueError(f"filter material {material!r} is unknown: {remedy}") from unknown
        from analysis.attenuation import attenuation_coefficient

        return attenuation_coefficient(material, density, energy) * thickness
    # cm2/g to m2/kg, g/cm3 to kg/m3
    used = own_density * 1e3 if density is None else density
    return np.asarray(per_mass, dtype=np.float64) * 0.1 * used * thickness
