"""A small process that switches the bench off when the one that measures is killed.

It holds the reading end of a pipe. As long as the measuring process lives, the pipe is open; when it breaks without
the word to stand down, the guardian opens the instruments that can hurt (tube, bias, light, heater) itself and makes
them safe, again and again until each has confirmed.
"""

from __future__ import annotations

import contextlib
import json
import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from app.bench_lock import BenchLock
from config.bench_file import BenchFile
from config.mistake import UserMistake
from drivers.errors import InstrumentError
from drivers.registry import allow, driver_class, named_as_code
from drivers.roles import Role, Surroundings

log = logging.getLogger(__name__)

ENERGISING = ("tube", "source_meter", "preamp", "light", "temperature_stage")
"""Roles that can be left on, the most dangerous first."""

STAND_DOWN = "stand down\n"
READY = "ready\n"
PAUSE = 0.25
"""s between two tries"""
PATIENCE = 30.0
"""s for the guardian's process to be ready; it imports every driver beforehand"""


class Guardian:
    """The measuring process' end of the pipe.

    Parameters
    ----------
    bench
        The bench file.
    resources
        By role, the addresses that are in use.
    journal
        Where the guardian writes what it did; None: stderr only.
    """

    def __init__(self, bench: BenchFile, resources: Mapping[str, str], journal: Path | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "app.engine.guardian"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            # it must outlive Ctrl-C and the terminal that it was started from
            start_new_session=True,
        )
        order = {
            "bench": bench.model_dump(mode="json"),
            "resources": {role: resources[role] for role in ENERGISING if role in resources},
            "journal": None if journal is None else str(journal),
        }
        assert self._process.stdin is not None  # noqa: S101  (asked for above)
        self._pipe: IO[str] = self._process.stdin
        self._pipe.write(json.dumps(order) + "\n")
        self._pipe.flush()

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._process.pid

    def wait_until_ready(self) -> None:
        """Wait until the guardian stands by; nothing may be energised before.

        Raises
        ------
        RuntimeError
            If it does not.
        """
        assert self._process.stdout is not None  # noqa: S101
        line: list[str] = []
        reading = threading.Thread(target=lambda: line.append(self._process.stdout.readline()), daemon=True)  # type: ignore[union-attr]
        reading.start()
        reading.join(PATIENCE)
        if line != [READY]:
            raise RuntimeError("the guardian did not start, so nothing is switched on")

    def stand_down(self) -> None:
        """Let it go: the bench is safe. Any number of times."""
        with contextlib.suppress(OSError, ValueError):
            self._pipe.write(STAND_DOWN)
            self._pipe.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def take_over(self) -> None:
        """Have it make the bench safe, because this process could not; it goes on after this process has ended."""
        with contextlib.suppress(OSError, ValueError):
            self._pipe.close()
        if self._process.stdout is not None:
            self._process.stdout.close()


def make_safe(bench: BenchFile, resources: Mapping[str, str]) -> None:
    """Open each instrument anew and make it safe; does not return before every one has confirmed."""
    waiting = {role: address for role, address in resources.items() if role in bench.entries}
    while waiting:
        for role in sorted(waiting, key=ENERGISING.index):
            try:
                _make_one_safe(bench, role, waiting[role])
            except Exception as error:
                beam = "BEAM STATE UNKNOWN: " if role == "tube" else ""
                log.critical("%s%s is not safe yet: %s", beam, role, error)
            else:
                log.critical("%s is safe", role)
                del waiting[role]
        if waiting:
            time.sleep(PAUSE)


def _make_one_safe(bench: BenchFile, role: str, address: str) -> None:
    entry = bench.entries[role]
    driver: type[Role] = driver_class(entry.driver, role)
    instrument = driver(address, driver.Options.model_validate(entry.options), Surroundings(limits=bench.limits))
    try:
        instrument.make_safe()
    finally:
        with contextlib.suppress(InstrumentError):
            instrument.close()


def main() -> int:
    """Stand by until the pipe breaks."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    order: dict[str, Any] = json.loads(sys.stdin.readline() or "null") or {}
    if not order:
        return 0
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    if order["journal"]:
        handlers.append(logging.FileHandler(order["journal"], delay=True))
    logging.basicConfig(format="%(asctime)s guardian: %(message)s", level=logging.CRITICAL, handlers=handlers)
    bench = BenchFile.model_validate(order["bench"])
    # the process that holds the other end of the pipe has asked the user
    allow(entry.driver for entry in bench.entries.values() if named_as_code(entry.driver))
    for role in order["resources"]:
        try:
            driver_class(bench.entries[role].driver, role)
        except UserMistake:
            # whoever opens the bench tells the user; without a guardian that is ready nothing is switched on
            return 1
    sys.stdout.write(READY)
    sys.stdout.flush()
    if sys.stdin.readline() != STAND_DOWN:
        log.critical("the measuring process is gone")
        lock = None
        # who has taken the bench in this moment must not keep it from being made safe
        with contextlib.suppress(UserMistake):
            lock = BenchLock(bench, "the guardian, which makes it safe")
        make_safe(bench, order["resources"])
        if lock is not None:
            lock.release()
    return 0


if __name__ == "__main__":
    sys.exit(main())
