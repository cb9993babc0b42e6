"""Noise of known power in, its spectrum, SNR and DQE out."""

import math

import numpy as np
import pytest
from scipy import ndimage, special

from analysis.dose_series import low_dose_series
from analysis.image_noise import detective_quantum_efficiency, noise_power_spectrum, signal_to_noise
from analysis.slanted_edge import slanted_edge

PITCH = 50e-6


def test_white_noise_has_a_flat_spectrum_whose_integral_is_the_variance():
    frames = 1000 + 20 * np.random.default_rng(1).normal(size=(2, 512, 512))
    spectrum = noise_power_spectrum(frames, PITCH)
    assert spectrum.integral == pytest.approx(spectrum.variance, rel=1e-9)
    assert spectrum.variance == pytest.approx(400.0, rel=0.01)
    # 20 squared times the area of a pixel, at every frequency
    assert spectrum.radial.mean() == pytest.approx(400 * PITCH**2, rel=0.01)
    pull = (spectrum.radial - 400 * PITCH**2) / spectrum.radial_uncertainty
    assert 0.7 < pull.std() < 1.3
    assert spectrum.horizontal[1].mean() == pytest.approx(400 * PITCH**2, rel=0.02)
    assert spectrum.radial_frequencies[-1] == pytest.approx(0.5 / PITCH, rel=0.01)


def test_blurred_noise_falls_as_the_square_of_the_blurs_response():
    noise = ndimage.gaussian_filter(np.random.default_rng(2).normal(size=(700, 700)), 1.5, mode="wrap")
    spectrum = noise_power_spectrum(500 + noise, PITCH)
    f = spectrum.radial_frequencies * PITCH
    expected = np.exp(-4 * (math.pi * 1.5 * f) ** 2) * PITCH**2
    seen = (f > 0.03) & (f < 0.2)
    assert np.abs(spectrum.radial / expected - 1)[seen].max() < 0.15
    assert np.mean(spectrum.radial[seen] / expected[seen]) == pytest.approx(1.0, abs=0.03)


def test_slow_background_does_not_count_as_noise():
    y, x = np.mgrid[-1:1:384j, -1:1:384j]
    frames = 1000 * (1 + 0.1 * x - 0.2 * y**2) + 5 * np.random.default_rng(3).normal(size=x.shape)
    assert noise_power_spectrum(frames, PITCH, region_side=128).variance == pytest.approx(25.0, rel=0.03)


def test_fixed_pattern_is_taken_out_on_request():
    rng = np.random.default_rng(4)
    frames = 1000 + 30 * rng.normal(size=(200, 200)) + 10 * rng.normal(size=(4, 200, 200))
    assert noise_power_spectrum(frames, PITCH, region_side=64).variance == pytest.approx(1000.0, rel=0.05)
    changing = noise_power_spectrum(frames, PITCH, region_side=64, fixed_pattern=False)
    assert changing.variance == pytest.approx(100.0, rel=0.03)
    assert changing.mean == pytest.approx(1000.0, rel=0.01)


@pytest.mark.parametrize(
    ("frames", "options", "reason"),
    [
        (np.full((64, 64), np.nan), {}, "finite"),
        (np.ones((10, 10)), {}, "too small"),
        (np.ones((64, 64)), {"region_side": 64}, "at least 4"),
        (np.ones((90, 90)), {"fixed_pattern": False}, "two are needed"),
        (np.ones(7), {}, "shape"),
    ],
)
def test_images_without_a_spectrum_are_an_error(frames, options, reason):
    with pytest.raises(ValueError, match=reason):
        noise_power_spectrum(frames, PITCH, **options)


def test_interval_of_the_snr_holds_the_truth_for_white_and_for_correlated_noise():
    for blur in (0.0, 1.0):
        held = 0
        for seed in range(60):
            noise = np.random.default_rng(seed).normal(size=(80, 80))
            if blur:
                noise = ndimage.gaussian_filter(noise, blur, mode="wrap") * 2 * math.sqrt(math.pi) * blur
            figure = signal_to_noise(1000 + 20 * noise + np.linspace(0, 40, 80))
            held += figure.interval[0] <= 1020 / 20 <= figure.interval[1]
        assert held >= 52, f"blur {blur}: {held} of 60"


@pytest.mark.parametrize(
    ("image", "reason"),
    [(np.ones((8, 8)), "small"), (np.full((40, 40), 7.0), "no noise"), (np.full((40, 40), np.nan), "small")],
)
def test_snr_of_nothing_is_refused(image, reason):
    figure = signal_to_noise(image)
    assert figure.value is None
    assert reason in figure.warnings[0]


@pytest.fixture(scope="module")
def detector():
    """Edge and noise of a detector that counts 60 % of 400 photons a pixel and then blurs what it counted."""
    rng = np.random.default_rng(7)
    photons, efficiency, blur = 400.0, 0.6, 0.8

    def exposed(transmission):
        counted = rng.poisson(photons * efficiency * transmission).astype(float)
        return ndimage.gaussian_filter(counted, blur, mode="reflect")

    y, x = np.mgrid[:300, :200]
    sharp = 0.05 + 0.95 * (1 + special.erf((x - 99.6 - 0.09 * (y - 150)) / 1e-3)) / 2
    edge = slanted_edge(exposed(sharp), pixel_pitch=PITCH)
    noise = noise_power_spectrum(exposed(np.ones((600, 600))), PITCH)
    return edge, noise, photons / PITCH**2, efficiency


def test_dqe_of_a_counting_detector_is_its_efficiency_at_low_frequencies(detector):
    edge, noise, fluence, efficiency = detector
    figures = detective_quantum_efficiency(edge, noise, fluence, [1.0, 2.0], fluence_relative_uncertainty=0.03)
    for figure in figures:
        assert figure.value == pytest.approx(efficiency, rel=0.1)
        assert figure.systematic == pytest.approx(0.03 * figure.value)
        assert "indicative" in figure.warnings[0]


def test_dqe_above_one_or_beyond_nyquist_is_refused(detector):
    edge, noise, fluence, _ = detector
    above, beyond = detective_quantum_efficiency(edge, noise, fluence / 5, [1.0, 15.0])
    assert above.value is None
    assert "above 1" in above.warnings[0]
    assert beyond.value is None
    with pytest.raises(ValueError, match="fluence"):
        detective_quantum_efficiency(edge, noise, 0.0, [1.0])


def test_snr_of_a_dose_series_grows_with_the_square_root():
    rng = np.random.default_rng(9)
    doses = np.geomspace(1.0, 100.0, 6)
    ratios = [signal_to_noise(rng.poisson(50 * dose, (100, 100)).astype(float)).value for dose in doses]
    figure = low_dose_series(doses, ratios)
    assert figure.interval[0] < 0.5 < figure.interval[1]
    assert low_dose_series([1, 2, 0], [1, 2, 3]).value is None
