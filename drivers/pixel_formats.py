"""How pixels lie in a camera's buffer, and how to take them out.

Names and bit orders are those of the Pixel Format Naming Convention (EMVA, PFNC 2.4, chapters 4 and 5: ``Mono10`` is
one pixel in two bytes, ``Mono10p`` a little-endian stream of bits without gaps) and, for the older ``Packed`` ones, of
GigE Vision 2.0, chapter 25 (two pixels in three bytes, the low bits of both in the middle one).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
Packing = Literal["none", "p", "Packed"]

_NAME = re.compile(r"Mono(8|10|12|14|16)(p|Packed)?")


@dataclass(frozen=True)
class PixelFormat:
    """A monochrome format."""

    name: str
    bits: int
    packing: Packing = "none"

    @property
    def full_scale(self) -> int:
        """The largest value that a pixel can have."""
        return (1 << self.bits) - 1

    @property
    def bits_in_memory(self) -> int:
        """How many bits a pixel takes in the buffer."""
        if self.packing == "p":
            return self.bits
        if self.packing == "Packed":
            return 12
        return 8 if self.bits == 8 else 16

    def size(self, width: int, height: int, padding: int = 0) -> int:
        """Return the bytes that an image takes, lines being followed by `padding` bytes."""
        if padding == 0:
            return -(-width * height * self.bits_in_memory // 8)
        return (-(-width * self.bits_in_memory // 8) + padding) * height


def pixel_format(name: str) -> PixelFormat | None:
    """Return the monochrome format of that name; None for colour and everything else."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    bits, suffix = int(match[1]), match[2]
    if suffix == "Packed" and bits not in (10, 12):
        return None
    if suffix == "p" and bits in (8, 16):
        return None
    packing: Packing = "p" if suffix == "p" else "Packed" if suffix == "Packed" else "none"
    return PixelFormat(name, bits, packing)


def unpack(content: bytes | memoryview, form: PixelFormat, width: int, height: int, padding: int = 0) -> Pixels:
    """Take an image out of a buffer.

    Parameters
    ----------
    content
        The buffer from the image's first byte on; what follows the image is left alone.
    form
        Its format.
    width, height
        Pixels.
    padding
        Bytes after each line.

    Returns
    -------
    numpy.ndarray
        (height, width), uint8 for eight bits and uint16 for more; an array of its own, which outlives the buffer.

    Raises
    ------
    ValueError
        If the buffer is too short for the image.
    """
    needed = form.size(width, height, padding)
    if width < 1 or height < 1 or len(content) < needed:
        raise ValueError(f"{len(content)} bytes hold no {width} x {height} image in {form.name}, which takes {needed}")
    raw = np.frombuffer(content, dtype=np.uint8, count=needed)
    if padding:
        lines = raw.reshape(height, -1)[:, : needed // height - padding]
        # a packed line that is padded ends at a whole byte
        return np.concatenate([_pixels(line, form, width) for line in lines]).reshape(height, width)
    return _pixels(raw, form, width * height).reshape(height, width)


def _pixels(raw: npt.NDArray[np.uint8], form: PixelFormat, count: int) -> Pixels:
    if form.packing == "none":
        if form.bits == 8:
            return raw[:count].copy()
        words = np.frombuffer(raw.tobytes(), dtype="<u2", count=count).astype(np.uint16)
        return words & np.uint16(form.full_scale) if form.bits < 16 else words
    if form.packing == "p":
        return _bit_stream(raw, form.bits, count)
    return _two_in_three(raw, form.bits, count)


def _bit_stream(raw: npt.NDArray[np.uint8], bits: int, count: int) -> npt.NDArray[np.uint16]:
    """Take pixels out of a stream in which each begins at the bit after the last one's highest."""
    # four pixels of 10 bits fill five bytes, two of 12 three, four of 14 seven: whole groups are done at once
    group = {10: (5, 4), 12: (3, 2), 14: (7, 4)}[bits]
    groups = -(-count // group[1])
    filled = np.zeros(groups * group[0], dtype=np.uint8)
    filled[: min(len(raw), len(filled))] = raw[: len(filled)]
    octets = filled.reshape(groups, group[0])
    pixels = np.empty((groups, group[1]), dtype=np.uint16)
    for number in range(group[1]):
        first, shift = divmod(number * bits, 8)
        value = octets[:, first].astype(np.uint32)
        for further in range(1, -(-(shift + bits) // 8)):
            value |= octets[:, first + further].astype(np.uint32) << np.uint32(8 * further)
        pixels[:, number] = (value >> np.uint32(shift)) & np.uint32(2**bits - 1)
    return pixels.reshape(-1)[:count]


def _two_in_three(raw: npt.NDArray[np.uint8], bits: int, count: int) -> npt.NDArray[np.uint16]:
    """Take pixels out of GigE Vision's packing: high bits, low bits of both, high bits."""
    pairs = -(-count // 2)
    filled = np.zeros(pairs * 3, dtype=np.uint8)
    filled[: min(len(raw), len(filled))] = raw[: len(filled)]
    octets = filled.reshape(pairs, 3).astype(np.uint16)
    low = np.uint16(bits - 8)
    mask = np.uint16(2 ** (bits - 8) - 1)
    pixels = np.empty((pairs, 2), dtype=np.uint16)
    pixels[:, 0] = octets[:, 0] << low | octets[:, 1] & mask
    pixels[:, 1] = octets[:, 2] << low | octets[:, 1] >> np.uint16(4) & mask
    return pixels.reshape(-1)[:count]
