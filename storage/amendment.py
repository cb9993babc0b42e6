"""Change a finished run file.

A small file, or one on a disk that makes copies without copying (Btrfs, XFS), is changed as a copy, which then takes
its name in one step. A large one is changed in place by way of `storage.redo_log`: to copy a video would take as long
as to record it, and twice the disk. Of two that change one file, in any processes, the second waits until the first is
done.
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
from storage.redo_log import ChangedFile, change_in_place, finish_left_change, log_path, sync_folder
from storage.tree import LIBVER

COPIED_UP_TO = 64 * 1024**2
"""Bytes of a file that is copied to be changed, in a fraction of a second."""

_FICLONE = 0x40049409
"""Linux' request for a file that shares its blocks with another until one of them changes (ioctl_ficlone(2))."""

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
            finish_left_change(path)
            yield
        finally:
            if folder is not None:
                os.close(folder)  # which unlocks it


def finish_left(path: Path) -> None:
    """Make the change of a file that somebody was killed in the middle of, if there is one.

    Raises
    ------
    OSError
        If the disk does not take it.
    """
    if log_path(path.resolve()).exists():
        with one_at_a_time(path):
            pass


def remove_left_copies(path: Path) -> None:
    """Delete copies of a file, and its logs without a name, of which the process was killed."""
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
    """File open for changes that are made when the block ends in order; else the file is as it was.

    Parameters
    ----------
    path
        Of the file.
    room
        Bytes that the change may take.

    Raises
    ------
    OSError
        If the disk does not take it, or the file was changed meanwhile.
    """
    path = path.resolve()  # of a link, what it points at is to change
    copy = path.with_name(f".{path.name}.{os.getpid()}.amended")
    try:
        before = _version(path)
        if not _cloned(path, copy):
            if path.stat().st_size > COPIED_UP_TO:
                with _in_place(path) as file:
                    yield file
                return
            shutil.copyfile(path, copy)
        shutil.copymode(path, copy)
        with copy.open("rb+") as grown:
            reserve(grown.fileno(), copy, copy.stat().st_size, room + MARGIN)
        with h5py.File(copy, "r+", libver=LIBVER, locking=False) as file:
            yield file
        _see_that_it_is(before, path)
        replace_synced(copy, path)
    finally:
        copy.unlink(missing_ok=True)


@contextmanager
def _in_place(path: Path) -> Iterator[h5py.File]:
    before = _version(path)
    with ChangedFile(path) as changed:
        with h5py.File(changed, "r+", libver=LIBVER) as file:
            yield file
        change, appended = changed.change()
    _see_that_it_is(before, path)
    change_in_place(path, change, appended)


def _cloned(path: Path, copy: Path) -> bool:
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        with path.open("rb") as original, copy.open("wb") as clone:
            fcntl.ioctl(clone.fileno(), _FICLONE, original.fileno())
    except OSError:  # the file system cannot do it
        copy.unlink(missing_ok=True)
        return False
    return True


def _see_that_it_is(before: tuple[int, int, int], path: Path) -> None:
    if _version(path) != before:
        raise OSError("another program has changed it meanwhile; try again")


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
    sync_folder(path.parent)
