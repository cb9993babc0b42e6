"""Who writes a run file, and whether that process still lives."""

import os
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from math import nan
from pathlib import Path

import psutil

from storage.journal import journal_path

_OPEN: set[Path] = set()
"""Run files that this process is writing: a process may outlive a writer that failed."""

_SAME_START = 5.0
"""s; the start of a process is known through the boot time, which moves when the clock is set."""

_SAME_SINCE_BOOT = 1.0
"""s; a number that was given anew after the system was started again is hardly given at the same moment."""

_SIGN_OF_LIFE = 600.0
"""s; after that a journal that nobody touched is taken for abandoned by its host, which cannot be asked."""


@dataclass(frozen=True)
class WriterIdentity:
    """Process that writes a run file.

    Parameters
    ----------
    host
        Its name in the network.
    pid
        Process number.
    process_start
        s since 1970; with the number it tells a process from a later one of the same number.
    since_boot
        s from the start of the system to that of the process; NaN where a file does not say.
    """

    host: str
    pid: int
    process_start: float
    since_boot: float = nan

    @classmethod
    def of_this_process(cls) -> "WriterIdentity":
        """Identity of whoever asks."""
        return cls.of(psutil.Process())

    @classmethod
    def of(cls, process: psutil.Process) -> "WriterIdentity":
        """Identity of a process of this computer."""
        started = process.create_time()
        return cls(platform.node(), process.pid, started, started - psutil.boot_time())

    @classmethod
    def from_mapping(cls, values: Mapping[str, object]) -> "WriterIdentity":
        """Identity as kept in a run file.

        Raises
        ------
        ValueError
            If it is not there, or is no identity.
        """
        match values:
            case {"host": str(host), "pid": int(pid), "process_start": float(start)} if 0 < pid < 2**31:
                since_boot = values.get("since_boot")
                return cls(host, pid, start, since_boot if isinstance(since_boot, float) else nan)
        raise ValueError("the run file does not say who wrote it")

    def alive(self, run_file: Path) -> bool:
        """Whether this process still writes that file.

        On another host it cannot be asked: it counts as alive while the journal was touched in the last ten minutes
        (a writer touches it every few seconds).
        """
        if self.host != platform.node():
            try:
                return time.time() - journal_path(run_file).stat().st_mtime < _SIGN_OF_LIFE
            except OSError:
                return False
        if self.pid == os.getpid():
            return run_file.resolve() in _OPEN
        try:
            started = float(psutil.Process(self.pid).create_time())
            # either may be off when the clock was set, depending on the system; never both
            same_moment = abs(started - self.process_start) < _SAME_START
            return same_moment or abs(started - psutil.boot_time() - self.since_boot) < _SAME_SINCE_BOOT
        except psutil.NoSuchProcess:
            return False
        except psutil.AccessDenied:
            return True


def writing_begins(run_file: Path) -> None:
    """Note that this process writes that file."""
    _OPEN.add(run_file.resolve())


def writing_ends(run_file: Path) -> None:
    """Note that it no longer does."""
    _OPEN.discard(run_file.resolve())
