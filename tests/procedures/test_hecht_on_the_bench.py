"""mu tau from the photocurrent against bias, end to end on the simulated bench."""

import pytest

from app.engine.events import State
from app.pytest_plugin import SimulatedBench
from config.mistake import UserMistake
from procedures.hecht import Hecht

pytestmark = pytest.mark.usefixtures("untraced")

DONG24 = {
    "distance_m": 0.4,
    "output_factor": 0.580997,
    "filters": [{"material": "Be", "thickness_mm": 0.127}, {"material": "SiO2", "thickness_mm": 26.0}],
}
QUICK = {"samples": 50, "bias_settling_time": 30, "dose_time": 2, "tube_current": 0.8}


@pytest.mark.simulated_bench(sample="dong24-tio2", geometry=DONG24, seed=4)
def test_mu_tau_is_the_worlds(simulated_bench: SimulatedBench) -> None:
    outcome = simulated_bench.run(Hecht(), fields="-150, -250, -400, -600, -900, -1200, -1600", **QUICK)
    assert outcome.state is State.COMPLETED
    figures = {figure.name: figure for figure in outcome.figures}
    mu_tau = figures["mu_tau"]
    assert mu_tau.value is not None
    assert mu_tau.interval is not None
    assert mu_tau.interval[0] < simulated_bench.world.truth("mu_tau") < mu_tau.interval[1]
    assert mu_tau.uncertainty < 0.15 * mu_tau.value
    assert mu_tau.unit == "cm2/V"


@pytest.mark.simulated_bench(sample="dong24-tio2", geometry=DONG24, seed=4)
def test_mu_tau_is_refused_where_too_little_charge_is_collected(simulated_bench: SimulatedBench) -> None:
    outcome = simulated_bench.run(Hecht(), fields="-100, -120, -140, -160, -180", **QUICK)
    figures = {figure.name: figure for figure in outcome.figures}
    assert figures["mu_tau"].value is None
    assert "not separable" in figures["mu_tau"].warnings[0]
    assert figures["j0_mu_tau"].value is not None


@pytest.mark.simulated_bench(sample="dong24-tio2", geometry=DONG24, seed=4)
def test_two_fields_are_too_few_and_give_no_number(simulated_bench: SimulatedBench) -> None:
    outcome = simulated_bench.run(Hecht(), fields="-400, -800", **QUICK)
    assert outcome.state is State.COMPLETED
    assert [figure.value for figure in outcome.figures] == [None]


@pytest.mark.simulated_bench(sample="dong24-tio2", geometry=DONG24)
def test_fields_of_both_signs_are_a_mistake(simulated_bench: SimulatedBench) -> None:
    with pytest.raises(UserMistake, match="all be above zero, or all below"):
        simulated_bench.run(Hecht(), fields="-100, 100", **QUICK)
