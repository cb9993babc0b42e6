"""Frames with known defects and hits in, the known transmission out."""

from pathlib import Path

import numpy as np
import pytest

from analysis.radiograph import (
    average_frames,
    direct_hits,
    flat_field_correction,
    interpolated_for_display,
    radiograph,
)

TOOTH = Path(__file__).parents[2].parent / "shared" / "data" / "tomography" / "tooth.h5"
SHAPE = (90, 110)


@pytest.fixture
def camera():
    """Frames of a camera with fixed pattern, dead and hot pixels, direct hits and read noise."""
    rng = np.random.default_rng(21)
    response = 1.0 + 0.02 * rng.normal(size=SHAPE)
    dark_level = 100.0 + rng.normal(scale=2.0, size=SHAPE)
    response[10, 20], dark_level[30, 40] = 0.01, 900.0
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    beam = 3000.0 * np.exp(-((x - 55) ** 2 + (y - 45) ** 2) / 2e4)

    def frames(transmission, count, hits=0):
        electrons = rng.poisson(np.broadcast_to(beam * response * transmission, (count, *SHAPE)))
        stack = electrons + dark_level + rng.normal(scale=3.0, size=(count, *SHAPE))
        for _ in range(hits):
            stack[rng.integers(count), rng.integers(SHAPE[0]), rng.integers(SHAPE[1])] += 2000.0
        return np.clip(np.rint(stack), 0, 65535).astype(np.uint16)

    return frames


def test_transmission_is_recovered_within_its_uncertainties(camera):
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    truth = np.where(x > 50, 0.4, 1.0) * np.where(y > 60, 0.7, 1.0)
    image = radiograph(
        average_frames(camera(truth, 12, hits=150)), average_frames(camera(0.0, 20)), average_frames(camera(1.0, 20))
    )
    pull = ((image.transmission - truth) / image.uncertainty)[~image.mask]
    assert abs(pull.mean()) < 0.05
    # Student's t of eleven and more degrees of freedom is a little wider than the normal distribution
    assert 0.95 < pull.std() < 1.25
    assert image.transmission[~image.mask].mean() == pytest.approx(truth[~image.mask].mean(), rel=1e-3)


def test_dead_and_hot_pixels_are_masked_and_hardly_any_other(camera):
    image = radiograph(average_frames(camera(0.5, 5)), average_frames(camera(0.0, 10)), average_frames(camera(1.0, 10)))
    assert image.mask[10, 20]
    assert image.mask[30, 40]
    assert image.mask.sum() <= 4
    assert np.isnan(image.transmission[image.mask]).all()
    shown = image.for_display()
    assert shown[10, 20] == pytest.approx(0.5, abs=0.05)
    assert image.mask[10, 20], "interpolated for display, and still masked"


def test_direct_hits_are_rejected_without_blurring(camera):
    quiet = average_frames(camera(0.3, 8))
    struck = average_frames(camera(0.3, 8, hits=300))
    assert 280 <= struck.hits <= 302
    assert quiet.hits <= 2
    assert np.abs(struck.mean - quiet.mean).max() < 100.0
    # a line one pixel wide stays one pixel wide
    line = np.full(SHAPE, 1.0)
    line[:, 50] = 0.2
    sharp = average_frames(camera(line, 8, hits=100)).mean[:, 48:53].mean(axis=0)
    assert sharp[2] < 0.35 * sharp[1]
    assert sharp[1] == pytest.approx(sharp[0], rel=0.03)


def test_mean_of_frames_keeps_its_mean_when_hits_are_rejected():
    frames = np.random.default_rng(2).poisson(50.0, (10, 100, 100))
    averaged = average_frames(frames)
    # cutting the upper tail of noise at 6 sigma must not bias it
    assert averaged.mean.mean() == pytest.approx(frames.mean(), rel=1e-3)
    assert np.median(averaged.uncertainty) == pytest.approx(np.sqrt(50.0 / 10), rel=0.05)


