"""Source meter drivers against the simulated instruments on their wires."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from config.bench_file import Limits
from drivers.errors import (
    BadReply,
    ConnectionLost,
    Inhibited,
    InstrumentError,
    LimitExceeded,
    Overloaded,
    WrongInstrument,
)
from drivers.keithley_2400 import Keithley2400SourceMeter, Keithley2410SourceMeter
from drivers.keithley_2450 import Keithley2450SourceMeter
from drivers.keithley_source_meter import KeithleyOptions, KeithleySourceMeter
from drivers.roles import Surroundings
from sim_instruments.faults import Fault, FaultKind, Faults
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

    wire.handle = listen  # type: ignore[method-assign]
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


def test_opening_identifies_the_instrument_and_energises_nothing(bench: Bench, meter: KeithleySourceMeter) -> None:
    assert meter.identity.maker.startswith("KEITHLEY")
    assert bench.driver.models[0][-4:] in meter.identity.model
    assert not bench.wire.unit.output_on
    assert not any("OUTP" in message.upper() and "?" not in message for message in bench.received)
    assert not any("MEAS" in message.upper().split(":")[1:2] for message in bench.received)


def test_reads_ohms_law_within_the_noise_of_the_range(bench: Bench, meter: KeithleySourceMeter) -> None:
    meter.configure(compliance=1e-6)
    meter.switch_on()
    for volts in (10.0, -20.0, 100.0):
        meter.ramp_to(volts)
        reading = meter.measure()
        assert reading.voltage == pytest.approx(volts, rel=1e-6)
        assert reading.current == pytest.approx(volts / 1e9, abs=5e-11)
        assert not reading.in_compliance
        assert bench.bias() == volts
    meter.switch_off()
    assert bench.bias() == 0.0


def test_the_output_is_never_switched_on_by_a_reading(bench: Bench, meter: KeithleySourceMeter) -> None:
    meter.configure(compliance=1e-6)
    before = len(bench.received)
    with pytest.raises(InstrumentError, match="output is off"):
        meter.measure()
    with pytest.raises(InstrumentError, match="output is off"):
        meter.currents(5, 0.1)
    assert len(bench.received) == before
    assert not bench.wire.unit.output_on


def test_a_reading_that_the_instrument_refuses_says_what_it_said(bench: Bench, meter: KeithleySourceMeter) -> None:
    meter.configure(compliance=1e-6)
    meter.switch_on()
    bench.wire.unit.switch(False)  # somebody at the panel
    with pytest.raises(InstrumentError, match=r"source_meter at .*(refused|output is off)"):
        meter.measure()
    assert not bench.wire.unit.output_on


def test_compliance_is_reported_and_the_voltage_is_the_one_there_really_is(served: Callable[..., Bench]) -> None:
    for model in MODELS:
        bench = served(model, ohms=1e6)
        meter = bench.open()
        meter.configure(compliance=1e-5)
        meter.switch_on()
        meter.ramp_to(5.0)
        assert not meter.measure().in_compliance
        meter.ramp_to(50.0)
        reading = meter.measure()
        assert reading.in_compliance
        assert reading.current == pytest.approx(1e-5, rel=1e-3)
        assert bench.bias() == pytest.approx(10.0, rel=1e-3)
        with pytest.raises(Overloaded, match="compliance"):
            meter.currents(5, 0.1)
        meter.ramp_to(5.0)
        assert not meter.measure().in_compliance
        meter.close()


def test_a_current_beyond_a_fixed_range_is_an_overload_and_never_a_number(served: Callable[..., Bench]) -> None:
    for model in MODELS:
        bench = served(model, ohms=1e6)
        meter = bench.open()
        meter.configure(compliance=1e-4, current_range=1e-6)
        meter.switch_on()
        meter.set_voltage(0.5)
        assert meter.measure().current == pytest.approx(0.5e-6, rel=1e-3)
        meter.set_voltage(20.0)
        with pytest.raises(Overloaded, match="source_meter"):
            meter.measure()
        with pytest.raises(Overloaded):
            meter.currents(3, 0.2)
        meter.set_voltage(0.5)
        assert meter.measure().current == pytest.approx(0.5e-6, rel=1e-3)
        meter.close()


def test_limits_come_before_any_byte(bench: Bench, meter: KeithleySourceMeter) -> None:
    before = len(bench.received)
    with pytest.raises(LimitExceeded, match=r"limits\.bias_v"):
        meter.set_voltage(151.0)
    with pytest.raises(LimitExceeded, match=r"limits\.bias_v"):
        meter.ramp_to(-1000.0)
    with pytest.raises(LimitExceeded, match=r"limits\.compliance_a"):
        meter.configure(compliance=2e-3)
    with pytest.raises(ValueError, match="nan"):
        meter.set_voltage(float("nan"))
    with pytest.raises(LimitExceeded), meter.bias(200.0, compliance=1e-6):
        pass
    for cycles, current_range in ((0.0, None), (100.0, None), (1.0, -1.0), (1.0, float("nan"))):
        with pytest.raises(ValueError, match=r"cycles|range"):
            meter.configure(1e-4, cycles, current_range)
    assert len(bench.received) == before


def test_what_the_instrument_cannot_source_is_refused_before_it_is_asked(bench: Bench) -> None:
    bench.surroundings.limits = Limits(bias_v=3000)
    meter = bench.open()
    most = meter.largest_voltage
    assert most == (1100.0 if "2410" in meter.identity.model else 210.0)
    before = len(bench.received)
    with pytest.raises(LimitExceeded, match="own range"):
        meter.set_voltage(most + 1.0)
    assert len(bench.received) == before
    meter.close()


def test_the_bias_is_ramped_at_the_benchs_rate(bench: Bench, meter: KeithleySourceMeter) -> None:
    meter.configure(compliance=1e-6)
    meter.switch_on()
    started = bench.world.clock.now()
    meter.ramp_to(100.0)
    assert bench.world.clock.now() - started == pytest.approx(1.0, rel=0.1)
    steps = np.diff(bench.world.bias.volts(np.arange(started, bench.world.clock.now(), 0.001)))
    assert np.max(steps) <= 5.0 + 1e-9


def test_making_safe_ramps_down_switches_off_and_may_be_repeated(bench: Bench, meter: KeithleySourceMeter) -> None:
    meter.configure(compliance=1e-6)
    meter.switch_on()
    meter.ramp_to(50.0)
    bench.surroundings.stop.set()
    bench.received.clear()
    meter.make_safe()
    sent = [float(m.split()[-1]) for m in bench.received if "SOUR:VOLT " in m]
    assert len(sent) >= 9
    assert sent == sorted(sent, reverse=True)
    assert sent[-1] == 0.0
    assert not bench.wire.unit.output_on
    meter.make_safe()
    assert bench.bias() == 0.0
    with pytest.raises(Inhibited):
        meter.switch_on()
    assert not bench.wire.unit.output_on


def test_the_bias_is_gone_after_an_exception_in_its_block(bench: Bench, meter: KeithleySourceMeter) -> None:
    seen: list[float] = []

    def fail() -> None:
        seen.append(bench.bias())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), meter.bias(20.0, compliance=1e-6):
        fail()
    assert seen == [20.0]
    assert bench.bias() == 0.0
    assert not bench.wire.unit.output_on


def test_an_output_that_is_found_on_is_known_and_made_safe(bench: Bench) -> None:
    bench.wire.unit.source_voltage(30.0)
    bench.wire.unit.switch(True)
    meter = bench.open()
    assert meter.output_on
    assert meter.voltage == 30.0
    assert bench.bias() == 30.0
    bench.received.clear()
    meter.make_safe()
    assert len([m for m in bench.received if "SOUR:VOLT " in m]) >= 5
    assert bench.bias() == 0.0
    meter.close()


@pytest.mark.parametrize("model", ["2400", "2410"])
def test_automatic_output_is_off_before_anything_could_be_read(served: Callable[..., Bench], model: str) -> None:
    bench = served(model)
    bench.wire.auto_clear = True  # as somebody left it: each reading would switch the output on
    bench.wire.unit.source_voltage(100.0)
    meter = bench.open()
    assert not bench.wire.auto_clear
    assert bench.wire.handle(b":READ?") is None
    assert bench.bias() == 0.0
    meter.close()


def test_a_series_is_timed_by_the_instrument(bench: Bench, meter: KeithleySourceMeter) -> None:
    meter.configure(compliance=1e-6, integration_cycles=1.0)
    meter.switch_on()
    meter.ramp_to(100.0)
    started = bench.world.clock.now()
    times, currents = meter.currents(40, 0.25)
    assert bench.world.clock.now() - started == pytest.approx(10.0, rel=0.1)
    assert times[0] == 0.0
    assert np.diff(times) == pytest.approx(0.25, rel=0.05)
    assert currents == pytest.approx(np.full(40, 1e-7), abs=5e-11)
    assert len(set(currents)) > 1
    assert meter.measure().current == pytest.approx(1e-7, abs=5e-11)


def test_a_series_ends_at_once_when_the_bench_is_to_stop(bench: Bench, meter: KeithleySourceMeter) -> None:
    meter.configure(compliance=1e-6)
    meter.switch_on()
    meter.set_voltage(10.0)
    clock = bench.world.clock
    clock.call_at(clock.now() + 2.0, bench.surroundings.stop.set)
    started = clock.now()
    with pytest.raises(Inhibited):
        meter.currents(200, 1.0)
    assert clock.now() - started < 10.0
    meter.make_safe()
    assert not bench.wire.unit.output_on


@pytest.mark.parametrize("model", ["2400", "2450"])
def test_a_series_that_somebody_left_running_does_not_keep_the_bias_on(
    served: Callable[..., Bench], model: str
) -> None:
    bench = served(model, real_time=True)
    left = bench.open()
    left.configure(compliance=1e-6)
    left.switch_on()
    left.set_voltage(20.0)
    if model == "2400":
        left.scpi.send(":ARM:SOUR TIM;:ARM:TIM 10;:ARM:COUN 100;:INIT")
    else:
        left.scpi.send(':TRIG:LOAD "Empty";:TRIG:BLOC:MEAS 1,"defbuffer1";:TRIG:BLOC:DEL:CONS 2,10')
        left.scpi.send(":TRIG:BLOC:BRAN:COUN 3,100,1;:INIT")
    assert bench.bias() == 20.0
    left.close()
    guardian = bench.open()  # another process, when this one was killed
    assert guardian.output_on
    guardian.make_safe()
    assert bench.bias() == 0.0
    assert not bench.wire.unit.output_on
    assert bench.world.clock.now() < 5.0
    guardian.close()


def test_a_connection_lost_in_mid_run_names_instrument_and_command(bench: Bench, meter: KeithleySourceMeter) -> None:
    meter.configure(compliance=1e-6)
    meter.switch_on()
    meter.measure()
    fault = bench.world.faults.add(Fault(FaultKind.LOST_CONNECTION, "source_meter"))
    with pytest.raises(ConnectionLost, match=r"source_meter at TCPIP.*READ\?"):
        meter.measure()
    with pytest.raises(ConnectionLost, match="source_meter"):
        meter.make_safe()
    bench.world.faults.clear(fault)
    meter.make_safe()
    assert not bench.wire.unit.output_on


@pytest.mark.parametrize("garbage", ["", "volts", "1,2", "nan,nan,nan", "inf,1,0", "1,2,3,4"])
def test_a_reading_that_is_no_number_is_an_error(bench: Bench, meter: KeithleySourceMeter, garbage: str) -> None:
    meter.configure(compliance=1e-6)
    meter.switch_on()
    bench.world.faults.add(Fault(FaultKind.GARBAGE_REPLY, "source_meter", count=1, detail=garbage))
    with pytest.raises(BadReply, match=r"source_meter.*READ\?"):
        meter.measure()
    assert meter.measure().current == pytest.approx(0.0, abs=1e-10)


def test_an_output_state_that_makes_no_sense_is_an_error_and_is_made_safe(
    bench: Bench, meter: KeithleySourceMeter
) -> None:
    meter.configure(compliance=1e-6)
    bench.world.faults.add(Fault(FaultKind.GARBAGE_REPLY, "source_meter", count=1, detail="perhaps"))
    with pytest.raises(BadReply, match=r"neither on nor off.*OUTP\?.*perhaps"):
        meter.switch_on()
    meter.make_safe()
    bench.server.drain()
    assert not bench.wire.unit.output_on


def test_an_output_that_stays_off_is_an_error(
    bench: Bench, meter: KeithleySourceMeter, monkeypatch: pytest.MonkeyPatch
) -> None:
    meter.configure(compliance=1e-6)
    monkeypatch.setattr(bench.wire.unit, "switch", lambda on: None)  # its interlock is open
    with pytest.raises(InstrumentError, match="the output stays off: is its interlock closed"):
        meter.switch_on()


def test_a_compliance_that_was_not_taken_is_an_error(
    bench: Bench, meter: KeithleySourceMeter, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = bench.wire.handle
    monkeypatch.setattr(
        bench.wire,
        "handle",
        lambda message: b"1.0E-3\n" if message in (b":SENS:CURR:PROT?", b":SOUR:VOLT:ILIM?") else handle(message),
    )
    with pytest.raises(InstrumentError, match=r"the compliance is 0\.001 A and not 1e-06 A"):
        meter.configure(compliance=1e-6)


def test_an_answer_that_breaks_off_is_lost_and_the_next_is_its_own(bench: Bench, meter: KeithleySourceMeter) -> None:
    meter.configure(compliance=1e-6)
    meter.switch_on()
    meter.set_voltage(50.0)
    bench.world.faults.add(Fault(FaultKind.TRUNCATED_REPLY, "source_meter", count=1))
    with pytest.raises(ConnectionLost, match=r"no answer in time.*READ\?"):
        meter.measure()
    assert meter.measure().current == pytest.approx(5e-8, abs=5e-11)


def test_a_series_that_is_not_whole_is_an_error(
    bench: Bench, meter: KeithleySourceMeter, monkeypatch: pytest.MonkeyPatch
) -> None:
    meter.configure(compliance=1e-6)
    meter.switch_on()
    handle = bench.wire.handle
    for data, complaint in ((b"1,2,3,4\n", "the answer is not"), (b"1,nan,0,2,1e-9,0\n", "make no sense")):
        monkeypatch.setattr(
            bench.wire,
            "handle",
            lambda message, data=data: data if message.startswith(b":TRAC:DATA?") else handle(message),
        )
        with pytest.raises(BadReply, match=complaint):
            meter.currents(2, 0.1)


def test_a_source_that_is_not_where_it_was_set_is_an_error(bench: Bench, meter: KeithleySourceMeter) -> None:
    meter.configure(compliance=1e-6)
    meter.switch_on()
    meter.set_voltage(10.0)
    bench.server.drain()
    bench.wire.unit.source_voltage(12.0)  # somebody at the panel
    with pytest.raises(InstrumentError, match="at 12 V and not at 10 V"):
        meter.measure()


def test_another_instrument_at_the_address_is_named(served: Callable[..., Bench]) -> None:
    bench = served("2450")
    with pytest.raises(WrongInstrument, match=r"no Keithley 2400 but .*MODEL 2450"):
        Keithley2400SourceMeter(bench.resource, KeithleyOptions(timeout_s=0.4), bench.surroundings)
    other = served("2400")
    with pytest.raises(WrongInstrument, match=r"no Keithley 2450 but .*MODEL 2400"):
        Keithley2450SourceMeter(other.resource, KeithleyOptions(timeout_s=0.4), other.surroundings)
    assert not any("SOUR" in message for message in other.received)


def test_what_the_instrument_refuses_of_a_configuration_is_an_error(bench: Bench, meter: KeithleySourceMeter) -> None:
    with pytest.raises(InstrumentError, match=r"refused.*-222"):
        meter.configure(compliance=1e-14)


def test_a_2400_refuses_a_range_above_its_compliances(served: Callable[..., Bench]) -> None:
    meter = served("2400").open()
    with pytest.raises(InstrumentError, match="refused: 824"):
        meter.configure(compliance=1e-6, current_range=1e-3)
    meter.configure(compliance=5e-6, current_range=1e-5)
    meter.close()


def test_two_threads_get_no_answer_to_the_others_question(bench: Bench, meter: KeithleySourceMeter) -> None:
    meter.configure(compliance=1e-4, integration_cycles=0.01)
    meter.switch_on()
    wrong: list[object] = []

    def hammer(volts: float) -> None:
        try:
            for _ in range(40):
                with meter.lock:
                    meter.set_voltage(volts)
                    reading = meter.measure()
                if abs(reading.voltage - volts) > 1e-6 or abs(reading.current - volts / 1e9) > 1e-8:
                    wrong.append(reading)
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=hammer, args=(volts,)) for volts in (40.0, -80.0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert wrong == []


def test_hammering_without_a_lock_of_ones_own_still_gives_whole_readings(
    bench: Bench, meter: KeithleySourceMeter
) -> None:
    meter.configure(compliance=1e-4, integration_cycles=0.01)
    meter.switch_on()
    meter.set_voltage(40.0)
    failures: list[Exception] = []

    def hammer(action: Callable[[], object]) -> None:
        try:
            for _ in range(40):
                action()
        except Exception as error:
            failures.append(error)

    threads = [
        threading.Thread(target=hammer, args=(action,)) for action in (meter.measure, meter.measure, meter.switch_on)
    ]
    meter.set_voltage(0.0)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []


def test_settings_say_what_a_run_file_keeps(meter: KeithleySourceMeter) -> None:
    meter.configure(compliance=1e-6, integration_cycles=0.5, current_range=1e-6)
    kept = meter.settings()
    assert kept["compliance_a"] == 1e-6
    assert kept["integration_cycles"] == 0.5
    assert kept["current_range_a"] == 1e-6
    assert kept["output_on"] is False
