"""A file from elsewhere: its bytes, its digest, its text."""

from __future__ import annotations

import codecs
import hashlib
from dataclasses import dataclass
from pathlib import Path

from config.mistake import UserMistake

LARGEST_BYTES = 512 * 1024**2
"""More than any table, spectrum or frame that a person would import one at a time."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Source:
    """A file as it was when it was imported."""

    path: Path
    content: bytes

    @property
    def sha256(self) -> str:
        """Digest of the bytes, hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()

    def text(self) -> str:
        """Return the content as text.

        A byte order mark decides; without one UTF-16 shows in its zero bytes, and what is not UTF-8 is taken for
        Windows' western code page, which older instruments write.

        Raises
        ------
        UserMistake
            If it is no text.
        """
        found = next((name for mark, name in _MARKS if self.content.startswith(mark)), None)
        if found is None:
            found = _without_mark(self.content)
        try:
            text = self.content.decode(found)
        except UnicodeDecodeError:
            text = self.content.decode("cp1252", errors="replace")
        if "\0" in text:
            raise UserMistake(f"{self.path}: is no text but binary data; export it as CSV")
        return text


def _without_mark(content: bytes) -> str:
    beginning = content[:4096]
    if len(beginning) >= 4:
        odd, even = beginning[1::2].count(0), beginning[::2].count(0)
        half = len(beginning) // 2
        if odd > 0.6 * half and even < 0.1 * half:
            return "utf-16-le"
        if even > 0.6 * half and odd < 0.1 * half:
            return "utf-16-be"
    return "utf-8"


def read_source(path: Path) -> Source:
    """Read a file.

    Raises
    ------
    UserMistake
        If it is missing, empty, unreadable or larger than `LARGEST_BYTES`.
    """
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise UserMistake(f"{path}: is no file")
        if size > LARGEST_BYTES:
            raise UserMistake(f"{path}: has {size / 1e6:.0f} MB, at most {LARGEST_BYTES / 1e6:.0f} MB are read")
        content = path.read_bytes()
    except OSError as fault:
        raise UserMistake(f"{path}: cannot be read: {fault.strerror}") from fault
    if not content.strip():
        raise UserMistake(f"{path}: is empty")
    return Source(path, content)
