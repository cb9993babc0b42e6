"""Current against voltage, end to end on the simulated bench."""

import numpy as np
import pytest

from app.engine.events import State
from app.pytest_plugin import SimulatedBench
from config.mistake import UserMistake
from procedures.iv import CurrentVoltage
from storage.reader import open_run

pytestmark = pytest.mark.usefixtures("untraced")


@pytest.mark.simulated_bench(sample="dong24-mixed", seed=2)
def test_resistivity_is_the_worlds_and_no_output_is_left_on(simulated_bench: SimulatedBench) -> None:
    outcome = simulated_bench.run(CurrentVoltage(), voltages="-8:8:9")
    assert outcome.state is State.COMPLETED
    figures = {figure.name: figure for figure in outcome.figures}
    resistivity = figures["resistivity"]
    assert resistivity.value is not None
    assert resistivity.interval is not None
    assert resistivity.interval[0] < simulated_bench.world.truth("resistivity") < resistivity.interval[1]
    assert resistivity.unit == "ohm cm"
    assert figures["rectification_ratio"].value == pytest.approx(1.0, abs=0.01)
    assert simulated_bench.world.bias_v() == 0.0
    assert not simulated_bench.bench.source_meter.output_on


@pytest.mark.simulated_bench(sample="dong24-tio2", seed=2)
def test_points_in_compliance_are_no_currents(simulated_bench: SimulatedBench) -> None:
    outcome = simulated_bench.run(CurrentVoltage(), voltages="-6:6:5", illumination="both", compliance=0.2)
    assert outcome.state is State.COMPLETED
    under_beam = next(figure for figure in outcome.figures if figure.name == "resistivity_under_beam")
    assert under_beam.value is None
    assert any("compliance" in warning for warning in under_beam.warnings)
    assert outcome.run_file is not None
    with open_run(outcome.run_file) as file:
        curve = file.streams["curve"]
        limited = np.asarray(curve["in_compliance"]) == 1
        assert limited.any()
        assert np.isnan(np.asarray(curve["current"])[limited]).all()
    assert not simulated_bench.world.tube.high_voltage_on


@pytest.mark.simulated_bench(sample="dong24-mixed")
def test_a_voltage_beyond_the_bench_is_refused_before_anything_is_on(simulated_bench: SimulatedBench) -> None:
    with pytest.raises(UserMistake, match=r"limits\.bias_v"):
        simulated_bench.run(CurrentVoltage(), voltages="0, 500")
    assert list(simulated_bench.folder.iterdir()) == []
