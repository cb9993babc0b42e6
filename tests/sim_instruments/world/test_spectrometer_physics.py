"""The spectrometer's raw counts: offset, dark, noise, fullness, and the sample's light."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sim_instruments.world.geometry import CHEN24
from sim_instruments.world.world import World

MakeWorld = Callable[..., World]


def test_chen24s_brightest_point_is_well_exposed(make_world: MakeWorld) -> None:
    world = make_world("chen24", CHEN24, kv=30.0, ma=2.4)
    counts = world.spectrometer.expose(1.0)
    assert counts.shape == (2048,)
    assert counts.dtype == np.uint16
    assert 36_000 < counts.max() < 46_000
    assert world.spectrometer.wavelengths_nm[counts.argmax()] == pytest.approx(526.0, abs=3.0)
    assert world.spectrometer.expose(10.0).max() == 65_535


def test_the_dark_has_offset_read_noise_and_hot_pixels(make_world: MakeWorld) -> None:
    world = make_world()
    world.clock.sleep(100.0)
    spectrometer = world.spectrometer
    short = np.array([spectrometer.expose(0.01) for _ in range(60)], dtype=float)
    long = np.array([spectrometer.expose(20.0) for _ in range(60)], dtype=float)
    assert short.mean() == pytest.approx(1500.0, abs=5.0)
    assert np.median(short.std(axis=0, ddof=1)) == pytest.approx(50.0, rel=0.05)
    grown = long.mean(axis=0) - short.mean(axis=0)
    # the detector's own non-linearity takes 1 % of so few counts
    assert np.median(grown) == pytest.approx(0.99 * 20.0 * 30.0, rel=0.03)
    hot = np.flatnonzero(grown > 2000.0)
    assert 0 < len(hot) < 30
    assert set(hot) <= set(spectrometer.hot_pixels)


def test_full_well_has_the_signal_to_noise_ratio_of_the_detector(make_world: MakeWorld) -> None:
    spectrometer = make_world().spectrometer
    counts = spectrometer._bent(spectrometer._random.poisson(65_000 * np.ones(200_000)) / 1.02)
    noise = np.hypot(counts.std(), 50.0)
    assert 240.0 < counts.mean() / noise < 275.0


def test_the_published_correction_undoes_the_non_linearity(make_world: MakeWorld) -> None:
    spectrometer = make_world().spectrometer
    linear = np.linspace(0.0, 64_000.0, 1000)
    measured = spectrometer._bent(linear)
    polynomial = np.polynomial.polynomial.polyval(measured, spectrometer.nonlinearity_coefficients)
    assert measured / polynomial == pytest.approx(linear, rel=1e-7)
    assert np.abs(polynomial - 1.0).max() <= 0.0101
    assert np.abs(polynomial - 1.0).max() > 0.009


def test_wavelengths_are_the_calibrations(make_world: MakeWorld) -> None:
    wavelengths = make_world().spectrometer.wavelengths_nm
    assert wavelengths[0] == 340.0
    assert wavelengths[1000] == pytest.approx(340.0 + 380.0 - 15.0 - 2.0)
    assert np.all(np.diff(wavelengths) > 0)


def test_the_mean_spectrum_is_the_worlds_slope_times_the_dose_rate(make_world: MakeWorld) -> None:
    world = make_world("chen24", CHEN24, kv=30.0, ma=2.4, settings={"tube": {"warm_up": 0.0}})
    rate = float(world.beam.dose_rate())
    left = world.scintillator.remaining()
    exposures = np.mean([world.spectrometer.expose(0.5) for _ in range(200)], axis=0)
    world.tube.arc()
    world.clock.sleep(5000.0)
    dark = np.mean([world.spectrometer.expose(0.5) for _ in range(50)], axis=0)
    signal = exposures - dark
    signal /= np.polynomial.polynomial.polyval(signal, world.spectrometer.nonlinearity_coefficients)
    band = (world.spectrometer.wavelengths_nm > 480.0) & (world.spectrometer.wavelengths_nm < 580.0)
    slope = signal[band].sum() / 0.5 / rate / left
    expected = world.truth("slope", voltage_kv=30.0, wavelength_from=480.0, wavelength_to=580.0)
    assert slope == pytest.approx(expected, rel=5 * 0.035 / np.sqrt(200))
    assert expected == pytest.approx(world.truth("slope", voltage_kv=30.0), rel=1e-4)


@pytest.mark.parametrize("time", [0.0, -1.0, float("nan")])
def test_an_exposure_of_no_time_is_refused(make_world: MakeWorld, time: float) -> None:
    with pytest.raises(ValueError, match="integration time"):
        make_world().spectrometer.expose(time)


def test_a_drawn_wavelength_error_shifts_what_is_stored_and_nothing_that_is_true(make_world: MakeWorld) -> None:
    right = make_world("chen24", CHEN24)
    worlds = [
        make_world("chen24", CHEN24, seed=seed, settings={"spectrometer": {"wavelength_error_nm": "drawn"}})
        for seed in range(30)
    ]
    errors = np.array([world.spectrometer.wavelength_coefficients[0] for world in worlds]) - 340.0
    assert errors.std() == pytest.approx(0.2, rel=0.3)
    assert abs(errors.mean()) < 0.12
    assert worlds[0].spectrometer.wavelength_coefficients[1:] == right.spectrometer.wavelength_coefficients[1:]
    np.testing.assert_array_equal(worlds[0].spectrometer.wavelengths_nm, right.spectrometer.wavelengths_nm)
    assert worlds[0].truth("peak_wavelength") == right.truth("peak_wavelength")


@pytest.mark.parametrize("error", ["large", float("nan")])
def test_a_wavelength_error_that_is_none_is_refused(make_world: MakeWorld, error: float | str) -> None:
    with pytest.raises(ValueError, match="wavelength_error_nm must be"):
        make_world("chen24", CHEN24, settings={"spectrometer": {"wavelength_error_nm": error}})
