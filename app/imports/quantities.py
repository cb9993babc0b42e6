"""Lists of quantities as they are typed: ``20,30,40keV``, ``116um``, ``10:60:11keV``."""

from __future__ import annotations

import re

from app.imports.settings import quantity
from config.mistake import UserMistake

_NUMBERS_AND_UNIT = re.compile(r"\s*([\d.eE+,:\s-]*\d\.?)\s*([^\d\s.,:][^,]*)?\Z")
MOST = 10_000


def quantities(name: str, text: str, unit: str, *, bare: bool = False) -> list[float]:
    """Read numbers that share a unit, in another one.

    Parameters
    ----------
    name
        For the message.
    text
        Numbers with commas between, or FROM:TO:HOW MANY; then the unit. Each may have its own: ``50um,1mm``.
    unit
        In which they are wanted.
    bare
        Whether numbers without a unit are in that one.

    Raises
    ------
    UserMistake
        If it is none of that, or a number is not above zero.
    """
    found = _NUMBERS_AND_UNIT.match(text)
    if found is None:
        parts = text.split(",")
        if len(parts) > 1 and all(part.strip() for part in parts):
            return [number for part in parts for number in quantities(name, part, unit, bare=bare)]
        raise UserMistake(f"{name} {text}: must be numbers with a unit, such as 20,30,40{unit}")
    given = (found[2] or "").strip() or (unit if bare else "")
    try:
        numbers = _numbers(found[1])
    except ValueError as fault:
        raise UserMistake(f"{name} {text}: {fault}") from None
    values = [quantity(name, f"{number!r} {given}".strip(), unit) for number in numbers]
    for value in values:
        if not value > 0:
            raise UserMistake(f"{name} {text}: must be above 0")
    return values


def _numbers(text: str) -> list[float]:
    if text.count(":") == 2:
        first, last, count = text.split(":")
        steps = int(count)
        if not 2 <= steps <= MOST:
            raise ValueError(f"FROM:TO:HOW MANY takes 2 to {MOST}, not {steps}")
        return [float(first) + (float(last) - float(first)) * step / (steps - 1) for step in range(steps)]
    return [float(part) for part in text.split(",") if part.strip()]
