"""What was recorded of a stream, kept for drawing: its scalars, and the last of the arrays."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from app.engine.events import Recorded
from app.gui.thinning import Extremes, Indices
from procedures.streams import Stream

Array = npt.NDArray[np.float64]

KEPT_ROWS = 2_000_000
"""Rows of scalars that are kept at most; then the older half goes. The run file has them all."""

KEPT_ARRAYS = 200
"""Spectra or traces a column: more rows than a waterfall has pixels to spare"""

KEPT_IMAGES = 1
"""Only the last is looked at, and 200 frames would fill the memory."""

FIRST_ROWS = 256

MANY_ROWS = 65_536
"""Rows beyond which there is room for all that are kept: to copy a million rows would hold the window up"""


class StreamBuffer:
    """Records of one stream.

    Parameters
    ----------
    stream
        Its declaration.
    kept_rows
        Rows of scalars that are kept at most.
    """

    def __init__(self, stream: Stream, kept_rows: int = KEPT_ROWS) -> None:
        self.stream = stream
        self._kept_rows = kept_rows
        self._names = ("time", *stream.scalars)
        self._columns = {name: np.empty(min(FIRST_ROWS, kept_rows)) for name in self._names}
        self._ascending = dict.fromkeys(self._names, True)
        self._extremes = {name: Extremes() for name in self._names}
        self._filled = 0
        self.dropped = 0
        """Rows that are not kept any more."""
        self.arrays: dict[str, deque[npt.NDArray[Any]]] = {
            name: deque(maxlen=KEPT_ARRAYS if len(column.axes) == 1 else KEPT_IMAGES)
            for name, column in stream.columns.items()
            if column.axes
        }
        """The last of each array column; images as they came, spectra and traces as floating-point numbers."""

    @property
    def rows(self) -> int:
        """How many records have come."""
        return self.dropped + self._filled

    def add(self, records: Iterable[Recorded]) -> None:
        """Take records of this stream; one whose arrays are missing has been overtaken by later ones."""
        some = list(records)
        if not some:
            return
        self.add_scalars(
            {
                "time": [one.time for one in some],
                **{name: [one.values[name] for one in some] for name in self.stream.scalars},  # type: ignore[misc]
            }
        )
        for name, kept in self.arrays.items():
            limit = kept.maxlen or len(some)
            self.add_arrays(name, [one.values[name] for one in some[-limit:] if name in one.values])

    def add_scalars(self, columns: Mapping[str, Sequence[float] | Array]) -> None:
        """Take rows: equally many of ``time`` and of every scalar."""
        blocks = {name: np.asarray(columns[name], dtype=float) for name in self._names}
        count = len(blocks["time"])
        if not count:
            return
        for name, block in blocks.items():
            if self._ascending[name]:
                last = self._columns[name][self._filled - 1] if self._filled else -np.inf
                # written so that a row that is no number makes no order
                self._ascending[name] = bool(block[0] >= last and np.all(block[1:] >= block[:-1]))
        for start in range(0, count, self._kept_rows // 2):
            self._append({name: block[start : start + self._kept_rows // 2] for name, block in blocks.items()})

    def _append(self, blocks: Mapping[str, Array]) -> None:
        end = self._filled + len(blocks["time"])
        if end > self._kept_rows:
            gone = self._filled - self._kept_rows // 2
            for values in self._columns.values():
                values[: self._kept_rows // 2] = values[gone : self._filled].copy()
            self._extremes = {name: Extremes() for name in self._names}
            self.dropped += gone
            self._filled -= gone
            end -= gone
        size = len(self._columns["time"])
        if end > size:
            self._grow(max(2 * size, end) if end <= MANY_ROWS else self._kept_rows)
        for name, block in blocks.items():
            self._columns[name][self._filled : end] = block
        self._filled = end

    def _grow(self, wanted: int) -> None:
        size = min(self._kept_rows, wanted)
        for name, values in self._columns.items():
            # memory that nobody has written to costs nothing, so it is not copied either
            self._columns[name] = np.empty(size)
            self._columns[name][: self._filled] = values[: self._filled]

    def add_arrays(self, name: str, arrays: Iterable[npt.ArrayLike]) -> None:
        """Take arrays of one column."""
        kept = self.arrays[name]
        spectra = len(self.stream.columns[name].axes) == 1
        kept.extend(np.asarray(one, dtype=float if spectra else None) for one in arrays)

    def column(self, name: str) -> Array:
        """Return the kept rows of a scalar column; ``time`` is one."""
        return self._columns[name][: self._filled]

    def errors(self, name: str) -> Array | None:
        """Return the standard uncertainties of a column, or None where it has none."""
        return self.column(f"{name}_errors") if f"{name}_errors" in self._columns else None

    def extremes(self, name: str) -> Indices:
        """Return the rows among which an outline of a column can be chosen: where there are many, far fewer."""
        return self._extremes[name].of(self.column(name))

    def ascending(self, name: str) -> bool:
        """Say whether a column never falls, so that what lies in a range of it can be cut out."""
        return self._ascending[name]
