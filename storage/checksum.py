"""SHA-256 of what a run file holds, dataset by dataset.

The digest of a dataset is SHA-256 over its elements in C order, little-endian as stored, followed by one zero byte
and the JSON text ``[dtype, shape, units]`` (numpy's dtype string; units "" where there are none): a number whose unit
was changed is a changed number. The digests of all datasets below ``/entry`` but themselves stand in
``/entry/checksum/digests`` as one JSON object from path to digest, in the order of the paths.
"""

import hashlib
import json
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

ALGORITHM = "sha256"


class Digest:
    """SHA-256 of a dataset that may grow by rows."""

    def __init__(self, dtype: np.dtype[np.generic], units: str = "") -> None:
        self._dtype = dtype
        self._units = units
        self._hash = hashlib.sha256()

    def update(self, rows: npt.NDArray[np.generic]) -> None:
        """Add rows in the order in which they are stored."""
        if rows.size:
            self._hash.update(np.ascontiguousarray(rows, dtype=self._dtype).data.cast("B"))

    def hexdigest(self, shape: Iterable[int]) -> str:
        """Digest of everything added, for a dataset of this shape."""
        whole = self._hash.copy()
        whole.update(b"\0" + json.dumps([self._dtype.str, list(shape), self._units]).encode())
        return whole.hexdigest()


def digest_of(array: npt.NDArray[np.generic], units: str = "") -> str:
    """Digest of a dataset that is written at once."""
    digest = Digest(array.dtype, units)
    digest.update(array)
    return digest.hexdigest(array.shape)
