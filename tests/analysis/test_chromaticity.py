import numpy as np
import pytest

from analysis.chromaticity import chromaticity

WAVELENGTHS = np.linspace(350, 900, 1100)


def gaussian(peak, fwhm):
    return np.exp(-4 * np.log(2) * ((WAVELENGTHS - peak) / fwhm) ** 2)


def test_the_green_emission_of_cspbbr3_has_its_published_colour():
    x, y = chromaticity(WAVELENGTHS, gaussian(526, 22.7))
    assert (x.value, y.value) == pytest.approx((0.138, 0.795), abs=6e-4)
    assert x.uncertainty is None


def test_equal_power_at_all_wavelengths_is_white():
    x, y = chromaticity(WAVELENGTHS, np.ones_like(WAVELENGTHS))
    assert (x.value, y.value) == pytest.approx((1 / 3, 1 / 3), abs=2e-4)


def test_colour_science_itself_agrees():
    import colour

    spectrum = gaussian(600, 40)
    shape = colour.SpectralShape(360, 780, 1)
    at = shape.wavelengths
    power = colour.SpectralDistribution(np.interp(at, WAVELENGTHS, spectrum), at)
    expected = colour.XYZ_to_xy(colour.sd_to_XYZ(power, method="Integration"))
    x, y = chromaticity(WAVELENGTHS, spectrum)
    assert (x.value, y.value) == pytest.approx(tuple(expected), abs=3e-4)


def test_intervals_hold_the_colour_through_noise():
    rng = np.random.default_rng(1)
    clean = gaussian(526, 22.7)
    truth = chromaticity(WAVELENGTHS, clean)[0].value
    held = 0
    for _ in range(200):
        low, high = chromaticity(WAVELENGTHS, clean + 0.01 * rng.normal(size=1100), 0.01)[0].interval
        held += low <= truth <= high
    assert 0.90 <= held / 200 <= 0.99


def test_noise_and_infrared_have_no_colour():
    rng = np.random.default_rng(2)
    x, y = chromaticity(WAVELENGTHS, rng.normal(size=1100), 1.0)
    assert x.value is None
    assert y.value is None
    assert chromaticity(WAVELENGTHS, np.where(WAVELENGTHS > 850, 1.0, 0.0))[0].value is None


def test_a_spectrum_that_is_cut_off_says_so_and_one_that_falls_is_a_mistake():
    at = np.linspace(420, 530, 300)
    x, _ = chromaticity(at, np.exp(-(((at - 526) / 15) ** 2)))
    assert "cut off at 530" in x.warnings[0]
    with pytest.raises(ValueError, match="do not rise"):
        chromaticity(at[::-1], at)
