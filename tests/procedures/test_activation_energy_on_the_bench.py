"""Activation energy from conductivity against temperature, end to end on the simulated bench."""

from __future__ import annotations

import pytest

from app.engine.engine import Engine, Request
from app.engine.events import State
from app.pytest_plugin import SimulatedBench
from app.scoring import true_value
from config.mistake import UserMistake
from procedures.activation_energy import ActivationEnergy
from sim_instruments.faults import Fault, FaultKind
from storage.reader import open_run

pytestmark = pytest.mark.usefixtures("untraced")


def is_safe(simulated: SimulatedBench) -> bool:
    """Ask controller and world: no heater, no bias."""
    return not simulated.bench.temperature_stage.heating and simulated.world.bias_v() == 0.0


@pytest.mark.simulated_bench(sample="dong24-mixed", seed=5)
def test_activation_energies_and_breakpoint_are_the_worlds(simulated_bench: SimulatedBench) -> None:
    outcome = simulated_bench.run(
        ActivationEnergy(),
        temperatures="230, 240, 250, 260, 265, 275, 280, 295, 310, 330, 350",
        direction="up",
        stable_for=20,
    )
    assert outcome.state is State.COMPLETED, outcome.reason
    hot, cold, breakpoint_ = outcome.figures
    assert [figure.name for figure in (hot, cold, breakpoint_)] == ["activation_energy"] * 2 + ["breakpoint"]
    for figure in outcome.figures:
        truth = true_value(simulated_bench.world, "activation-energy", figure, outcome.parameters)
        assert truth is not None
        assert figure.interval is not None
        assert figure.interval[0] < truth < figure.interval[1], figure
    assert hot.value == pytest.approx(0.632, abs=0.005)
    assert cold.value == pytest.approx(0.2, abs=0.03)
    assert is_safe(simulated_bench)
    # the stage drifts back to the room once nobody heats
    simulated_bench.bench.clock.sleep(7200.0)
    assert float(simulated_bench.world.stage.temperature()) == pytest.approx(295.0, abs=0.1)
    assert outcome.run_file is not None
    with open_run(outcome.run_file) as file:
        sweep = file.streams["sweep"]
        # the first is the instrument's own current at 0 V
        assert sweep["bias"][0] == 0.0
        assert list(sweep["bias"][1:]) == [3.0] * 11
        assert list(sweep["temperature"][1:]) == pytest.approx(
            [230, 240, 250, 260, 265, 275, 280, 295, 310, 330, 350], abs=0.1
        )


@pytest.mark.simulated_bench(sample="dong24-mixed", seed=5)
def test_two_temperatures_are_no_line(simulated_bench: SimulatedBench) -> None:
    outcome = simulated_bench.run(ActivationEnergy(), temperatures="300, 305", direction="up", stable_for=5)
    assert outcome.state is State.COMPLETED
    assert [figure.value for figure in outcome.figures] == [None]


@pytest.mark.simulated_bench(sample="dong24-mixed", seed=5)
def test_heater_and_bias_are_off_after_an_abort(simulated_bench: SimulatedBench) -> None:
    engine = Engine(simulated_bench.bench)
    procedure = ActivationEnergy()
    procedure.sample = simulated_bench.sample.content if simulated_bench.sample else None
    procedure.set_values({"temperatures": "300, 340"})
    seen: list[bool] = []

    def abort() -> None:
        seen.append(simulated_bench.world.bias_v() == 3.0 and float(simulated_bench.world.stage.temperature()) > 305)
        engine.abort("stop")

    simulated_bench.world.clock.call_at(350.0, abort)
    outcome = engine.run(Request(procedure, simulated_bench.sample, folder=simulated_bench.folder))
    assert seen == [True]
    assert outcome.state is State.ABORTED
    assert is_safe(simulated_bench)


@pytest.mark.simulated_bench(sample="dong24-mixed", seed=5)
def test_heater_and_bias_are_off_after_the_source_meter_fails(simulated_bench: SimulatedBench) -> None:
    simulated_bench.faults.add(Fault(FaultKind.GARBAGE_REPLY, "source_meter", at=350.0, duration=60.0))
    outcome = simulated_bench.run(ActivationEnergy(), temperatures="300, 310, 320, 330, 340")
    assert outcome.state in (State.FAILED, State.ABORTED)
    assert is_safe(simulated_bench)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"temperatures": "300, 450"}, "not within 200 to 400 K"),
        ({"bias": 0}, "bias = 0 V"),
        ({"bias": 60}, "above the bench's limit of 50 V"),
        ({"compliance": 2000}, "limits.compliance_a"),
    ],
)
@pytest.mark.simulated_bench(sample="dong24-mixed")
def test_what_does_not_fit_is_said_in_one_line(
    simulated_bench: SimulatedBench, settings: dict[str, object], said: str
) -> None:
    with pytest.raises((UserMistake, ValueError), match=said) as mistake:
        simulated_bench.run(ActivationEnergy(), **settings)
    assert "\n" not in str(mistake.value)
    assert is_safe(simulated_bench)
