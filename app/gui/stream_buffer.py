"""What was recorded of a stream, kept for drawing: all scalars, and the last of the arrays."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from app.engine.events import Recorded
from procedures.streams import Stream

Array = npt.NDArray[np.float64]

KEPT_ARRAYS = 200
"""Spectra or traces a column: more rows than a waterfall has pixels to spare"""


class StreamBuffer:
    """Records of one stream.

    Parameters
    ----------
    stream
        Its declaration.
    """

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.rows = 0
        self._columns = {name: np.empty(256) for name in ("time", *stream.scalars)}
        self.arrays: dict[str, deque[Array]] = {
            name: deque(maxlen=KEPT_ARRAYS) for name, column in stream.columns.items() if column.axes
        }
        self.array_rows = 0

    def add(self, records: Iterable[Recorded]) -> None:
        """Take records of this stream."""
        for record in records:
            if self.rows == len(self._columns["time"]):
                self._columns = {name: np.resize(values, 2 * self.rows) for name, values in self._columns.items()}
            self._columns["time"][self.rows] = record.time
            for name in self.stream.scalars:
                self._columns[name][self.rows] = record.values[name]
            for name, kept in self.arrays.items():
                kept.append(np.asarray(record.values[name], dtype=float))
            self.rows += 1

    def column(self, name: str) -> Array:
        """Return a scalar column, (rows,); ``time`` is one."""
        return self._columns[name][: self.rows]

    def errors(self, name: str) -> Array | None:
        """Return the standard uncertainties of a column, or None where it has none."""
        return self.column(f"{name}_errors") if f"{name}_errors" in self._columns else None
