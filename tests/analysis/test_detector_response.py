"""A bent detector is straightened by the polynomial that its maker gives."""

import numpy as np
import pytest

from analysis.detector_response import linearised


def test_counts_that_were_bent_by_the_polynomial_come_back() -> None:
    coefficients = (0.99, 6.5e-7, -7.5e-12)
    true = np.linspace(0, 60_000, 500)
    bent = true.copy()
    for _ in range(50):
        bent = true * np.polynomial.polynomial.polyval(bent, coefficients)
    dark = np.full_like(true, 1500.0)
    assert linearised(bent + dark, dark, coefficients) == pytest.approx(true + dark, rel=1e-12)
    # and it mattered
    assert np.abs(bent - true).max() > 150


def test_without_coefficients_counts_stay_as_they_are() -> None:
    light = np.array([1.0, 2.0, 3.0])
    assert linearised(light, np.zeros(3), ()).tolist() == light.tolist()


def test_a_polynomial_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="not positive"):
        linearised([10_000.0], [0.0], (1.0, -1e-3))
