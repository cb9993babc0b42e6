"""The cases of the campaign: which procedure, what goes wrong, and when."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.fault_injection import Action, FaultInjection
from app.faults.run_events import RunEvent, RunEvents
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

Kind = FaultKind | RunEvent

KINDS: tuple[Kind, ...] = (*FaultKind, *RunEvent)

_COUNTED = ON_THE_WIRE - {FaultKind.LOST_CONNECTION}
_DURATIONS = (None, None, 0.05, 1.0, 5.0)
_SHARE_OF_TUBE = 0.4
_LATEST = 3.0


@dataclass(frozen=True)
class PlannedFault:
    """What goes wrong: as `sim_instruments.faults.Fault`, or something that happens to the run."""

    kind: Kind
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

    def plan(self, injection: FaultInjection, events: RunEvents | None = None) -> None:
        """Let it happen in the run to come.

        Parameters
        ----------
        injection
            Of the bench.
        events
            Of the run; needed where something happens to it.

        Raises
        ------
        ValueError
            If they are missing.
        """
        for fault in self.faults:
            if isinstance(fault.kind, FaultKind):
                self._plan(injection, fault.kind, fault.more)
            elif events is None:
                raise ValueError(f"{fault.kind} happens to a run, and there is none")
            elif fault.kind is RunEvent.PROCEDURE_BUG and self.moment == "shutdown":
                events.fail_at_the_end()
            else:
                self._plan(injection, events.action(fault.kind), {})

    def _plan(self, injection: FaultInjection, what: FaultKind | Action, more: Mapping[str, Any]) -> None:
        if self.moment == "before" and isinstance(what, FaultKind):
            injection.now(what, **more)
        elif self.moment == "before":
            injection.in_preparation(what)
        elif self.moment == "between":
            injection.between_records(self.record, what, **more)
        elif self.moment == "shutdown":
            injection.in_shutdown(what, **more)
        else:
            injection.during_point(self.record, what, delay=self.delay, **more)


def cases(seed: int, kinds: Sequence[Kind] = KINDS) -> Iterator[Case]:
    """Make the cases of a seed, one after the other: every kind at every moment with every procedure, then again."""
    chance = random.Random(seed)  # noqa: S311  (nothing secret)
    number = 0
    while True:
        combinations = [(s, kind, moment) for s in SUBJECTS for kind in kinds for moment in MOMENTS]
        chance.shuffle(combinations)
        for subject, kind, moment in combinations:
            faults = [_planned(kind, subject, chance)]
            if moment == "two":
                faults.append(_planned(chance.choice([other for other in kinds if other != kind]), subject, chance))
            record = chance.randint(1, 5)
            yield Case(number, seed, subject, moment, tuple(faults), record, chance.uniform(0.0, _LATEST))
            number += 1


def _planned(kind: Kind, subject: Subject, chance: random.Random) -> PlannedFault:
    more: dict[str, Any] = {}
    if isinstance(kind, RunEvent):
        return PlannedFault(kind)
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
