"""What a key of a bench or sample file is called in the window: words, and the unit that its name ends in."""

from __future__ import annotations

UNITS = {
    "v_per_s": "V/s",
    "kv_per_s": "kV/s",
    "ma_per_s": "mA/s",
    "g_cm3": "g/cm³",
    "cm2": "cm²",
    "ohm": "Ω",
    "kv": "kV",
    "ma": "mA",
    "um": "µm",
    "mm": "mm",
    "nm": "nm",
    "ev": "eV",
    "gy": "Gy",
    "deg": "°",
    "hz": "Hz",
    "w": "W",
    "v": "V",
    "a": "A",
    "m": "m",
    "s": "s",
    "k": "K",
    "j": "J",
}
"""By the end of a key; the longest that fits counts."""


def words_and_unit(key: str) -> tuple[str, str]:
    """Split a key into words and unit.

    >>> words_and_unit("thickness_uncertainty_um")
    ('Thickness uncertainty', 'µm')
    >>> words_and_unit("composition")
    ('Composition', '')
    """
    for end in sorted(UNITS, key=len, reverse=True):
        if key.endswith(f"_{end}"):
            words = key.removesuffix(f"_{end}")
            return words.replace("_", " ").capitalize(), UNITS[end]
    return key.replace("_", " ").capitalize(), ""
