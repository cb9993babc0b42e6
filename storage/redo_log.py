"""A change of a large run file in place, written down before it is made, so that no kill leaves half of it.

The bytes that are new go behind the file's end, where nobody looks yet. Those that change are written, old and new,
into a log beside it, `<stem>.redo`; only when the disk has both is the file itself touched. Whoever finds a log sees
the file as it is to be (`ChangedFile`), and the next one who changes the file first does what the log says. To do it
twice does no harm.
"""

import hashlib
import io
import os
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

PAGE = 4096
"""Bytes that are written down together."""

SUFFIX = ".redo"

_MARK = b"xraybench redo log 1\n"
_HEAD = struct.Struct("<QQQ")
_PIECE = struct.Struct("<QI")
_DIGEST_BYTES = hashlib.sha256().digest_size
_LONGEST = 256 * 1024**2


def log_path(run_file: Path) -> Path:
    """Log beside a run file: `<stem>.redo`."""
    return run_file.with_name(f"{run_file.stem}{SUFFIX}")


@dataclass(frozen=True)
class Piece:
    """Bytes of a file that change.

    Attributes
    ----------
    place
        Of the first one.
    old, new
        Of the same length.
    """

    place: int
    old: bytes
    new: bytes


@dataclass(frozen=True)
class Change:
    """A change of a file.

    Attributes
    ----------
    size_before, size_after
        Of the file, bytes.
    pieces
        What changes of the bytes before `size_before`.
    """

    size_before: int
    size_after: int
    pieces: tuple[Piece, ...]

    def fits(self, file: BinaryIO) -> bool:
        """Whether a file is the one that the change is meant for, before, after or in the middle of it."""
        if file.seek(0, os.SEEK_END) < self.size_after:
            return False
        for piece in self.pieces:
            file.seek(piece.place)
            found = np.frombuffer(file.read(len(piece.old)), "u1")
            if len(found) != len(piece.old):
                # cut off behind the end that the file is to have
                return piece.place + len(found) >= self.size_after
            old, new = np.frombuffer(piece.old, "u1"), np.frombuffer(piece.new, "u1")
            if not np.all((found == old) | (found == new)):
                return False
        return True

    def encoded(self) -> bytes:
        """As it stands in a log."""
        parts = [_MARK, _HEAD.pack(self.size_before, self.size_after, len(self.pieces))]
        for piece in self.pieces:
            parts += [_PIECE.pack(piece.place, len(piece.old)), piece.old, piece.new]
        content = b"".join(parts)
        return content + hashlib.sha256(content).digest()

    @classmethod
    def decoded(cls, content: bytes) -> "Change":
        """Change that stands in a log.

        Raises
        ------
        ValueError
            If it is no log, or not a whole one.
        """
        body = content[:-_DIGEST_BYTES]
        if not body.startswith(_MARK) or hashlib.sha256(body).digest() != content[-_DIGEST_BYTES:]:
            raise ValueError("the redo log is not whole")
        try:
            before, after, count = _HEAD.unpack_from(body, len(_MARK))
            place = len(_MARK) + _HEAD.size
            pieces = []
            for _ in range(count):
                start, length = _PIECE.unpack_from(body, place)
                place += _PIECE.size
                old, new = body[place : place + length], body[place + length : place + 2 * length]
                if len(new) != length or start + length > before:
                    raise ValueError("a piece of the redo log is not in the file")
                pieces.append(Piece(start, old, new))
                place += 2 * length
        except struct.error as fault:
            raise ValueError("the redo log is not whole") from fault
        return cls(before, after, tuple(pieces))


