"""Spectra of the tungsten tube, from SpekPy, and what materials take out of them.

SpekPy (G. Poludniowski et al., Med. Phys. 48, 3630, 2021) is slow to import and takes half a second a spectrum, so
spectra are kept: those of the presets' beams in a table beside this file, all others in the user's cache folder.
`python -m sim_instruments.world.beam` writes the table.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim_instruments.world.geometry import Filters

Floats = NDArray[np.float64]

MATERIALS = {
    "SiO2": ("Silicon Dioxide", 2.20 / 2.3199999),
    "quartz": ("Silicon Dioxide (Quartz)", 1.0),
    "air": ("Air, Dry (NIST)", 1.0),
    "H2O": ("Water, Liquid", 1.0),
}
"""SpekPy's names, and what thicknesses are multiplied with; chemical elements go by their symbol.

``SiO2`` is fused silica of 2.20 g/cm3, whose density SpekPy takes to be 2.32; ``quartz`` the crystal of 2.65 g/cm3.
"""

TABLE = Path(__file__).with_name("spectra.npz")
_BIN_KEV = 0.5
_REFERENCE_CM = 100.0


@dataclass(frozen=True, eq=False)
class TubeSpectrum:
    """The beam of one kilovoltage behind one set of filters, 1 m from the focal spot.

    Parameters
    ----------
    energies_kev
        Middle of each energy bin, keV, shape (n,).
    fluence
        Photons per cm2 and mA s in each bin, shape (n,).
    kerma
        Air kerma per charge, Gy per mA s.
    exponent
        d ln(kerma) / d ln(kilovoltage).
    """

    energies_kev: Floats
    fluence: Floats
    kerma: float
    exponent: float

    @property
    def mean_energy_kev(self) -> float:
        """Fluence-weighted mean energy, keV."""
        return float(self.fluence @ self.energies_kev / self.fluence.sum())


def calculate(voltage_kv: float, filters: Filters, anode_angle_deg: float) -> TubeSpectrum:
    """Calculate a spectrum with SpekPy.

    Raises
    ------
    ValueError
        If SpekPy does not know a filter's material or cannot do the kilovoltage.
    """
    import spekpy

    def tube(kv: float) -> spekpy.Spek:
        try:
            spek = spekpy.Spek(kvp=kv, th=anode_angle_deg, dk=_BIN_KEV, z=_REFERENCE_CM)
            for material, thickness in filters:
                name, factor = MATERIALS.get(material, (material, 1.0))
                spek.filter(name, thickness * factor * 1e3)
        except Exception as error:
            described = ", ".join(f"{thickness * 1e3:g} mm {material}" for material, thickness in filters)
            msg = f"SpekPy cannot calculate {kv:g} kV behind {described or 'no filter'}: {error}"
            raise ValueError(msg) from error
        return spek

    spek = tube(voltage_kv)
    energies, fluence = spek.get_spectrum(diff=False)
    # SpekPy's bins are half a keV wide: whole kilovolts are the smallest step over which it is smooth
    above, below = tube(voltage_kv + 1.0).get_kerma(), tube(voltage_kv - 1.0).get_kerma()
    exponent = np.log(above / below) / np.log((voltage_kv + 1.0) / (voltage_kv - 1.0))
    return TubeSpectrum(
        np.asarray(energies, dtype=float), np.asarray(fluence, dtype=float), spek.get_kerma() * 1e-6, float(exponent)
    )


def key_of(voltage_kv: float, filters: Filters, anode_angle_deg: float) -> str:
    """Name a beam: ``50kV 12deg Be:0.000127 SiO2:0.026``."""
    return " ".join(
        [
            f"{voltage_kv:g}kV",
            f"{anode_angle_deg:g}deg",
            *(f"{material}:{thickness:g}" for material, thickness in filters),
        ]
    )


_guard = threading.RLock()
_known: dict[str, TubeSpectrum] = {}


def spectrum(voltage_kv: float, filters: Filters, anode_angle_deg: float = 12.0) -> TubeSpectrum:
    """Return a beam's spectrum: from memory, the table, the cache folder, or freshly calculated and then kept."""
    key = key_of(voltage_kv, filters, anode_angle_deg)
    with _guard:
        found = _known.get(key) or _table().get(key)
        if found is None:
            path = _cache_file(key)
            found = _read(path)
            if found is None:
                found = calculate(voltage_kv, filters, anode_angle_deg)
                _write(path, found)
        _known[key] = found
        return found


@cache
def _table() -> Mapping[str, TubeSpectrum]:
    if not TABLE.exists():
        return {}
    with np.load(TABLE, allow_pickle=False) as table:
        energies = table["energies_kev"]
        return {
            str(key): TubeSpectrum(energies[:n].astype(float), fluence[:n].astype(float), float(kerma), float(exponent))
            for key, fluence, n, kerma, exponent in zip(
                table["keys"], table["fluences"], table["lengths"], table["kermas"], table["exponents"], strict=True
            )
        }


def _cache_file(key: str) -> Path:
    import importlib.metadata

    import platformdirs

    # SpekPy's version and the materials are part of the name: others may give other spectra
    version = importlib.metadata.version("spekpy")
    name = hashlib.sha256(f"spekpy {version} {MATERIALS} {key}".encode()).hexdigest()[:32]
    return platformdirs.user_cache_path("xraybench") / "spectra" / f"{name}.npz"


def _read(path: Path) -> TubeSpectrum | None:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            found = TubeSpectrum(kept["energies_kev"], kept["fluence"], float(kept["kerma"]), float(kept["exponent"]))
    except Exception:  # absent, cut short or not ours: calculated again
        return None
    sound = found.energies_kev.shape == found.fluence.shape and np.isfinite([found.kerma, found.exponent]).all()
    return found if sound else None


def _write(path: Path, found: TubeSpectrum) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as part:
            np.savez(
                part,
                energies_kev=found.energies_kev,
                fluence=found.fluence,
                kerma=found.kerma,
                exponent=found.exponent,
            )
        os.replace(part.name, path)
    except OSError:
        # a cache that cannot be written costs time, not the measurement
        return
