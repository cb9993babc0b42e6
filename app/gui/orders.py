"""What the window asks of the bench, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

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
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """By role, the smallest and the largest value that it can be set to by hand."""
    sensitivities: tuple[float, ...] = ()
    """Of the preamplifier, A/V."""

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
class Live:
    """What an instrument that is watched live has shown last."""

    role: str
    values: npt.NDArray[np.float64] | npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
    """(pixels,) counts of a spectrum, or (rows, columns) of a frame."""
    axis: npt.NDArray[np.float64] | None = None
    """nm, of a spectrum"""
    saturated: int = 0
    """How many pixels are at full scale."""
    full_scale: float = 0.0


@dataclass(frozen=True)
class Stopped:
    """The bench was stopped, and not by the button."""

    reason: str


@dataclass(frozen=True)
class Safety:
    """What came of making the bench safe outside a run."""

    problems: tuple[str, ...] = ()
    beam_unknown: bool = False
