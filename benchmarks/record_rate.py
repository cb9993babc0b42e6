"""How many ten-column records a second a run file takes, and what one record costs as their number grows.

Run with ``python -m benchmarks.record_rate``.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks._verdicts import Verdicts, load
from storage.layout import ColumnLayout, RunHeader, StreamLayout
from storage.reader import open_run
from storage.writer import RunWriter

COLUMNS = 10
LEAST_RATE = 20_000.0
"""Records/s, until the last was accepted and until the file was sealed."""
LARGEST_GROWTH = 1.5
"""Processor time of a record among many over that among few: flat, with room for a busy machine."""
MOST_REPETITIONS, WORTH_REPEATING = 7, 300_000
HEADER = RunHeader("record rate", "record-rate", "0", "2025-01-01T00:00:00+00:00")
STREAM = StreamLayout("sweep", tuple(ColumnLayout(f"column_{i}", "V") for i in range(COLUMNS)))


class Times(NamedTuple):
    """What recording took, s."""

    recorded: float
    """Until the last record was accepted"""
    worked: float
    """Of it, what the recording thread kept a processor busy"""
    longest: float
    """The longest that one record took"""
    sealed: float
    """Until everything was sealed"""


def times_of(records: int, folder: Path) -> Times:
    """Record that many, and seal."""
    path = folder / f"{records}.h5"
    values = {f"column_{i}": float(i) for i in range(COLUMNS)}
    with RunWriter(path, HEADER, [STREAM]) as writer:
        longest, working, start = 0.0, time.thread_time(), time.perf_counter()
        before = start
        for n in range(records):
            writer.record("sweep", values, n * 1e-6)
            after = time.perf_counter()
            longest = max(longest, after - before)
            before = after
        recorded, worked = time.perf_counter() - start, time.thread_time() - working
        writer.finish("completed", [], HEADER.start_time)
    sealed = time.perf_counter() - start
    with open_run(path) as run:
        if run.streams["sweep"].rows != records:
            raise SystemExit(f"{run.streams['sweep'].rows} of {records} records in the file")
    return Times(recorded, worked, longest, sealed)


def typical(records: int) -> Times:
    """Return medians of what `times_of` gives; few records are recorded several times."""
    found = []
    for _ in range(max(1, min(MOST_REPETITIONS, WORTH_REPEATING // records))):
        with tempfile.TemporaryDirectory() as folder:
            found.append(times_of(records, Path(folder)))
    return Times(*(statistics.median(column) for column in zip(*found, strict=True)))


def main() -> int:
    """Print a line for each number of records; return 1 if a figure is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    counts = sorted(parser.parse_args().records)
    typical(counts[0])  # warm-up
    print(f"{COLUMNS} columns ({load()})")
    print(
        f"{'records':>10} {'records/s':>12} {'us a record':>12} {'us worked':>10} {'longest, ms':>12} {'sealed, s':>10}"
    )
    found = {}
    for records in counts:
        taken = found[records] = typical(records)
        cost, work = (seconds / records * 1e6 for seconds in (taken.recorded, taken.worked))
        print(
            f"{records:>10} {1e6 / cost:>12.0f} {cost:>12.2f} {work:>10.2f} {taken.longest * 1e3:>12.2f} "
            f"{taken.sealed:>10.2f}"
        )
    few, many = counts[0], counts[-1]
    verdicts = Verdicts()
    verdicts.at_least(
        "records accepted, the slowest", min(count / taken.recorded for count, taken in found.items()), LEAST_RATE, "/s"
    )
    verdicts.at_least(f"records until sealed, of {many}", many / found[many].sealed, LEAST_RATE, "/s")
    growth = found[many].worked / many / (found[few].worked / few)
    verdicts.at_most(f"work for a record, among {many} over among {few}", growth, LARGEST_GROWTH)
    return verdicts.conclude()


if __name__ == "__main__":
    sys.exit(main())
