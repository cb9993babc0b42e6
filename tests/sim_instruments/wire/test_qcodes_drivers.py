"""QCoDeS' own source meter drivers, unmodified, on the simulated instruments' wires."""

from __future__ import annotations

import tomllib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim_instruments.wire.keithley_2400 import Keithley2400Wire
from sim_instruments.wire.keithley_2450 import Keithley2450Wire
from sim_instruments.wire.server import WireServer
from sim_instruments.world.clock import VirtualClock
from sim_instruments.world.world import World

SAMPLE = Path(__file__).parents[3] / "config" / "samples" / "dong24-mixed.toml"

pytestmark = pytest.mark.filterwarnings("ignore")  # QCoDeS' own


@pytest.fixture(scope="module")
def drivers() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("qcodes.instrument_drivers.Keithley", reason="QCoDeS is not installed")


@pytest.fixture
def bench(drivers: Any) -> Iterator[tuple[World, WireServer]]:
    world = World(4, VirtualClock(), tomllib.loads(SAMPLE.read_text()))
    server = WireServer(world.clock, world.lock)
    yield world, server
    world.close()
    server.close()


def test_its_2450_measures_and_sweeps_what_the_world_holds(drivers: Any, bench: tuple[World, WireServer]) -> None:
    world, server = bench
    address = server.serve_tcp("source_meter", Keithley2450Wire(world))
    meter = drivers.Keithley2450("k2450", address, visalib="@py", timeout=5)
    try:
        assert meter.get_idn()["model"].endswith("2450")
        meter.source_function("voltage")
        meter.sense_function("current")
        meter.source.limit(1e-5)
        meter.sense.nplc(0.1)
        meter.source.voltage(15.0)
        with pytest.raises(RuntimeError, match="Output needs to be on"):
            meter.sense.current()
        meter.output_enabled(True)
        # with Nagle's algorithm on, what was written last is known to have arrived once a question is answered
        assert meter.output_enabled()
        expected = float(world.photoconductor.noiseless_current())
        assert meter.sense.current() == pytest.approx(expected, rel=0.05, abs=1e-11)
        assert world.bias_v() == 15.0
        assert meter.source.limit_tripped() is False
        meter.source.sweep_setup(0.0, 10.0, 11)
        currents = meter.sense.sweep()
        assert meter.source.get_sweep_axis() == pytest.approx(np.linspace(0, 10, 11))
        assert np.corrcoef(currents, np.linspace(0, 10, 11))[0, 1] > 0.99
        assert world.bias_v() == 0.0
        assert meter.output_enabled() is False
    finally:
        meter.close()


def test_its_2400_measures_what_the_world_holds(drivers: Any, bench: tuple[World, WireServer]) -> None:
    world, server = bench
    address = server.serve_tcp("source_meter", Keithley2400Wire(world))
    meter = drivers.Keithley2400("k2400", address, visalib="@py", timeout=5)
    try:
        meter.mode("VOLT")
        meter.compliancei(1e-4)
        meter.volt(10.0)
        with pytest.raises(RuntimeError, match="output off"):
            meter.curr()
        meter.output(True)
        assert meter.output()
        expected = float(world.photoconductor.noiseless_current())
        assert meter.curr() == pytest.approx(expected, rel=0.05, abs=1e-10)
        assert meter.volt() == pytest.approx(10.0)
        assert meter.compliancei() == pytest.approx(1e-4)
        meter.output(False)
        assert not meter.output()
        assert world.bias_v() == 0.0
    finally:
        meter.close()
