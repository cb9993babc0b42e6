"""The cases of the campaign: which procedure, what goes wrong, and when."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.fault_injection import FaultInjection
from app.faults.subjects import SUBJECTS, Subject
from sim_instruments.faults import FaultKind

MOMENTS = ("before", "during", "between", "shutdown", "two")
"""Before the run, while a point is measured, right after a record, while the bench is made safe, two at once."""

ON_THE_WIRE = frozenset(
    {
        FaultKind.LOST_CONNECTION,
        FaultKind.SILENT,
        FaultKind.SLOW_REPLY,
        FaultKind.GARBAGE_REPLY,
        FaultKind.TRUNCATED_REPLY,
    }
)
"""Kinds that concern one instrument's line."""

_COUNTED = ON_THE_WIRE - {FaultKind.LOST_CONNECTION}
_DURATIONS = (None, None, 0.05, 1.0, 5.0)
_SHARE_OF_TUBE = 0.4
_LATEST = 3.0


@dataclass(frozen=True)
class PlannedFault:
    """What goes wrong: as `sim_instruments.faults.Fault`."""

    kind: FaultKind
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def instrument(self) -> str | None:
        """The role concerned, where it is one."""
        return self.more.get("instrument")

    def __str__(self) -> str:
        """Say it in a few words."""
        said = ", ".join(f"{name} {value}" for name, value in self.more.items() if name != "instrument")
        where = f" of the {self.instrument}" if self.instrument else ""
        return f"{self.kind}{where}" + (f" ({said})" if said else "")


@dataclass(frozen=True)
class Case:
    """One run in which something goes wrong."""

    number: int
    seed: int
    """Of the campaign."""
    subject: Subject
    moment: str
    faults: tuple[PlannedFault, ...]
    record: int
    delay: float

    def __str__(self) -> str:
        """Say it in one line."""
        what = " and ".join(map(str, self.faults))
        when = {"before": "before the run", "shutdown": "while the bench is made safe"}.get(
            self.moment, f"at record {self.record}" + ("" if self.moment == "between" else f" + {self.delay:.2f} s")
        )
        return f"{self.subject.procedure}: {what}, {when}"

    @property
    def replay(self) -> str:
        """The command that tries this case alone."""
        return f'make faults ARGS="--seed {self.seed} --case {self.number}"'

    def plan(self, injection: FaultInjection) -> None:
        """Let it happen in the run to come."""
        for fault in self.faults:
            if self.moment == "before":
                injection.now(fault.kind, **fault.more)
            elif self.moment == "between":
                injection.between_records(self.record, fault.kind, **fault.more)
            elif self.moment == "shutdown":
                injection.in_shutdown(fault.kind, **fault.more)
            else:
                injection.during_point(self.record, fault.kind, delay=self.delay, **fault.more)


def cases(seed: int) -> Iterator[Case]:
    """Make the cases of a seed, one after the other: every kind at every moment with every procedure, then again."""
    chance = random.Random(seed)  # noqa: S311  (nothing secret)
    number = 0
    while True:
        combinations = [(s, kind, moment) for s in SUBJECTS for kind in FaultKind for moment in MOMENTS]
        chance.shuffle(combinations)
        for subject, kind, moment in combinations:
            faults = [_planned(kind, subject, chance)]
            if moment == "two":
                faults.append(_planned(chance.choice([other for other in FaultKind if other != kind]), subject, chance))
            record = chance.randint(1, 5)
            yield Case(number, seed, subject, moment, tuple(faults), record, chance.uniform(0.0, _LATEST))
            number += 1


def _planned(kind: FaultKind, subject: Subject, chance: random.Random) -> PlannedFault:
    more: dict[str, Any] = {}
    if kind in ON_THE_WIRE:
        by_tube = "tube" in subject.roles and chance.random() < _SHARE_OF_TUBE
        more["instrument"] = "tube" if by_tube else chance.choice(subject.roles)
    duration = chance.choice(_DURATIONS)
    if duration is not None:
        more["duration"] = duration
    if kind in _COUNTED and chance.random() < 0.5:
        more["count"] = chance.randint(1, 3)
    if kind is FaultKind.SLOW_REPLY:
        more["seconds"] = chance.choice((0.05, 0.5, 3.0))
    if kind in (FaultKind.KV_OFF, FaultKind.MA_OFF):
        more["factor"] = chance.choice((0.0, 0.5, 0.9, 1.1, 1.5))
    if kind is FaultKind.TUBE_FAULT:
        more["detail"] = chance.choice(("overpower", "overvoltage", "overcurrent"))
    return PlannedFault(kind, more)
