import numpy as np
import pytest

from analysis.net_spectrum import dark_subtracted, integrated_intensity, pixel_noise

WAVELENGTHS = np.linspace(340, 1025, 2048)
OFFSET, READ_NOISE, FULL = 1500.0, 50.0, 65535.0


def gaussian(height, centre=526.0, width=21.0):
    return height * np.exp(-4 * np.log(2) * ((WAVELENGTHS - centre) / width) ** 2)


def exposures(rng, signal, count=1):
    """Raw spectra: offset, read noise, shot noise of one count a photon, whole counts."""
    noise = np.sqrt(READ_NOISE**2 + signal) * rng.normal(size=(count, WAVELENGTHS.size))
    return np.round(OFFSET + signal + noise)


def test_the_noise_of_every_pixel_is_found_in_the_spectrum_itself():
    rng = np.random.default_rng(71)
    signal = gaussian(40_000.0, width=60.0)
    noise = pixel_noise(exposures(rng, signal)[0] - OFFSET)
    assert np.median(noise[WAVELENGTHS > 800]) == pytest.approx(READ_NOISE, rel=0.12)
    top = np.abs(WAVELENGTHS - 526) < 10
    assert np.median(noise[top]) == pytest.approx(np.sqrt(READ_NOISE**2 + 40_000), rel=0.15)


def test_the_integral_lies_in_its_interval_as_often_as_it_should():
    rng = np.random.default_rng(72)
    true = 5_000 * 21.0 * np.sqrt(np.pi / (4 * np.log(2)))
    held = 0
    for _ in range(200):
        spectrum = dark_subtracted(
            WAVELENGTHS, exposures(rng, gaussian(5_000.0), 2), exposures(rng, 0 * WAVELENGTHS, 2), FULL
        )
        low, high = integrated_intensity(spectrum, (480.0, 572.0)).interval
        held += low <= true <= high
    assert 180 <= held <= 198


def test_a_weak_signal_may_be_negative_within_its_uncertainty():
    rng = np.random.default_rng(73)
    nothing = [
        integrated_intensity(
            dark_subtracted(WAVELENGTHS, exposures(rng, 0 * WAVELENGTHS), exposures(rng, 0 * WAVELENGTHS), FULL)
        )
        for _ in range(60)
    ]
    values = np.array([figure.value for figure in nothing])
    assert values.min() < 0 < values.max()
    assert np.std(values) == pytest.approx(np.mean([figure.uncertainty for figure in nothing]), rel=0.3)


def test_a_saturated_pixel_is_refused_where_it_matters_and_only_there():
    light = OFFSET + gaussian(30_000.0)
    light[1024] = FULL
    spectrum = dark_subtracted(WAVELENGTHS, light, np.full(2048, OFFSET), FULL)
    at = WAVELENGTHS[1024]
    refused = integrated_intensity(spectrum, (at - 5, at + 5))
    assert refused.value is None
    assert "saturated" in refused.warnings[0]
    assert integrated_intensity(spectrum, (480.0, 572.0)).value > 0


def test_one_saturated_repeat_is_not_averaged_away():
    rows = np.tile(OFFSET + gaussian(1_000.0), (4, 1))
    rows[2, 600] = FULL
    assert dark_subtracted(WAVELENGTHS, rows, np.full(2048, OFFSET), FULL).saturated[600]


@pytest.mark.parametrize("pixel", [300, 520, 556, 1500], ids=["baseline", "flank", "top", "far"])
def test_a_hot_pixel_is_replaced_wherever_it_lies_and_counted(pixel):
    rng = np.random.default_rng(74)
    light = exposures(rng, gaussian(20_000.0))
    clean = dark_subtracted(WAVELENGTHS, light, exposures(rng, 0 * WAVELENGTHS), FULL)
    light[0, pixel] += 8_000
    spectrum = dark_subtracted(WAVELENGTHS, light, exposures(rng, 0 * WAVELENGTHS), FULL)
    assert spectrum.hot[pixel]
    assert spectrum.hot.sum() <= 2
    assert spectrum.counts[pixel] == pytest.approx(clean.counts[pixel], abs=800)
    assert "hot pixel" in spectrum.warnings[0]


def test_a_narrow_line_is_not_taken_for_hot_pixels():
    rng = np.random.default_rng(75)
    signal = gaussian(55_000.0, 616.0, 2.0)
    spectrum = dark_subtracted(WAVELENGTHS, exposures(rng, signal), exposures(rng, 0 * WAVELENGTHS), FULL)
    assert not spectrum.hot.any()


def test_a_dark_spectrum_that_does_not_fit_is_noticed():
    rng = np.random.default_rng(76)
    light, dark = exposures(rng, gaussian(20_000.0)), exposures(rng, 0 * WAVELENGTHS)
    assert not dark_subtracted(WAVELENGTHS, light, dark, FULL).warnings
    assert "does not fit" in dark_subtracted(WAVELENGTHS, light + 60, dark, FULL).warnings[0]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (([], [], [], FULL), "wavelengths_nm"),
        ((WAVELENGTHS[::-1], WAVELENGTHS, WAVELENGTHS, FULL), "do not rise"),
        ((WAVELENGTHS, WAVELENGTHS[:5], WAVELENGTHS, FULL), "light"),
        ((WAVELENGTHS, WAVELENGTHS, np.zeros((2, 2, 2048)), FULL), "dark"),
        ((WAVELENGTHS, WAVELENGTHS * np.nan, WAVELENGTHS, FULL), "light"),
        ((WAVELENGTHS, WAVELENGTHS, WAVELENGTHS, 0.0), "saturation_level"),
    ],
)
def test_spectra_that_make_no_sense_are_an_error_that_names_them(arguments, named):
    with pytest.raises(ValueError, match=named):
        dark_subtracted(*arguments)


@pytest.mark.parametrize("band", [(600.0, 500.0), (2000.0, 3000.0), (526.0, 526.2), (np.nan, 600.0)])
def test_a_band_without_pixels_is_an_error(band):
    spectrum = dark_subtracted(WAVELENGTHS, np.full(2048, OFFSET), np.full(2048, OFFSET), FULL)
    with pytest.raises(ValueError, match="band_nm"):
        integrated_intensity(spectrum, band)
