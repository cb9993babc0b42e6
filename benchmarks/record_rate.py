"""How many ten-column records a second a run file takes, and what one record costs as their number grows."""

import argparse
import tempfile
import time
from pathlib import Path

from storage.layout import ColumnLayout, RunHeader, StreamLayout
from storage.reader import open_run
from storage.writer import RunWriter

COLUMNS = 10
HEADER = RunHeader("record rate", "record-rate", "0", "2025-01-01T00:00:00+00:00")
STREAM = StreamLayout("sweep", tuple(ColumnLayout(f"column_{i}", "V") for i in range(COLUMNS)))


def seconds_for(records: int, folder: Path) -> tuple[float, float, float]:
    """Time in `record` alone, until everything is sealed, and the longest that one record took; s."""
    path = folder / f"{records}.h5"
    values = {f"column_{i}": float(i) for i in range(COLUMNS)}
    with RunWriter(path, HEADER, [STREAM]) as writer:
        longest, start = 0.0, time.perf_counter()
        before = start
        for n in range(records):
            writer.record("sweep", values, n * 1e-6)
            after = time.perf_counter()
            longest = max(longest, after - before)
            before = after
        recorded = time.perf_counter() - start
        writer.finish("completed", [], HEADER.start_time)
    sealed = time.perf_counter() - start
    with open_run(path) as run:
        if run.streams["sweep"].rows != records:
            raise SystemExit(f"{run.streams['sweep'].rows} of {records} records in the file")
    return recorded, sealed, longest


def main() -> None:
    """Print a line for each number of records."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, nargs="*", default=[1_000, 10_000, 100_000, 1_000_000])
    print(f"{'records':>10} {'records/s':>12} {'us a record':>12} {'longest, ms':>12} {'sealed after, s':>16}")
    for records in parser.parse_args().records:
        with tempfile.TemporaryDirectory() as folder:
            recorded, sealed, longest = seconds_for(records, Path(folder))
        rate, cost = records / recorded, recorded / records * 1e6
        print(f"{records:>10} {rate:>12.0f} {cost:>12.2f} {longest * 1e3:>12.2f} {sealed:>16.2f}")


if __name__ == "__main__":
    main()
