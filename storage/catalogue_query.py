"""What is looked for in the catalogue, and the SQL that finds it."""

import json
import operator
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from config.mistake import UserMistake, nearest

STATUSES = ("running", "completed", "aborted", "failed", "recovered", "unreadable")
"""Of a run file, and of a file that could not be read as one."""

SORT_KEYS = {
    "date": "start",
    "procedure": "procedure",
    "sample": "folded(sample)",
    "operator": "folded(operator)",
    "status": "status",
    "path": "path",
}
"""What runs are sorted by; anything else is the name of a figure of merit."""

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_CONDITION = re.compile(
    rf"\s*(?P<name>[A-Za-z_]\w*)"
    rf"(?:@(?P<at>[A-Za-z_]\w*)=(?P<at_value>{_NUMBER}))?"
    rf"\s*(?:(?P<sign>>=|<=|>|<)\s*(?P<value>{_NUMBER})\s*(?P<unit>[^\s<>=].*?)?)?\s*\Z"
)
_SIGNS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
_CLOSE = 1e-9
"""Relative: conditions are numbers that somebody typed, once in a preset and once here."""


@dataclass(frozen=True)
class FigureCondition:
    """A figure of merit that a run must have.

    Parameters
    ----------
    name
        Of the figure.
    sign, value
        ``>``, ``>=``, ``<`` or ``<=`` and the number; without them the figure must have been determined.
    unit
        Of the number; empty for the figure's own, whatever it is.
    at
        Name and value of a condition it holds at, such as ``("field", -100.0)``.
    """

    name: str
    sign: str = ""
    value: float = 0.0
    unit: str = ""
    at: tuple[str, float] | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``sensitivity>1000``, ``sensitivity@field=-100>=1000 uC/(Gy cm2)`` or ``mu_tau``.

        Raises
        ------
        UserMistake
            If it is none of these.
        """
        found = _CONDITION.match(text)
        if found is None:
            raise UserMistake(
                f"figure {text!r}: must be a name, or name, sign and number, such as sensitivity>1000, or with a "
                f"condition, such as sensitivity@field=-100>1000; signs are > >= < <="
            )
        at = (found["at"], float(found["at_value"])) if found["at"] else None
        return cls(found["name"], found["sign"] or "", float(found["value"] or 0.0), found["unit"] or "", at)

    def holds(self, name: str, value: float | None, unit: str, at: Mapping[str, tuple[float, str]]) -> bool:
        """Tell whether a figure of merit meets it."""
        if name != self.name or value is None or (self.unit and unit != self.unit):
            return False
        if self.at is not None:
            condition, wanted = self.at
            if condition not in at or abs(at[condition][0] - wanted) > abs(wanted) * _CLOSE:
                return False
        return not self.sign or _SIGNS[self.sign](value, self.value)

    def sql(self) -> tuple[str, list[object]]:
        """Make the condition on ``runs.id`` and its values."""
        terms, values = ["name = ?", "value IS NOT NULL"], list[object]([self.name])
        if self.sign:
            terms.append(f"value {self.sign} ?")  # one of four signs that the pattern lets through
            values.append(self.value)
        if self.unit:
            terms.append("unit = ?")
            values.append(self.unit)
        if self.at is not None:
            name, value = self.at
            terms.append("abs(json_extract(at, ?) - ?) <= ?")
            values += [f"$.{json.dumps(name)}[0]", value, abs(value) * _CLOSE]
        return f"id IN (SELECT run FROM figures WHERE {' AND '.join(terms)})", values  # noqa: S608


@dataclass(frozen=True)
class Query:
    """Which runs, and in what order; an empty one finds all.

    Parameters
    ----------
    sample, operator
        A part of the name, in any case.
    procedure, tag
        The whole name.
    status
        One of `STATUSES`.
    since, until
        First and last moment that a run may have begun at.
    figures
        All of them must hold.
    sort
        One of `SORT_KEYS` or the name of a figure of merit, whose first value at any condition counts.
    reverse
        By default runs come the newest first, and everything else the smallest first.
    limit
        Most runs; None for all.
    """

    sample: str = ""
    procedure: str = ""
    since: datetime | None = None
    until: datetime | None = None
    operator: str = ""
    tag: str = ""
    status: str = ""
    figures: Sequence[FigureCondition] = ()
    sort: str = "date"
    reverse: bool = False
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.status and self.status not in STATUSES:
            raise UserMistake(f"status '{self.status}' is not known; {nearest(self.status, STATUSES)}")
        if self.limit is not None and self.limit < 1:
            raise UserMistake(f"limit {self.limit}: must be at least 1")

    def where(self) -> tuple[str, list[object]]:
        """Make the condition and its values."""
        terms: list[str] = []
        values: list[object] = []
        for column, part in (("sample", self.sample), ("operator", self.operator)):
            if part:
                terms.append(f"instr(folded({column}), ?) > 0")
                values.append(part.casefold())
        for column, whole in (("procedure", self.procedure), ("status", self.status)):
            if whole:
                terms.append(f"{column} = ?")
                values.append(whole)
        for sign, moment in ((">=", self.since), ("<=", self.until)):
            if moment is not None:
                terms.append(f"start {sign} ?")
                values.append(moment.timestamp())
        if self.tag:
            terms.append("id IN (SELECT run FROM tags WHERE tag = ?)")
            values.append(self.tag)
        for condition in self.figures:
            term, more = condition.sql()
            terms.append(term)
            values += more
        return " AND ".join(terms) or "1", values

    def order(self) -> tuple[str, list[object]]:
        """Make the order and its values; runs that lack what is sorted by come last."""
        descending = (self.sort == "date") != self.reverse
        direction = "DESC" if descending else "ASC"
        if self.sort in SORT_KEYS:
            return f"{SORT_KEYS[self.sort]} {direction} NULLS LAST, path", []
        value = (
            "(SELECT value FROM figures WHERE run = id AND name = ? AND value IS NOT NULL ORDER BY position LIMIT 1)"
        )
        return f"{value} {direction} NULLS LAST, path", [self.sort]


def moment(text: str, *, end_of_day: bool = False) -> datetime:
    """Read a date or a date with time; without a time zone it is that of this computer.

    Parameters
    ----------
    text
        ISO 8601: ``2026-11-21``, ``2026-11-21T14:30``, ``2026-11-21T14:30:00+01:00``.
    end_of_day
        Whether a date alone is its last moment instead of its first.

    Raises
    ------
    UserMistake
        If it is neither.
    """
    try:
        found = datetime.fromisoformat(text)
        if end_of_day and len(text) <= len("2026-11-21"):
            found += timedelta(days=1, microseconds=-1)
        return found if found.tzinfo else found.astimezone()
    except (ValueError, OverflowError, OSError):
        raise UserMistake(f"date {text!r}: must be such as 2026-11-21 or 2026-11-21T14:30") from None
