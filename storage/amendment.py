"""Change a finished run file: a copy is changed and then takes the file's name, in one step.

In place, a full disk or a killed process would leave half of a change, and a reader that has the file open would stand
in its way. Of two that change one file, in any processes, the second waits until the first is done.
"""

import glob
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import h5py

from storage.disk_space import MARGIN, reserve
from storage.tree import LIBVER

_ONE_IN_THIS_PROCESS = threading.Lock()


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Wait until nobody else changes a file, and keep others from it: between reading it and `amended`.

    Between processes the folder is locked, not the file, which is replaced. Where folders have no locks (Windows,
    some network file systems), only `amended` notices that another process was quicker.
    """
    with _ONE_IN_THIS_PROCESS:
        path = path.resolve()
        folder = _locked(path.parent)
        try:
            if folder is not None:  # so that whoever left a copy is no longer at work on it
                remove_left_copies(path)
            yield
        finally:
            if folder is not None:
                os.close(folder)  # which unlocks it


def remove_left_copies(path: Path) -> None:
    """Delete the copies of a file that were being changed when their process was killed."""
    for copy in path.parent.glob(f".{glob.escape(path.name)}.*.amended"):
        copy.unlink(missing_ok=True)


def _locked(folder: Path) -> int | None:
    if sys.platform == "win32":
        return None
    import fcntl

    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor
    return None


@contextmanager
def amended(path: Path, room: int) -> Iterator[h5py.File]:
    """Copy of a file, open for changes, that replaces it when the block ends in order; else the file is as it was.

    Parameters
    ----------
    path
        Of the file.
    room
        Bytes that the change may take.

    Raises
    ------
    OSError
        If the disk does not take the copy, or the file was changed meanwhile.
    """
    path = path.resolve()  # of a link, what it points at is to change
    copy = path.with_name(f".{path.name}.{os.getpid()}.amended")
    try:
        before = _version(path)
        shutil.copyfile(path, copy)
        shutil.copymode(path, copy)
        with copy.open("rb+") as grown:
            reserve(grown.fileno(), copy, copy.stat().st_size, room + MARGIN)
        with h5py.File(copy, "r+", libver=LIBVER, locking=False) as file:
            yield file
        if _version(path) != before:
            raise OSError("another program has changed it meanwhile; try again")
        replace_synced(copy, path)
    finally:
        copy.unlink(missing_ok=True)


def _version(path: Path) -> tuple[int, int, int]:
    now = path.stat()
    return now.st_ino, now.st_size, now.st_mtime_ns


def replace_synced(new: Path, path: Path) -> None:
    """Let a finished file take a name, durably, and in one step where the system can."""
    with new.open("rb+") as file:
        os.fsync(file.fileno())
    try:
        new.replace(path)
    except PermissionError:
        if os.name != "nt":
            raise
        # Windows replaces no file that a viewer has open, but lets it be overwritten; `new` stays until that is done
        shutil.copyfile(new, path)
    with suppress(OSError):  # Windows opens no folders, and some network file systems sync none
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
