"""Units as people write them in headings, and conversion to those of a stream."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pint

_SPELLINGS = {
    "V": ("volt", "volts"),
    "A": ("ampere", "amperes", "amp", "amps"),
    "s": ("second", "seconds", "sec", "secs"),
    "ms": ("msec",),
    "us": ("usec",),
    "ns": ("nsec",),
    "ohm": ("ohms", "Ohm", "Ohms"),
    "h": ("hour", "hours", "hrs", "hr"),
    "min": ("minute", "minutes", "mins"),
    "Gy": ("gray", "Gyair"),
    "mGy": ("mGyair",),
    "uGy": ("uGyair",),
    "nGy": ("nGyair",),
    "px": ("pixel", "pixels"),
    "count": ("counts", "cts", "photon", "photons"),
    "angstrom": ("Angstrom",),
    "degC": ("°C",),
}
_WORDS = {spelling: unit for unit, spellings in _SPELLINGS.items() for spelling in spellings}
_PURE = frozenset(
    [
        "1",
        "-",
        "a.u.",
        "a.u",
        "au",
        "arb.u.",
        "arb.units",
        "arb.",
        "arbitraryunits",
        "ratio",
        "norm.",
        "normalized",
        "normalised",
        "o.d.",
        "od",
        "abs",
        "abs.",
    ]
) | {""}
_SIGNS = str.maketrans(
    {"\u00b5": "u", "\u03bc": "u", "\u03a9": "ohm", "\u2126": "ohm", "·": "*", "⋅": "*", "×": "*", "^": ""}
    | {"\u2212": "-", "⁻": "-", "⁰": "0", "¹": "1", "²": "2", "³": "3", "\u00a0": " ", "\u2009": " "}
)


class UnknownUnitError(ValueError):
    """A text is no unit, or one that does not convert; the message says which."""


@functools.cache
def _registry() -> pint.UnitRegistry[float]:
    import pint

    return pint.UnitRegistry()


def _tidy(text: str) -> str:
    """Write a unit as pint reads it: ``nA cm-2`` becomes ``nA*cm**-2``."""
    given = text.strip().translate(_SIGNS)
    given = re.sub(r"_?\s?air\b", "", given)
    given = re.sub(r"\*\*", "", given)
    given = re.sub(r"[A-Za-z°%]+", lambda word: _WORDS.get(word[0], _WORDS.get(word[0].lower(), word[0])), given)
    given = re.sub(r"(?<=[A-Za-z°])([+-]?\d+)", r"**\1", given)
    given = re.sub(r"\s*([*/])\s*", r"\1", given)
    return re.sub(r"(?<=[A-Za-z0-9°)%])\s+(?=[A-Za-z°(])", "*", given)


@functools.lru_cache(maxsize=512)
def is_unit(text: str) -> bool:
    """Say whether a text can be read as a unit."""
    try:
        _parsed(text)
    except UnknownUnitError:
        return False
    return True


def _parsed(text: str) -> pint.Unit:
    import pint

    registry = _registry()
    if "".join(text.lower().split()) in _PURE:
        return registry.Unit("")
    if text.strip() == "%":
        return registry.Unit("percent")
    tidy = _tidy(text)
    # what is not letters, digits and the signs of a product is an expression or a sentence
    if (
        not tidy
        or len(tidy) > 60
        or not re.fullmatch(r"[A-Za-z0-9°*/().+-]+", tidy)
        or (tidy[0].isdigit() and not tidy.startswith("1/"))
    ):
        raise UnknownUnitError(f"'{text}' is no unit that is known")
    try:
        return registry.Unit(tidy)
    except (pint.PintError, ValueError, TypeError, AttributeError, KeyError, SyntaxError, AssertionError) as fault:
        raise UnknownUnitError(f"'{text}' is no unit that is known") from fault
    except Exception as fault:  # pint hands on what tokenize raises
        raise UnknownUnitError(f"'{text}' is no unit that is known") from fault


@functools.lru_cache(maxsize=512)
def conversion(given: str, wanted: str) -> tuple[float, float]:
    """Return factor and offset from one unit to another: wanted = factor * given + offset.

    Raises
    ------
    UnknownUnitError
        If one is no unit, or they measure different things.
    """
    import pint

    registry = _registry()
    source, target = _parsed(given), _parsed(wanted)
    # to pint a sievert is a gray, and it is not: the one weighs for people
    if any(("sievert" in str(unit) or str(unit) == "rem") for unit in (source, target)) and given != wanted:
        raise UnknownUnitError(f"'{given}' is no absorbed dose or kerma: give it in Gy")
    try:
        zero = registry.Quantity(0.0, source).to(target).magnitude
        one = registry.Quantity(1.0, source).to(target).magnitude
    except pint.PintError as fault:
        raise UnknownUnitError(f"'{given}' cannot be converted to {wanted}") from fault
    return float(one - zero), float(zero)
