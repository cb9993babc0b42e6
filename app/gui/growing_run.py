"""A run file that another program is writing, read as it grows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from app.gui.stream_buffer import KEPT_ARRAYS, KEPT_IMAGES, KEPT_ROWS
from procedures.streams import AXIS_UNITS, Column, Image, Scalar, Spectrum, Stream, Waveform
from storage.layout import StreamLayout
from storage.reader import open_run

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Growth:
    """What a stream has got since it was last looked at."""

    scalars: Mapping[str, Array]
    """``time`` and every scalar, (rows,)."""
    arrays: Mapping[str, Array]
    """The last rows of each array column."""


class GrowingRun:
    """Reads what comes; close it, or use it in a `with` block.

    Parameters
    ----------
    path
        Of the run file.

    Raises
    ------
    UnreadableRunFile
        If it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._inode = path.stat().st_ino
        self._file = open_run(path)
        self._seen = dict.fromkeys(self._file.streams, 0)
        self.title = self._file.title
        self.streams = {name: stream_of(one.layout) for name, one in self._file.streams.items()}
        """What the file holds, as a procedure declares it."""
        self.axes = {name: dict(one.axes) for name, one in self._file.streams.items()}

    def news(self) -> dict[str, Growth]:
        """Read what has come since the last time, by stream; streams that have not grown are left out."""
        self._file.refresh()
        found = {}
        for name, data in self._file.streams.items():
            rows, seen = data.rows, self._seen[name]
            if rows <= seen:
                continue
            stream = self.streams[name]
            first = max(seen, rows - KEPT_ROWS)
            scalars = {one: data.read(one, first, rows) for one in ("time", *stream.scalars)}
            arrays = {}
            for column, declared in stream.columns.items():
                if declared.axes:
                    kept = KEPT_ARRAYS if len(declared.axes) == 1 else KEPT_IMAGES
                    arrays[column] = data.read(column, max(seen, rows - kept), rows)
            self._seen[name] = rows
            found[name] = Growth(scalars, arrays)
        return found

    @property
    def ended(self) -> bool:
        """Whether nothing more will come: the file was sealed, which replaces it, or its writer is gone."""
        try:
            if self.path.stat().st_ino != self._inode:
                return True
        except FileNotFoundError:
            return True
        if not self._file.live:
            return True
        writer = self._file.writer
        return writer is not None and not writer.alive(self.path)

    def close(self) -> None:
        """Close; harmless when closed."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def stream_of(layout: StreamLayout) -> Stream:
    """Declare a stream as the file holds it, whatever procedure wrote it."""
    errors = {column.errors_of for column in layout.columns}
    columns: dict[str, str | Column] = {}
    for column in layout.columns:
        if column.errors_of is not None:
            continue
        both = column.name in errors
        if not column.shape:
            columns[column.name] = Scalar(column.unit, errors=both)
        elif column.axes == Spectrum.axes:
            columns[column.name] = Spectrum(column.unit, errors=both)
        elif column.axes == Waveform.axes:
            columns[column.name] = Waveform(column.unit)
        elif column.axes == Image.axes:
            columns[column.name] = Image(column.unit, np.dtype(column.dtype).str.lstrip("<>|"))
    x, y = layout.primary or ("time", next(iter(columns)))
    known = {"time", *columns, *AXIS_UNITS}
    return Stream(
        layout.name,
        layout.title,
        primary=(x if x in known else "time", y if y in columns else next(iter(columns))),
        **columns,
    )
