"""Attenuation and absorption of X-rays in a layer, from xraydb's tables (Elam, Ravel, Sieber 2002)."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from analysis.checked_arrays import FloatArray, positive_number
from analysis.tube_spectrum import TubeSpectrum

#: Energies that the tables cover, keV.
LOWEST_KEV, HIGHEST_KEV = 0.1, 800.0


def attenuation_coefficient(
    composition: str,
    density: float,
    energies_kev: npt.ArrayLike,
    kind: Literal["total", "photo"] = "total",
) -> FloatArray:
    """Linear attenuation coefficient, 1/m, shape of `energies_kev`.

    Parameters
    ----------
    composition
        Chemical formula, as ``"CsPbBr3"``.
    density
        kg/m3.
    energies_kev
        Photon energies, 0.1 to 800 keV.
    kind
        All interactions, or photoelectric absorption alone.

    Raises
    ------
    ValueError
        If the formula cannot be read, the density is not positive, or an energy lies outside the tables.
    """
    import xraydb

    density = positive_number("density", density)
    energies = np.asarray(energies_kev, dtype=np.float64)
    if not np.all((energies >= LOWEST_KEV) & (energies <= HIGHEST_KEV)):
        raise ValueError(f"energies_kev holds an energy outside {LOWEST_KEV} to {HIGHEST_KEV} keV")
    try:
        xraydb.chemparse(composition)
    except ValueError as mistake:
        raise ValueError(f"composition {composition!r} is no chemical formula") from mistake
    # xraydb works in eV, g/cm3 and 1/cm.
    per_cm = xraydb.material_mu(composition, energies.ravel() * 1e3, density / 1e3, kind=kind)
    return np.asarray(per_cm, dtype=np.float64).reshape(energies.shape) * 100.0


def absorbed_fraction(
    spectrum: TubeSpectrum,
    composition: str,
    density: float,
    thickness: float,
    kind: Literal["total", "photo"] = "total",
) -> float:
    """Share of a spectrum's energy that a layer takes out of the beam, 0 to 1: beta of the theoretical sensitivity.

    Every photon that interacts counts with its whole energy, as papers do; scattered and fluorescent photons that leave
    the layer are not subtracted, so this is an upper bound. ``kind="photo"`` counts photoelectric absorption alone.

    Parameters
    ----------
    spectrum
        Incident spectrum.
    composition, density
        Formula and kg/m3.
    thickness
        m.

    Raises
    ------
    ValueError
        As `attenuation_coefficient`, or if the thickness is not positive.
    """
    thickness = positive_number("thickness", thickness)
    coefficient = attenuation_coefficient(composition, density, spectrum.energy_kev, kind)
    energy = spectrum.fluence * spectrum.energy_kev
    return float(np.sum(energy * -np.expm1(-coefficient * thickness)) / np.sum(energy))


def absorbed_share(
    composition: str,
    density: float,
    thickness: float,
    energies_kev: npt.ArrayLike,
    kind: Literal["total", "photo"] = "total",
) -> FloatArray:
    """Share of the photons of each energy that a layer takes out of the beam; parameters as above."""
    thickness = positive_number("thickness", thickness)
    return np.asarray(-np.expm1(-attenuation_coefficient(composition, density, energies_kev, kind) * thickness))
