"""What the engine tells whoever is watching a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

Level = Literal["info", "warning", "error"]


class State(StrEnum):
    """Where a run is."""

    QUEUED = "queued"
    PREPARING = "preparing"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHING = "finishing"
    COMPLETED = "completed"
    ABORTED = "aborted"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        """Whether nothing follows."""
        return self in (State.COMPLETED, State.ABORTED, State.FAILED)


@dataclass(frozen=True)
class StateChanged:
    """The run is in another state."""

    state: State


@dataclass(frozen=True)
class Prepared:
    """The run file is open, and what its arrays lie on is known."""

    run_file: Path
    axes: Mapping[str, npt.NDArray[np.float64]]
    """By name, as in `procedures.streams.AXIS_UNITS`."""


@dataclass(frozen=True)
class Recorded:
    """A row was recorded."""

    stream: str
    time: float
    """s since the start of the run"""
    values: Mapping[str, float | npt.ArrayLike]


@dataclass(frozen=True)
class Progressed:
    """The run is that far."""

    done: int
    total: int
    elapsed: float
    """s"""
    remaining: float
    """s, estimated"""
    dose: float | None
    """Gy at the sample so far; None until a dose rate was read."""


@dataclass(frozen=True)
class Noted:
    """Something was written into the journal."""

    time: float
    level: Level
    kind: str
    message: str


Event = StateChanged | Prepared | Recorded | Progressed | Noted
