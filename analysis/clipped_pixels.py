"""Whether an image is saturated."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis.edge_region import BoolArray

#: A share of saturated pixels above this spoils an image; fewer are hot pixels.
SPOILING_SHARE = 0.002
#: Largest values of common camera formats.
FULL_SCALES = tuple(2.0**bits - 1 for bits in (8, 10, 12, 14, 16))


def saturation_reason(
    image: npt.NDArray[np.generic], mask: BoolArray | None = None, saturation: float | None = None
) -> str | None:
    """Why an image counts as saturated; None when it does not.

    Parameters
    ----------
    image
        Any shape.
    mask
        True at pixels to leave out.
    saturation
        Level at and above which a pixel is saturated. None: pixels count as clipped when many hold exactly the
        largest value, and that is a camera's full scale, or the rest of the image is too noisy to repeat a value so.
    """
    pixels = image if mask is None else image[~mask]
    if pixels.size == 0:
        return None
    if saturation is not None:
        share = float(np.count_nonzero(pixels >= saturation)) / pixels.size  # type: ignore[operator]
        if share > SPOILING_SHARE:
            return f"saturated: {share:.1%} of the pixels are at or above {saturation:g}: lower exposure or gain"
        return None
    largest = np.nanmax(pixels) if pixels.dtype.kind == "f" else pixels.max()
    share = float(np.count_nonzero(pixels == largest)) / pixels.size
    if share <= SPOILING_SHARE:
        return None
    if float(largest) in FULL_SCALES:
        return f"saturated: {share:.1%} of the pixels hold {float(largest):g}, a camera's full scale"
    if share > 0.05:
        # a noisy image does not hold one value so often; one without noise repeats its smallest value as well
        smallest = np.nanmin(pixels) if pixels.dtype.kind == "f" else pixels.min()
        if float(np.count_nonzero(pixels == smallest)) < 0.1 * share * pixels.size:
            return f"saturated: {share:.1%} of the pixels hold the largest value, {float(largest):g}, exactly"
    return None
