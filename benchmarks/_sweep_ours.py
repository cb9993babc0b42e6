"""The sweep as a procedure of ours: role, lock, limits, engine, journal, run file."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path

from analysis.figure import FigureOfMerit
from app.engine.engine import Engine, Request
from app.engine.events import Event, State
from app.opening import connect
from benchmarks._sweep_bare import COMPLIANCE, Timing, voltages
from config.bench_file import BenchFile, InstrumentEntry, Limits
from drivers.bench import Bench
from drivers.clock import WallClock
from drivers.roles import SourceMeter
from procedures.parameters import IntegerParameter
from procedures.procedure import Estimate, Procedure
from procedures.run import Run
from procedures.run_data import RunData
from procedures.streams import Stream


class VoltageSweep(Procedure):
    """Current against voltage, as fast as it goes."""

    name = "voltage-sweep"
    needs = (SourceMeter,)

    points = IntegerParameter("Points", default=500, minimum=2, maximum=1_000_000)

    sweep = Stream("sweep", voltage="V", current="A", primary=("voltage", "current"))
    duration = math.nan

    def estimate(self) -> Estimate:
        """Estimate from the parameters alone."""
        return Estimate(duration=1e-3 * self.points, biases=tuple(voltages(self.points)), records=self.points)

    def check_bias(self, bench: Bench, volts: float) -> None:
        """Check the bias."""
        bench.source_meter.check_bias(volts)

    def measure(self, bench: Bench, run: Run) -> None:
        """Sweep."""
        meter = bench.source_meter
        with meter.bias(0.0, COMPLIANCE):
            began = time.perf_counter()
            for volts in run.progress(voltages(self.points)):
                meter.set_voltage(volts)
                run.record(self.sweep, voltage=volts, current=meter.measure().current)
            self.duration = time.perf_counter() - began
            meter.set_voltage(0.0)

    def analyse(self, data: RunData) -> Sequence[FigureOfMerit]:
        """Determine nothing."""
        if len(data[self.sweep]["current"]) != self.points:
            raise ValueError("there is a record missing")
        return ()


class OurSweep:
    """A bench with one source meter, its engine, and somebody who watches.

    Parameters
    ----------
    address
        Of the instrument.
    folder
        Of the run files.
    points
        In a sweep.
    """

    def __init__(self, address: str, folder: Path, points: int) -> None:
        file = BenchFile(
            name="sweep",
            limits=Limits(bias_v=21.0, bias_ramp_v_per_s=1e6),
            instruments={"source_meter": InstrumentEntry(driver="keithley-2450", resource=address)},
        )
        self._bench = connect(file, {}, WallClock())
        self._engine = Engine(self._bench)
        self._engine.watch(self._take)
        self._folder = folder
        self._points = points
        self.events = 0

    def _take(self, _: Event) -> None:
        self.events += 1

    def run(self) -> Timing:
        """Sweep once, into a run file."""
        procedure = VoltageSweep()
        procedure.set_values({"points": self._points})
        began = time.perf_counter()
        outcome = self._engine.run(Request(procedure, folder=self._folder))
        total = time.perf_counter() - began
        if outcome.state is not State.COMPLETED or outcome.records != self._points:
            raise SystemExit(f"our sweep: {outcome.state}, {outcome.reason}, {outcome.records} records")
        return Timing(procedure.duration, total)

    def close(self) -> None:
        """Close the bench."""
        self._bench.close()
