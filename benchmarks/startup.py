"""How soon the command answers, and how soon a simulated bench is open.

The installed ``xraybench --help`` is measured against ``python -c pass``, in turns. The bench is opened in a new
process each time: by a script that has only imported ``xraybench``, which imports the drivers while it opens, and with
everything imported before.
Run with ``python -m benchmarks.startup``.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks._verdicts import Verdicts, load

LARGEST_OVER_PASS = 6.0
LONGEST_OPENING = 1.0
"""s, imports apart"""

FROM_A_SCRIPT = """
import json, time
start = time.perf_counter()
import xraybench
imported = time.perf_counter()
bench = xraybench.open_bench("sim")
opened = time.perf_counter()
bench.close()
print(json.dumps([imported - start, opened - imported]))
"""
IMPORTS_APART = """
import importlib, json, time
import pyvisa_py, xraybench
from app.opening import open_bench
from config.loading import bench_file
from drivers.registry import driver_class
from sim_instruments.served_bench import SIMULATIONS
import sim_instruments.world.world
for role, entry in bench_file("sim").content.entries.items():
    driver_class(entry.driver, role)
    importlib.import_module(SIMULATIONS[entry.driver][0].partition(":")[0])
imported = time.perf_counter()
bench = xraybench.open_bench("sim")
opened = time.perf_counter()
bench.close()
again = time.perf_counter()
bench = xraybench.open_bench("sim")
reopened = time.perf_counter()
bench.close()
print(json.dumps([opened - imported, reopened - again]))
"""


def installed_command() -> str:
    """Return the path of the installed ``xraybench``."""
    scripts = sysconfig.get_path("scripts")
    found = shutil.which("xraybench", path=scripts) or shutil.which("xraybench")
    if found is None:
        raise SystemExit(f"xraybench is not installed in {Path(scripts)}: make bench installs it")
    return found


def seconds_of(command: Sequence[str]) -> float:
    """Return how long a command takes, s."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def medians(script: str, times: int) -> list[float]:
    """Run a script in so many new processes, after a warm-up; return the medians of what each prints, s."""
    found = []
    for _ in range(times + 1):
        out = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
        found.append([float(seconds) for seconds in json.loads(out)])
    return [statistics.median(column) for column in zip(*found[1:], strict=True)]


def main() -> int:
    """Measure and print; return 1 if a figure is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=15, help="starts of the command")
    parser.add_argument("--openings", type=int, default=5, help="openings of the bench")
    given = parser.parse_args()
    nothing, command = [sys.executable, "-c", "pass"], [installed_command(), "--help"]
    seconds_of(nothing), seconds_of(command)
    pairs = [(seconds_of(nothing), seconds_of(command)) for _ in range(given.times)]
    imports, from_a_script = medians(FROM_A_SCRIPT, given.openings)
    first, second = medians(IMPORTS_APART, given.openings)
    ratio = statistics.median(help_ / pass_ for pass_, help_ in pairs)
    print(f"{'median of':<42}{'times':>6}{'ms':>10}   ({load()})")
    for what, count, seconds in (
        ("python -c pass", len(pairs), statistics.median(pass_ for pass_, _ in pairs)),
        ("xraybench --help", len(pairs), statistics.median(help_ for _, help_ in pairs)),
        ("import xraybench", given.openings, imports),
        ("simulated bench opened, drivers imported", given.openings, from_a_script),
        ("simulated bench opened, imports apart", given.openings, first),
        ("simulated bench opened a second time", given.openings, second),
    ):
        print(f"{what:<42}{count:>6}{seconds * 1e3:>10.1f}")
    verdicts = Verdicts()
    verdicts.at_most("xraybench --help over python -c pass", ratio, LARGEST_OVER_PASS)
    verdicts.at_most("opening the simulated bench, imports apart", first, LONGEST_OPENING, "s")
    return verdicts.conclude()


if __name__ == "__main__":
    sys.exit(main())
