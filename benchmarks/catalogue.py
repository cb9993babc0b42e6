"""How long the catalogue of many run files takes to build, to bring up to date and to ask.

Run with ``python -m benchmarks.catalogue``. The run files are made of one that was written as every run is, by changing
what is in it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import h5py
import numpy as np

from benchmarks._verdicts import Verdicts, load
from storage.catalogue import Catalogue
from storage.catalogue_query import FigureCondition, Query
from storage.layout import ColumnLayout, RunHeader, StreamLayout
from storage.writer import RunWriter

LEAST_RATE = 200.0
"""Files/s that a new index is built at."""
LONGEST_QUERY = 0.05
"""s for a filtered query of the index."""

FIGURES = ("sensitivity", "lod_line", "mu_tau", "dark_current_density", "slope", "exponent", "r2", "resistivity")
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)


def write_model(path: Path, figures: int) -> None:
    """Write the run file that all others are made of."""
    header = RunHeader(
        "a run of a sample",
        "sensitivity",
        "0" * 36,
        BEGIN.isoformat(),
        parameters=dict.fromkeys(("one", "two", "three"), (1.5, "V")),
        sample={"name": "sample 0000", "kind": "photoconductor"},
        user={"name": "operator 0"},
        provenance={"bench": "bench", "preset": "preset", "simulated": True},
    )
    found = [
        {"name": name, "value": 1.0, "uncertainty": 0.1, "interval": [0.8, 1.2], "unit": "V", "method": "a method"}
        | {"at": {"field": [-100.0, "V/cm"]}, "warnings": [], "statistical": 0.1, "systematic": 0.0, "details": {}}
        for name in [FIGURES[number % len(FIGURES)] for number in range(figures)]
    ]
    with RunWriter(path, header, [StreamLayout("sweep", (ColumnLayout("voltage", "V"),))]) as writer:
        writer.record("sweep", {"voltage": 1.0}, 0.0)
        writer.finish("completed", found, header.start_time)


def write_runs(model: Path, folder: Path, number: int) -> None:
    """Write run files that differ in sample, operator, time and values."""
    random = np.random.default_rng(1)
    for index in range(number):
        path = folder / f"{index // 500:02d}" / f"{index:05d}.h5"
        path.parent.mkdir(exist_ok=True)
        shutil.copyfile(model, path)
        with h5py.File(path, "r+", libver=("v110", "v110"), locking=False) as file:
            entry = file["entry"]
            entry["start_time"][()] = (BEGIN + timedelta(minutes=index)).isoformat().encode()
            entry["sample/name"][()] = f"sample {index % 97:04d}".encode()
            entry["user/name"][()] = f"operator {index % 7}".encode()
            for process in entry["analysis/0001"].values():
                if isinstance(process, h5py.Group):
                    text = process["figure"]
                    figure = json.loads(text[()])
                    figure["value"] = round(float(random.uniform(0.1, 9.9)), 1)
                    text[()] = json.dumps(figure).encode()


def seconds(work: Callable[[], object]) -> float:
    """Time something."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> int:
    """Print what was measured; return 1 if a figure is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--figures", type=int, default=5, help="of each run")
    given = parser.parse_args()
    queries = {
        "sample": Query(sample="SAMPLE 0042"),
        "figure": Query(figures=(FigureCondition.parse("sensitivity>9.5"),)),
        "figure at a condition": Query(figures=(FigureCondition.parse("mu_tau@field=-100>9.7 V"),)),
        "week, operator, sorted by a figure": Query(
            operator="3", since=BEGIN + timedelta(days=2), until=BEGIN + timedelta(days=6), sort="lod_line", limit=50
        ),
        "the newest 100": Query(limit=100),
    }
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "runs"
        folder.mkdir()
        model = Path(temporary) / "model.h5"
        write_model(model, given.figures)
        print(
            f"{given.files} run files of {model.stat().st_size / 1024:.0f} KiB and {given.figures} figures ({load()})"
        )
        print(f"written in {seconds(lambda: write_runs(model, folder, given.files)):.0f} s")
        with Catalogue(folder, Path(temporary) / "index.sqlite") as catalogue:
            built = seconds(catalogue.update)
            again = statistics.median(seconds(catalogue.update) for _ in range(5))
            (folder / "00" / "new.h5").write_bytes(model.read_bytes())
            one = seconds(catalogue.update)
            slowest = 0.0
            print(f"index built in {built:.1f} s; up to date again in {again * 1e3:.0f} ms, with one new file "
                  f"{one * 1e3:.0f} ms")  # fmt: skip
            for what, query in queries.items():
                found = len(catalogue.find(query))
                took = statistics.median(seconds(lambda query=query: catalogue.find(query)) for _ in range(7))  # type: ignore[misc]
                slowest = max(slowest, took)
                print(f"{what:<40} {found:>6} runs  {took * 1e3:>7.1f} ms")
    verdicts = Verdicts()
    verdicts.at_least("files indexed", given.files / built, LEAST_RATE, "/s")
    verdicts.at_most("slowest filtered query", slowest, LONGEST_QUERY, "s")
    return verdicts.conclude()


if __name__ == "__main__":
    sys.exit(main())
