"""How much energy a layer takes out of the beam."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
from numpy.typing import NDArray

from sim_instruments.world.spectrum import TABLE, TubeSpectrum

Floats = NDArray[np.float64]

_J_PER_KEV = 1.602176634e-16
ATOMIC_MASS = {
    "H": 1.008, "B": 10.81, "C": 12.011, "N": 14.007, "O": 15.999, "F": 18.998, "Na": 22.990, "Al": 26.982,
    "Si": 28.085, "P": 30.974, "S": 32.06, "Cl": 35.45, "K": 39.098, "Ca": 40.078, "Ti": 47.867, "Zn": 65.38,
    "Ga": 69.723, "Ge": 72.630, "Br": 79.904, "Sr": 87.62, "Y": 88.906, "Ag": 107.868, "Cd": 112.414, "Sn": 118.710,
    "Te": 127.60, "I": 126.904, "Cs": 132.905, "Ba": 137.327, "La": 138.905, "Ce": 140.116, "Eu": 151.964,
    "Gd": 157.25, "Tb": 158.925, "Lu": 174.967, "W": 183.84, "Hg": 200.592, "Tl": 204.38, "Pb": 207.2,
    "Bi": 208.980,
}  # fmt: skip
"""g/mol, IUPAC 2021 abridged: the elements of detectors and scintillators, whose absorption the table holds."""


def mass_fractions(formula: str) -> dict[str, float]:
    """Split a formula without brackets (``Lu1.8Y0.2SiO5``) into mass fractions.

    Raises
    ------
    ValueError
        If it is no formula, or holds an element that is not in `ATOMIC_MASS`.
    """
    parts = re.findall(r"([A-Z][a-z]?)(\d*\.?\d*)", formula)
    if not parts or "".join(symbol + count for symbol, count in parts) != formula:
        msg = f"'{formula}' is not a chemical formula without brackets, such as CsPbBr3"
        raise ValueError(msg)
    masses: dict[str, float] = {}
    for symbol, count in parts:
        if symbol not in ATOMIC_MASS:
            msg = f"the element '{symbol}' of '{formula}' is not among {', '.join(ATOMIC_MASS)}"
            raise ValueError(msg)
        masses[symbol] = masses.get(symbol, 0.0) + float(count or 1) * ATOMIC_MASS[symbol]
    total = sum(masses.values())
    return {symbol: mass / total for symbol, mass in masses.items()}


def photoelectric_from_xraydb(symbol: str, energies_kev: Floats) -> Floats:
    """Return an element's photoelectric mass attenuation, cm2/g (Elam, Ravel and Sieber, through xraydb)."""
    import xraydb

    # the tabulation begins at 100 eV
    return np.asarray(xraydb.mu_elam(symbol, np.maximum(energies_kev, 0.1) * 1e3, kind="photo"), dtype=float)


@cache
def _shipped() -> tuple[Floats, dict[str, Floats]]:
    with np.load(TABLE, allow_pickle=False) as table:
        rows = {str(symbol): row.astype(float) for symbol, row in zip(table["elements"], table["photo"], strict=True)}
        return table["energies_kev"].astype(float), rows


def photoelectric(formula: str, energies_kev: Floats) -> Floats:
    """Return a compound's photoelectric mass attenuation, m2/kg, at the energies (keV)."""
    grid, rows = _shipped()
    total = np.zeros_like(energies_kev)
    for symbol, fraction in mass_fractions(formula).items():
        # the edges make interpolation unsafe, so the table serves its own energies only
        on_grid = len(energies_kev) <= len(grid) and np.array_equal(energies_kev, grid[: len(energies_kev)])
        row = rows[symbol][: len(energies_kev)] if on_grid else photoelectric_from_xraydb(symbol, energies_kev)
        total += fraction * row
    return total * 0.1


def absorbed_energy_per_kerma(beam: TubeSpectrum, formula: str, density: float, thickness: float) -> float:
    """Energy that a layer absorbs per area and air kerma.

    Absorbed is what photoelectric absorption removes from the beam: fluorescence that escapes and Compton electrons,
    a few per cent each below 60 keV in heavy absorbers, are neglected.

    Parameters
    ----------
    beam
        Its spectrum.
    formula
        Of the absorber.
    density
        kg/m3.
    thickness
        m.

    Returns
    -------
    float
        J m-2 Gy-1.
    """
    absorbed = -np.expm1(-photoelectric(formula, beam.energies_kev) * density * thickness)
    per_cm2_and_mas = float(np.sum(beam.fluence * beam.energies_kev * absorbed)) * _J_PER_KEV
    return per_cm2_and_mas * 1e4 / beam.kerma
