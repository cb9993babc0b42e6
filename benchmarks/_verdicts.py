"""Which figures are met, as the last lines of a benchmark."""

from __future__ import annotations

import os


def load() -> str:
    """Say how busy the machine is."""
    busy = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return f"load {busy} on {os.cpu_count()} cores"


class Verdicts:
    """What was measured against what was promised."""

    def __init__(self) -> None:
        self._lines: list[tuple[str, str, str]] = []
        self._met: list[bool] = []

    def at_most(self, what: str, value: float, limit: float, unit: str = "") -> None:
        """Promise that a value is not larger."""
        self._add(what, value, "at most", limit, unit, value <= limit)

    def at_least(self, what: str, value: float, limit: float, unit: str = "") -> None:
        """Promise that a value is not smaller."""
        self._add(what, value, "at least", limit, unit, value >= limit)

    def _add(self, what: str, value: float, word: str, limit: float, unit: str, met: bool) -> None:
        self._lines.append((what, f"{value:,.4g} {unit}".rstrip(), f"{word} {limit:,.6g} {unit}".rstrip()))
        self._met.append(met)

    def conclude(self) -> int:
        """Print every promise and whether it was met; return the exit status."""
        widths = [max(len(line[column]) for line in self._lines) for column in range(3)]
        print()
        for (what, value, limit), met in zip(self._lines, self._met, strict=True):
            said = "met" if met else "MISSED"
            print(f"{what:<{widths[0]}}  {value:>{widths[1]}}  {limit:<{widths[2]}}  {said}")
        return int(not all(self._met))
