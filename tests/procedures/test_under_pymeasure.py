"""Our procedures under PyMeasure's own Worker and Results: the same columns, the same values, a safe bench after it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pymeasure.experiment import Procedure as PyMeasureProcedure
from pymeasure.experiment import Results, Worker

from app.engine.dose_account import DoseAccount
from app.engine.events import State
from app.engine.safety import SafetyMonitor
from app.pytest_plugin import SimulatedBench
from drivers.bench import Bench
from procedures.procedure import Procedure
from procedures.registry import preset
from procedures.rl_linearity import RLLinearity
from procedures.run import Run
from procedures.sensitivity import Sensitivity
from procedures.streams import Stream
from storage.reader import open_run

LINEARITY = {"tube_currents": "0.5:2:4", "repeats": 2, "averages": 1, "integration_time": 0.5}
SENSITIVITY = {"tube_currents": "0.2, 0.5, 0.8", "samples": 30, "bias_settling_time": 10, "dose_time": 1}

Opening = Callable[[str], SimulatedBench]


@pytest.fixture
def opening(tmp_path: Path) -> Iterator[Opening]:
    """Open the bench of a preset, always with the same seed."""
    opened: list[SimulatedBench] = []

    def one(name: str) -> SimulatedBench:
        content = preset(name).content
        geometry = content.geometry.model_dump() if content.geometry else None
        opened.append(SimulatedBench(tmp_path, sample=content.sample, geometry=geometry, seed=11))
        return opened[-1]

    yield one
    for bench in opened:
        bench.close()


def to_its_end(worker: Worker) -> None:
    """Wait until a Worker has ended by itself: its own ``join`` tells it to stop."""
    threading.Thread.join(worker, timeout=60)
    assert not worker.is_alive()


def work(procedure: Procedure, simulated: SimulatedBench, file: Path) -> Worker:
    """Run a procedure as a PyMeasure user does; return the Worker, which has ended."""
    procedure.bench = simulated.bench
    procedure.sample = simulated.sample.content if simulated.sample else None
    worker = Worker(Results(procedure, str(file)))
    # the engine looks at the tube five times a second: each look draws from the noise of the tube's readings, and
    # whoever compares values must look as well
    monitor = SafetyMonitor(simulated.bench, DoseAccount(), lambda what: True)
    worker.start()
    to_its_end(worker)
    monitor.stop()
    return worker


@pytest.mark.parametrize(
    ("make", "settings", "name"),
    [(RLLinearity, LINEARITY, "chen24-rl-linearity"), (Sensitivity, SENSITIVITY, "dong24-sensitivity")],
    ids=["rl-linearity", "sensitivity"],
)
def test_scalar_columns_are_those_of_our_run_file(
    opening: Opening, tmp_path: Path, make: type[Procedure], settings: dict[str, Any], name: str
) -> None:
    outcome = opening(name).run(make(), **settings)
    assert outcome.state is State.COMPLETED, outcome.reason

    procedure = make()
    procedure.set_values(settings)
    worker = work(procedure, opening(name), tmp_path / "pymeasure.csv")
    assert worker.procedure.status == PyMeasureProcedure.FINISHED
    loaded = Results.load(str(tmp_path / "pymeasure.csv"), procedure_class=make)
    table = loaded.data
    assert list(table.columns) == make.DATA_COLUMNS
    assert outcome.run_file is not None
    with open_run(outcome.run_file) as file:
        assert set(file.streams) == {stream.name for stream in make.streams()}
        rows = 0
        for stream, columns in make.headings().items():
            mine = table[table[columns["time"]].notna()]
            rows += len(mine)
            for column, heading in columns.items():
                ours = file.streams[stream][column]
                assert np.array_equal(mine[heading].to_numpy(dtype=float), ours, equal_nan=True), (stream, column)
        assert rows == len(table) == outcome.records
    # the parameters come back from the file's header as they were
    assert loaded.procedure.values() == procedure.values()


@pytest.mark.parametrize("energised", ["beam", "bias"])
def test_stopping_the_worker_leaves_nothing_on(opening: Opening, tmp_path: Path, energised: str) -> None:
    class Stopped(Sensitivity):
        """Sensitivity, stopped by its user while it measures."""

        def measure(self, bench: Bench, run: Run) -> None:
            """Have the Worker stopped at a record that is made with the beam on, or with the bias alone."""
            recording = run.record

            def record(stream: Stream, **values: Any) -> None:
                recording(stream, **values)
                if stream.name == "windows" and bool(values["beam"]) is (energised == "beam"):
                    assert simulated.world.tube.high_voltage_on is (energised == "beam")
                    assert simulated.world.bias_v() == pytest.approx(-3.0)
                    worker.stop()

            run.record = record  # type: ignore[method-assign]
            super().measure(bench, run)

    simulated = opening("dong24-sensitivity")
    procedure = Stopped()
    procedure.set_values(SENSITIVITY)
    procedure.bench, procedure.sample = simulated.bench, simulated.sample.content
    worker = Worker(Results(procedure, str(tmp_path / "pymeasure.csv")))
    worker.start()
    to_its_end(worker)
    assert procedure.status == PyMeasureProcedure.ABORTED
    assert not simulated.world.tube.high_voltage_on
    assert simulated.world.bias_v() == 0.0


def test_a_procedure_that_raises_under_the_worker_leaves_nothing_on(opening: Opening, tmp_path: Path) -> None:
    class Failing(RLLinearity):
        """Fail with the beam on."""

        def measure(self, bench: Bench, run: Run) -> None:
            """Fail."""
            bench.tube.set_operating_point(30, 1)
            bench.tube.switch_on()
            raise ZeroDivisionError("a fault of the procedure's")

    simulated = opening("chen24-rl-linearity")
    worker = work(Failing(), simulated, tmp_path / "pymeasure.csv")
    assert worker.procedure.status == PyMeasureProcedure.FAILED
    assert not simulated.world.tube.high_voltage_on


def test_a_mistake_ends_the_worker_before_anything_is_on(opening: Opening, tmp_path: Path) -> None:
    simulated = opening("chen24-rl-linearity")
    procedure = RLLinearity()
    procedure.set_values({"tube_voltage": 100})
    worker = work(procedure, simulated, tmp_path / "pymeasure.csv")
    assert worker.procedure.status == PyMeasureProcedure.FAILED
    assert not simulated.world.tube.high_voltage_on


def test_without_a_bench_the_worker_fails(tmp_path: Path) -> None:
    worker = Worker(Results(RLLinearity(), str(tmp_path / "pymeasure.csv")))
    worker.start()
    to_its_end(worker)
    assert worker.procedure.status == PyMeasureProcedure.FAILED
