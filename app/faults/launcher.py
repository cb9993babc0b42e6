"""Starts runs in processes of their own that can be killed; what they import is imported once.

It reads a line for each run: the name of a file, which notes when each record was taken and outlives the process, the
bench file, the folder for the run file, and how many exposures. It answers with the process' number, and with how it
ended.
"""

from __future__ import annotations

import importlib
import json
import mmap
import os
import struct
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from analysis.figure import FigureOfMerit
from app.engine.operator import AlwaysYes
from app.running import Plan, opened, request
from config.loading import bench_file
from drivers.bench import Bench
from drivers.roles import SourceMeter, XrayTube
from procedures.parameters import IntegerParameter
from procedures.procedure import Estimate, Procedure
from procedures.run import Run
from procedures.run_data import RunData
from procedures.streams import Stream
from storage.writer import RunWriter

IMPORTED = (
    "app.cli.main",
    "drivers.keithley_2450",
    "drivers.spellman_xrv",
    "h5py",
    "pymeasure.experiment",
    "pyvisa",
)
BIAS_V = 5.0
RECORD_EVERY = 0.05
"""s"""
MOST = 20_000
"""Records of a run that are noted."""


class Noting:
    """Notes when each record was taken: a count and the moments, s, in a file that is shared memory."""

    def __init__(self, account: str) -> None:
        with open(account, "r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 0)
        self._count = 0
        self._record = RunWriter.record

    def install(self) -> None:
        """Have every record of this process noted."""
        noting = self

        def record(writer: RunWriter, stream: str, values: Mapping[str, object], time_s: float) -> None:
            noting._record(writer, stream, values, time_s)  # type: ignore[arg-type]
            noting.take_note()

        RunWriter.record = record  # type: ignore[method-assign, assignment]

    def take_note(self) -> None:
        """Note one record, taken now."""
        self._count += 1
        if self._count <= MOST:
            struct.pack_into("d", self._memory, 8 * self._count, time.time())
            struct.pack_into("q", self._memory, 0, self._count)


class Energised(Procedure):
    """Hold the beam and a bias, and record often what the tube says: what may be killed at any moment."""

    name = "energised"
    needs = (XrayTube, SourceMeter)

    exposures = IntegerParameter("Exposures", default=1000, minimum=1, maximum=100_000)
    records = IntegerParameter("Records", "of an exposure", default=20, minimum=1, maximum=100_000)

    monitor = Stream("monitor", tube_voltage="kV", tube_current="mA", primary=("time", "tube_voltage"))

    def estimate(self) -> Estimate:
        """Estimate."""
        count = self.exposures * self.records
        return Estimate(count * RECORD_EVERY, operating_points=((30.0, 1.0),), records=count)

    def measure(self, bench: Bench, run: Run) -> None:
        """Switch on, record, switch off, again and again."""
        for _ in run.progress(range(self.exposures)):
            with bench.source_meter.bias(BIAS_V, 1e-4), bench.tube.beam(30.0, 1.0):
                for _ in range(self.records):
                    now = bench.tube.status()
                    run.record(self.monitor, tube_voltage=now.voltage_kv, tube_current=now.current_ma)
                    run.wait(RECORD_EVERY)

    def analyse(self, data: RunData) -> Sequence[FigureOfMerit]:
        """Return nothing."""
        del data
        return ()


def carry_out(account: str, bench: str, folder: str, exposures: int) -> int:
    """Run once as the command does, with a guardian; return the exit status."""
    Noting(account).install()
    procedure = Energised()
    procedure.set_values({"exposures": exposures})
    planned = Plan(procedure, None, bench_file(bench), None)
    with opened(planned, seed=None, speed=None, operator=AlwaysYes()) as engine:
        return engine.run(request(planned, folder=Path(folder), seed=None)).exit_status


def run_forked(account: str, bench: str, folder: str, exposures: int) -> int:
    """Run in a process of its own; return its number."""
    child = os.fork()
    if child:
        return child
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    status = 1
    try:
        status = carry_out(account, bench, folder, exposures)
    finally:
        os._exit(status)


def main() -> int:
    """Start runs until standard input ends."""
    for name in IMPORTED:
        importlib.import_module(name)
    for line in sys.stdin:
        child = run_forked(*json.loads(line))
        print(child, flush=True)  # noqa: T201
        print(os.waitpid(child, 0)[1], flush=True)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
