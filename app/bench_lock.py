"""One process at a time on a real bench: an operating system's lock for each instrument, told by its address.

The lock goes with the process that holds it, however that ends, so that none is ever left over. It lies in the user's
folder for state, and says who holds it.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import platformdirs

from config.bench_file import BenchFile
from config.mistake import UserMistake

NO_INSTRUMENTS = frozenset({"dose-table"})
"""Drivers whose resource is a file, which any number of processes may read."""


def lock_folder() -> Path:
    """Where the locks are: the same for every session of the user, which a runtime folder is not (ssh, cron)."""
    return Path(platformdirs.user_state_dir("xraybench", appauthor=False)) / "locks"


class BenchLock:
    """The right to use the instruments of a bench file; none for instruments that are simulated in this process.

    Parameters
    ----------
    bench
        Whose instruments.
    what
        What they are used for, for whoever is refused.

    Raises
    ------
    UserMistake
        If another process, or another bench that is open in this one, has one of them; nothing is held then.
    """

    def __init__(self, bench: BenchFile, what: str) -> None:
        self._held: list[IO[str]] = []
        if bench.simulation is not None:
            return
        folder = lock_folder()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise UserMistake(f"{folder}: the bench cannot be locked: {error.strerror or error}") from error
        try:
            for role, entry in sorted(bench.entries.items()):
                if entry.driver not in NO_INSTRUMENTS:
                    self._take(folder, bench.name, role, entry.resource or entry.driver, what)
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Let others use them. Any number of times."""
        while self._held:
            # closing it lets go of the lock; the file stays, because another may be waiting to open it
            self._held.pop().close()

    def _take(self, folder: Path, bench: str, role: str, address: str, what: str) -> None:
        name = hashlib.sha256(address.strip().casefold().encode()).hexdigest()[:24]
        path = folder / f"{name}.lock"
        try:
            file = path.open("a+", encoding="utf-8")
        except OSError as error:
            raise UserMistake(f"{path}: the bench cannot be locked: {error.strerror or error}") from error
        if not _lock(file):
            held = _read(file)
            file.close()
            process, purpose, since = (held.get(key, "?") for key in ("process", "what", "since"))
            raise UserMistake(
                f"bench '{bench}' is in use: process {process} ({purpose}) has its {role} ({address}) since {since}; "
                f"wait for its end, or end it"
            )
        self._held.append(file)
        begun = datetime.now().astimezone().isoformat(timespec="seconds")
        file.seek(0)
        file.truncate()
        json.dump({"process": os.getpid(), "what": what, "since": begun, "bench": bench, "address": address}, file)
        file.flush()


def _read(file: IO[str]) -> dict[str, Any]:
    try:
        file.seek(0)
        found = json.loads(file.read())
    except (OSError, ValueError):  # just being written; or locked against reading, as on Windows
        return {}
    return found if isinstance(found, dict) else {}


if sys.platform == "win32":
    import msvcrt

    _FAR_BEHIND = 1 << 20
    """Byte that is locked: what is locked on Windows cannot be read, and who holds it should be."""

    def _lock(file: IO[str]) -> bool:
        file.seek(_FAR_BEHIND)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _lock(file: IO[str]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
