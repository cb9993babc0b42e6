"""What real instruments were seen to answer: PyMeasure's tests with devices, replayed on the simulated ones.

The tables are the facts of `tests/instruments/keithley/test_keithley2400_with_device.py` and
`test_keithley2450_with_device.py` in PyMeasure's repository (2025), with the properties of its release 0.16.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pymeasure.instruments.keithley import Keithley2400, Keithley2450
from pymeasure.test import expected_protocol

from drivers.keithley_2400 import SafeKeithley2400
from drivers.keithley_2450 import StrictKeithley2450
from drivers.wire import Wire
from sim_instruments.wire.keithley_2400 import Keithley2400Wire
from sim_instruments.wire.keithley_2450 import Keithley2450Wire
from sim_instruments.wire.server import WireInstrument, WireServer
from sim_instruments.world.clock import VirtualClock
from sim_instruments.world.world import World


def quick(server: WireServer, wire: WireInstrument) -> Wire:
    """Return an adapter that does not wait for delayed acknowledgements."""
    return Wire(server.serve_tcp("source_meter", wire), "meter", read_termination="\n", write_termination="\n")


@pytest.fixture
def bench() -> Iterator[tuple[World, WireServer]]:
    world = World(4, VirtualClock())
    server = WireServer(world.clock, world.lock)
    yield world, server
    world.close()
    server.close()


AFTER_RESET_2400 = {
    "source_enabled": False,
    "output_off_state": "normal",
    "front_terminals_enabled": True,
    "current_range": 1.05e-4,
    "current_range_auto_enabled": True,
    "current_nplc": 1,
    "compliance_current": 1.05e-4,
    "voltage_range": 21,
    "voltage_range_auto_enabled": True,
    "voltage_nplc": 1,
    "compliance_voltage": 21,
    "resistance_mode_auto_enabled": True,
    "resistance_range": 2.1e5,
    "resistance_range_auto_enabled": True,
    "resistance_nplc": 1,
    "repeat_filter_enabled": True,
    "filter_count": 10,
    "filter_enabled": False,
    "auto_output_off_enabled": False,
    "source_mode": "voltage",
    "source_delay": 0.001,
    "source_delay_auto_enabled": True,
    "source_current_range": 1.05e-4,
    "source_current_range_auto_enabled": True,
    "source_current": 0,
    "source_voltage_range": 21,
    "source_voltage_range_auto_enabled": True,
    "source_voltage": 0,
    "auto_zero_enabled": True,
}

SET_ON_2400 = [
    *[("source_enabled", value) for value in (True, False)],
    *[("source_mode", value) for value in ("voltage", "current")],
    ("source_delay", 0.1),
    *[("source_delay_auto_enabled", value) for value in (True, False)],
    *[("auto_zero_enabled", value) for value in (True, False)],
    *[("output_off_state", value) for value in ("disconnected", "normal", "zero", "guard")],
    *[("auto_output_off_enabled", value) for value in (True, False)],
    *[("filter_enabled", value) for value in (True, False)],
    *[("repeat_filter_enabled", value) for value in (True, False)],
    ("filter_count", 10),
    ("current_range", 0.000105),
    *[("current_range_auto_enabled", value) for value in (True, False)],
    ("current_nplc", 1.0),
    ("compliance_current", 0.01),
    ("source_current", 0.002),
    ("source_current_range", 0.0105),
    *[("source_current_range_auto_enabled", value) for value in (True, False)],
    *[("voltage_range_auto_enabled", value) for value in (True, False)],
    ("voltage_nplc", 1.0),
    ("compliance_voltage", 1.0),
    ("source_voltage", 1.5),
    ("source_voltage_range", 2.1),
    *[("source_voltage_range_auto_enabled", value) for value in (True, False)],
    *[("resistance_mode_auto_enabled", value) for value in (True, False)],
    ("resistance_range", 2100.0),
    *[("resistance_range_auto_enabled", value) for value in (True, False)],
    ("resistance_nplc", 1.0),
    ("trigger_delay", 0.5),
    ("arm_timer", 1.0),
    *[("trigger_source", value) for value in ("immediate", "trigger_link")],
    *[("arm_source", value) for value in ("immediate", "trigger_link", "timer", "manual", "bus")],
    *[("trigger_output_event", value) for value in ("source", "delay", "sense", "none")],
    *[("arm_output_event", value) for value in ("trigger_enter", "trigger_exit", "none")],
    ("trigger_input_line", 2),
    ("arm_input_line", 3),
    ("trigger_output_line", 4),
    ("arm_output_line", 1),
    *[("display_enabled", value) for value in (True, False)],
    *[("wires", value) for value in (4, 2)],
    ("line_frequency", 60),
    *[("line_frequency_auto_enabled", value) for value in (True, False)],
    *[("front_terminals_enabled", value) for value in (True, False)],
]


def test_a_2400_after_its_reset_is_as_the_real_one(bench: tuple[World, WireServer]) -> None:
    world, server = bench
    meter = Keithley2400(quick(server, Keithley2400Wire(world)))
    meter.clear()
    meter.reset()
    assert {name: getattr(meter, name) for name in AFTER_RESET_2400} == AFTER_RESET_2400
    assert meter.check_errors() == []


def test_a_2400_keeps_what_the_real_one_keeps(bench: tuple[World, WireServer]) -> None:
    world, server = bench
    meter = Keithley2400(quick(server, Keithley2400Wire(world)))
    for name, value in SET_ON_2400:
        setattr(meter, name, value)
        assert getattr(meter, name) == value, name
        assert meter.check_errors() == [], name
        meter.reset()


SET_ON_2450 = [
    *[("source_mode", value) for value in ("voltage", "current")],
    *[("current_range", value) for value in (10e-9, 1.0)],
    *[("current_nplc", value) for value in (0.01, 10)],
    *[("compliance_current", value) for value in (1.05, 10e-9)],
    *[("source_current", value) for value in (-1.05, -0.5, 0, 0.5, 1.05)],
    *[("source_current_range", value) for value in (10e-9, 1.0)],
    *[("source_current_delay", value) for value in (0, 0.5)],
    *[("source_current_delay_auto", value) for value in (True, False)],
    *[("voltage_range", value) for value in (20e-3, 200)],
    *[("voltage_nplc", value) for value in (0.01, 10)],
    *[("compliance_voltage", value) for value in (20e-3, 210)],
    *[("source_voltage", value) for value in (-210, 0, 210)],
    *[("source_voltage_range", value) for value in (20e-3, 200)],
    *[("source_voltage_delay_auto", value) for value in (True, False)],
    *[("resistance_range", value) for value in (2, 200e6)],
    *[("resistance_nplc", value) for value in (0.01, 10)],
    *[("wires", value) for value in (2, 4)],
    *[("buffer_points", value) for value in (10, 5211488)],
    *[("current_filter_type", value) for value in ("REP", "MOV")],
    *[("current_filter_count", value) for value in (1, 100)],
    *[("voltage_filter_type", value) for value in ("REP", "MOV")],
    *[("voltage_filter_count", value) for value in (1, 100)],
    *[("current_output_off_state", value) for value in ("HIMP", "NORM", "ZERO", "GUAR")],
    *[("voltage_output_off_state", value) for value in ("HIMP", "NORM", "ZERO", "GUAR")],
]


def test_a_2450_keeps_what_the_real_one_keeps(bench: tuple[World, WireServer]) -> None:
    world, server = bench
    meter = Keithley2450(quick(server, Keithley2450Wire(world)))
    assert "KEITHLEY INSTRUMENTS,MODEL 2450" in meter.id
    for name, value in SET_ON_2450:
        setattr(meter, name, value)
        assert getattr(meter, name) == value, name
        assert meter.next_error[0] == 0, name
        meter.reset()
    for state, answer in {"ON": 1.0, "OFF": 0.0}.items():
        meter.current_filter_state = state
        assert meter.current_filter_state == answer
    meter.apply_voltage(voltage_range=20, compliance_current=0.01)
    assert (meter.source_mode, meter.source_voltage_range, meter.compliance_current) == ("voltage", 20, 0.01)
    meter.ask(":SYST:ERR:COUN?")
    meter.write(":DISP:LIGH:STAT BLAC")
    assert meter.ask(":DISP:LIGH:STAT?").strip() == "BLAC"
    assert int(meter.ask(":TRAC:ACT:END?")) == 0
    assert meter.next_error[0] == 0


def test_the_mended_2400_understands_pymeasures_own_exchanges() -> None:
    # test_measure_all, test_next_error of tests/instruments/keithley/test_keithley2400.py
    with expected_protocol(
        SafeKeithley2400,
        [
            (b":FORMAT:ELEMENTS VOLTAGE, CURRENT, RESISTANCE, TIME, STATUS", None),
            (b":SENSE:RESISTANCE:MODE MAN", None),
            (b":SENSE:FUNCTION:ALL", None),
            (b":READ?", b"0.1,0.2,9.91e37,1234,5678\n"),
            (b"SYST:ERR?", b'-113, "Undefined header"'),
        ],
    ) as meter:
        everything = meter.measure_all()
        assert everything["voltage"] == 0.1
        assert everything["current"] == 0.2
        assert everything["resistance"] != everything["resistance"]
        assert everything["status"] == 5678
        assert meter.next_error[0] == -113


def test_no_property_of_the_mended_2400_energises() -> None:
    with expected_protocol(
        SafeKeithley2400,
        [
            (b":FORMAT:ELEMENTS VOLTAGE, CURRENT, RESISTANCE, TIME, STATUS", None),
            (b":FORMAT:ELEMENTS CURRENT;:READ?", b"+1.5E-9"),
            (b":FORMAT:ELEMENTS VOLTAGE;:READ?", b"+1.0E+01"),
            (b":FORMAT:ELEMENTS RESISTANCE;:READ?", b"+1.0E+09"),
        ],
    ) as meter:
        assert (meter.current, meter.voltage, meter.resistance) == (1.5e-9, 10.0, 1e9)


def test_the_mended_2450_does_not_truncate() -> None:
    with expected_protocol(
        StrictKeithley2450,
        [(b":SOUR:VOLT:ILIM 1e-06", None), (b":SENS:CURR:NPLC 10", None), (b":SENS:CURR:AZER?", b"1")],
    ) as meter:
        meter.compliance_current = 1e-6
        meter.current_nplc = 10
        assert meter.auto_zero_enabled is True
        for name, value in {"compliance_current": 2.0, "current_nplc": 100, "current_range": 3.0}.items():
            with pytest.raises(ValueError, match="not in range"):
                setattr(meter, name, value)
