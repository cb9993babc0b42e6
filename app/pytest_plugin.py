"""A pytest plugin: tests of procedures on a simulated bench.

It is loaded by pytest wherever xraybench is installed, and imports nothing before a test asks for its fixture::

    @pytest.mark.simulated_bench(sample="dong24-tio2", seed=3)
    def test_my_procedure_finds_the_sensitivity(simulated_bench):
        outcome = simulated_bench.run(MyProcedure(), tube_voltage=50)
        assert outcome.state == "completed"

    def test_my_procedure_leaves_no_beam_when_the_door_opens(simulated_bench, faults):
        faults.during_point(3, "door-opened")
        assert simulated_bench.run(MyProcedure()).tripped
        assert not simulated_bench.world.tube.high_voltage_on
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from app.engine.outcome import Outcome
    from app.fault_injection import FaultInjection
    from config.bench_file import BenchFile
    from config.loading import Loaded
    from config.sample_file import Sample
    from drivers.bench import Bench
    from procedures.procedure import Procedure
    from sim_instruments.faults import Faults
    from sim_instruments.world.world import World


class SimulatedBench:
    """An open simulated bench in virtual time, its world, and a way to run procedures on it.

    Parameters
    ----------
    folder
        For run files.
    bench, sample, geometry, seed, speed
        As `app.opening.open_simulated`, by name or as read; geometry as a table such as ``{"distance_m": 0.3}``.
    world
        Per part of the world, parameters besides the bench file's: ``{"camera": {"kind": "ma21"}}``.
    """

    def __init__(
        self,
        folder: Path,
        bench: str | Loaded[BenchFile] = "sim",
        sample: str | Loaded[Sample] | None = None,
        geometry: dict[str, Any] | None = None,
        seed: int = 1,
        speed: Any = "max",
        world: dict[str, dict[str, Any]] | None = None,
    ) -> None:
        from app.opening import open_simulated
        from app.running import with_world
        from config.bench_file import Geometry
        from config.loading import bench_file, check, sample_file

        self.folder = folder
        self.seed = seed
        loaded = bench_file(bench) if isinstance(bench, str) else bench
        self.file = with_world(loaded, world, "of the test") if world else loaded
        self.sample = sample_file(sample) if isinstance(sample, str) else sample
        self.bench: Bench
        self.bench, self._served = open_simulated(
            self.file,
            sample=self.sample.content if self.sample else None,
            geometry=check(geometry, Geometry, "geometry") if geometry is not None else None,
            seed=seed,
            speed=speed,
        )

    @property
    def world(self) -> World:
        """What is true."""
        return self._served.world

    @property
    def faults(self) -> Faults:
        """What goes wrong, and when."""
        return self._served.world.faults

    @functools.cached_property
    def injection(self) -> FaultInjection:
        """Faults at the moments of the runs to come."""
        from app.fault_injection import FaultInjection

        return FaultInjection(self.faults, self._served.clock)

    def run(self, procedure: Procedure, **settings: Any) -> Outcome:
        """Run a procedure into a run file in `folder`."""
        from app.engine.engine import Engine, Request

        procedure.sample = self.sample.content if self.sample else None
        procedure.set_values(settings)
        request = Request(procedure, self.sample, folder=self.folder, seed=self.seed, bench_text=self.file.text)
        engine = Engine(self.bench)
        if "injection" in vars(self):
            engine.watch(self.injection.watch)
        return engine.run(request)

    def close(self) -> None:
        """Make the bench safe and close it."""
        self.bench.close()


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers",
        "simulated_bench(bench, sample, geometry, seed, speed, world): what the fixture simulated_bench opens",
    )


@pytest.fixture
def simulated_bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SimulatedBench]:
    """Open a simulated bench in virtual time; closed after the test, its wires with it."""
    marker = request.node.get_closest_marker("simulated_bench")
    opened = SimulatedBench(tmp_path, *(marker.args if marker else ()), **(marker.kwargs if marker else {}))
    try:
        yield opened
    finally:
        opened.close()


@pytest.fixture
def faults(simulated_bench: SimulatedBench) -> Iterator[FaultInjection]:
    """Plan faults on the simulated bench: ``faults.during_point(3, "arc")``; see `app.fault_injection`."""
    injection = simulated_bench.injection
    yield injection
    injection.clear()
