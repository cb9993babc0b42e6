"""A look at a file's global heaps before HDF5 sees them: in a damaged one the library (2.0) runs round for ever.

They hold the text of attributes and are the one part of its metadata that has no checksum (HDF5 file format
specification, version 3.0, section III.E). Ours are written with the header and at the sealing, so that of a large
file its beginning and its end are looked at.
"""

import os
import struct
from typing import Protocol

_SIGNATURE = b"GCOL\x01\x00\x00\x00"
_HEAD = struct.Struct("<QQ")
_OBJECT = struct.Struct("<HHIQ")
_LOOKED_AT = 64 * 1024**2
_PIECE = 512 * 1024
"""Bytes that are searched at once: meanwhile no other thread of Python runs, the window's neither."""


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
    _check_part(file, 0, min(size, _LOOKED_AT))
    if size > _LOOKED_AT:
        _check_part(file, max(_LOOKED_AT, size - _LOOKED_AT), size)


def _check_part(file: Readable, start: int, end: int) -> None:
    while start < end:
        # a signature that two pieces share is found in the first
        piece = _Piece(file, start, min(_PIECE + len(_SIGNATURE) - 1, end - start))
        found = piece.content.find(_SIGNATURE)
        while found >= 0:
            _check(piece, start + found, end)
            found = piece.content.find(_SIGNATURE, found + 1)
        start += _PIECE


class _Piece:
    """Piece of a file; what lies beyond it is read from the file, a piece at a time."""

    def __init__(self, file: Readable, start: int, size: int) -> None:
        file.seek(start)
        self._file = file
        self._start = start
        self._next: _Piece | None = None
        self.content = file.read(size) or b""

    def unpacked(self, structure: struct.Struct, place: int) -> tuple[int, ...]:
        """Return what lies at a place of the file.

        Raises
        ------
        OSError
            If the file ends before.
        """
        if self._holds(place, structure.size):
            return structure.unpack_from(self.content, place - self._start)
        if self._next is None or not self._next._holds(place, structure.size):
            self._next = _Piece(self._file, place, _PIECE)
            if not self._next._holds(place, structure.size):
                raise OSError("the file has become shorter")
        return self._next.unpacked(structure, place)

    def _holds(self, place: int, size: int) -> bool:
        return self._start <= place and place + size <= self._start + len(self.content)


def _check(piece: _Piece, start: int, part_end: int) -> None:
    if start + _HEAD.size > part_end:
        return
    end = start + piece.unpacked(_HEAD, start)[1]
    place = start + _HEAD.size
    while place + _OBJECT.size <= min(end, part_end):
        number, _, _, size = piece.unpacked(_OBJECT, place)
        # number 0 is the room that is left, whose size includes its own head
        taken = size if number == 0 else _OBJECT.size + (size + 7) // 8 * 8
        if taken < _OBJECT.size or place + taken > end:
            raise OSError("a global heap is damaged")
        place += taken
