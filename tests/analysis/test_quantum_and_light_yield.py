"""Quantum yields of a sphere and light yields against a reference, computed backwards from known ones."""

import numpy as np
import pytest

from analysis.light_yield import Absorber, light_yield, photon_count
from analysis.plqy import quantum_yield
from analysis.tube_spectrum import tube_spectrum

NM = np.linspace(380, 650, 900)
EXCITATION, EMISSION = (395.0, 415.0), (470.0, 600.0)


def line(centre, width):
    shape = np.exp(-0.5 * ((NM - centre) / width) ** 2)
    return shape / shape.sum()


def sphere(truth=0.806, absorbed=0.6, indirect=0.15, photons=4e6, seed=None):
    """Three spectra: the diffuse light is absorbed with `indirect`, the beam with `absorbed` first."""
    laser, glow = line(405, 2), line(526, 9)
    beside = photons * ((1 - indirect) * laser + indirect * truth * glow)
    direct = photons * ((1 - absorbed) * (1 - indirect) * laser + (absorbed + (1 - absorbed) * indirect) * truth * glow)
    spectra = [photons * laser, beside, direct]
    if seed is None:
        return spectra
    rng = np.random.default_rng(seed)
    return [rng.poisson(one + 50) - 50.0 for one in spectra]


def test_the_three_measurements_give_the_yield_exactly():
    found, absorption = quantum_yield(NM, *sphere(), EXCITATION, EMISSION)
    assert found.value == pytest.approx(0.806, abs=1e-6)
    assert absorption.value == pytest.approx(0.6, abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_noise_is_covered_by_the_uncertainty(seed):
    found, _ = quantum_yield(NM, *sphere(seed=seed), EXCITATION, EMISSION)
    assert abs(found.value - 0.806) < 3 * found.uncertainty
    assert 0 < found.uncertainty < 0.01


def test_reabsorbed_light_is_given_back():
    # what escapes of truth = 0.9 when a share of 0.3 of each emission is absorbed again
    seen = 0.9 * 0.7 / (1 - 0.9 * 0.3)
    found, _ = quantum_yield(NM, *sphere(truth=seen), EXCITATION, EMISSION, self_absorption=0.3)
    assert found.value == pytest.approx(0.9, abs=1e-6)


def test_a_sample_that_does_not_absorb_gives_no_yield():
    found, _ = quantum_yield(NM, *sphere(absorbed=0.0, seed=4), EXCITATION, EMISSION)
    assert found.value is None
    assert "not significantly" in found.warnings[0]


def test_bands_that_overlap_are_refused():
    with pytest.raises(ValueError, match="overlap"):
        quantum_yield(NM, *sphere(), (395, 500), EMISSION)


BEAM = tube_spectrum(50, [("Al", 0.4e-3)])
GARNET = Absorber("Lu3Al5O12", 6730, 1e-3, 1e-5)


def test_a_reference_against_itself_has_its_own_yield():
    photons = photon_count(NM, 1e4 * line(526, 20) * NM.size)
    figure = light_yield(photons, photons, (25_000, 1000), BEAM, GARNET, GARNET, efficiency_ratio=(1.0, 0.05))
    assert figure.value == pytest.approx(25_000)
    assert figure.systematic / figure.value == pytest.approx(np.hypot(0.04, 0.05), rel=0.02)


def test_a_thin_film_is_judged_by_what_it_absorbs():
    film = Absorber("CsPbBr3", 4800, 50e-6)
    share = film.share(BEAM)[0]
    figure = light_yield((share, 0.0), (GARNET.share(BEAM)[0], 0.0), (25_000, 0), BEAM, film, GARNET)
    assert figure.value == pytest.approx(25_000)
    assert any("eta_ref/eta is taken as 1" in warning for warning in figure.warnings)
    assert "50 um of CsPbBr3" in figure.method


def test_a_dark_reference_is_refused():
    figure = light_yield((100.0, 1.0), (1.0, 1.0), (25_000, 0), BEAM, GARNET, GARNET)
    assert figure.value is None
