"""Room on the disk, made sure of before HDF5 is asked to write.

HDF5 does not survive a write that fails: its flush goes on with the metadata after the data could not be written, so
that the file then claims rows that are not in it, and closing such a file may crash the process (seen with HDF5 2.0).
A full disk, a quota or a size limit must therefore show before the library sees the rows.
"""

import errno
import os
import shutil
from pathlib import Path

MARGIN = 256 * 1024
"""Bytes for the library's own bookkeeping, beside the rows."""


def reserve(descriptor: int, path: Path, start: int, length: int) -> None:
    """Make sure that a file can grow.

    Parameters
    ----------
    descriptor, path
        Of the file.
    start, length
        Bytes; what lies before `start` is not touched.

    Raises
    ------
    OSError
        If the disk, the quota or a limit has no room for it.
    """
    allocate = getattr(os, "posix_fallocate", None)
    if allocate is not None:
        allocate(descriptor, start, length)
    elif shutil.disk_usage(path.parent).free < length:  # neither Windows nor macOS has the call
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
