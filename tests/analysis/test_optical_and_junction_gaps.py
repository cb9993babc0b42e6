"""Optical gaps and built-in potentials of spectra and junctions that were made with known ones."""

import numpy as np
import pytest

from analysis.mott_schottky import BOLTZMANN, ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY, mott_schottky
from analysis.tauc import HC, absorbance, kubelka_munk, tauc_gap

ENERGY = np.linspace(1.3, 2.2, 400)
WAVELENGTH = HC / ENERGY


def direct(gap, background=0.02, seed=None):
    absorption = np.sqrt(np.maximum(ENERGY - gap, 0)) / ENERGY + background
    return absorption if seed is None else absorption + np.random.default_rng(seed).normal(0, 0.002, ENERGY.size)


@pytest.mark.parametrize("seed", range(3))
def test_a_direct_gap_is_found_above_scattering(seed):
    _, figure = tauc_gap(WAVELENGTH, direct(1.59, seed=seed))
    assert figure.interval[0] <= 1.59 <= figure.interval[1]
    assert figure.uncertainty < 0.005
    assert figure.details["edge_nm"] == pytest.approx(780, abs=3)


def test_an_indirect_gap_is_found_and_is_no_direct_one():
    absorption = np.maximum(ENERGY - 1.4, 0) ** 2 / ENERGY
    assert tauc_gap(WAVELENGTH, absorption, "indirect")[1].value == pytest.approx(1.4, abs=1e-3)
    line, refusal = tauc_gap(WAVELENGTH, absorption, "direct")
    assert line is None
    assert "no stretch" in refusal.warnings[0]


def test_the_order_of_the_wavelengths_does_not_matter():
    one = tauc_gap(WAVELENGTH, direct(1.59))[1]
    other = tauc_gap(WAVELENGTH[::-1], direct(1.59)[::-1])[1]
    assert one.value == other.value


def test_a_flat_spectrum_has_no_gap():
    noise = np.random.default_rng(3).normal(1, 0.01, ENERGY.size)
    assert tauc_gap(WAVELENGTH, noise)[1].value is None


def test_reflectance_and_transmittance_are_turned_into_absorption():
    assert kubelka_munk(0.5) == pytest.approx(0.25)
    assert absorbance(0.01) == pytest.approx(2.0)
    with pytest.raises(ValueError, match="percent"):
        kubelka_munk(np.array([50.0]))


AREA, PERMITTIVITY, DENSITY = 4e-6, 20.0, 1e21
VOLTS = np.linspace(-1, 0.4, 57)


def junction(built_in=0.67, noise=0.003, seed=0):
    thermal = BOLTZMANN * 295 / ELEMENTARY_CHARGE
    eps = PERMITTIVITY * VACUUM_PERMITTIVITY
    exact = AREA * np.sqrt(ELEMENTARY_CHARGE * eps * DENSITY / 2 / (built_in - VOLTS - thermal))
    return exact * (1 + np.random.default_rng(seed).normal(0, noise, VOLTS.size))


@pytest.mark.parametrize("seed", range(3))
def test_built_in_potential_and_doping_are_found(seed):
    built_in, doping = mott_schottky(VOLTS, junction(seed=seed), AREA, 5e-6, PERMITTIVITY).figures
    assert abs(built_in.value - 0.67) < 3 * built_in.uncertainty
    assert built_in.uncertainty < 0.005
    assert abs(doping.value - 1e15) < 3 * doping.uncertainty


def test_a_depletion_width_that_reaches_the_thickness_is_refused():
    for figure in mott_schottky(VOLTS, junction(), AREA, 1.5e-6, PERMITTIVITY).figures:
        assert figure.value is None
        assert "depletion width reaches 1.91 um of 1.5 um" in figure.warnings[0]


def test_a_plate_capacitor_is_no_junction():
    plates = PERMITTIVITY * VACUUM_PERMITTIVITY * AREA / 5e-6
    noisy = plates * (1 + np.random.default_rng(1).normal(0, 1e-3, VOLTS.size))
    assert mott_schottky(VOLTS, noisy, AREA, 5e-6, PERMITTIVITY).figures[0].value is None


def test_a_stretch_into_flat_band_is_warned_of():
    volts = np.linspace(-1, 0.63, 60)
    thermal = BOLTZMANN * 295 / ELEMENTARY_CHARGE
    eps = PERMITTIVITY * VACUUM_PERMITTIVITY
    farads = AREA * np.sqrt(ELEMENTARY_CHARGE * eps * DENSITY / 2 / (0.67 - volts - thermal))
    figure = mott_schottky(volts, farads, AREA, 5e-6, PERMITTIVITY, window_v=(0.2, 0.63)).figures[0]
    assert any("flat band" in warning for warning in figure.warnings)
