"""The dosimeter errs as it is told to, and not otherwise."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from sim_instruments.faults import Fault, FaultKind
from sim_instruments.world.geometry import DONG24
from sim_instruments.world.world import World

MakeWorld = Callable[..., World]


def test_readings_scatter_by_the_random_error_around_the_truth(make_world: MakeWorld) -> None:
    world = make_world(geometry=DONG24, kv=50.0, ma=0.8)
    true = world.beam.mean_dose_rate(world.clock.now() - 1.0, world.clock.now())
    readings = np.array([world.dosimeter.reading(1.0, range_name="low") for _ in range(2000)])
    assert readings.mean() == pytest.approx(true, rel=5 * 0.015 / math.sqrt(2000))
    assert readings.std() / true == pytest.approx(0.015, rel=0.1)


def test_the_calibration_error_is_what_the_bench_file_says_or_drawn(make_world: MakeWorld) -> None:
    off: World = make_world(kv=50.0, ma=1.0, settings={"dosimeter": {"calibration_error": 0.08, "random": 0.0}})
    true = off.beam.mean_dose_rate(off.clock.now() - 1.0, off.clock.now())
    assert off.dosimeter.reading(1.0) / true == pytest.approx(1.08, rel=3e-3)
    drawn = [
        make_world(seed=seed, settings={"dosimeter": {"calibration_error": "drawn"}}).dosimeter.calibration_error
        for seed in range(60)
    ]
    assert np.std(drawn) == pytest.approx(0.05, rel=0.35)
    assert make_world().dosimeter.calibration_error == 0.0
    with pytest.raises(ValueError, match="drawn"):
        make_world(settings={"dosimeter": {"calibration_error": "guessed"}})


def test_a_range_that_is_too_small_is_overloaded(make_world: MakeWorld) -> None:
    world = make_world(kv=50.0, ma=1.0)
    assert world.dosimeter.overloaded("low")
    assert world.dosimeter.reading(1.0, range_name="low") == math.inf
    assert math.isfinite(world.dosimeter.reading(1.0, range_name="medium"))
    with pytest.raises(ValueError, match="low, medium, high"):
        world.dosimeter.reading(1.0, range_name="tiny")
    world.faults.add(Fault(FaultKind.DOSIMETER_OUT_OF_RANGE, duration=2.0))
    assert world.dosimeter.reading(1.0, range_name="high") == math.inf
    world.clock.sleep(3.0)
    assert math.isfinite(world.dosimeter.reading(1.0, range_name="high"))


def test_a_growing_dose_has_one_error(make_world: MakeWorld) -> None:
    world = make_world(kv=50.0, ma=1.0)
    start = world.clock.now()
    shown = []
    for _ in range(10):
        world.clock.sleep(1.0)
        shown.append(world.dosimeter.dose(start) / (world.beam.dose() - world.beam.dose(start)))
    assert np.ptp(shown) < 2e-3
    assert shown[0] == pytest.approx(1.0, abs=0.06)
    other = world.dosimeter.dose(start + 1.0) / (world.beam.dose() - world.beam.dose(start + 1.0))
    assert abs(other - shown[-1]) > 1e-6


def test_charge_goes_with_the_calibration_factor(make_world: MakeWorld) -> None:
    assert make_world().dosimeter.charge(2.5e-3) == pytest.approx(1e-7)
