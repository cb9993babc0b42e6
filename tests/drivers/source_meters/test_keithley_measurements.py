"""Keithley source meters measure, ramp and are made safe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from config.bench_file import Limits
from drivers.errors import (
    Inhibited,
    InstrumentError,
    LimitExceeded,
    Overloaded,
)
from drivers.keithley_source_meter import KeithleySourceMeter


def test_opening_identifies_the_instrument_and_energises_nothing(bench: Any, meter: KeithleySourceMeter) -> None:
    assert meter.identity.maker.startswith("KEITHLEY")
    assert bench.driver.models[0][-4:] in meter.identity.model
    assert not bench.wire.unit.output_on
    assert not any("OUTP" in message.upper() and "?" not in message for message in bench.received)
    assert not any("MEAS" in message.upper().split(":")[1:2] for message in bench.received)


def test_reads_ohms_law_within_the_noise_of_the_range(bench: Any, meter: KeithleySourceMeter) -> None:
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


def test_the_output_is_never_switched_on_by_a_reading(bench: Any, meter: KeithleySourceMeter) -> None:
    meter.configure(compliance=1e-6)
    before = len(bench.received)
    with pytest.raises(InstrumentError, match="output is off"):
        meter.measure()
    with pytest.raises(InstrumentError, match="output is off"):
        meter.currents(5, 0.1)
    assert len(bench.received) == before
    assert not bench.wire.unit.output_on


def test_a_reading_that_the_instrument_refuses_says_what_it_said(bench: Any, meter: KeithleySourceMeter) -> None:
    meter.configure(compliance=1e-6)
    meter.switch_on()
    bench.wire.unit.switch(False)  # somebody at the panel
    with pytest.raises(InstrumentError, match=r"source_meter at .*(refused|output is off)"):
        meter.measure()
    assert not bench.wire.unit.output_on


def test_compliance_is_reported_and_the_voltage_is_the_one_there_really_is(served: Callable[..., Any]) -> None:
    for model in ("2400", "2410", "2450"):
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


def test_a_current_beyond_a_fixed_range_is_an_overload_and_never_a_number(served: Callable[..., Any]) -> None:
    for model in ("2400", "2410", "2450"):
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


def test_limits_come_before_any_byte(bench: Any, meter: KeithleySourceMeter) -> None:
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


def test_what_the_instrument_cannot_source_is_refused_before_it_is_asked(bench: Any) -> None:
    bench.surroundings.limits = Limits(bias_v=3000)
    meter = bench.open()
    most = meter.largest_voltage
    assert most == (1100.0 if "2410" in meter.identity.model else 210.0)
    before = len(bench.received)
    with pytest.raises(LimitExceeded, match="own range"):
        meter.set_voltage(most + 1.0)
    assert len(bench.received) == before
    meter.close()


def test_the_bias_is_ramped_at_the_benchs_rate(bench: Any, meter: KeithleySourceMeter) -> None:
    meter.configure(compliance=1e-6)
    meter.switch_on()
    started = bench.world.clock.now()
    meter.ramp_to(100.0)
    assert bench.world.clock.now() - started == pytest.approx(1.0, rel=0.1)
    steps = np.diff(bench.world.bias.volts(np.arange(started, bench.world.clock.now(), 0.001)))
    assert np.max(steps) <= 5.0 + 1e-9


def test_making_safe_ramps_down_switches_off_and_may_be_repeated(bench: Any, meter: KeithleySourceMeter) -> None:
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


def test_the_bias_is_gone_after_an_exception_in_its_block(bench: Any, meter: KeithleySourceMeter) -> None:
    seen: list[float] = []

    def fail() -> None:
        seen.append(bench.bias())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), meter.bias(20.0, compliance=1e-6):
        fail()
    assert seen == [20.0]
    assert bench.bias() == 0.0
    assert not bench.wire.unit.output_on


def test_an_output_that_is_found_on_is_known_and_made_safe(bench: Any) -> None:
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
def test_automatic_output_is_off_before_anything_could_be_read(served: Callable[..., Any], model: str) -> None:
    bench = served(model)
    bench.wire.auto_clear = True  # as somebody left it: each reading would switch the output on
    bench.wire.unit.source_voltage(100.0)
    meter = bench.open()
    assert not bench.wire.auto_clear
    assert bench.wire.handle(b":READ?") is None
    assert bench.bias() == 0.0
    meter.close()


def test_a_series_is_timed_by_the_instrument(bench: Any, meter: KeithleySourceMeter) -> None:
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


def test_a_series_ends_at_once_when_the_bench_is_to_stop(bench: Any, meter: KeithleySourceMeter) -> None:
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
