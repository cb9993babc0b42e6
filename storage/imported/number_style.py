"""How a table writes its numbers: decimal comma or point, and what groups the thousands."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

_EXPONENT = r"(?:[eE][+-]?\d+)?"
_PLAIN = re.compile(rf"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+){_EXPONENT}\Z")
_GROUPED = re.compile(rf"[+-]?[1-9]\d{{0,2}}(?:([ '.,])\d{{3}})(?:\1\d{{3}})*(?:[.,]\d*)?{_EXPONENT}\Z")
_ONE_GROUP = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}\Z")
_MISSING = frozenset({"", "nan", "na", "n/a", "#n/a", "-", "--", "null", "none"})
_SPACES = str.maketrans({"\u00a0": " ", "\u2009": " ", "\u202f": " ", "\u2212": "-", "’": "'"})

OVERFLOW = 9.9e37
"""What SCPI instruments write for an overflow (SCPI-99, 7.2.1.4); it is no measured value."""


def tidy(cell: str) -> str:
    """Return a cell without its blanks and quotes, with plain spaces and minus signs."""
    return cell.translate(_SPACES).strip().strip('"').strip()


def is_missing(cell: str) -> bool:
    """Say whether a tidy cell says that there is no value."""
    return cell.lower() in _MISSING


def looks_numeric(cell: str) -> bool:
    """Say whether a tidy cell is a number in some country, or missing."""
    return is_missing(cell) or bool(_PLAIN.match(cell) or _GROUPED.match(cell)) or cell.lower().lstrip("+-") == "inf"


@dataclass(frozen=True)
class NumberStyle:
    """The decimal sign of a table; the other one, and spaces or apostrophes, group thousands."""

    decimal: str = "."

    def number(self, cell: str) -> float:
        """Read a tidy cell; NaN where it is missing.

        Raises
        ------
        ValueError
            If it is no number in this style, infinite, or an instrument's mark of overflow.
        """
        if is_missing(cell):
            return math.nan
        other = "," if self.decimal == "." else "."
        text = cell
        grouped = _GROUPED.match(cell)
        if grouped and grouped[1] != self.decimal:
            text = cell.replace(grouped[1], "")
        if other in text:
            raise ValueError(f"'{cell}' does not have the decimal sign '{self.decimal}' of the other numbers")
        try:
            value = float(text.replace(self.decimal, "."))
        except ValueError:
            raise ValueError(f"'{cell}' is no number") from None
        if not math.isfinite(value) or abs(value) >= OVERFLOW:
            raise ValueError(f"'{cell}' is an overflow, not a measured value")
        return value


def style_of(cells: Iterable[str]) -> NumberStyle | None:
    """Find the style of many tidy cells; None where they allow both readings, as 1,234 does.

    A point alone is a decimal point. Commas alone are decimal unless all of them might as well group thousands.
    """
    might_group = False
    for cell in cells:
        found = _decimal_of(cell)
        if found:
            return NumberStyle(found)
        might_group |= "," in cell
    return None if might_group else NumberStyle(".")


def _decimal_of(cell: str) -> str:
    """Return the decimal sign that a cell proves; empty where it proves none."""
    comma, point = cell.rfind(","), cell.rfind(".")
    if comma >= 0 and point >= 0:
        return "," if comma > point else "."
    for position, sign, other in ((comma, ",", "."), (point, ".", ",")):
        if position >= 0:
            if cell.count(sign) > 1:
                return other
            return "" if _ONE_GROUP.match(cell) else sign
    return ""
