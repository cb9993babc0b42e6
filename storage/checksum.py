"""Digests of what a run file holds, dataset by dataset.

The digest of a dataset is SHA-256 over its elements in C order, little-endian as stored, followed by one zero byte
and the JSON text ``[dtype, shape, units]`` (numpy's dtype string; units "" where there are none): a number whose unit
was changed is a changed number. Columns of images have BLAKE3 over the same bytes, written ``blake3:...``: it keeps up
with a disk where SHA-256 does not. The digests of all datasets below ``/entry`` but themselves stand in
``/entry/checksum/digests`` as one JSON object from path to digest, in the order of the paths.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Literal

import blake3
import numpy as np
import numpy.typing as npt

Algorithm = Literal["sha256", "blake3"]

ALGORITHMS = "sha256, or blake3 where a digest begins so"

_MARK = "blake3:"


class Digest:
    """Digest of a dataset that may grow by rows.

    Parameters
    ----------
    dtype, units
        Of the dataset.
    algorithm
        What is used; see `algorithm_for` and `algorithm_of`.
    """

    def __init__(self, dtype: np.dtype[np.generic], units: str = "", algorithm: Algorithm = "sha256") -> None:
        self._dtype = dtype
        self._units = units
        self._mark = _MARK if algorithm == "blake3" else ""
        self._hash: hashlib._Hash | blake3.blake3 = blake3.blake3() if self._mark else hashlib.sha256()

    def update(self, rows: npt.NDArray[np.generic]) -> None:
        """Add rows in the order in which they are stored."""
        if rows.size:
            self._hash.update(np.ascontiguousarray(rows, dtype=self._dtype).data.cast("B"))

    def hexdigest(self, shape: Iterable[int]) -> str:
        """Digest of everything added, for a dataset of this shape."""
        whole = self._hash.copy()
        whole.update(b"\0" + json.dumps([self._dtype.str, list(shape), self._units]).encode())
        return self._mark + whole.hexdigest()


def digest_of(array: npt.NDArray[np.generic], units: str = "") -> str:
    """Digest of a dataset that is written at once."""
    digest = Digest(array.dtype, units)
    digest.update(array)
    return digest.hexdigest(array.shape)


def algorithm_for(dimensions: int) -> Algorithm:
    """Algorithm for a dataset of so many dimensions: rows of images have three."""
    return "blake3" if dimensions == 3 else "sha256"


def algorithm_of(digest: str) -> Algorithm:
    """Algorithm that gave a digest."""
    return "blake3" if digest.startswith(_MARK) else "sha256"
