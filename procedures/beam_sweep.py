"""The order in which a sweep visits tube currents."""

from __future__ import annotations

from collections.abc import Sequence

ORDERS = ("up and down", "up", "down")


def ordered(currents: Sequence[float], repeats: int, order: str) -> list[float]:
    """Return the currents in the order of the measurement.

    Parameters
    ----------
    currents
        Any order, mA.
    repeats
        How many times each is visited.
    order
        "up and down" turns round after each pass, so that a drift in time is no slope in current.
    """
    up = sorted(currents)
    down = up[::-1]
    passes = {"up": (up, up), "down": (down, down), "up and down": (up, down)}[order]
    return [current for repeat in range(repeats) for current in passes[repeat % 2]]
