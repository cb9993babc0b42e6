"""The oscilloscope's driver against the simulated one at the output of the simulated preamplifier."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from drivers.errors import BadReply, ConnectionLost, Inhibited, InstrumentError, WrongInstrument
from drivers.keysight_dsox1000 import DSOX1000Options, KeysightDSOX1000Digitizer
from drivers.roles import Surroundings
from drivers.sr570 import SR570Preamp
from sim_instruments.faults import Fault, FaultKind, Faults
from sim_instruments.wire.keithley_2450 import Keithley2450Wire
from sim_instruments.wire.keysight_dsox1000 import KeysightDSOX1000Wire
from sim_instruments.wire.server import WireServer
from sim_instruments.wire.sr570 import SR570Wire
from sim_instruments.wire.wire_faults import WireFaults
from sim_instruments.world.clock import VirtualClock
from sim_instruments.world.world import World

Floats = npt.NDArray[np.float64]


@dataclass
class Bench:
    world: Any
    server: WireServer
    way: WireFaults
    surroundings: Surroundings
    resource: str
    received: list[str]

    def open(self, **options: Any) -> KeysightDSOX1000Digitizer:
        given = DSOX1000Options(**({"timeout_s": 0.4, "points": 5000} | options))
        return KeysightDSOX1000Digitizer(self.resource, given, self.surroundings)


class Output:
    """A preamplifier whose output is known."""

    def __init__(self) -> None:
        self.signal: Callable[[Floats], Floats] = lambda times: 0.0 * times

    def output_voltage(self, times: Floats) -> Floats:
        return self.signal(times)


@pytest.fixture
def served() -> Iterator[Callable[..., Bench]]:
    opened: list[Bench] = []

    def serve(**options: Any) -> Bench:
        clock = VirtualClock()
        lock = threading.RLock()
        random = np.random.default_rng(5)
        faults = Faults(clock)
        world = SimpleNamespace(clock=clock, lock=lock, faults=faults, random=lambda _: random, preamp=Output())
        wire = KeysightDSOX1000Wire(world, **options)
        received: list[str] = []
        handle = wire.handle

        def listen(message: bytes) -> Any:
            received.append(message.decode())
            return handle(message)

        wire.handle = listen  # type: ignore[method-assign]
        way = WireFaults(faults)
        server = WireServer(clock, lock, way)
        address = server.serve_tcp("digitizer", wire)
        opened.append(Bench(world, server, way, Surroundings(clock=clock), address, received))
        return opened[-1]

    yield serve
    for bench in opened:
        bench.world.clock.close()
        bench.server.close()


@pytest.fixture
def bench(served: Callable[..., Bench]) -> Bench:
    return served()


@pytest.fixture
def scope(bench: Bench) -> Iterator[KeysightDSOX1000Digitizer]:
    scope = bench.open()
    yield scope
    scope.close()


def test_opening_identifies_the_oscilloscope(scope: KeysightDSOX1000Digitizer) -> None:
    assert scope.identity.maker.startswith("KEYSIGHT")
    assert "1102G" in scope.identity.model


def test_a_record_is_the_mean_of_what_was_there_meanwhile(bench: Bench, scope: KeysightDSOX1000Digitizer) -> None:
    start = bench.world.clock.now()
    bench.world.preamp.signal = lambda times: 1.0 + 0.5 * (times - start)
    scope.set_range(8.0)
    before = bench.world.clock.now()
    trace = scope.record(2.0, 50)
    took = bench.world.clock.now() - before
    assert 2.0 <= took < 2.2
    assert trace.times == pytest.approx(np.arange(50) * 0.04)
    assert not trace.clipped
    middle = before - start + trace.times + 0.02
    assert trace.volts == pytest.approx(1.0 + 0.5 * middle, abs=2e-3)
    assert trace.resolution == pytest.approx(8.0 / 199 / 16, rel=0.01)


def test_averaging_or_moments_is_chosen(bench: Bench, scope: KeysightDSOX1000Digitizer) -> None:
    # 100 periods in 1 s, 100 samples: a mean sees nothing of it, a moment sees its phase
    began: list[float] = []

    def sine(times: Floats) -> Floats:
        began.append(float(times[0]))
        return np.cos(2 * np.pi * 100.0 * (times - began[-1]))

    bench.world.preamp.signal = sine
    scope.set_range(4.0)
    assert np.abs(scope.record(1.0, 100).volts).max() < 0.01
    assert scope.record(1.0, 100, averaging=False).volts == pytest.approx(np.ones(100), abs=0.01)


def test_noise_goes_down_with_what_is_averaged(bench: Bench, scope: KeysightDSOX1000Digitizer) -> None:
    noise = np.random.default_rng(2)
    bench.world.preamp.signal = lambda times: noise.normal(0.0, 0.1, times.shape)
    scope.set_range(4.0)
    fine, coarse = scope.record(1.0, 2500).volts.std(), scope.record(1.0, 25).volts.std()
    assert fine == pytest.approx(0.1 / np.sqrt(2), rel=0.1)
    assert coarse == pytest.approx(0.1 / np.sqrt(200), rel=0.35)


@pytest.mark.parametrize("level", [-3.0, 3.0])
def test_clipping_is_seen_in_the_codes(bench: Bench, scope: KeysightDSOX1000Digitizer, level: float) -> None:
    bench.world.preamp.signal = lambda times: np.where(times - times[0] < 0.01, level, 0.0)
    scope.set_range(4.0)
    trace = scope.record(1.0, 10)
    assert trace.clipped
    assert abs(trace.volts[5]) < 0.01
    scope.set_range(8.0)
    assert not scope.record(1.0, 10).clipped
    scope.set_range(4.0, centre=level)
    assert not scope.record(1.0, 10).clipped or abs(level) > 2.57
    assert scope.settings()["centre_v"] == level


def test_what_cannot_be_set_is_an_error_before_a_byte(bench: Bench, scope: KeysightDSOX1000Digitizer) -> None:
    before = len(bench.received)
    wrong = (
        lambda: scope.set_range(41.0),
        lambda: scope.set_range(1e-3),
        lambda: scope.set_range(float("nan")),
        lambda: scope.set_range(10.0, centre=100.0),
        lambda: scope.record(0.0, 10),
        lambda: scope.record(float("inf"), 10),
        lambda: scope.record(1.0, 0),
        lambda: scope.record(1.0, 5001),
        lambda: scope.record_triggered(1.0, 10, averages=0),
        lambda: scope.record_triggered(1.0, 10, pre_trigger=2.0),
    )
    for attempt in wrong:
        with pytest.raises(ValueError, match="not within"):
            attempt()
    assert len(bench.received) == before


@pytest.mark.parametrize("command", [b":CHAN1:RANG?", b":CHAN1:OFFS?"])
def test_a_range_that_the_oscilloscope_does_not_take_is_an_error(
    bench: Bench, scope: KeysightDSOX1000Digitizer, monkeypatch: pytest.MonkeyPatch, command: bytes
) -> None:
    scope.set_range(4.0, 1.0)
    monkeypatch.setattr(
        bench.way,
        "on_reply",
        lambda _, reply: (b"+2.0E+00\n" if bench.received[-1] == command.decode() else reply, 0.0),
    )
    with pytest.raises(InstrumentError, match=r"is 2 V and not|no range around"):
        scope.set_range(0.1, 1.0)


def test_a_range_is_widened_where_the_oscilloscope_has_no_such_offset(served: Callable[..., Bench]) -> None:
    bench = served(largest_offset=2.0)
    bench.world.preamp.signal = lambda times: np.full(times.shape, 3.5)
    scope = bench.open()
    scope.set_range(0.05, 3.5)
    trace = scope.record(0.1, 10)
    assert not trace.clipped
    assert trace.volts == pytest.approx(np.full(10, 3.5), abs=1e-3)
    assert scope.settings()["full_range_v"] == pytest.approx(1.6)
    scope.set_range(0.05, 1.5)
    assert scope.settings()["full_range_v"] == 0.05
    scope.close()


def test_triggered_traces_are_averaged_and_begin_before_the_trigger(served: Callable[..., Bench]) -> None:
    def edges(moment: float) -> float:
        return float(np.ceil(moment / 0.25 + 1e-9) * 0.25)

    bench = served(next_trigger=edges)
    noise = np.random.default_rng(3)
    bench.world.preamp.signal = lambda times: (
        np.where(np.mod(times + 1e-12, 0.25) < 0.01, 1.0, 0.0) + noise.normal(0.0, 0.05, times.shape)
    )
    scope = bench.open()
    scope.set_range(4.0)
    trace = scope.record_triggered(0.02, 200, averages=64, pre_trigger=0.005, timeout=60.0)
    assert trace.times[0] == -0.005
    before, during, after = trace.times < -1e-4, (trace.times > 1e-4) & (trace.times < 0.0098), trace.times > 0.0102
    assert trace.volts[before] == pytest.approx(np.zeros(before.sum()), abs=0.02)
    assert trace.volts[during] == pytest.approx(np.ones(during.sum()), abs=0.02)
    assert trace.volts[after] == pytest.approx(np.zeros(after.sum()), abs=0.02)
    single = scope.record_triggered(0.02, 200, averages=1, pre_trigger=0.005, timeout=60.0)
    assert single.volts[before].std() > 2 * trace.volts[before].std()
    scope.close()


def test_a_trigger_that_does_not_come_is_an_error_in_time(bench: Bench, scope: KeysightDSOX1000Digitizer) -> None:
    started = bench.world.clock.now()
    with pytest.raises(InstrumentError, match=r"digitizer at .*no trigger"):
        scope.record_triggered(0.01, 10, timeout=3.0)
    assert bench.world.clock.now() - started == pytest.approx(3.0, abs=0.2)
    assert len(scope.record(0.1, 10).volts) == 10


def test_a_record_ends_at_once_when_the_bench_is_to_stop(bench: Bench, scope: KeysightDSOX1000Digitizer) -> None:
    clock = bench.world.clock
    clock.call_at(clock.now() + 1.0, bench.surroundings.stop.set)
    started = clock.now()
    with pytest.raises(Inhibited):
        scope.record(100.0, 10)
    assert clock.now() - started < 5.0
    bench.server.drain()
    assert bench.received[-1] == ":STOP"
    bench.surroundings.stop.clear()
    assert len(scope.record(0.1, 10).volts) == 10


def test_a_truncated_block_is_an_error_and_the_next_record_is_whole(
    bench: Bench, scope: KeysightDSOX1000Digitizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.world.preamp.signal = lambda times: np.full(times.shape, 1.0)
    scope.record(0.1, 10)
    on_reply = bench.way.on_reply

    def spoil(instrument: str, reply: bytes) -> tuple[bytes | None, float]:
        reply_or_none, later = on_reply(instrument, reply)
        return (reply_or_none[:3000] if reply_or_none and len(reply_or_none) > 3000 else reply_or_none), later

    monkeypatch.setattr(bench.way, "on_reply", spoil)
    with pytest.raises(BadReply, match=r"digitizer at .*breaks off.*WAV:DATA"):
        scope.record(0.1, 10)
    monkeypatch.undo()
    assert scope.record(0.1, 10).volts == pytest.approx(np.ones(10), abs=0.01)


@pytest.mark.parametrize("garbage", ["#", "no block", "#0123", "#8000000x1", "#15"])
def test_an_answer_that_is_no_waveform_is_an_error(
    bench: Bench, scope: KeysightDSOX1000Digitizer, garbage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.world.preamp.signal = lambda times: np.full(times.shape, 1.0)
    monkeypatch.setattr(
        bench.way, "on_reply", lambda _, reply: ((garbage.encode() + b"\n" if len(reply) > 3000 else reply), 0.0)
    )
    with pytest.raises((BadReply, ConnectionLost), match=r"digitizer at .*WAV:DATA"):
        scope.record(0.1, 10)
    monkeypatch.undo()
    assert scope.record(0.1, 10).volts == pytest.approx(np.ones(10), abs=0.01)


def test_a_lost_connection_names_instrument_and_command(bench: Bench, scope: KeysightDSOX1000Digitizer) -> None:
    bench.world.faults.add(Fault(FaultKind.LOST_CONNECTION, "digitizer"))
    with pytest.raises(ConnectionLost, match=r"digitizer at TCPIP.*command"):
        scope.record(0.1, 10)


def test_another_instrument_at_the_address_is_named(bench: Bench) -> None:
    world = World(1, bench.world.clock)
    address = bench.server.serve_tcp("source_meter", Keithley2450Wire(world))
    with pytest.raises(WrongInstrument, match=r"no Keysight DSOX1000.*MODEL 2450"):
        KeysightDSOX1000Digitizer(address, DSOX1000Options(timeout_s=0.3), bench.surroundings)


def test_preamplifier_and_oscilloscope_read_a_current_and_recover_from_an_overload() -> None:
    world = World(9, VirtualClock())
    server = WireServer(world.clock, world.lock, WireFaults(world.faults))
    surroundings = Surroundings(clock=world.clock)
    try:
        preamp = SR570Preamp(server.serve_tcp("preamp", SR570Wire(world)), None, surroundings)
        scope = KeysightDSOX1000Digitizer(
            server.serve_tcp("digitizer", KeysightDSOX1000Wire(world)), None, surroundings
        )
        preamp.set_sensitivity(1e-9)
        preamp.set_input_offset(2e-9)
        scope.set_range(10.4)
        trace = scope.record(0.5, 20)
        assert not trace.clipped
        assert not preamp.overloaded(trace.volts)
        assert preamp.current(trace.volts) == pytest.approx(np.full(20, 2e-9), rel=0.005)
        scope.set_range(2.0)
        assert scope.record(0.5, 20).clipped
        fault = world.faults.add(Fault(FaultKind.PREAMP_OVERLOAD, "preamp"))
        scope.set_range(10.4)
        scope.record(0.5, 20)
        assert preamp.overloaded(scope.record(0.5, 20).volts)
        world.faults.clear(fault)
        preamp.clear_overload()
        scope.record(0.5, 20)
        trace = scope.record(0.5, 20)
        assert not preamp.overloaded(trace.volts)
        assert preamp.current(trace.volts) == pytest.approx(np.full(20, 2e-9), rel=0.005)
        preamp.close()
        scope.close()
    finally:
        world.close()
        server.close()
