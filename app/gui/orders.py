"""What the window asks of the bench, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from config.bench_file import BenchFile, Limits

if TYPE_CHECKING:
    from app.engine.outcome import Outcome
    from app.opening import Speed
    from app.running import Plan


@dataclass(frozen=True)
class RunOrder:
    """A run as it was put together in the window."""

    plan: Plan
    folder: Path | None = None
    """Of the run file; None takes the bench file's."""
    seed: int | None = None
    speed: Speed | None = None
    """Of a simulated bench."""

    @property
    def title(self) -> str:
        """Procedure, preset and sample in one line."""
        plan = self.plan
        sample = plan.sample.content.name if plan.sample else ""
        return " · ".join(part for part in (plan.procedure.name, plan.preset, sample) if part)


@dataclass(frozen=True)
class RunEnd:
    """How an order ended."""

    order: RunOrder
    outcome: Outcome | None
    mistake: str = ""
    """Why it could not begin, or what failed besides the run."""


@dataclass(frozen=True)
class BenchFacts:
    """The bench that is open."""

    file: BenchFile
    identities: Mapping[str, str] = field(default_factory=dict)
    """By role."""
    addresses: Mapping[str, str] = field(default_factory=dict)
    full_scale: tuple[float, float] | None = None
    """kV and mA of the tube."""

    @property
    def limits(self) -> Limits:
        """Of the bench file."""
        return self.file.limits


@dataclass(frozen=True)
class Reading:
    """What an instrument shows when nobody measures."""

    role: str
    text: str
    lost: bool = False


@dataclass(frozen=True)
class Safety:
    """What came of making the bench safe outside a run."""

    problems: tuple[str, ...] = ()
    beam_unknown: bool = False
