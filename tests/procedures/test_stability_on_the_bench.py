"""Signals over time, end to end on the simulated bench."""

import pytest

from app.engine.events import State
from app.pytest_plugin import SimulatedBench
from procedures.dark_current import DarkCurrent
from procedures.irradiation import Irradiation
from procedures.operational_stability import OperationalStability
from procedures.rl_stability import RLStability

pytestmark = pytest.mark.usefixtures("untraced")

NEAR = {"distance_m": 0.206, "filters": [{"material": "Al", "thickness_mm": 0.4}]}


@pytest.mark.simulated_bench(sample="chen24-pnc-silicone", geometry=NEAR, seed=3)
def test_the_light_that_is_left_is_the_worlds(simulated_bench: SimulatedBench) -> None:
    outcome = simulated_bench.run(
        RLStability(), tube_voltage=60, tube_current=4, duration=20, first_interval=30, longest_interval=60, averages=2
    )
    assert outcome.state is State.COMPLETED
    figures = {(figure.name, figure.at.get("time")): figure for figure in outcome.figures}
    remaining = next(figure for figure in outcome.figures if figure.name == "remaining")
    dose = float(remaining.details["dose_gy"])
    assert dose == pytest.approx(simulated_bench.world.beam.dose(), rel=0.03)
    truth = 100 * simulated_bench.world.truth("remaining", dose=dose)
    assert remaining.interval is not None
    assert remaining.interval[0] < truth < remaining.interval[1]
    assert remaining.uncertainty is not None
    assert remaining.uncertainty < 5
    assert {name for name, _ in figures} >= {"t95", "slope", "peak_wavelength", "fwhm", "cie_x", "cie_y"}
    assert not simulated_bench.world.tube.high_voltage_on


@pytest.mark.slow
@pytest.mark.simulated_bench(sample="dong24-tio2", seed=3)
def test_a_dark_current_that_does_not_drift_is_said_not_to(simulated_bench: SimulatedBench) -> None:
    outcome = simulated_bench.run(
        DarkCurrent(), duration=20, first_interval=20, longest_interval=60, samples=50, bias_settling_time=300
    )
    assert outcome.state is State.COMPLETED
    drift = outcome.figures[0]
    assert drift.interval is not None
    assert drift.interval[0] < 0 < drift.interval[1]
    assert any("no significant drift" in warning for warning in drift.warnings)
    assert simulated_bench.world.bias_v() == 0.0


@pytest.mark.simulated_bench(sample="dong24-tio2", seed=3)
def test_a_stable_detector_keeps_its_signal_and_its_dose_is_counted(simulated_bench: SimulatedBench) -> None:
    outcome = simulated_bench.run(
        OperationalStability(),
        tube_current=0.5,
        duration=20,
        first_interval=60,
        longest_interval=120,
        samples=30,
        bias_settling_time=30,
        earlier_dose=1.0,
        initial_signal=13_700,
    )
    assert outcome.state is State.COMPLETED
    figures = {figure.name: figure for figure in outcome.figures}
    assert figures["remaining"].interval is not None
    assert figures["remaining"].interval[0] < 100 < figures["remaining"].interval[1]
    assert figures["t95"].value is None
    assert "at least" in figures["t95"].warnings[0]
    assert figures["remaining_since_beginning"].value == pytest.approx(100, abs=3)
    had = float(figures["remaining"].details["dose_gy"]) - 1.0
    # some of the beam goes into choosing the range, which the series does not count
    assert 0.85 * simulated_bench.world.beam.dose() < had <= 1.01 * simulated_bench.world.beam.dose()


def test_dose_is_counted_by_trapezoids_while_the_beam_is_on() -> None:
    class Tube:
        def beam(self, kilovolts: float, milliamps: float) -> "Tube":
            return self

        def __enter__(self) -> None: ...

        def __exit__(self, *_: object) -> None: ...

    now = [0.0]
    irradiation = Irradiation(lambda: now[0], earlier_time=10.0, earlier_dose=5.0)
    with irradiation.beam(Tube(), 30, 1):  # type: ignore[arg-type]
        irradiation.reading(1.0)
        now[0] = 4.0
        irradiation.reading(2.0)
    now[0] = 100.0
    assert irradiation.dose == pytest.approx(5.0 + 6.0)
    assert irradiation.exposed == pytest.approx(14.0)
