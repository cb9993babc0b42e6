"""MTF from the contrasts of bar patterns."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from analysis.checked_arrays import finite_vector, matching_vector, positive_number, standard_uncertainties
from analysis.figure import FigureOfMerit
from analysis.line_pairs import OFFSET


def coltman_mtf(
    frequencies: npt.ArrayLike,
    contrasts: npt.ArrayLike,
    uncertainties: npt.ArrayLike | float = 0.0,
    *,
    unit: str = "lp/mm",
    contrast_at_zero: float = 1.0,
) -> tuple[FigureOfMerit, ...]:
    """MTF from the contrasts of bar patterns, M(f) = pi/4 (C(f) + C(3f)/3 - C(5f)/5 + C(7f)/7 + ...).

    Contrasts between the frequencies measured are interpolated linearly. Harmonics above the highest one are taken as
    half of what the last contrast allows at most, with a systematic uncertainty that spans from nothing to that.

    Parameters
    ----------
    frequencies, contrasts, uncertainties
        Of the groups, ascending frequencies.
    unit
        Of the frequencies.
    contrast_at_zero
        Contrast of bars so wide that nothing blurs them: below 1 where the bars let light through.

    Returns
    -------
    tuple of FigureOfMerit
        `mtf` at each frequency.

    References
    ----------
    J. W. Coltman, J. Opt. Soc. Am. 44 (1954) 468.
    """
    f = finite_vector("frequencies", frequencies)
    c = matching_vector("contrasts", contrasts, f, "frequencies") / positive_number(
        "contrast_at_zero", contrast_at_zero
    )
    u = standard_uncertainties("uncertainties", uncertainties, f) / contrast_at_zero
    if np.any(np.diff(f) <= 0) or f[0] <= 0:
        raise ValueError("frequencies must ascend from above zero")
    orders = [k for k in range(1, 60, 2) if _coltman_sign(k) != 0]
    figures = []
    for i, at in enumerate(f):
        # what each measured contrast adds to the sum
        gains, missing = np.zeros(f.size), 0.0
        for k in orders:
            weight = _coltman_sign(k) / k
            if k * at <= f[-1] * (1 + 1e-9):
                right = min(int(np.searchsorted(f, k * at)), f.size - 1)
                left = max(right - 1, 0)
                share = 1.0 if right == left else (k * at - f[left]) / (f[right] - f[left])
                gains[right] += weight * min(share, 1.0)
                gains[left] += weight * (1.0 - min(share, 1.0))
            elif missing == 0.0:
                # a contrast falls with frequency, at least as fast as the one over k that the bound leaves out
                missing = weight * float(max(c[-1], 0.0)) * f[-1] / (k * at)
        value = math.pi / 4 * (float(gains @ c) + missing / 2)
        statistical = math.pi / 4 * float(np.sqrt(np.sum((gains * u) ** 2)))
        systematic = math.pi / 4 * abs(missing) / math.sqrt(12)
        warnings: tuple[str, ...] = (OFFSET,)
        if 3 * at > f[-1] * (1 + 1e-9) and c[-1] > 0.02:
            warnings += (f"third harmonic at {3 * at:.3g} {unit} was not measured: its part is known as a range only",)
        figure = FigureOfMerit.normal(
            "mtf", value, "1", "Coltman series", statistical=statistical, systematic=systematic, warnings=warnings
        )
        figures.append(figure.at_condition(frequency=(float(f[i]), unit)))
    return tuple(figures)


def _coltman_sign(order: int) -> int:
    """Coefficient of C(kf)/k: Moebius function times the sign of the k-th harmonic of a square wave; 0 if square."""
    sign, rest = 1 if order % 4 == 1 else -1, order
    for prime in range(3, order + 1, 2):
        if rest % prime == 0:
            rest //= prime
            sign = -sign
            if rest % prime == 0:
                return 0
    return sign
