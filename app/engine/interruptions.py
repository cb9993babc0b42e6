"""What an interrupted run leaves in its file: rows of a point that was measured again, and what that means for figures.

A run that is paused by a trip unwinds, and begins again with the step that was interrupted. The rows recorded of that
step stay in the file, and no analysis sees them: the journal says which they are (events of the kind `INTERRUPTED`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from app.engine.trips import LEAVES_NUMBERS_IN_DOUBT
from procedures.run_data import Pixels, RecordedImages, RunData

INTERRUPTED = "interrupted"
"""Kind of the journal's events that say, as `set_aside`, which rows belong to a point that was measured again: by
stream the first and the one behind the last."""

NOTED = "trip"
"""Kind of the journal's events that say what tripped, and by which policy."""

Journal = Sequence[Mapping[str, object]]


def without_set_aside(data: RunData, journal: Journal) -> RunData:
    """Return a run's data without the rows that belong to interrupted points."""
    kept = {
        name: rows
        for name, columns in data.streams.items()
        if (rows := _kept_rows(name, len(columns["time"]), journal)) is not None
    }
    if not kept:
        return data
    streams = {
        name: {column: values[kept[name]] for column, values in columns.items()} if name in kept else columns
        for name, columns in data.streams.items()
    }
    images = {
        name: {column: _only(images, kept[name]) for column, images in columns.items()} if name in kept else columns
        for name, columns in data.images.items()
    }
    return replace(data, streams=streams, images=images)


def warnings_of(journal: Journal) -> tuple[str, ...]:
    """Return what every figure of a run has to say because of its journal, each once."""
    found: dict[str, None] = {}
    interruptions = sum(1 for event in journal if event.get("kind") == INTERRUPTED and event.get("trip"))
    if interruptions:
        times = "once" if interruptions == 1 else f"{interruptions} times"
        found[f"the run was interrupted {times}; the point was measured again"] = None
    for event in journal:
        noted = event.get("kind") == NOTED and event.get("policy") == "note" and not event.get("expected")
        if noted and event.get("trip") in LEAVES_NUMBERS_IN_DOUBT:
            found[f"in doubt: {event.get('message')}"] = None
    return tuple(found)


def _kept_rows(stream: str, rows: int, journal: Journal) -> npt.NDArray[np.intp] | None:
    """Return the rows that count; None: all of them."""
    keep = np.ones(rows, dtype=bool)
    for event in journal:
        spans = event.get("set_aside") if event.get("kind") == INTERRUPTED else None
        span = spans.get(stream) if isinstance(spans, Mapping) else None
        if isinstance(span, list) and len(span) == 2 and all(isinstance(row, int) for row in span):
            keep[slice(*span)] = False
    return None if keep.all() else np.flatnonzero(keep)


def _only(images: RecordedImages, rows: npt.NDArray[np.intp]) -> RecordedImages:
    def read(first: int, last: int) -> Pixels:
        wanted = rows[first:last]
        if not len(wanted):
            return images.read(0, 0)
        pixels: Pixels = images.read(int(wanted[0]), int(wanted[-1]) + 1)[wanted - wanted[0]]
        return pixels

    return RecordedImages((len(rows), *images.shape[1:]), read)
