"""PyMeasure's and QCoDeS' own drivers, unmodified, on the simulated instruments' wires."""

from __future__ import annotations

import math
import tomllib
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pymeasure.instruments.keithley import Keithley2400, Keithley2450
from pymeasure.instruments.keysight import KeysightDSOX1102G
from pymeasure.instruments.srs import SR570

from sim_instruments.faults import Fault, FaultKind
from sim_instruments.wire.keithley_2400 import Keithley2400Wire
from sim_instruments.wire.keithley_2450 import Keithley2450Wire
from sim_instruments.wire.keysight_dsox1000 import KeysightDSOX1000Wire
from sim_instruments.wire.server import WireInstrument, WireServer
from sim_instruments.wire.sr570 import SR570Wire
from sim_instruments.world.clock import VirtualClock
from sim_instruments.world.world import World

SAMPLE = Path(__file__).parents[3] / "config" / "samples" / "dong24-mixed.toml"
THROUGH_PYVISA = {"visa_library": "@py", "read_termination": "\n", "write_termination": "\n", "timeout": 5000}

Serve = Callable[[type[WireInstrument]], tuple[World, Any, str]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    world = World(4, VirtualClock(), tomllib.loads(SAMPLE.read_text()))
    server = WireServer(world.clock, world.lock)

    def served(kind: type[WireInstrument]) -> tuple[World, Any, str]:
        wire = kind(world)
        return world, wire, server.serve_tcp("instrument", wire)

    yield served
    world.close()
    server.close()


def expected_current(world: World) -> float:
    return float(world.photoconductor.noiseless_current())


def test_pymeasures_keithley_2400_reads_what_the_world_holds(serve: Serve) -> None:
    world, _, address = serve(Keithley2400Wire)
    meter = Keithley2400(address, **THROUGH_PYVISA)
    assert "MODEL 2400" in meter.id
    meter.reset()
    meter.source_mode = "voltage"
    meter.compliance_current = 1e-4
    meter.current_nplc = 1
    meter.source_voltage = 20.0
    assert not meter.source_enabled
    assert world.bias_v() == 0.0
    meter.source_enabled = True
    everything = meter.measure_all()
    assert world.bias_v() == 20.0
    assert everything["voltage"] == pytest.approx(20.0, rel=1e-4)
    assert everything["current"] == pytest.approx(expected_current(world), rel=0.02, abs=1e-10)
    assert everything["status"] & (1 << 14)
    assert meter.check_errors() == []
    meter.shutdown()
    assert world.bias_v() == 0.0


def test_pymeasures_current_switches_the_output_on_here_as_there(serve: Serve) -> None:
    world, _, address = serve(Keithley2400Wire)
    meter = Keithley2400(address, **THROUGH_PYVISA)
    meter.source_voltage = 30.0
    assert world.bias_v() == 0.0
    assert math.isfinite(meter.current)
    assert world.bias_v() == 30.0
    assert meter.source_enabled


def test_a_reading_with_the_output_off_is_error_803_and_no_answer(serve: Serve) -> None:
    world, wire, address = serve(Keithley2400Wire)
    assert wire.handle(b":READ?") is None
    meter = Keithley2400(address, **THROUGH_PYVISA)
    assert meter.next_error[0] == 803
    assert world.bias_v() == 0.0


def test_pymeasure_fills_the_2400s_buffer(serve: Serve) -> None:
    world, _, address = serve(Keithley2400Wire)
    meter = Keithley2400(address, **THROUGH_PYVISA)
    meter.compliance_current = 1e-4
    meter.source_voltage = 10.0
    meter.source_enabled = True
    meter.config_buffer(20, delay=0.1)
    before = world.clock.now()
    meter.start_buffer()
    meter.wait_for_buffer(timeout=30)
    assert world.clock.now() - before == pytest.approx(20 * 0.16, rel=0.1)
    data = meter.buffer_data.reshape(20, 5)
    assert data[:, 1] == pytest.approx(np.full(20, expected_current(world)), rel=0.05, abs=1e-10)
    assert np.diff(data[:, 3]) == pytest.approx(np.full(19, 0.1618), rel=0.02)
    assert meter.mean_current == pytest.approx(data[:, 1].mean(), rel=1e-4)


def test_a_short_circuit_shows_in_the_2400s_compliance_bit(serve: Serve) -> None:
    world, _, address = serve(Keithley2400Wire)
    meter = Keithley2400(address, **THROUGH_PYVISA)
    meter.compliance_current = 1e-5
    meter.source_voltage = 10.0
    meter.source_enabled = True
    assert not meter.measure_all()["status"] & 8
    fault = world.faults.add(Fault(FaultKind.COMPLIANCE))
    shorted = meter.measure_all()
    assert shorted["status"] & 8
    assert shorted["current"] == pytest.approx(1e-5, rel=1e-3)
    assert shorted["voltage"] == pytest.approx(0.01, rel=0.05)
    assert int(meter.ask(":SENS:CURR:PROT:TRIP?")) == 1
    world.faults.clear(fault)
    meter.source_voltage = 10.0
    assert not meter.measure_all()["status"] & 8


def test_the_2400_refuses_in_its_own_words(serve: Serve) -> None:
    _, _, address = serve(Keithley2400Wire)
    meter = Keithley2400(address, **THROUGH_PYVISA)
    for command, number in {
        ":SENS:CURR:RANG:AUTO 0;:SENS:CURR:PROT 1E-6;:SENS:CURR:RANG 1E-3": 824,
        ":SENS:CURR:PROT 1E-3;:SENS:CURR:RANG 1E-3;:SENS:CURR:PROT 1E-7": 822,
        ":SOUR:VOLT 300": -222,
        ":SOURCE:VOLTS 3": -113,
        ":INIT": 803,
    }.items():
        meter.write(command)
        assert meter.next_error[0] == number, command
    assert meter.next_error[0] == 0


def test_pymeasures_keithley_2450_reads_what_the_world_holds(serve: Serve) -> None:
    world, _, address = serve(Keithley2450Wire)
    meter = Keithley2450(address, **THROUGH_PYVISA)
    meter.reset()
    meter.apply_voltage(compliance_current=1e-5)
    meter.measure_current(nplc=1)
    meter.source_voltage = -20.0
    assert not meter.source_enabled
    meter.enable_source()
    assert meter.source_enabled
    assert meter.current == pytest.approx(expected_current(world), rel=0.02, abs=1e-11)
    assert world.bias_v() == -20.0
    assert meter.current < 0
    assert meter.compliance_current == pytest.approx(1e-5)
    assert meter.check_errors() == []
    meter.shutdown()
    assert world.bias_v() == 0.0


def test_the_2450_writes_the_elements_that_it_is_asked_for(serve: Serve) -> None:
    world, _, address = serve(Keithley2450Wire)
    meter = Keithley2450(address, **THROUGH_PYVISA)
    meter.write(":SOUR:VOLT 5;:OUTP ON")
    source, reading, status = meter.values(':READ? "defbuffer1", SOUR, READ, SOURSTAT')
    assert source == 5.0
    assert reading == pytest.approx(expected_current(world), rel=0.05, abs=1e-11)
    assert int(status) & 128
    assert not int(status) & 32
    world.faults.add(Fault(FaultKind.COMPLIANCE))
    source, reading, status = meter.values(':READ? "defbuffer1", SOUR, READ, SOURSTAT')
    assert int(status) & 32
    assert int(meter.ask(":SOUR:VOLT:ILIM:LEV:TRIP?")) == 1
    assert source < 1.0
    formatted = meter.ask(':FETC? "defbuffer1", FORM, UNIT, REL, TST')
    assert "Amp DC" in formatted
    assert meter.check_errors() == []


def test_pymeasures_sr570_drives_the_amplifier_where_it_is_right_and_where_it_is_wrong(serve: Serve) -> None:
    world, _, address = serve(SR570Wire)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # PyMeasure does not know whether it speaks SCPI
        amplifier = SR570(address, visa_library="@py")
    amplifier.sensitivity = 1e-8
    amplifier.gain_mode = "High Bandwidth"
    amplifier.filter_type = "12dB Lowpass"
    amplifier.low_freq = 100
    amplifier.invert_signal_sign = True
    amplifier.bias_level = 2.0
    amplifier.enable_bias()
    world.clock.sleep(0.1)
    preamp = world.preamp
    assert (preamp.sensitivity, preamp.gain_mode, preamp.filter_type) == (1e-8, "high_bandwidth", "12dB_lowpass")
    assert (preamp.lowpass_hz, preamp.invert, preamp.bias_v) == (100.0, True, 2.0)
    assert world.bias_v() == 2.0
    # its offset_current sends BSLV with the index of the offset: the instrument sets its bias to 9 mV
    amplifier.offset_current = 1e-9
    world.clock.sleep(0.1)
    assert preamp.bias_v == 0.009
    assert preamp.input_offset_current == 0.0
    amplifier.disable_bias()
    world.clock.sleep(0.1)
    assert world.bias_v() == 0.0


def test_an_sr570_ignores_what_it_does_not_know_and_never_answers(serve: Serve) -> None:
    world, wire, _ = serve(SR570Wire)
    before = dict(wire.state)
    for line in (b"*IDN?", b"SENS 28", b"SENS -1", b"BSLV 5001", b"HFRQ 12", b"FLTT x", b"HELO 1", b"SENS", b""):
        assert wire.handle(line) is None
    assert wire.state == before
    assert wire.ignored == ["*IDN?", "SENS 28", "SENS -1", "BSLV 5001", "HFRQ 12", "FLTT x", "HELO 1", "SENS"]
    wire.handle(b"SENS 3;INVT 1")
    assert (world.preamp.sensitivity, world.preamp.invert) == (10e-12, True)
    wire.handle(b"*RST")
    assert world.preamp.sensitivity == 1e-6


def test_pymeasures_oscilloscope_downloads_what_the_preamplifier_puts_out(serve: Serve) -> None:
    world, _, address = serve(KeysightDSOX1000Wire)
    world.preamp.sensitivity = 1e-9
    world.preamp.input_offset_current = 1.5e-9
    world.clock.sleep(1.0)
    scope = KeysightDSOX1102G_silently(address)
    expected = {"REF": "CENT", "MAIN:RANG": 1e-3, "POS": 0.0, "MODE": "MAIN"}
    assert scope.timebase == expected
    # recorded from a real one by PyMeasure's tests/instruments/keysight/test_keysightDSOX1102G_with_device.py
    assert scope.ch1.current_configuration == {
        "OFFS": 0.0,
        "COUP": "DC",
        "IMP": "ONEM",
        "DISP": True,
        "BWL": False,
        "INV": False,
        "LAB": '"1"',
        "UNIT": "VOLT",
        "PROB": 10.0,
        "PROB:SKEW": 0.0,
        "STYP": "SING",
        "CHAN": 1,
        "RANG": 40.0,
    }
    scope.ch1.setup(probe_attenuation=1, vertical_range=8, offset=0)
    scope.timebase_setup(horizontal_range=0.1)
    scope.acquisition_type = "hresolution"
    scope.digitize("channel1")
    data, preamble = scope.download_data("channel1", points=2000)
    assert len(data) == preamble["points"] == 2000
    assert preamble["xincrement"] * 2000 == pytest.approx(0.1)
    assert preamble["type"] == "HRES"
    assert data.mean() == pytest.approx(1.5, abs=0.01)


def KeysightDSOX1102G_silently(address: str) -> KeysightDSOX1102G:  # noqa: N802
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # PyMeasure does not know whether it speaks SCPI
        return KeysightDSOX1102G(address, visa_library="@py", read_termination="\n", write_termination="\n")


def test_the_preamble_is_the_one_of_a_real_oscilloscope(serve: Serve) -> None:
    _, _, address = serve(KeysightDSOX1000Wire)
    scope = KeysightDSOX1102G_silently(address)
    scope.waveform_format = "ascii"
    scope.waveform_source = "channel1"
    preamble = scope.waveform_preamble
    # recorded from a real one, as above; the memory of the simulated one is smaller
    assert preamble["yincrement"] == pytest.approx(0.0007851759, rel=1e-5)
    assert preamble["xorigin"] == -0.0005
    assert (preamble["yreference"], preamble["format"], preamble["type"]) == (32768, "ASCII", "NORMAL")
