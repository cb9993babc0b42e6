"""When a tube last had its beam on, by voltage: tubes that were idle for days want to be warmed up."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import platformdirs

SAME_VOLTAGE = 0.9
"""of a voltage from which on a tube that had it counts as used at it"""

WRITE_AGAIN = timedelta(minutes=1)


def default_path() -> Path:
    """Where it is written down: in the user's folder for state."""
    return Path(platformdirs.user_state_dir("xraybench", appauthor=False)) / "tubes.json"


class TubeUse:
    """What is known of one tube's past.

    Parameters
    ----------
    tube
        Which: its identity and address.
    path
        Of the file for all tubes.
    now
        Time of day.
    """

    def __init__(
        self, tube: str, path: Path | None = None, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._tube = tube
        self._path = path or default_path()
        self._now = now
        self._written: dict[int, datetime] = {}

    def record(self, voltage_kv: float) -> None:
        """Take note that the beam is on at this voltage; written at most once a minute and voltage.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        key, now = int(voltage_kv), self._now()
        if now - self._written.get(key, datetime.min.replace(tzinfo=UTC)) < WRITE_AGAIN:
            return
        tubes = self._read()
        tubes.setdefault(self._tube, {})[str(key)] = now.isoformat(timespec="seconds")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=self._path.name)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(tubes, file, indent=1)
        Path(name).replace(self._path)
        self._written[key] = now

    def idle_days(self, voltage_kv: float) -> float | None:
        """Return the days since the beam was last on at about this voltage or above; None if it never was, here."""
        times = []
        for key, written in self._read().get(self._tube, {}).items():
            try:
                kilovolts, time = float(key), datetime.fromisoformat(written)
            except ValueError:
                continue
            # what was recorded is rounded down
            if kilovolts + 1 > SAME_VOLTAGE * voltage_kv and time.tzinfo is not None:
                times.append(time)
        # a clock that was set back makes no tube fresh for ever
        return max(0.0, (self._now() - max(times)).total_seconds() / 86_400) if times else None

    def _read(self) -> dict[str, dict[str, str]]:
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(found, dict):
            return {}
        return {
            str(tube): {str(key): str(value) for key, value in times.items()}
            for tube, times in found.items()
            if isinstance(times, dict)
        }
