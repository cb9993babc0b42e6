"""Keithley source meters when something goes wrong: never a wrong number, never a bias that stays on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from drivers.errors import (
    BadReply,
    ConnectionLost,
    InstrumentError,
    WrongInstrument,
)
from drivers.keithley_2400 import Keithley2400SourceMeter
from drivers.keithley_2450 import Keithley2450SourceMeter
from drivers.keithley_source_meter import KeithleyOptions, KeithleySourceMeter
from sim_instruments.faults import Fault, FaultKind


@pytest.mark.parametrize("model", ["2400", "2450"])
def test_a_series_that_somebody_left_running_does_not_keep_the_bias_on(served: Callable[..., Any], model: str) -> None:
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


def test_a_connection_lost_in_mid_run_names_instrument_and_command(bench: Any, meter: KeithleySourceMeter) -> None:
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
def test_a_reading_that_is_no_number_is_an_error(bench: Any, meter: KeithleySourceMeter, garbage: str) -> None:
    meter.configure(compliance=1e-6)
    meter.switch_on()
    bench.world.faults.add(Fault(FaultKind.GARBAGE_REPLY, "source_meter", count=1, detail=garbage))
    with pytest.raises(BadReply, match=r"source_meter.*READ\?"):
        meter.measure()
    assert meter.measure().current == pytest.approx(0.0, abs=1e-10)


def test_an_output_state_that_makes_no_sense_is_an_error_and_is_made_safe(
    bench: Any, meter: KeithleySourceMeter
) -> None:
    meter.configure(compliance=1e-6)
    bench.world.faults.add(Fault(FaultKind.GARBAGE_REPLY, "source_meter", count=1, detail="perhaps"))
    with pytest.raises(BadReply, match=r"neither on nor off.*OUTP\?.*perhaps"):
        meter.switch_on()
    meter.make_safe()
    bench.server.drain()
    assert not bench.wire.unit.output_on


def test_an_output_that_stays_off_is_an_error(
    bench: Any, meter: KeithleySourceMeter, monkeypatch: pytest.MonkeyPatch
) -> None:
    meter.configure(compliance=1e-6)
    monkeypatch.setattr(bench.wire.unit, "switch", lambda on: None)  # its interlock is open
    with pytest.raises(InstrumentError, match="the output stays off: is its interlock closed"):
        meter.switch_on()


def test_a_compliance_that_was_not_taken_is_an_error(
    bench: Any, meter: KeithleySourceMeter, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = bench.wire.handle
    monkeypatch.setattr(
        bench.wire,
        "handle",
        lambda message: b"1.0E-3\n" if message in (b":SENS:CURR:PROT?", b":SOUR:VOLT:ILIM?") else handle(message),
    )
    with pytest.raises(InstrumentError, match=r"the compliance is 0\.001 A and not 1e-06 A"):
        meter.configure(compliance=1e-6)


def test_an_answer_that_breaks_off_is_lost_and_the_next_is_its_own(bench: Any, meter: KeithleySourceMeter) -> None:
    meter.configure(compliance=1e-6)
    meter.switch_on()
    meter.set_voltage(50.0)
    bench.world.faults.add(Fault(FaultKind.TRUNCATED_REPLY, "source_meter", count=1))
    with pytest.raises(ConnectionLost, match=r"no answer in time.*READ\?"):
        meter.measure()
    assert meter.measure().current == pytest.approx(5e-8, abs=5e-11)


def test_a_series_that_is_not_whole_is_an_error(
    bench: Any, meter: KeithleySourceMeter, monkeypatch: pytest.MonkeyPatch
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


def test_a_source_that_is_not_where_it_was_set_is_an_error(bench: Any, meter: KeithleySourceMeter) -> None:
    meter.configure(compliance=1e-6)
    meter.switch_on()
    meter.set_voltage(10.0)
    bench.server.drain()
    bench.wire.unit.source_voltage(12.0)  # somebody at the panel
    with pytest.raises(InstrumentError, match="at 12 V and not at 10 V"):
        meter.measure()


def test_another_instrument_at_the_address_is_named(served: Callable[..., Any]) -> None:
    bench = served("2450")
    with pytest.raises(WrongInstrument, match=r"no Keithley 2400 but .*MODEL 2450"):
        Keithley2400SourceMeter(bench.resource, KeithleyOptions(timeout_s=0.4), bench.surroundings)
    other = served("2400")
    with pytest.raises(WrongInstrument, match=r"no Keithley 2450 but .*MODEL 2400"):
        Keithley2450SourceMeter(other.resource, KeithleyOptions(timeout_s=0.4), other.surroundings)
    assert not any("SOUR" in message for message in other.received)


def test_what_the_instrument_refuses_of_a_configuration_is_an_error(bench: Any, meter: KeithleySourceMeter) -> None:
    with pytest.raises(InstrumentError, match=r"refused.*-222"):
        meter.configure(compliance=1e-14)


def test_a_2400_refuses_a_range_above_its_compliances(served: Callable[..., Any]) -> None:
    meter = served("2400").open()
    with pytest.raises(InstrumentError, match="refused: 824"):
        meter.configure(compliance=1e-6, current_range=1e-3)
    meter.configure(compliance=5e-6, current_range=1e-5)
    meter.close()


def test_two_threads_get_no_answer_to_the_others_question(bench: Any, meter: KeithleySourceMeter) -> None:
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
    bench: Any, meter: KeithleySourceMeter
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