class ChangedFile(io.RawIOBase):
    """Binary file, for h5py's `File`, with changes that stay in memory; the file on disk is not touched.

    Parameters
    ----------
    path
        Of the file.
    change
        That it shows from the beginning.
    """

    def __init__(self, path: Path, change: Change | None = None) -> None:
        super().__init__()
        self._file = path.open("rb", buffering=0)
        self._before = self._size = os.fstat(self._file.fileno()).st_size
        self._pages: dict[int, bytearray] = {}
        self._place = 0
        if change is not None:
            for piece in change.pieces:
                self.seek(piece.place)
                self.write(piece.new)
            self._size = change.size_after
            self.seek(0)

    def change(self) -> tuple[Change, bytes]:
        """Tell what was changed of the bytes that the file has, and give the bytes behind its end."""
        pieces = []
        for number in sorted(self._pages):
            place = number * PAGE
            length = min(PAGE, self._before - place)
            if length > 0 and (old := self._on_disk(place, length)) != self._pages[number][:length]:
                pieces.append(Piece(place, old, bytes(self._pages[number][:length])))
        self.seek(self._before)
        return Change(self._before, self._size, tuple(pieces)), self.read(max(0, self._size - self._before)) or b""

    def readable(self) -> bool:
        """Return True."""
        return True

    def writable(self) -> bool:
        """Return True: it is, in memory."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Place of the next byte."""
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place."""
        self._place = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        return self._place

    def truncate(self, size: int | None = None) -> int:
        """Let it end at a place."""
        self._size = self._place if size is None else size
        return self._size

    def readinto(self, buffer: object) -> int:
        """Read as the changed file would read."""
        view = memoryview(cast(bytearray, buffer)).cast("B")
        length = max(0, min(len(view), self._size - self._place))
        first, last = self._place // PAGE, (self._place + length - 1) // PAGE
        if not any(number in self._pages for number in range(first, last + 1)):
            found = self._on_disk(self._place, length)
            view[: len(found)] = found
            view[len(found) : length] = bytes(length - len(found))
        else:
            done = 0
            for number, start, stop in _pages_of(self._place, length):
                piece = self._page(number)[start:stop]
                view[done : done + len(piece)] = piece
                done += len(piece)
        self._place += length
        return length

    def write(self, data: object) -> int:
        """Change bytes, in memory."""
        view = memoryview(cast(bytes, data)).cast("B")
        done = 0
        for number, start, stop in _pages_of(self._place, len(view)):
            self._pages.setdefault(number, self._page(number))[start:stop] = view[done : done + stop - start]
            done += stop - start
        self._place += done
        self._size = max(self._size, self._place)
        return done

    def close(self) -> None:
        """Close; harmless when closed."""
        self._file.close()
        super().close()

    def _page(self, number: int) -> bytearray:
        if number in self._pages:
            return self._pages[number]
        return bytearray(self._on_disk(number * PAGE, PAGE).ljust(PAGE, b"\0"))

    def _on_disk(self, place: int, length: int) -> bytes:
        self._file.seek(place)
        found = bytearray()
        while len(found) < length and (more := self._file.read(length - len(found))):
            found += more
        return bytes(found)


def _pages_of(place: int, length: int) -> Iterator[tuple[int, int, int]]:
    end = place + length
    while place < end:
        number, start = divmod(place, PAGE)
        stop = min(PAGE, start + end - place)
        yield number, start, stop
        place += stop - start


def left_change(run_file: Path) -> Change | None:
    """Change of a file that was written down and perhaps not, or only in part, made; None if there is none.

    A log that is not whole was never acted on; one that does not fit belongs to another file of that name.
    """
    try:
        with log_path(run_file).open("rb") as log:
            change = Change.decoded(log.read(_LONGEST))
        with run_file.open("rb") as file:
            return change if change.fits(file) else None
    except (OSError, ValueError):
        return None


def change_in_place(path: Path, change: Change, appended: bytes) -> None:
    """Change a file so that at every moment it is as it was, or its log says how it is to be.

    Raises
    ------
    OSError
        If the disk does not take it. The file is then as it was; or, if the disk failed in the very middle, its log
        is left.
    """
    log = log_path(path)
    building = path.with_name(f".{path.name}.{os.getpid()}.amended")  # cleared away if it is left
    if log.exists():
        raise OSError(f"{log} is there and belongs to another file; move it to that one, or delete it")
    descriptor = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        try:
            _write(descriptor, change.size_before, appended)
            os.fsync(descriptor)
            _write_log(building, change)
            building.replace(log)
        except BaseException:
            os.ftruncate(descriptor, change.size_before)
            building.unlink(missing_ok=True)
            raise
        sync_folder(log.parent)
        _make(descriptor, change)
    finally:
        os.close(descriptor)
    log.unlink()


def finish_left_change(run_file: Path) -> None:
    """Do what a log says that somebody left, and delete it; the caller keeps others from the file.

    Raises
    ------
    OSError
        If the disk does not take it; the log is then left.
    """
    log = log_path(run_file)
    change = left_change(run_file)
    if change is not None:
        descriptor = os.open(run_file, os.O_RDWR | getattr(os, "O_BINARY", 0))
        try:
            _make(descriptor, change)
        finally:
            os.close(descriptor)
    if change is not None or _torn(log):
        log.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in a folder."""
    with suppress(OSError):  # Windows opens no folders, and some network file systems sync none
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _torn(log: Path) -> bool:
    try:
        Change.decoded(log.read_bytes())
    except ValueError:
        return True
    except OSError:
        pass
    return False


def _write_log(path: Path, change: Change) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | getattr(os, "O_BINARY", 0), 0o644)
    try:
        _write(descriptor, 0, change.encoded())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make(descriptor: int, change: Change) -> None:
    for piece in change.pieces:
        _write(descriptor, piece.place, piece.new)
    os.fsync(descriptor)
    if os.fstat(descriptor).st_size > change.size_after:
        os.ftruncate(descriptor, change.size_after)
        os.fsync(descriptor)


def _write(descriptor: int, place: int, data: Sequence[int] | bytes) -> None:
    view = memoryview(cast(bytes, data))
    os.lseek(descriptor, place, os.SEEK_SET)
    while view:
        view = view[os.write(descriptor, view) :]
