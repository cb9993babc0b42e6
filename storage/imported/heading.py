"""Headings of columns: a quantity and its unit."""

from __future__ import annotations

import re
from dataclasses import dataclass

from storage.imported.units import is_unit

_BRACKETED = re.compile(r"^(?P<name>.*?)\s*[(\[{<](?P<unit>[^()\[\]{}<>]*(?:\([^()]*\)[^()\[\]{}<>]*)?)[)\]}>]\s*$")


@dataclass(frozen=True)
class Heading:
    """What stands above a column.

    Attributes
    ----------
    text
        As it stands in the file.
    quantity
        Without the unit.
    unit
        As it stands in the file; None when there is none.
    """

    text: str
    quantity: str
    unit: str | None

    @property
    def word(self) -> str:
        """The quantity in small letters, digits and single spaces: what names are compared by."""
        return re.sub(r"[^a-z0-9]+", " ", self.quantity.lower().replace("τ", "tau").replace("λ", "lambda")).strip()


def heading(text: str) -> Heading:
    """Take a heading apart: ``Dose rate (nGy/s)``, ``V [V]``, ``I / nA``, ``Time, s``."""
    plain = " ".join(text.split()).strip().strip('"').strip()
    bracketed = _BRACKETED.match(plain)
    if bracketed and bracketed["name"] and is_unit(bracketed["unit"]):
        return Heading(plain, bracketed["name"], bracketed["unit"].strip())
    # DIN 461 and ISO 80000: quantity over unit
    for sign in (" / ", "/", ", "):
        name, found, unit = plain.partition(sign)
        if found and name.strip() and unit.strip() and is_unit(unit):
            return Heading(plain, name.strip(), unit.strip())
    return Heading(plain, plain, None)
