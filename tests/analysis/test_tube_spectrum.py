import subprocess
import sys

import numpy as np
import pytest

from analysis.attenuation import absorbed_fraction, absorbed_share, attenuation_coefficient
from analysis.tube_spectrum import air_fluence_per_milliroentgen, tube_spectrum


@pytest.mark.parametrize(
    ("kilovolts", "mean_energy", "kerma"), [(30.0, 18.2, 110e-6), (50.0, 25.4, 222e-6), (60.0, 28.7, 263e-6)]
)
def test_a_tube_behind_aluminium_has_the_reference_mean_energy_and_kerma(kilovolts, mean_energy, kerma):
    spectrum = tube_spectrum(kilovolts, [("Al", 0.4e-3)])
    assert spectrum.mean_energy_kev == pytest.approx(mean_energy, abs=0.1)
    assert spectrum.kerma == pytest.approx(kerma, rel=0.01)


def test_the_kerma_is_spekpys_own():
    import spekpy

    tube = spekpy.Spek(kvp=50, th=12, z=100)
    tube.filter("Al", 1.0)
    assert tube_spectrum(50, [("Al", 1e-3)]).kerma == pytest.approx(tube.get_kerma() * 1e-6, rel=1e-3)
    assert tube_spectrum(50, [("Al", 1e-3)]).total_fluence == pytest.approx(tube.get_flu() * 1e4, rel=1e-9)


def test_quartz_glass_hardens_fifty_kilovolts_to_the_reference_beam():
    spectrum = tube_spectrum(50, [("SiO2", 26e-3)])
    assert 39.8 <= spectrum.mean_energy_kev <= 40.7
    assert 190_000 <= spectrum.fluence_per_milliroentgen <= 198_000


def test_no_photon_energy_has_the_fluence_that_was_published():
    assert float(air_fluence_per_milliroentgen(42.0)) == pytest.approx(213_050, rel=1e-4)
    energies = np.arange(10.0, 150.0, 0.5)
    fluence = air_fluence_per_milliroentgen(energies)
    assert fluence.max() == pytest.approx(299_700, rel=1e-3)
    assert energies[fluence.argmax()] == pytest.approx(60, abs=1)


def test_a_material_by_formula_and_density_filters_as_the_tabulated_one():
    by_name = tube_spectrum(60, [("Al", 2e-3)])
    by_formula = tube_spectrum(60, [("Al2", 2e-3, 2699.0)])
    assert by_formula.kerma == pytest.approx(by_name.kerma, rel=0.02)


def test_kerma_falls_with_the_square_of_the_distance_and_air_is_a_filter():
    near, far = tube_spectrum(40, [("Al", 1e-3)]), tube_spectrum(40, [("Al", 1e-3)], distance=2.0)
    assert far.kerma == pytest.approx(near.kerma / 4)
    assert tube_spectrum(40, [("Al", 1e-3), ("Air", 1.0)]).kerma < near.kerma


def test_the_same_spectrum_is_not_computed_twice_and_cannot_be_spoiled():
    spectrum = tube_spectrum(40, [("Al", 1e-3)])
    assert tube_spectrum(40.0, (("Al", 1e-3),)) is spectrum
    with pytest.raises(ValueError, match="read-only"):
        spectrum.fluence[0] = 1.0


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((5.0,), "kilovolts"),
        ((np.nan,), "kilovolts"),
        ((50.0, [("Al", 0.4)]), "in metres"),
        ((50.0, [("Al", -1e-3)]), "thickness"),
        ((50.0, [("Unobtainium", 1e-3)]), "Unobtainium"),
        ((50.0, [("Xq3", 1e-3, 1000.0)]), "Xq3"),
        ((50.0, [("Al", 1e-3, 0.0)]), "density"),
        ((50.0, [("Pb", 0.1)]), "nothing"),
        ((50.0, [], 80.0), "anode_angle"),
        ((50.0, [], 12.0, 0.0), "distance"),
    ],
)
def test_a_beam_that_cannot_be_is_an_error_that_names_what_is_wrong(arguments, named):
    with pytest.raises(ValueError, match=named):
        tube_spectrum(*arguments)


def test_a_perovskite_layer_absorbs_what_the_reference_says():
    shares = absorbed_share("CsPbBr3", 4750.0, 116e-6, [20.0, 30.0, 40.0])
    assert shares == pytest.approx([0.96, 0.67, 0.53], abs=0.01)


def test_the_absorbed_energy_of_a_spectrum_lies_between_that_of_its_ends():
    spectrum = tube_spectrum(50, [("SiO2", 26e-3)])
    beta = absorbed_fraction(spectrum, "CsPbBr3", 4750.0, 116e-6)
    low, high = absorbed_share("CsPbBr3", 4750.0, 116e-6, [50.0, 30.0])
    assert low < beta < high
    assert absorbed_fraction(spectrum, "CsPbBr3", 4750.0, 116e-6, "photo") < beta
    assert absorbed_fraction(spectrum, "CsPbBr3", 4750.0, 0.1) == pytest.approx(1.0)


def test_attenuation_keeps_the_shape_and_the_units_of_its_input():
    # Aluminium at 30 keV: 1.128 cm2/g (NIST), 2699 kg/m3.
    assert float(attenuation_coefficient("Al", 2699.0, 30.0)) == pytest.approx(304.4, rel=0.01)
    assert attenuation_coefficient("Al", 2699.0, np.full((2, 3), 30.0)).shape == (2, 3)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("Xq3", 1000.0, 30.0), "composition"),
        (("Al", 0.0, 30.0), "density"),
        (("Al", 2699.0, 0.0), "energies_kev"),
        (("Al", 2699.0, np.nan), "energies_kev"),
    ],
)
def test_attenuation_of_nothing_is_an_error(arguments, named):
    with pytest.raises(ValueError, match=named):
        attenuation_coefficient(*arguments)


BOTH_AT_ONCE = """
import sys, threading
from analysis.tube_spectrum import air_fluence_per_milliroentgen, tube_spectrum

sys.setswitchinterval(1e-5)
together, errors = threading.Barrier(2), []

def work(call):
    together.wait()
    try:
        call()
    except BaseException as error:
        errors.append(error)

threads = [
    threading.Thread(target=work, args=(call,))
    for call in (lambda: tube_spectrum(30.0), lambda: air_fluence_per_milliroentgen([30.0]))
]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
sys.exit(str(errors) if errors else 0)
"""


def test_two_threads_may_ask_for_the_first_time_at_once() -> None:
    # a window estimates a dose while a run is analysed
    done = subprocess.run([sys.executable, "-c", BOTH_AT_ONCE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
