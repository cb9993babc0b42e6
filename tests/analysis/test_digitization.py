"""Levels rounded with little noise, and how far their mean is off."""

import numpy as np
import pytest

from analysis.digitization import rounding_uncertainty


@pytest.mark.parametrize("noise", [0.0, 0.03, 0.1, 0.2, 0.3, 0.5, 2.0])
def test_errors_of_the_mean_are_as_large_as_stated(noise: float) -> None:
    random = np.random.default_rng(3)
    scores, errors, stated = [], [], []
    for level in random.uniform(20.0, 30.0, 200):
        numbers = np.rint(level + noise * random.standard_normal(5_000)).astype(np.uint16)
        errors.append(numbers.mean() - level)
        stated.append(np.hypot(rounding_uncertainty(numbers), noise / np.sqrt(numbers.size)))
        scores.append(abs(errors[-1]) < 1.96 * stated[-1] + 1e-12)
    assert np.mean(scores) >= 0.9
    # not wider than that takes, where the noise is known
    if noise in (0.0, 0.5, 2.0):
        assert np.sqrt(np.mean(np.square(stated))) < 1.3 * np.sqrt(np.mean(np.square(errors)))


def test_a_level_that_is_one_number_may_lie_anywhere_in_it() -> None:
    assert rounding_uncertainty(np.full((4, 4), 5, np.uint8)) == pytest.approx(0.5 / np.sqrt(3))


def test_hot_pixels_are_no_noise() -> None:
    numbers = np.full(10_000, 5, np.uint16)
    numbers[:20] = 4095
    assert rounding_uncertainty(numbers) == pytest.approx(0.5 / np.sqrt(3))


def test_what_was_never_rounded_is_refused() -> None:
    with pytest.raises(ValueError, match="integers"):
        rounding_uncertainty(np.linspace(0.0, 1.0, 9))
