"""Quantities as text."""

from __future__ import annotations

import math

PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p"))


def si_text(value: float, unit: str, digits: int = 4) -> str:
    """Write a value with the prefix that suits it.

    >>> si_text(3.8e-3, "Gy/s")
    '3.8 mGy/s'
    """
    if not math.isfinite(value) or value == 0:
        return f"{value:g} {unit}"
    size, prefix = next((pair for pair in PREFIXES if abs(value) >= pair[0]), PREFIXES[-1])
    return f"{value / size:.{digits}g} {prefix}{unit}"


def time_text(seconds: float) -> str:
    """Write a duration as h:mm:ss, or as seconds where it is short.

    >>> time_text(75), time_text(4.21)
    ('1:15 min', '4.2 s')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d} h" if hours else f"{minutes}:{rest:02d} min"


def size_text(size: int) -> str:
    """Write a number of bytes.

    >>> size_text(1_600_000)
    '1.6 MB'
    """
    for unit, step in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= step:
            return f"{size / step:.3g} {unit}"
    return f"{size} bytes"
