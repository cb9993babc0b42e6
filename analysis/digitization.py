"""How well the mean of digital numbers tells a level that noise hardly moves: an error that no averaging takes out."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

#: Where a smaller share of the values lies beyond two neighbouring numbers, they are all that is seen.
ELSEWHERE = 0.01
#: Harmonics of the rounding error that are summed.
HARMONICS = 20


def rounding_uncertainty(values: npt.ArrayLike) -> float:
    """Estimate the standard uncertainty of the mean of a rounded level with noise, numbers.

    Without noise every value is rounded alike, and the error of the mean lies anywhere between -1/2 and 1/2. Noise of
    standard deviation s turns it into the sum over k of (-1)^k exp(-2 (pi k s)^2) sin(2 pi k x)/(pi k), x being the
    level. Where three numbers or more are seen, s is that of the values, without the 1/12 that rounding adds, and any
    x is as probable as another. Where only two are seen, s is not known: with a share p at the upper one, the level
    lies between their middle (no noise) and p (noise enough), and anywhere in between.

    Parameters
    ----------
    values
        Integers, of one level: dark frames. Any shape.

    References
    ----------
    B. Widrow and I. Kollar, Quantization Noise (2008), chapter 4 and appendix G (Sheppard's corrections).
    """
    numbers = np.asarray(values)
    if numbers.size == 0 or numbers.dtype.kind not in "iu":
        raise ValueError("rounding is that of integers, of one at least")
    seen, counts = np.unique(numbers.astype(np.int64), return_counts=True)
    shares = counts / numbers.size
    fullest = int(np.argmax(shares))
    beside = [i for i in (fullest - 1, fullest + 1) if 0 <= i < seen.size and abs(float(seen[i] - seen[fullest])) == 1]
    second = max((float(shares[i]) for i in beside), default=0.0)
    pair = float(shares[fullest]) + second
    if pair > 1.0 - ELSEWHERE:
        return abs(0.5 - second / pair) / math.sqrt(3.0)
    # a few hot pixels and direct hits are no noise of the level
    low, high = np.percentile(numbers, [100 * ELSEWHERE, 100 * (1 - ELSEWHERE)])
    kept = numbers[(numbers >= low) & (numbers <= high)]
    square = max(0.0, float(np.var(kept)) - 1.0 / 12.0)
    k = np.arange(1, HARMONICS + 1)
    return math.sqrt(float(np.sum(np.exp(-4.0 * np.pi**2 * k**2 * square) / (2.0 * np.pi**2 * k**2))))
