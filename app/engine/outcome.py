"""What came of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.figure import FigureOfMerit
from app.engine.events import Noted, State


@dataclass(frozen=True)
class Outcome:
    """A finished run."""

    state: State
    procedure: str
    run_file: Path | None
    parameters: Mapping[str, Any]
    seed: int | None
    duration: float
    """s on the bench's clock"""
    records: int
    figures: Sequence[FigureOfMerit] = ()
    products: Sequence[Path] = ()
    """Files for other measurements, such as a dose table."""
    notes: Sequence[Noted] = ()
    """Warnings, errors and trips of the journal."""
    tripped: bool = False
    reason: str = ""
    """Why it was aborted or failed."""
    error: BaseException | None = None
    beam_unknown: bool = False
    units: Mapping[str, str] = field(default_factory=dict)

    @property
    def exit_status(self) -> int:
        """Of the command: 0 completed, 1 failed, 3 aborted or tripped."""
        return {State.COMPLETED: 0, State.ABORTED: 3}.get(self.state, 1)

    def as_dict(self) -> dict[str, Any]:
        """Return the document that ``--json`` prints."""
        return {
            "status": str(self.state),
            "run_file": None if self.run_file is None else str(self.run_file),
            "procedure": self.procedure,
            "parameters": dict(self.parameters),
            "units": dict(self.units),
            "seed": self.seed,
            "duration_s": round(self.duration, 6),
            "records": self.records,
            "products": [str(path) for path in self.products],
            "reason": self.reason,
            "tripped": self.tripped,
            "beam_unknown": self.beam_unknown,
            "journal": [
                {"time": round(note.time, 6), "level": note.level, "kind": note.kind, "message": note.message}
                for note in self.notes
            ],
            "figures": [figure.as_dict() for figure in self.figures],
        }
