"""The camera's images against closed forms that do not come from it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from analysis.image_noise import noise_power_spectrum
from sim_instruments.world.attenuation import transmission
from sim_instruments.world.blurred_shapes import edge_coverage, frequency_at, line_pair_contrast, modulation_transfer
from sim_instruments.world.geometry import CHEN24, DONG24, MA21
from sim_instruments.world.phantom import PHANTOMS, PhantomParameters, View, image_parts

QUIET = {
    "prnu": 0.0, "shading": 0.0, "dead_fraction": 0.0, "hits_per_gray_m2": 0.0, "read_noise": 0.0, "dark_rate": 0.0,
}  # fmt: skip


def exposed(world, seconds=5.0, window=None):
    world.clock.sleep(seconds + 1.0)
    now = world.clock.now()
    return world.camera.expose(now - seconds, now, window).astype(float)


@pytest.mark.parametrize(
    ("sigma_um", "aperture_um", "line_pairs"),
    [(19.0, 0.0, 15.0), (69.6, 0.0, 4.1), (190.0, 0.0, 1.5), (45.6, 200.0, 3.6)],
)
def test_the_published_resolutions_are_where_the_mtf_is_a_fifth(sigma_um, aperture_um, line_pairs):
    assert frequency_at(0.2, sigma_um * 1e-6, aperture_um * 1e-6) * 1e-3 == pytest.approx(line_pairs, rel=0.005)


def test_chen24s_blur_leaves_a_contrast_above_a_fifth_at_twenty_line_pairs(make_world):
    world = make_world("chen24", CHEN24)
    assert 0.2 < world.camera.line_pair_contrast(20.0, 60.0) < 0.3
    # 15.3 um is where the square wave's fundamental alone gives a fifth
    assert line_pair_contrast(20e3, 15.3e-6, 0.0) == pytest.approx(0.2, abs=0.002)


@pytest.mark.parametrize("angle_deg", [0.0, 2.0, 5.0, 30.0, 45.0, 85.0])
@pytest.mark.parametrize(("sigma", "aperture"), [(0.8, 0.0), (0.5, 1.0), (0.2, 1.0)])
def test_an_edge_is_the_gaussian_edge_averaged_over_square_pixels(angle_deg, sigma, aperture):
    angle = math.radians(angle_deg)
    centres = np.linspace(-3, 3, 25)
    sub = (np.arange(200) + 0.5) / 200 - 0.5
    u, v = np.meshgrid(sub * aperture, sub * aperture)
    shift = (u * math.cos(angle) + v * math.sin(angle)).ravel()
    erf = np.vectorize(math.erf)
    few = np.quantile(shift, (np.arange(400) + 0.5) / 400)  # the distances that the square's points have
    expected = [np.mean(0.5 * (1 + erf((c + few) / (sigma * math.sqrt(2))))) for c in centres]
    assert edge_coverage(centres, sigma, aperture, angle) == pytest.approx(expected, abs=2e-4)


def test_the_mtf_of_an_imaged_edge_is_the_stated_one():
    view = View(400, 128, 10e-6, 15e-6, 10e-6)
    covered = image_parts("edge", view, PhantomParameters(edge_angle_deg=3.0))[1][1]
    # all pixels by their distance along the rows give a finely sampled edge, whose derivative is the line spread
    shift = view.y * math.tan(math.radians(3.0))
    position = (view.x + shift[:, None]).ravel()
    bins = np.arange(-400e-6, 400e-6, 1e-6)
    count, _ = np.histogram(position, bins)
    total, _ = np.histogram(position, bins, weights=covered.ravel())
    spread = np.diff(total / count) / 1e-6
    x = bins[1:-1]
    for line_pairs in (5e3, 10e3, 20e3):
        found = abs(np.sum(spread * np.exp(-2j * math.pi * line_pairs * x)) * 1e-6)
        binning = np.sinc(line_pairs * 1e-6) ** 2
        assert found / binning == pytest.approx(float(modulation_transfer(line_pairs, 15e-6, 10e-6)), abs=0.005)


def test_an_imaged_pattern_has_the_contrast_of_the_endless_one():
    view = View(400, 4000, 0.5e-6, 14e-6, 1.4e-6)
    pattern = PhantomParameters(line_pairs_per_mm=(10.0,), bars=15)
    row = image_parts("line-pairs", view, pattern)[1][1][200]
    middle = 1.0 - row[abs(view.x) < 0.2e-3]
    contrast = (middle.max() - middle.min()) / (middle.max() + middle.min())
    assert contrast == pytest.approx(line_pair_contrast(10e3, 14e-6, 1.4e-6), abs=0.002)


def test_groups_of_the_pattern_are_where_it_is_said(make_world):
    world = make_world("chen24", CHEN24)
    camera = world.camera
    covered = image_parts("line-pairs", camera.view, camera.phantom_parameters)[1][1]
    groups = camera.line_pair_groups()
    assert [group.line_pairs_per_mm for group in groups] == [6, 8, 10, 12, 14, 16, 18, 20]
    for group in groups:
        part = covered[group.y : group.y + group.height, group.x : group.x + group.width]
        profile = part.mean(axis=0) - part.mean()
        frequency = np.fft.rfftfreq(profile.size, camera.parameters.pixel_m)
        strongest = frequency[np.argmax(abs(np.fft.rfft(profile * np.hanning(profile.size))))]
        assert strongest * 1e-3 == pytest.approx(group.line_pairs_per_mm, rel=0.2)


def test_tungsten_and_copper_let_through_what_xraydb_says():
    import xraydb

    energies = np.array([15.3, 30.3, 45.8])  # not those of the table
    for symbol, density, thickness in (("W", 19.25, 20e-6), ("Cu", 8.96, 150e-6)):
        expected = np.exp(-xraydb.mu_elam(symbol, energies * 1e3, kind="total") * density * thickness * 100)
        assert transmission({symbol: thickness}, energies) == pytest.approx(expected, rel=1e-6)


def test_the_shipped_table_is_xraydbs(make_world):
    import xraydb

    world = make_world("chen24", CHEN24)
    energies = world.beam.spectrum(60.0).energies_kev
    expected = np.exp(-xraydb.mu_elam("Pb", energies * 1e3, kind="total") * 11.34 * 0.01)
    assert transmission({"Pb": 1e-4}, energies) == pytest.approx(expected, rel=1e-6, abs=1e-30)


def test_the_signal_goes_with_the_dose_and_its_noise_with_the_quanta(make_world):
    settings = {"camera": {"kind": "ma21", **QUIET}, "tube": {"ripple": 0.0}}
    world = make_world(None, MA21, kv=50.0, ma=0.85, settings=settings)
    camera = world.camera
    p = camera.parameters
    dose_rate = float(world.beam.dose_rate())
    once, twice = exposed(world, 5.0), exposed(world, 10.0)
    dark = p.offset * (2**p.bits - 1)
    assert (twice.mean() - dark) / (once.mean() - dark) == pytest.approx(2.0, rel=0.005)
    quanta = camera.quanta_per_gray(50.0) * dose_rate * 5.0
    electrons = quanta * camera._between({}, 50.0)[1] * camera.electrons_per_kev()
    relative = once.std() / (once.mean() - dark)
    assert relative == pytest.approx(math.sqrt(1 / quanta + 1 / electrons), rel=0.02)
    assert once.mean() - dark == pytest.approx(electrons * (2**p.bits - 1) * (1 - p.offset) / p.full_well, rel=0.01)


def test_behind_half_a_millimetre_of_tungsten_it_is_dark(make_world):
    world = make_world(None, MA21, kv=50.0, ma=0.85, settings={"camera": {"kind": "ma21", **QUIET}})
    world.set_phantom("edge")
    image = exposed(world)
    dark = world.camera.parameters.offset * 65535
    assert image[:, -100:].mean() - dark < 2e-3 * (image[:, :100].mean() - dark)


def test_two_open_frames_share_their_pixels_and_not_their_noise(make_world):
    camera = {"kind": "ma21", "hits_per_gray_m2": 0.0, "columns": 300, "rows": 200}
    world = make_world(None, MA21, kv=50.0, ma=3.0, settings={"camera": camera})
    frames = np.array([exposed(world, 3.0) for _ in range(4)])
    first, second = frames[:2].mean(axis=0), frames[2:].mean(axis=0)
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] > 0.5  # the pixels' responses and the shading
    rest = frames[0] - frames[1], frames[2] - frames[3]
    assert abs(np.corrcoef(rest[0].ravel(), rest[1].ravel())[0, 1]) < 0.02


def test_direct_hits_are_somewhere_else_in_every_frame(make_world):
    camera = {"kind": "ma21", **QUIET, "hits_per_gray_m2": 2e10, "hit_electrons": 8000.0}
    world = make_world(None, MA21, kv=50.0, ma=0.85, settings={"camera": camera})
    first, second = exposed(world), exposed(world)
    limits = [frame.mean() + 6 * np.median(abs(frame - np.median(frame))) / 0.6745 for frame in (first, second)]
    struck, again = first > limits[0], second > limits[1]
    dose = float(world.beam.dose_rate()) * 5.0
    hits = 2e10 * dose * 9e-6**2 * 1024**2
    assert 0.5 * hits < struck.sum() < 5 * hits
    assert (struck & again).sum() < 0.05 * struck.sum()


def test_hits_of_several_pixels_are_noise_of_low_frequencies_and_the_truth_knows(make_world):
    # so many and so small that none stands out, and that they are half of the noise
    hits = {"hits_per_gray_m2": 4e12, "hit_electrons": 700.0}
    world = make_world(None, MA21, kv=50.0, ma=0.85, settings={"camera": {"kind": "ma21", **QUIET, **hits}})
    window = (0, 0, 384, 384)
    frames = np.array([exposed(world, 5.0, window) for _ in range(4)]) - 0.005 * 65535
    noise = noise_power_spectrum(frames, 9e-6, fixed_pattern=False)
    beam = {"voltage_kv": 50.0, "dose": float(world.beam.dose_rate()) * 5.0, "exposure_time": 5.0}
    # a hit adds its mean charge to the signal, which the truth's signal is without
    p = world.camera.parameters
    charge = hits["hit_electrons"] * hits["hits_per_gray_m2"] * beam["dose"] * p.pixel_m**2
    signal = 1.0 + charge / world.camera._electrons_at(50.0, beam["dose"], 1.0)
    ratios = []
    for low, high in ((2, 8), (20, 26), (44, 50)):
        inside = (noise.radial_frequencies > low * 1e3) & (noise.radial_frequencies < high * 1e3)
        found = noise.radial[inside].mean() * 1e6 / noise.mean**2 * signal**2
        truth = world.truth("normalized_noise_power", line_pairs_per_mm=0.5 * (low + high), **beam)
        assert found == pytest.approx(truth, rel=0.04), (low, high)
        ratios.append(truth)
    assert ratios[0] > 1.3 * ratios[2]


def test_the_snr_behind_a_noisy_flat_is_that_of_a_quotient_of_counts(make_world):
    # no Gaussian noise: a flat of 60 quanta is skew, and normal moments would give an SNR half a percent too small
    quiet = {**QUIET, "electrons_per_photon": 50.0, "full_well": 1e7}
    world = make_world(None, MA21, kv=50.0, ma=0.17, settings={"camera": {"kind": "ma21", **quiet}})
    frames = np.array([exposed(world, 5.0, (0, 0, 512, 512)) for _ in range(2)]) - 0.005 * 65535
    dose = float(world.beam.dose_rate()) * 5.0
    assert world.camera.quanta_per_gray(50.0) * dose == pytest.approx(60.0, rel=0.1)
    both = {"dose": dose, "exposure_time": 5.0, "frames": 1.0}
    flat = {f"flat_{name}": value for name, value in both.items()}
    quotient = frames[0] / frames[1]
    found = quotient.mean() / quotient.std()
    assert found == pytest.approx(world.truth("snr", voltage_kv=50.0, dark_frames=8.0, **both, **flat), rel=0.004)


def test_a_pixel_never_leaves_the_converters_range(make_world):
    world = make_world("chen24", CHEN24, kv=60.0, ma=5.0)
    image = exposed(world, 60.0)
    assert image.max() == 255
    assert (image == 255).mean() > 0.9


def test_a_panel_at_low_dose_is_noisier_than_at_a_higher_one(make_world):
    world = make_world(None, DONG24, kv=50.0, ma=0.8, settings={"camera": {"kind": "dong24"}})
    dose_rate = float(world.beam.dose_rate())
    ratios = []
    for dose in (18.5e-6, 50e-6):
        image = exposed(world, dose / dose_rate)
        dark = exposed(world, 1e-3)
        ratios.append((image.mean() - dark.mean()) / (image - dark).std())
    assert 4 < ratios[0] < 14
    assert ratios[1] > 1.5 * ratios[0]


@pytest.mark.parametrize("phantom", PHANTOMS)
def test_every_phantom_is_seen_and_covers_each_pixel_once(make_world, phantom):
    smaller = {"columns": 320, "rows": 240, "pixel_m": 2.8e-6}
    world = make_world("chen24", CHEN24, kv=60.0, ma=1.0, settings={"camera": smaller})
    parts = image_parts(phantom, world.camera.view, world.camera.phantom_parameters)
    assert sum(covered for _, covered in parts) == pytest.approx(1.0, abs=1e-9)
    assert all(covered.min() > -1e-9 for _, covered in parts)
    open_beam = world.camera._energy_image(60.0)
    world.set_phantom(phantom)
    image = world.camera._energy_image(60.0)
    assert 0.05 < (image < 0.8 * open_beam).mean() < 0.8


def test_a_phantom_that_is_none_is_refused(make_world):
    with pytest.raises(ValueError, match="no phantom is named 'hand'"):
        make_world().set_phantom("hand")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kind": "leica"}, "no simulated camera is named 'leica'"),
        ({"sigma": 1.0}, "'sigma' is not a parameter of the simulated camera"),
        ({"bits": 9}, "with 9 bits cannot be simulated"),
        ({"columns": 100_000}, "cannot be simulated"),
        ({"prnu": "much"}, "'prnu' of the simulated camera cannot be 'much'"),
        ({"read_noise": -1.0}, "must be finite and not negative"),
    ],
)
def test_parameters_that_cannot_be_are_refused(make_world, given, message):
    with pytest.raises(ValueError, match=message):
        make_world(settings={"camera": given})


def test_the_same_seed_gives_the_same_frame(make_world):
    frames = [exposed(make_world("chen24", CHEN24, kv=60.0, ma=1.0, seed=seed), 1.0) for seed in (5, 5, 6)]
    assert np.array_equal(frames[0], frames[1])
    assert not np.array_equal(frames[0], frames[2])
