"""How much of the beam gets through materials: total attenuation, from xraydb, kept in a table.

Run as a module, ``python -m sim_instruments.world.attenuation``, it writes the table that is shipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim_instruments.world.absorption import mass_fractions
from sim_instruments.world.spectrum import TABLE as SPECTRA

Floats = NDArray[np.float64]
Layers = Mapping[str, float]
"""Thickness by material, m."""

MATERIALS: dict[str, tuple[str, float]] = {
    "W": ("W", 19_250.0),
    "Pb": ("Pb", 11_340.0),
    "Cu": ("Cu", 8_960.0),
    "Au": ("Au", 19_300.0),
    "Fe": ("Fe", 7_874.0),
    "Si": ("Si", 2_330.0),
    "Al": ("Al", 2_699.0),
    "epoxy": ("C21H25O5", 1_200.0),
    "polymer": ("C3H6", 905.0),
}
"""Formula and density, kg/m3, of what phantoms are made of."""

TABLE = Path(__file__).with_name("attenuation.npz")
_ELEMENTS = ("H", "C", "O", "Al", "Si", "Fe", "Cu", "W", "Au", "Pb")
_EXTRA_FRACTIONS = {"Fe": {"Fe": 1.0}, "Au": {"Au": 1.0}, "Cu": {"Cu": 1.0}}


def attenuation_from_xraydb(symbol: str, energies_kev: Floats) -> Floats:
    """Return an element's total mass attenuation, cm2/g (Elam, Ravel and Sieber, through xraydb)."""
    import xraydb

    # the tabulation begins at 100 eV
    return np.asarray(xraydb.mu_elam(symbol, np.maximum(energies_kev, 0.1) * 1e3, kind="total"), dtype=float)


@cache
def _shipped() -> tuple[Floats, dict[str, Floats]]:
    if not TABLE.exists():
        return np.zeros(0), {}
    with np.load(TABLE, allow_pickle=False) as table:
        rows = {str(symbol): row.astype(float) for symbol, row in zip(table["elements"], table["total"], strict=True)}
        return table["energies_kev"].astype(float), rows


def linear_attenuation(material: str, energies_kev: Floats) -> Floats:
    """Return a material's linear attenuation, 1/m, at the energies (keV).

    Raises
    ------
    ValueError
        If the material is not one of `MATERIALS`.
    """
    if material not in MATERIALS:
        msg = f"the material '{material}' is not among {', '.join(MATERIALS)}"
        raise ValueError(msg)
    formula, density = MATERIALS[material]
    grid, rows = _shipped()
    # the edges make interpolation unsafe, so the table serves its own energies only
    on_grid = len(energies_kev) <= len(grid) and np.array_equal(energies_kev, grid[: len(energies_kev)])
    total = np.zeros_like(energies_kev)
    fractions = _EXTRA_FRACTIONS.get(formula) or mass_fractions(formula)
    for symbol, fraction in fractions.items():
        row = rows[symbol][: len(energies_kev)] if on_grid else attenuation_from_xraydb(symbol, energies_kev)
        total += fraction * row
    return total * 0.1 * density


def transmission(layers: Layers, energies_kev: Floats) -> Floats:
    """Return what gets through all layers at each energy (keV); scatter does not reach the detector."""
    exponent = np.zeros_like(energies_kev)
    for material, thickness in layers.items():
        exponent += linear_attenuation(material, energies_kev) * thickness
    return np.exp(-exponent)


def write_table() -> None:
    """Write the shipped table, at the energies of the shipped spectra."""
    with np.load(SPECTRA, allow_pickle=False) as spectra:
        energies = spectra["energies_kev"].astype(float)
    np.savez_compressed(
        TABLE,
        energies_kev=energies,
        elements=np.array(_ELEMENTS),
        total=np.array([attenuation_from_xraydb(symbol, energies) for symbol in _ELEMENTS]),
    )


if __name__ == "__main__":
    write_table()
