"""What an analysis is given: the run's records and circumstances, always read back from its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from config.bench_file import Geometry
from config.sample_file import Sample
from procedures.streams import Stream

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RunData:
    """A run, ready to be analysed, now or years later."""

    streams: Mapping[str, Mapping[str, Array]]
    """By stream and column; ``time`` is s since the start."""
    axes: Mapping[str, Mapping[str, Array]]
    """By stream and axis."""
    parameters: Mapping[str, Any]
    sample: Sample | None
    geometry: Geometry
    calibrations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Calibration of each instrument by role."""
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Settings of each instrument by role."""

    def __getitem__(self, stream: Stream | str) -> Mapping[str, Array]:
        """Return a stream's columns."""
        return self.streams[stream if isinstance(stream, str) else stream.name]

    def records(self, stream: Stream | str) -> int:
        """Count a stream's records."""
        return len(self[stream]["time"])

    def calibration(self, role: str, name: str, otherwise: float) -> float:
        """Return a number of an instrument's calibration."""
        return float(self.calibrations.get(role, {}).get(name, otherwise))
