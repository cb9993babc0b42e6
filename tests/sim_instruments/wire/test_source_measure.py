"""What the simulated source meters do electrically."""

from __future__ import annotations

import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sim_instruments.wire.keithley_2400 import Keithley2400Wire, Keithley2410Wire
from sim_instruments.wire.keithley_2400_readings import MODEL_2400, MODEL_2410
from sim_instruments.wire.keithley_2450 import Keithley2450Wire
from sim_instruments.wire.keithley_2450_settings import MODEL_2450
from sim_instruments.wire.server import Reply
from sim_instruments.wire.source_measure import OVERFLOW, SourceMeasureModel, SourceMeasureUnit
from sim_instruments.world.clock import VirtualClock
from sim_instruments.world.world import World

SAMPLE = Path(__file__).parents[3] / "config" / "samples" / "dong24-mixed.toml"


class Ohmic:
    """A world with a resistor in its holder."""

    def __init__(self, ohms: float) -> None:
        self.ohms = ohms
        self.volts = 0.0
        self.clock = SimpleNamespace(now=lambda: 0.0)
        self._random = np.random.default_rng(8)

    def random(self, name: str) -> np.random.Generator:
        return self._random

    def set_bias(self, source: str, volts: float) -> None:
        self.volts = volts

    def mean_device_current(self, integration_time: float, t_end: float) -> float:
        return self.volts / self.ohms


def unit(model: SourceMeasureModel = MODEL_2450, ohms: float = 1e9, **electrical: Any) -> SourceMeasureUnit:
    made = SourceMeasureUnit(Ohmic(ohms), model, **electrical)
    made.current_limit = 1e-3
    made.switch(True)
    return made


@pytest.mark.parametrize("model", [MODEL_2400, MODEL_2410, MODEL_2450])
def test_automatic_range_is_the_most_sensitive_that_holds_the_reading(model: SourceMeasureModel) -> None:
    meter = unit(model)
    for current in (3e-9, 3e-7, 1.04e-6, 1.06e-6, 4e-5):
        meter.source_voltage(current * 1e9)
        meter.read(1.0)
        ranges = [r for r in model.current_ranges if r * 1.05 >= current]
        assert meter.current_range == ranges[0]


def test_noise_is_the_ranges_and_goes_with_the_root_of_the_integration_time() -> None:
    for cycles in (0.1, 1.0, 10.0):
        meter = unit()
        meter.cycles = cycles
        meter.source_voltage(0.5)
        read = np.array([meter.read(1.0).current for _ in range(400)])
        expected = np.hypot(MODEL_2450.current_noise[1e-8] / np.sqrt(cycles), 1e-8 * MODEL_2450.digits / np.sqrt(12))
        assert read.std() == pytest.approx(expected, rel=0.15)
        assert read.mean() == pytest.approx(0.5e-9, abs=4 * expected / 20)


def test_gain_and_offset_errors_are_this_individuals() -> None:
    meter = unit(gain_error=0.01, offset_error=2e-8)
    meter.source_voltage(1000.0)
    assert meter.read(1.0).current == pytest.approx(1.01e-6 + 2e-8, rel=1e-4)


def test_a_fixed_range_overflows_five_percent_beyond_its_name() -> None:
    meter = unit()
    meter.auto_range, meter.current_range = False, 1e-8
    meter.source_voltage(10.4)
    assert meter.read(1.0).current == pytest.approx(1.04e-8, rel=1e-3)
    meter.source_voltage(10.6)
    assert meter.read(1.0).current == OVERFLOW


def test_compliance_lowers_the_voltage_and_ends_by_itself() -> None:
    meter = unit(ohms=1e6)
    meter.current_limit = 1e-6
    meter.source_voltage(-5.0)
    reading = meter.read(1.0)
    assert reading.in_compliance
    assert (reading.voltage, reading.current) == pytest.approx((-1.0, -1e-6), rel=1e-4)
    assert meter.read(1.0).in_compliance
    meter.world.ohms = 1e8
    reading = meter.read(1.0)
    assert not reading.in_compliance
    assert (reading.voltage, reading.current) == pytest.approx((-5.0, -5e-8), rel=1e-3)


def test_as_a_current_source_it_finds_the_voltage() -> None:
    meter = unit(ohms=1e6)
    meter.select("CURR")
    assert not meter.output_on
    meter.amperes, meter.voltage_limit = 2e-6, 21.0
    meter.switch(True)
    reading = meter.read(1.0)
    assert (reading.voltage, reading.current) == pytest.approx((2.0, 2e-6), rel=1e-3)
    meter.amperes = 1e-3
    reading = meter.read(1.0)
    assert reading.in_compliance
    assert reading.voltage == 21.0


def test_a_reading_takes_its_time_and_auto_zero_three_times_that() -> None:
    meter = unit()
    meter.cycles = 5.0
    meter.auto_zero = False
    assert meter.reading_time == pytest.approx(0.1 + MODEL_2450.overhead)
    meter.auto_zero = True
    assert meter.reading_time == pytest.approx(0.3 + MODEL_2450.overhead)
    assert unit(no_latency=True).reading_time == 0.0


def test_the_answer_comes_when_the_reading_is_over() -> None:
    world = World(2, VirtualClock())
    try:
        meter = Keithley2450Wire(world)
        meter.handle(b":OUTP ON;:SENS:CURR:NPLC 10;:SENS:CURR:AZER OFF")
        answer = meter.handle(b":READ?")
        assert isinstance(answer, Reply)
        assert answer.after == pytest.approx(0.2 + MODEL_2450.overhead)
        second = meter.handle(b":READ?")
        assert isinstance(second, Reply)
        assert second.after == pytest.approx(2 * (0.2 + MODEL_2450.overhead))
    finally:
        world.close()


@pytest.mark.parametrize("kind", [Keithley2400Wire, Keithley2410Wire, Keithley2450Wire])
def test_the_same_seed_gives_the_same_readings(kind: type[Any]) -> None:
    def readings(seed: int) -> list[Any]:
        world = World(seed, VirtualClock(), tomllib.loads(SAMPLE.read_text()))
        try:
            meter = kind(world)
            meter.handle(b":SOUR:VOLT 3;:OUTP ON")
            return [meter.handle(b":READ?") for _ in range(5)]
        finally:
            world.close()

    assert readings(1) == readings(1)
    assert readings(1) != readings(2)


def test_a_2410_sources_more_than_a_2400() -> None:
    for kind, answer in ((Keithley2400Wire, b"-222"), (Keithley2410Wire, b"0,")):
        world = World(2, VirtualClock())
        try:
            meter = kind(world)
            meter.handle(b":SOUR:VOLT 1000")
            reply = meter.handle(b":SYST:ERR?")
            assert isinstance(reply, bytes)
            assert reply.startswith(answer)
        finally:
            world.close()
