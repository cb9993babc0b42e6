"""What an analysis is given: the run's records and circumstances, always read back from its file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from config.bench_file import Geometry
from config.sample_file import Sample
from procedures.streams import Stream

Array = npt.NDArray[np.float64]


Pixels = npt.NDArray[np.generic]


@dataclass(frozen=True)
class RecordedImages:
    """Images of a stream, read from the run file when they are asked for: a video need not fit into the memory."""

    shape: tuple[int, int, int]
    """Records, rows, columns."""
    read: Callable[[int, int], Pixels]
    """Reads records from a first one to before a last one."""

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, record: int | slice) -> Pixels:
        """Read one record, or some in a row."""
        if isinstance(record, slice):
            first, last, step = record.indices(len(self))
            if step != 1:
                raise ValueError(f"images are read in a row, not with a step of {step}")
            return self.read(first, max(first, last))
        at = record + len(self) if record < 0 else record
        if not 0 <= at < len(self):
            raise IndexError(f"record {record} of {len(self)}")
        one: Pixels = self.read(at, at + 1)[0]
        return one

    def __iter__(self) -> Iterator[Pixels]:
        """Read one after the other."""
        return (self[record] for record in range(len(self)))


@dataclass(frozen=True)
class RunData:
    """A run, ready to be analysed, now or years later."""

    streams: Mapping[str, Mapping[str, Array]]
    """By stream and column, but for images; ``time`` is s since the start."""
    axes: Mapping[str, Mapping[str, Array]]
    """By stream and axis."""
    parameters: Mapping[str, Any]
    sample: Sample | None
    geometry: Geometry
    calibrations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Calibration of each instrument by role."""
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Settings of each instrument by role."""
    images: Mapping[str, Mapping[str, RecordedImages]] = field(default_factory=dict)
    """By stream and column."""

    def __getitem__(self, stream: Stream | str) -> Mapping[str, Array]:
        """Return a stream's columns."""
        return self.streams[stream if isinstance(stream, str) else stream.name]

    def records(self, stream: Stream | str) -> int:
        """Count a stream's records."""
        return len(self[stream]["time"])

    def calibration(self, role: str, name: str, otherwise: float) -> float:
        """Return a number of an instrument's calibration."""
        return float(self.calibrations.get(role, {}).get(name, otherwise))
