"""The stage goes where its sensor says, right or wrong."""

from __future__ import annotations

import numpy as np
import pytest

from sim_instruments.world.clock import VirtualClock
from sim_instruments.world.stage import StageParameters, StagePhysics


def test_a_wrong_sensor_makes_a_wrong_temperature_and_a_right_reading() -> None:
    clock = VirtualClock()
    try:
        stage = StagePhysics(StageParameters(sensor_error_k=1.5, sensor_noise_k=0.001), clock, np.random.default_rng(1))
        stage.heat_to(295.0, 330.0)
        clock.sleep(1000.0)
        assert stage.reading() == pytest.approx(330.0, abs=0.01)
        assert float(stage.temperature()) == pytest.approx(328.5, abs=0.01)
    finally:
        clock.close()
