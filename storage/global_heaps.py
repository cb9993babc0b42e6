"""A look at a file's global heaps before HDF5 sees them: in a damaged one the library (2.0) runs round for ever.

They hold the text of attributes and are the one part of its metadata that has no checksum (HDF5 file format
specification, version 3.0, section III.E). Ours are written with the header and at the sealing, so that of a large
file its beginning and its end are looked at.
"""

import os
import struct
from typing import Protocol

_SIGNATURE = b"GCOL\x01\x00\x00\x00"
_HEAD = struct.Struct("<8sQ")
_OBJECT = struct.Struct("<HHIQ")
_LOOKED_AT = 64 * 1024**2


class Readable(Protocol):
    """Binary file that is read."""

    def seek(self, offset: int, whence: int = ..., /) -> int:
        """Go to a place."""

    def read(self, size: int = ..., /) -> bytes | None:
        """Read from there."""


def check_global_heaps(file: Readable) -> None:
    """See that each heap's objects lie within it, one after the other.

    Raises
    ------
    OSError
        If one's do not, or the file cannot be read.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    parts = [file.read(_LOOKED_AT) or b""]
    if size > _LOOKED_AT:
        file.seek(max(_LOOKED_AT, size - _LOOKED_AT))
        parts.append(file.read(_LOOKED_AT) or b"")
    for part in parts:
        start = part.find(_SIGNATURE)
        while start >= 0:
            _check(part, start)
            start = part.find(_SIGNATURE, start + 1)


def _check(part: bytes, start: int) -> None:
    if start + _HEAD.size > len(part):
        return
    end = start + _HEAD.unpack_from(part, start)[1]
    place = start + _HEAD.size
    while place + _OBJECT.size <= min(end, len(part)):
        number, _, _, size = _OBJECT.unpack_from(part, place)
        # number 0 is the room that is left, whose size includes its own head
        taken = size if number == 0 else _OBJECT.size + (size + 7) // 8 * 8
        if taken < _OBJECT.size or place + taken > end:
            raise OSError("a global heap is damaged")
        place += taken
