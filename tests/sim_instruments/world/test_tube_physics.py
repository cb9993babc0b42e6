"""The tube rises and falls in its own time, and switches off when it must."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sim_instruments.world.world import World

MakeWorld = Callable[..., World]


def test_voltage_and_current_rise_and_fall_exponentially(make_world: MakeWorld) -> None:
    world = make_world()
    tube = world.tube
    tube.set_voltage_kv(50.0)
    tube.set_current_ma(0.8)
    assert tube.voltage_kv() == 0.0
    tube.switch_on()
    world.clock.sleep(0.15)
    assert tube.voltage_kv() == pytest.approx(50.0 * (1 - np.exp(-1)))
    assert tube.current_ma() == pytest.approx(0.8 * (1 - np.exp(-1.5)))
    world.clock.sleep(10.0)
    assert tube.voltage_kv() == pytest.approx(50.0)
    tube.switch_off()
    world.clock.sleep(0.1)
    assert tube.current_ma() == pytest.approx(0.8 * np.exp(-1))


def test_the_past_can_be_looked_at(make_world: MakeWorld) -> None:
    world = make_world(kv=40.0, ma=1.0)
    world.clock.sleep(20.0)
    world.tube.set_current_ma(2.0)
    world.clock.sleep(60.0)
    world.tube.switch_off()
    world.clock.sleep(30.0)
    times = np.array([5.0, 29.0, 31.0, 80.0, 110.0])
    assert world.tube.current_ma(times) == pytest.approx([1.0, 1.0, 2.0, 2.0, 0.0], abs=1e-4)
    assert [world.tube.current_ma(float(t)) for t in times] == pytest.approx(world.tube.current_ma(times))


def test_an_opened_interlock_keeps_the_beam_off_until_it_is_switched_on_again(make_world: MakeWorld) -> None:
    world = make_world(kv=50.0, ma=1.0)
    world.tube.open_interlock()
    assert not world.tube.high_voltage_on
    assert not world.tube.switch_on()
    world.clock.sleep(2.0)
    assert float(world.beam.dose_rate()) < 1e-12
    world.tube.close_interlock()
    world.clock.sleep(5.0)
    assert not world.tube.high_voltage_on
    assert not world.tube.switch_on()  # the fault is latched
    world.tube.clear_faults()
    assert world.tube.switch_on()


def test_an_arc_takes_the_voltage_away_at_once(make_world: MakeWorld) -> None:
    world = make_world(kv=50.0, ma=1.0)
    world.tube.arc()
    assert world.tube.voltage_kv() == 0.0
    assert world.tube.faults == {"arc"}
    assert not world.tube.switch_on()


def test_read_backs_scatter_around_the_truth(make_world: MakeWorld) -> None:
    world = make_world(kv=50.0, ma=1.0)
    readings = np.array([world.tube.read_voltage_kv() for _ in range(500)])
    assert readings.mean() == pytest.approx(50.0, abs=5 * 0.027 / np.sqrt(500))
    assert 0.02 < readings.std() < 0.035


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_what_is_no_voltage_is_refused(make_world: MakeWorld, value: float) -> None:
    with pytest.raises(ValueError, match="tube voltage"):
        make_world().tube.set_voltage_kv(value)
