"""Bar patterns of known contrast in, contrast, resolution and MTF out."""

import math

import numpy as np
import pytest
from scipy import special

from analysis.coltman import coltman_mtf
from analysis.figure import FigureOfMerit
from analysis.line_groups import find_line_groups
from analysis.line_pairs import LinePairsRefused, line_pair_contrast, resolvable_frequency


def bars(frequency, sigma=1.0, angle=0.0, shape=(80, 120), offset=0.0, noise=0.0, seed=1, depth=1.0):
    """Square wave of 1000 at most, blurred by a Gaussian, as a sum of its harmonics."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    turn = math.radians(angle)
    phase = 2 * np.pi * frequency * (x * math.cos(turn) + y * math.sin(turn)) + 0.4
    image = np.full(shape, 0.5)
    for k in range(1, 60, 2):
        image += 2 / math.pi / k * depth * gaussian_mtf(k * frequency, sigma) * np.sin(k * phase)
    return 1000 * image + offset + 1000 * noise * np.random.default_rng(seed).normal(size=shape)


def gaussian_mtf(frequency, sigma):
    return math.exp(-2 * (math.pi * sigma * frequency) ** 2)


def bar_contrast(frequency, sigma):
    signs = [(1 if k % 4 == 1 else -1) / k for k in range(1, 200, 2)]
    return (
        4 / math.pi * sum(s * gaussian_mtf(k * frequency, sigma) for s, k in zip(signs, range(1, 200, 2), strict=True))
    )


@pytest.mark.parametrize("angle", [0.0, 3.0, -20.0, 88.0, 90.0])
@pytest.mark.parametrize("frequency", [0.06, 0.11, 0.21])
def test_contrast_of_blurred_bars_is_found_at_any_angle(frequency, angle):
    found = line_pair_contrast(bars(frequency, 1.8, angle))
    assert found.frequency == pytest.approx(frequency, rel=0.01)
    assert found.contrast.value == pytest.approx(bar_contrast(frequency, 1.8), abs=0.02)
    assert found.horizontal == (abs(angle) > 45)


def test_interval_of_the_contrast_holds_the_truth():
    truth, held = bar_contrast(0.15, 1.5), 0
    for seed in range(40):
        figure = line_pair_contrast(bars(0.15, 1.5, 2.0, (60, 60), noise=0.2, seed=seed)).contrast
        held += figure.interval[0] <= truth <= figure.interval[1]
    assert held >= 34


def test_noise_does_not_raise_the_contrast_as_extremes_of_pixels_would():
    image = bars(0.2, 2.0, noise=0.3)
    figure = line_pair_contrast(image, frequency=0.2).contrast
    assert figure.value == pytest.approx(bar_contrast(0.2, 2.0), abs=4 * figure.uncertainty)
    assert (image.max() - image.min()) / (image.max() + image.min()) > 1.0


def test_offset_lowers_the_contrast_and_the_figure_warns_of_it():
    clean, offset = (line_pair_contrast(bars(0.1, 1.0, offset=level)).contrast for level in (0.0, 500.0))
    assert offset.value == pytest.approx(clean.value / 2, rel=0.02)
    assert any("offset" in warning for warning in offset.warnings)
    assert any("no MTF" in warning for warning in offset.warnings)


def test_frequency_in_line_pairs_per_millimetre():
    found = line_pair_contrast(bars(0.112, 1.0), frequency=20.0, pixel_pitch=5.6e-6)
    assert found.contrast.at["frequency"] == (pytest.approx(20.0, rel=0.005), "lp/mm")
    assert found.frequency_lp_mm == pytest.approx(20.0, rel=0.005)


def test_masked_pixels_and_tilted_background_do_not_matter():
    image = bars(0.1, 1.5) + np.linspace(-200, 200, 120)
    holes = np.random.default_rng(2).random(image.shape) < 0.03
    image[holes] = np.nan
    assert line_pair_contrast(image).contrast.value == pytest.approx(bar_contrast(0.1, 1.5), abs=0.02)


def test_pattern_that_is_not_seen_has_a_contrast_near_zero_at_a_given_frequency_only():
    image = bars(0.3, 5.0, noise=0.05)
    figure = line_pair_contrast(image, frequency=0.3).contrast
    assert figure.value < 0.02
    assert any("not seen" in warning for warning in figure.warnings)
    with pytest.raises(LinePairsRefused, match="no periodic"):
        line_pair_contrast(image)


@pytest.mark.parametrize(
    ("image", "options", "reason"),
    [
        (np.full((40, 40), np.nan), {}, "masked or not finite"),
        (np.zeros((4, 40)), {}, "too small"),
        (np.zeros((40, 40, 3)), {}, "two dimensions"),
        (bars(0.1) - 600.0, {}, "not above zero"),
        (bars(0.1), {"frequency": 0.6}, "Nyquist"),
        (bars(0.1), {"frequency": 0.012}, "fewer than two"),
    ],
)
def test_what_has_no_contrast_is_refused(image, options, reason):
    with pytest.raises(LinePairsRefused, match=reason):
        line_pair_contrast(image, **options)


def contrast_figure(frequency, value, uncertainty=0.01):
    return FigureOfMerit.normal("contrast", value, "1", "made up", statistical=uncertainty).at_condition(
        frequency=(frequency, "lp/mm")
    )


def test_resolution_is_interpolated_or_a_lower_bound_or_refused():
    falling = [contrast_figure(f, c) for f, c in ((6, 0.8), (10, 0.4), (14, 0.1), (20, 0.02))]
    limit = resolvable_frequency(falling)
    assert limit.value == pytest.approx(10 + 4 * 0.2 / 0.3)
    assert limit.uncertainty == pytest.approx(4 / 0.3 * 0.01 * math.hypot(1 / 3, 2 / 3))
    bound = resolvable_frequency(falling[:2])
    assert bound.value == 10
    assert bound.uncertainty is None
    assert "lower bound" in bound.warnings[0]
    assert resolvable_frequency(falling[2:]).value is None
    assert resolvable_frequency([]).value is None


def test_coltman_series_turns_contrasts_into_the_mtf():
    frequencies = np.arange(1.0, 61.0)
    contrasts = [bar_contrast(f / 100, 3.0) for f in frequencies]
    for figure in coltman_mtf(frequencies, contrasts, 0.001):
        frequency = figure.at["frequency"][0]
        # contrasts near zero are seen by no one: from there linear interpolation is off by the step
        assert figure.value == pytest.approx(gaussian_mtf(frequency / 100, 3.0), abs=0.01)
    assert contrasts[4] > 1.1 * gaussian_mtf(0.05, 3.0), "contrast is above the MTF"


def test_coltman_series_says_when_the_third_harmonic_is_missing():
    frequencies = np.array([2.0, 4.0, 6.0])
    contrasts = [bar_contrast(f / 100, 3.0) for f in frequencies]
    figures = coltman_mtf(frequencies, contrasts, 0.005)
    assert not any("third" in w for w in figures[0].warnings)
    assert any("third" in w for w in figures[2].warnings)
    truth = gaussian_mtf(0.06, 3.0)
    assert figures[2].interval[0] < truth < figures[2].interval[1]


def test_groups_are_found_in_a_pattern_of_several():
    image = np.full((300, 420), 800.0)
    places = {0.05: (40, 30), 0.1: (40, 230), 0.17: (170, 30), 0.25: (170, 230)}
    for frequency, (row, column) in places.items():
        image[row : row + 80, column : column + 140] = bars(frequency, 0.9, 1.0, (80, 140))
    image += np.random.default_rng(5).normal(scale=30, size=image.shape)
    for nominal in (list(places), None):
        groups = find_line_groups(image, nominal)
        found = {}
        for rows, columns in groups:
            pairs = line_pair_contrast(image, region=(rows, columns))
            found[min(places, key=lambda f, p=pairs: abs(f - p.frequency))] = pairs
            row, column = places[min(places, key=lambda f, p=pairs: abs(f - p.frequency))]
            assert row - 6 <= rows.start < rows.stop <= row + 86
            assert column - 6 <= columns.start < columns.stop <= column + 146
        assert set(found) == set(places)
        for frequency, pairs in found.items():
            assert pairs.frequency == pytest.approx(frequency, rel=0.02)
            assert pairs.contrast.value == pytest.approx(bar_contrast(frequency, 0.9), abs=0.06)


def test_no_groups_are_found_in_noise():
    assert find_line_groups(np.random.default_rng(3).normal(1000, 30, (200, 200))) == ()


def test_noise_does_not_raise_the_contrast_of_coarse_lines() -> None:
    truth = bar_contrast(1 / 60, 5.0)
    off = []
    for seed in range(30):
        image = bars(1 / 60, 5.0, shape=(12, 240), noise=0.08, seed=seed)
        figure = line_pair_contrast(image, frequency=1 / 60).contrast
        assert figure.value is not None
        assert figure.uncertainty is not None
        off.append((figure.value - truth) / figure.uncertainty)
    assert abs(np.mean(off)) < 0.5
    assert np.mean(np.abs(off) < 1.96) >= 0.85


def test_lines_that_are_not_symmetric_are_said_to_be() -> None:
    x = np.arange(120)
    leaning = 500.0 + 200.0 * (np.cos(2 * np.pi * x / 20) + 0.4 * np.sin(4 * np.pi * x / 20))
    image = leaning + np.random.default_rng(1).normal(scale=5.0, size=(60, 120))
    found = line_pair_contrast(image).contrast
    assert any("not symmetric" in warning for warning in found.warnings)
    assert not any("symmetric" in warning for warning in line_pair_contrast(bars(0.05, noise=0.05)).contrast.warnings)


def test_borders_of_a_blurred_group_do_not_change_its_contrast() -> None:
    # five bars before an open beam, blurred by a quarter of their period in both directions
    x, y, period, sigma = np.arange(640) - 320.0, np.arange(400) - 200.0, 36.0, 10.0
    covered = sum(
        special.ndtr((x - begin) / sigma) - special.ndtr((x - begin - period / 2) / sigma)
        for begin in (np.arange(5) - 2.25) * period
    )
    along = special.ndtr((y + 70) / sigma) - special.ndtr((y - 70) / sigma)
    image = 1000.0 * (1.0 - along[:, None] * covered)
    image += np.random.default_rng(1).normal(scale=1.0, size=image.shape)
    ((rows, columns),) = find_line_groups(image, [1 / period])
    found = line_pair_contrast(image, region=(rows, columns), frequency=1 / period)
    assert found.contrast.value == pytest.approx(bar_contrast(1 / period, sigma), rel=1e-3)
    assert found.frequency == pytest.approx(1 / period, rel=1e-3)
