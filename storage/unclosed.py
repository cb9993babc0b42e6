"""A file whose writer was killed, read as if it had been closed.

HDF5 marks a file in its superblock while it is being written and then opens it in SWMR mode only. There a damaged
piece of metadata is taken for one that is just being written, and read again and again at ever longer intervals, for
years. When nobody writes the file any more it is therefore shown to the library with the mark removed, and the end of
file as it is; the file on disk is not touched. (HDF5 file format specification, version 3.0, section II.A "Superblock",
and its checksum: Jenkins' lookup3.)
"""

import io
import os
import struct
from pathlib import Path
from typing import cast

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_SUPERBLOCK = struct.Struct("<8sBBBBQQQQ")
_SIZE = _SUPERBLOCK.size + 4
_MASK = 0xFFFFFFFF


class UnclosedFile(io.FileIO):
    """Binary file, for h5py's `File`, that looks closed.

    Parameters
    ----------
    path
        Of the file.

    Raises
    ------
    OSError
        If it has no superblock of version 2 or 3 at its beginning, or a damaged one.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, "r")
        size = os.fstat(self.fileno()).st_size
        stored = super().read(_SIZE)
        if len(stored) < _SIZE or struct.unpack("<I", stored[-4:])[0] != lookup3(stored[:-4]):
            self.close()
            raise OSError("its superblock is damaged")
        signature, version, offsets, lengths, _, base, extension, _, root = _SUPERBLOCK.unpack(stored[:-4])
        if signature != _SIGNATURE or version not in (2, 3) or (offsets, lengths, base) != (8, 8, 0):
            self.close()
            raise OSError("its superblock is of another kind")
        closed = _SUPERBLOCK.pack(signature, version, offsets, lengths, 0, base, extension, size, root)
        self._closed_superblock = closed + struct.pack("<I", lookup3(closed))
        self.seek(0)

    def readinto(self, buffer: object) -> int:
        """Read as the file would read had it been closed."""
        start = self.tell()
        view = memoryview(cast(bytearray, buffer)).cast("B")
        count = int(super().readinto(view) or 0)
        if start < _SIZE:
            stop = min(_SIZE, start + count)
            view[: stop - start] = self._closed_superblock[start:stop]
        return count


def lookup3(data: bytes) -> int:
    """Bob Jenkins' lookup3 (hashlittle, initial value 0), HDF5's metadata checksum."""
    a: int
    b: int
    c: int
    a = b = c = (0xDEADBEEF + len(data)) & _MASK
    while len(data) > 12:
        x, y, z = struct.unpack("<3I", data[:12])
        a, b, c = (a + x) & _MASK, (b + y) & _MASK, (c + z) & _MASK
        for shifts in ((4, 6, 8), (16, 19, 4)):
            a = ((a - c) & _MASK) ^ _rotated(c, shifts[0])
            c = (c + b) & _MASK
            b = ((b - a) & _MASK) ^ _rotated(a, shifts[1])
            a = (a + c) & _MASK
            c = ((c - b) & _MASK) ^ _rotated(b, shifts[2])
            b = (b + a) & _MASK
        data = data[12:]
    if not data:
        return c
    x, y, z = struct.unpack("<3I", data.ljust(12, b"\0"))
    a, b, c = (a + x) & _MASK, (b + y) & _MASK, (c + z) & _MASK
    c = ((c ^ b) - _rotated(b, 14)) & _MASK
    a = ((a ^ c) - _rotated(c, 11)) & _MASK
    b = ((b ^ a) - _rotated(a, 25)) & _MASK
    c = ((c ^ b) - _rotated(b, 16)) & _MASK
    a = ((a ^ c) - _rotated(c, 4)) & _MASK
    b = ((b ^ a) - _rotated(a, 14)) & _MASK
    return ((c ^ b) - _rotated(b, 24)) & _MASK


def _rotated(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (32 - bits))) & _MASK