@pytest.mark.parametrize("dtype", [np.float64, np.uint16])
def test_four_frames_are_enough_to_tell_a_hit_of_nine_sigmas(dtype):
    random = np.random.default_rng(8)
    frames = random.normal(500.0, 10.0, (4, 160, 160)) + np.linspace(0.0, 100.0, 160)
    struck = np.zeros(frames.shape, dtype=bool)
    struck[2, ::8, ::8] = True
    frames[struck] += 90.0
    found = direct_hits(np.rint(frames).astype(dtype))
    # the median of the four scatters as well, and a hit draws it: two sigmas of the difference are left
    assert found[struck].mean() > 0.92
    assert not found[~struck].any()


def test_a_pixel_that_is_noisier_than_its_like_is_judged_by_its_own_scatter():
    random = np.random.default_rng(9)
    frames = random.normal(500.0, 10.0, (16, 40, 40))
    frames[:, 20, 20] = random.normal(500.0, 100.0, 16)
    assert not direct_hits(frames)[:, 20, 20].any()


def test_single_frame_has_no_uncertainty_and_says_that_hits_stay():
    averaged = average_frames(np.full((5, 6), 7))
    assert np.isnan(averaged.uncertainty).all()
    assert "not looked for" in averaged.warnings[0]


def test_saturated_pixels_are_masked(camera):
    raw = camera(0.5, 4)
    raw[2, 5, 6] = 65535
    image = radiograph(
        average_frames(raw, saturation=65535), average_frames(camera(0.0, 6)), average_frames(camera(1.0, 6))
    )
    assert image.mask[5, 6]
    assert any("saturated" in warning for warning in image.warnings)


def test_dose_ratio_scales_the_transmission(camera):
    dark, flat = average_frames(camera(0.0, 6)), average_frames(camera(1.0, 6))
    shorter = radiograph(average_frames(camera(0.5, 6)), dark, flat, dose_ratio=2.0)
    assert np.nanmean(shorter.transmission) == pytest.approx(1.0, rel=5e-3)


def test_exchanged_dark_and_flat_are_an_error(camera):
    with pytest.raises(ValueError, match="exchanged"):
        flat_field_correction(average_frames(camera(1.0, 4)), average_frames(camera(0.0, 4)))


@pytest.mark.parametrize(
    ("frames", "reason"),
    [(np.zeros(5), "shape"), (np.zeros((0, 4, 4)), "empty"), (np.full((3, 4, 4), np.nan), "finite")],
)
def test_frames_that_are_none_are_an_error(frames, reason):
    with pytest.raises(ValueError, match=reason):
        average_frames(frames)


def test_video_frame_is_corrected_into_the_array_given(camera):
    correction = flat_field_correction(average_frames(camera(0.0, 6)), average_frames(camera(1.0, 6)))
    raw, out = camera(0.5, 1)[0], np.empty(SHAPE)
    assert correction.apply(raw, out) is out
    assert np.nanmean(out) == pytest.approx(0.5, rel=0.01)
    with pytest.raises(ValueError, match="shape"):
        correction.apply(raw[:-1])


def test_display_fills_holes_of_any_size():
    image, mask = np.full((20, 20), 3.0), np.zeros((20, 20), bool)
    mask[5:15, 5:15] = True
    assert interpolated_for_display(np.where(mask, np.nan, image), mask) == pytest.approx(image)
    with pytest.raises(ValueError, match="all pixels"):
        interpolated_for_display(image, np.ones_like(mask))


@pytest.mark.skipif(not TOOTH.exists(), reason=f"no independent radiographs in {TOOTH}")
def test_open_beam_beside_a_real_tooth_is_near_one():
    import h5py

    with h5py.File(TOOTH) as file:
        data, dark, white = (np.asarray(file[f"exchange/{name}"]) for name in ("data", "data_dark", "data_white"))
    correction = flat_field_correction(average_frames(dark), average_frames(white))
    corrected = np.array([correction.apply(frame) for frame in data])
    # the tooth never reaches the outer columns
    beside = np.nanmean(np.concatenate([corrected[:, :, :20], corrected[:, :, -20:]], axis=2), axis=(1, 2))
    assert 0.996 <= beside.mean() <= 0.999
    assert np.nanmin(corrected) < 0.5
