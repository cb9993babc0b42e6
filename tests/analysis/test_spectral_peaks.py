import numpy as np
import pytest

from analysis.net_spectrum import NetSpectrum, dark_subtracted
from analysis.spectral_peaks import centroid, fwhm, peak_wavelength, peaks

WAVELENGTHS = np.linspace(340, 1025, 2048)
FULL = 65535.0


def line(height, centre=526.0, width=21.0):
    return height * np.exp(-4 * np.log(2) * ((WAVELENGTHS - centre) / width) ** 2)


def measured(rng: np.random.Generator, signal: np.ndarray, count: int = 1) -> NetSpectrum:
    """Spectrum of a USB2000+ like sensor: offset 1500, read noise 50, shot noise."""
    light = 1500 + signal + np.sqrt(2500 + signal) * rng.normal(size=(count, signal.size))
    return dark_subtracted(
        WAVELENGTHS, np.round(light), np.round(1500 + 50 * rng.normal(size=(count, signal.size))), FULL
    )


@pytest.mark.parametrize(("height", "seed"), [(40_000.0, 81), (1_000.0, 82)], ids=["bright", "dim"])
def test_peak_width_and_centroid_lie_in_their_intervals_as_often_as_they_should(height, seed):
    rng = np.random.default_rng(seed)
    held = np.zeros(3)
    for _ in range(200):
        spectrum = measured(rng, line(height))
        for kind, (figure, truth) in enumerate(
            ((peak_wavelength(spectrum), 526.0), (fwhm(spectrum), 21.0), (centroid(spectrum), 526.0))
        ):
            held[kind] += figure.interval[0] <= truth <= figure.interval[1]
    assert np.all(held >= 180), held
    assert np.all(held <= 198), held


def test_a_bright_line_is_found_to_a_small_part_of_a_pixel():
    figure = peak_wavelength(measured(np.random.default_rng(83), line(40_000.0), 10))
    assert figure.uncertainty < 0.02
    assert figure.unit == "nm"
    assert figure.details["height"] == pytest.approx(40_000, rel=0.005)


def test_europium_lines_are_told_from_the_band_beside_them():
    rng = np.random.default_rng(84)
    components = [(20_000, 530, 25), (3_000, 595, 4), (12_000, 616, 5), (1_500, 654, 5), (4_000, 701, 6)]
    spectrum = measured(rng, np.sum([line(*one) for one in components], axis=0))
    found = peaks(spectrum)
    assert [figure.value for figure in found] == pytest.approx([530, 595, 616, 654, 701], abs=0.4)
    assert [figure.at["peak"][0] for figure in found] == [1, 2, 3, 4, 5]
    assert all(figure.details["prominence"] > 1_000 for figure in found)
    assert peak_wavelength(spectrum, (600.0, 640.0)).value == pytest.approx(616, abs=0.15)
    assert fwhm(spectrum, (600.0, 640.0)).value == pytest.approx(5, abs=0.2)


def test_a_second_line_does_not_widen_the_first():
    rng = np.random.default_rng(85)
    figure = fwhm(measured(rng, line(20_000.0) + line(15_000.0, 616.0, 5.0)))
    assert figure.value == pytest.approx(21, abs=0.3)


def test_a_line_without_a_flank_of_its_own_has_no_width():
    rng = np.random.default_rng(86)
    figure = fwhm(measured(rng, line(20_000.0, 526, 21) + line(19_000.0, 543, 21)), (500.0, 530.0))
    assert figure.value is None
    assert figure.warnings[0]


def test_noise_has_no_peak():
    rng = np.random.default_rng(87)
    for _ in range(50):
        spectrum = measured(rng, 0 * WAVELENGTHS)
        assert peak_wavelength(spectrum).value is None
        assert fwhm(spectrum).value is None
        assert centroid(spectrum).value is None
        assert peaks(spectrum) == ()
    assert "noise" in peak_wavelength(spectrum).warnings[0]


def test_hot_pixels_move_nothing():
    rng = np.random.default_rng(88)
    light = 1500 + line(20_000.0) + np.sqrt(2500 + line(20_000.0)) * rng.normal(size=2048)
    dark = 1500 + 50 * rng.normal(size=2048)
    clean = dark_subtracted(WAVELENGTHS, light, dark, FULL)
    light[[100, 530, 556, 1400]] += [30_000, 9_000, 12_000, 40_000]
    dark[[700, 570]] += [5_000, 9_000]
    hot = dark_subtracted(WAVELENGTHS, light, dark, FULL)
    assert peak_wavelength(hot).value == pytest.approx(peak_wavelength(clean).value, abs=0.05)
    assert centroid(hot).value == pytest.approx(centroid(clean).value, abs=0.05)
    assert fwhm(hot).value == pytest.approx(fwhm(clean).value, abs=0.1)


def test_a_saturated_peak_is_refused_by_every_figure():
    light = np.minimum(1500 + line(90_000.0), FULL)
    spectrum = dark_subtracted(WAVELENGTHS, light, np.full(2048, 1500.0), FULL)
    for figure in (peak_wavelength(spectrum), fwhm(spectrum), centroid(spectrum)):
        assert figure.value is None
        assert "saturated" in figure.warnings[0]
    assert all(figure.value is None for figure in peaks(spectrum))


def test_a_spectrum_that_rises_out_of_the_band_has_no_peak_in_it():
    figure = peak_wavelength(measured(np.random.default_rng(89), line(20_000.0)), (400.0, 520.0))
    assert figure.value is None
    assert "edge" in figure.warnings[0]


def test_an_asymmetric_line_has_its_centroid_on_the_side_of_its_tail():
    spectrum = measured(np.random.default_rng(90), line(30_000.0) + line(8_000.0, 545.0, 40.0))
    assert centroid(spectrum).value > peak_wavelength(spectrum).value + 1.0
