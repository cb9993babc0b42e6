"""What became of a case of the campaign."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, fields
from typing import Any

from app.faults.cases import Case, cases


@dataclass
class Finding:
    """What became of a case."""

    case: Case
    state: str = ""
    reason: str = ""
    happened: bool = False
    """Whether the fault came about: a run may be over before its moment."""
    beam_was_on: bool = False
    """When the first fault came."""
    seconds_to_off: float | None = None
    """From when the program could know of it to a beam that is off, s on the bench's clock."""
    seconds_from_fault: float | None = None
    """From a fault that takes or spoils the beam to a beam that is off, s."""
    tube_in_reach: bool = True
    """Whether its line was left alone, and it did as it was told."""
    said_unknown: bool = False
    by_watchdog: float | None = None
    """s until the tube's own watchdog switched off what could not be reached."""
    file_verified: bool = False
    problems: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON can hold: the case by its number."""
        content = {one.name: getattr(self, one.name) for one in fields(self)}
        return {**content, "case": self.case.number, "seed": self.case.seed}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Finding:
        """Read what `as_dict` made."""
        case = next(itertools.islice(cases(content.pop("seed")), content.pop("case"), None))
        return cls(case, **content)

    def expect(self, holds: bool, otherwise: str) -> None:
        """Note a problem, which begins with what it is about, unless it holds."""
        if not holds:
            self.problems.append(otherwise)
