"""A simulated bench in a process of its own that also tells what was true: for who kills the process that measures.

It reads lines: ``history`` is answered with the moments, in the wall clock's time, at which the high voltage and the
bias went on and off. It ends with its standard input.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np

from config.bench_file import BenchFile
from config.loading import check, sample_file
from sim_instruments.served_bench import ServedBench

ROLES = {
    "tube": {"driver": "spellman-xrv", "resource": "sim"},
    "source_meter": {"driver": "keithley-2450", "resource": "sim"},
}
"""What is served: a tube, and what can hold a bias."""
SAMPLE = "dong24-tio2"


def history(served: ServedBench) -> dict[str, Any]:
    """Return what the world remembers: ``[moment, whether on]`` of the high voltage, and of the bias."""
    offset = time.time() - served.clock.now()
    times, steps = served.world.bias.steps()
    volts = np.round(np.cumsum(steps), 9)
    return {
        "beam": [[one.start + offset, one.voltage_to > 0] for one in served.world.tube.segments()],
        "bias": [[float(moment) + offset, bool(volt)] for moment, volt in zip(times, volts, strict=True)],
        "on_now": served.world.tube.high_voltage_on,
        "bias_now": served.world.bias_v(),
    }


def main() -> int:
    """Serve until standard input ends."""
    file = check({"name": "served", "instruments": ROLES, "simulation": {"seed": 1, "speed": 1.0}}, BenchFile, "served")
    with ServedBench(file, sample_file(SAMPLE).content, speed=1.0) as served:
        print(json.dumps(served.resources), flush=True)  # noqa: T201
        for line in sys.stdin:
            if line.strip() == "history":
                print(json.dumps(history(served)), flush=True)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
