import numpy as np
import pytest

from analysis.figure import FigureOfMerit
from analysis.theoretical_sensitivity import (
    ELEMENTARY_CHARGE,
    normalized_sensitivity,
    pair_creation_energy,
    theoretical_sensitivity_published,
    theoretical_sensitivity_spectral,
)
from analysis.tube_spectrum import tube_spectrum


def test_the_published_number_is_reproduced_and_called_impossible():
    figure = theoretical_sensitivity_published()
    assert figure.name == "s0_published"
    assert figure.value == pytest.approx(9070.8, abs=0.05)
    assert theoretical_sensitivity_published(charge=ELEMENTARY_CHARGE).value == pytest.approx(9083.1, abs=0.05)
    assert "impossible fluence" in figure.warnings[0]
    assert "213050" in figure.warnings[0]
    assert figure.uncertainty == pytest.approx(9070.8 * 0.2 / 4.61, rel=1e-4)


def test_a_possible_fluence_passes_and_one_of_another_energy_is_questioned():
    assert not theoretical_sensitivity_published(fluence=213_050).warnings
    assert "213050" in theoretical_sensitivity_published(fluence=280_000).warnings[0]


def test_the_tubes_own_spectrum_gives_a_third_of_the_published_number():
    spectrum = tube_spectrum(50, [("SiO2", 26e-3)])
    figure = theoretical_sensitivity_spectral(spectrum, 1.59)
    assert figure.value == pytest.approx(3007, rel=0.005)
    assert figure.uncertainty / figure.value == pytest.approx(0.2 / 4.61, rel=1e-6)
    layer = theoretical_sensitivity_spectral(spectrum, 1.59, "C53H171N11Pb10I31", 3600.0, 300e-6)
    assert layer.value == pytest.approx(figure.value * layer.details["absorption"])
    assert 0.7 < layer.details["absorption"] < 0.95
    assert "300 um" in layer.method


def test_the_pair_energy_follows_the_rule_with_its_uncertainty():
    figure = pair_creation_energy(1.59)
    assert figure.value == pytest.approx(4.61)
    assert figure.uncertainty == pytest.approx(0.2)
    with pytest.raises(ValueError, match="gap_ev"):
        pair_creation_energy(0.0)


def measured(value):
    return FigureOfMerit.normal(
        "sensitivity", value, "uC/(Gy cm2)", "slope", statistical=0.01 * value, systematic=0.05 * value
    )


def test_more_charge_than_the_photons_can_make_is_called_gain():
    theoretical = theoretical_sensitivity_spectral(tube_spectrum(50, [("SiO2", 26e-3)]), 1.59)
    high, close, low = (normalized_sensitivity(measured(value), theoretical) for value in (13_700.0, 3_100.0, 1_500.0))
    assert high.value == pytest.approx(4.56, rel=0.01)
    assert high.uncertainty / high.value == pytest.approx(np.hypot(np.hypot(0.01, 0.05), 0.2 / 4.61))
    assert "gain" in high.warnings[0]
    assert "perhaps" in close.warnings[0]
    assert not low.warnings


def test_the_published_efficiency_carries_the_warning_of_its_fluence():
    ratio = normalized_sensitivity(measured(13_700.0), theoretical_sensitivity_published())
    assert ratio.value == pytest.approx(1.51, abs=0.01)
    assert any("impossible fluence" in warning for warning in ratio.warnings)


def test_no_sensitivity_has_no_ratio():
    refused = FigureOfMerit.refused("sensitivity", "uC/(Gy cm2)", "slope", "too few points")
    ratio = normalized_sensitivity(refused, theoretical_sensitivity_published())
    assert ratio.value is None
    assert "too few points" in ratio.warnings[0]
    with pytest.raises(ValueError, match="units"):
        normalized_sensitivity(measured(1.0).scaled(0.01, "C/(Gy m2)"), theoretical_sensitivity_published())


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"fluence": -1.0}, "fluence"),
        ({"mean_energy_kev": 0.0}, "mean_energy_kev"),
        ({"pair_energy_ev": np.nan}, "pair_energy_ev"),
        ({"absorption": 1.2}, "absorption"),
        ({"collection": 0.0}, "collection"),
    ],
)
def test_published_inputs_that_make_no_sense_are_an_error(change, named):
    with pytest.raises(ValueError, match=named):
        theoretical_sensitivity_published(**change)


def test_a_layer_given_in_part_is_an_error():
    with pytest.raises(ValueError, match="belong together"):
        theoretical_sensitivity_spectral(tube_spectrum(50, [("SiO2", 26e-3)]), 1.59, composition="CsPbBr3")
