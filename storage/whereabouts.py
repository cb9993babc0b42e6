"""Whether an open file still has its name: a folder may be deleted or moved in the middle of a run."""

import os
from enum import Enum
from pathlib import Path

_BLOCK_BYTES = 16 * 1024**2


class Whereabouts(Enum):
    """Where an open file is."""

    THERE = "there"
    MOVED = "moved or replaced"
    DELETED = "deleted"


def whereabouts(descriptor: int, path: Path) -> Whereabouts:
    """Return whether a path still leads to an open file."""
    opened = os.fstat(descriptor)
    try:
        found = path.stat()
    except OSError:
        return Whereabouts.MOVED if opened.st_nlink else Whereabouts.DELETED
    same = (found.st_dev, found.st_ino) == (opened.st_dev, opened.st_ino)
    return Whereabouts.THERE if same else Whereabouts.MOVED


def put_back(descriptor: int, path: Path) -> None:
    """Write what a deleted file still holds, while it is open, under its old name.

    Raises
    ------
    OSError
        If it cannot be written, or the name is taken by another file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        start = 0
        while block := os.pread(descriptor, _BLOCK_BYTES, start):
            file.write(block)
            start += len(block)
        file.flush()
        os.fsync(file.fileno())
