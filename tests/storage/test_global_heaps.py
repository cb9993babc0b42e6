"""Global heaps are looked at wherever they lie, a piece of the file at a time."""

from __future__ import annotations

import io
import struct

import pytest

from storage import global_heaps
from storage.global_heaps import check_global_heaps

OBJECT = struct.Struct("<HHIQ")
HEAD = struct.Struct("<4sB3xQ")


def heap(objects: int, last_size: int = 8) -> bytes:
    """Return a global heap of objects of 8 bytes (HDF5 file format specification, section III.E)."""
    body = b"".join(
        OBJECT.pack(number, 1, 0, last_size if number == objects else 8) + bytes(8) for number in range(1, objects + 1)
    )
    return HEAD.pack(b"GCOL", 1, HEAD.size + len(body)) + body


@pytest.mark.parametrize("offset", [0, 7, 4090, 4093, 4096, 8192 + 2048, 20_000])
@pytest.mark.parametrize("objects", [1, 700])
def test_a_damaged_heap_is_found_wherever_it_lies(monkeypatch: pytest.MonkeyPatch, offset: int, objects: int) -> None:
    monkeypatch.setattr(global_heaps, "_PIECE", 4096)
    check_global_heaps(io.BytesIO(bytes(offset) + heap(objects) + bytes(5000)))
    with pytest.raises(OSError, match="damaged"):
        check_global_heaps(io.BytesIO(bytes(offset) + heap(objects, last_size=2**40) + bytes(5000)))


def test_of_a_large_file_the_beginning_and_the_end_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(global_heaps, "_PIECE", 4096)
    monkeypatch.setattr(global_heaps, "_LOOKED_AT", 16384)
    damaged = heap(3, last_size=2**40)
    for before in (0, 12_000, 90_000):
        with pytest.raises(OSError, match="damaged"):
            check_global_heaps(io.BytesIO(bytes(before) + damaged + bytes(100_000 - before)))


def test_a_file_that_grows_shorter_meanwhile_is_an_error_of_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(global_heaps, "_PIECE", 4096)

    class Shrinking(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(size) if self.tell() < 4096 else b""

    with pytest.raises(OSError, match="shorter"):
        check_global_heaps(Shrinking(heap(700)))
