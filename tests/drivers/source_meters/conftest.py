"""Source meters on their wires, with a resistor for a sample."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from config.bench_file import Limits
from drivers.keithley_2400 import Keithley2400SourceMeter, Keithley2410SourceMeter
from drivers.keithley_2450 import Keithley2450SourceMeter
from drivers.keithley_source_meter import KeithleyOptions, KeithleySourceMeter
from drivers.roles import Surroundings
from sim_instruments.faults import Faults
from sim_instruments.wire.keithley_2400 import Keithley2400Wire, Keithley2410Wire
from sim_instruments.wire.keithley_2450 import Keithley2450Wire
from sim_instruments.wire.scpi import ScpiInstrument
from sim_instruments.wire.server import WireServer
from sim_instruments.wire.wire_faults import WireFaults
from sim_instruments.world.bias import Bias
from sim_instruments.world.clock import RealClock, VirtualClock

MODELS: dict[str, tuple[type[KeithleySourceMeter], type[ScpiInstrument]]] = {
    "2400": (Keithley2400SourceMeter, Keithley2400Wire),
    "2410": (Keithley2410SourceMeter, Keithley2410Wire),
    "2450": (Keithley2450SourceMeter, Keithley2450Wire),
}


class Resistor:
    """A sample whose current is known without a model of anything."""

    def __init__(self, bias: Bias, ohms: float) -> None:
        self.bias = bias
        self.ohms = ohms

    def mean_current(self, integration_time: float, t_end: float) -> float:
        return float(np.mean(self.bias.volts(np.linspace(t_end - integration_time, t_end, 101)))) / self.ohms


@dataclass
class Bench:
    world: Any
    driver: type[KeithleySourceMeter]
    resource: str
    server: WireServer
    surroundings: Surroundings
    received: list[str]
    wire: Any

    def open(self, **options: Any) -> KeithleySourceMeter:
        return self.driver(self.resource, KeithleyOptions(**({"timeout_s": 0.4} | options)), self.surroundings)

    def bias(self) -> float:
        self.server.drain()
        return float(self.world.bias.volts())


def serve(model: str, ohms: float = 1e9, *, real_time: bool = False, **electrical: Any) -> Bench:
    clock = RealClock(1.0) if real_time else VirtualClock()
    lock = threading.RLock()
    bias = Bias(clock, lock)
    faults = Faults(clock)
    streams: dict[str, np.random.Generator] = {}
    world = SimpleNamespace(
        clock=clock,
        lock=lock,
        faults=faults,
        bias=bias,
        set_bias=bias.set,
        mean_device_current=Resistor(bias, ohms).mean_current,
        random=lambda name: streams.setdefault(name, np.random.default_rng(11)),
    )
    driver, simulated = MODELS[model]
    wire = simulated(world, **electrical)
    received: list[str] = []
    handle = wire.handle

    def listen(message: bytes) -> Any:
        received.append(message.decode())
        return handle(message)

    wire.handle = listen
    server = WireServer(clock, lock, WireFaults(faults))
    limits = Limits(bias_v=150, bias_ramp_v_per_s=100, compliance_a=1e-3)
    surroundings = Surroundings(limits=limits, clock=clock)
    address = server.serve_tcp("source_meter", wire)
    return Bench(world, driver, address, server, surroundings, received, wire)


@pytest.fixture
def served() -> Iterator[Callable[..., Bench]]:
    opened: list[Bench] = []

    def make(model: str, ohms: float = 1e9, **electrical: Any) -> Bench:
        opened.append(serve(model, ohms, **electrical))
        return opened[-1]

    yield make
    for bench in opened:
        bench.world.clock.close()
        bench.server.close()


@pytest.fixture(params=list(MODELS))
def bench(request: pytest.FixtureRequest, served: Callable[..., Bench]) -> Bench:
    return served(request.param)


@pytest.fixture
def meter(bench: Bench) -> Iterator[KeithleySourceMeter]:
    meter = bench.open()
    yield meter
    meter.close()
