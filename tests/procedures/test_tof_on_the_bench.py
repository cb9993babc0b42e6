"""Mobility by time of flight, end to end on the simulated bench."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from analysis.figure import FigureOfMerit
from app.engine.engine import Engine, Request
from app.engine.events import State
from app.engine.outcome import Outcome
from app.pytest_plugin import SimulatedBench
from app.scoring import true_value
from config.loading import sample_file
from config.mistake import UserMistake
from procedures.tof import TimeOfFlight
from sim_instruments.faults import Fault, FaultKind
from storage.reader import open_run

pytestmark = pytest.mark.usefixtures("untraced")

QUICK: Mapping[str, Any] = {"averages": 8, "samples": 250, "record_length": 6, "pre_trigger": 0.6}


def figures(outcome: Outcome, name: str) -> list[FigureOfMerit]:
    return [figure for figure in outcome.figures if figure.name == name]


def is_safe(simulated: SimulatedBench) -> bool:
    """Ask the world, not the drivers."""
    return not simulated.world.laser.firing and simulated.world.bias_v() == 0.0


@pytest.mark.simulated_bench(sample="dong24-mixed", seed=2)
def test_mobility_and_transit_times_are_the_worlds(simulated_bench: SimulatedBench) -> None:
    outcome = simulated_bench.run(TimeOfFlight(), biases="20, 25, 30, 40, -30", **QUICK)
    assert outcome.state is State.COMPLETED, outcome.reason
    scored = 0
    for name in ("mobility", "transit_time", "mobility_at_bias"):
        for figure in figures(outcome, name):
            if name == "mobility" and figure.at["from"][0] < 0:
                assert "at least 4 are needed" in figure.warnings[0]
                continue
            truth = true_value(simulated_bench.world, "tof", figure, outcome.parameters)
            assert truth is not None
            assert figure.interval is not None, figure.warnings
            assert figure.interval[0] < truth < figure.interval[1], figure
            scored += 1
    assert scored == 1 + 5 + 5
    assert figures(outcome, "mobility")[0].value == pytest.approx(19.3, rel=0.05)
    # half height through 1 MHz is too late, and so its mobility too low: that is what the model is for
    at_30 = [f for f in figures(outcome, "mobility_half_height") if f.at["bias"][0] == 30.0]
    assert at_30[0].value == pytest.approx(18.0, abs=0.3)
    assert is_safe(simulated_bench)
    assert outcome.run_file is not None
    with open_run(outcome.run_file) as file:
        transients = file.streams["transients"]
        # beside each transient a record without light, which shows none
        lit, dark = transients["light"][:] == 1, transients["light"][:] == 0
        assert lit.sum() == dark.sum() == 5
        current = transients["current"][:]
        assert abs(current[dark]).max() < 0.5 * abs(current[lit]).max(axis=1).min()


@pytest.mark.simulated_bench(sample="dong24-mixed-100um", seed=2)
def test_dong24s_device_is_called_trapping_limited(simulated_bench: SimulatedBench) -> None:
    outcome = simulated_bench.run(
        TimeOfFlight(), biases="1", averages=48, samples=400, record_length=25, pre_trigger=2, pulse_energy=80,
        mu_tau=7.81e-5,
    )  # fmt: skip
    transit = figures(outcome, "transit_time")[0]
    assert transit.value == pytest.approx(5.2e-6, rel=0.05)
    limited = [text for text in transit.warnings if text.startswith("trapping-limited")]
    assert [("fitted" in text, "mu tau" in text) for text in limited] == [(True, False), (False, True)]
    # one bias is no line
    assert [figure.value for figure in figures(outcome, "mobility")] == [None]


@pytest.mark.simulated_bench(sample="dong24-mixed", seed=2)
def test_an_amplifier_that_is_too_slow_gives_no_number(simulated_bench: SimulatedBench) -> None:
    outcome = simulated_bench.run(TimeOfFlight(), biases="-40", sensitivity=1e-6, gain_mode="low noise", **QUICK)
    assert outcome.state is State.COMPLETED
    assert figures(outcome, "transit_time")[0].value is None
    assert figures(outcome, "mobility")[0].value is None
    assert "no bias gave a transit time" in figures(outcome, "mobility")[0].warnings[0]


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("biases", "10, 0, 20", "0 V is among them"),
        ("pulse_rate", 1e5, "not within 0.001 to 1000 Hz"),
        ("record_length", 6000, "longer than half"),
        ("pre_trigger", 8, "2 to 50 %"),
        ("sensitivity", 3e-5, "none of the amplifier's"),
        ("biases", "10, 60", "above the bench's limit of 50 V"),
    ],
)
@pytest.mark.simulated_bench(sample="dong24-mixed")
def test_what_does_not_fit_is_said_in_one_line(
    simulated_bench: SimulatedBench, setting: str, value: Any, said: str, tmp_path: Path
) -> None:
    with pytest.raises((UserMistake, ValueError), match=said) as mistake:
        simulated_bench.run(TimeOfFlight(), **{setting: value})
    assert "\n" not in str(mistake.value)
    assert not list(tmp_path.glob("**/*.h5"))
    assert is_safe(simulated_bench)


def test_a_sample_without_thickness_is_a_mistake(tmp_path: Path) -> None:
    text = sample_file("dong24-mixed").text.replace("thickness_um = 300.0", "thickness_um = 0.0")
    (tmp_path / "flat.toml").write_text(text)
    with pytest.raises(UserMistake, match="thickness_um") as mistake:
        sample_file(str(tmp_path / "flat.toml"))
    assert "\n" not in str(mistake.value)


@pytest.mark.simulated_bench(sample="dong24-mixed", seed=2)
def test_light_is_off_and_bias_zero_after_an_abort_while_it_fires(simulated_bench: SimulatedBench) -> None:
    engine = Engine(simulated_bench.bench)
    procedure = TimeOfFlight()
    procedure.sample = simulated_bench.sample.content if simulated_bench.sample else None
    procedure.set_values({"biases": "40", "averages": 600, "pulse_rate": 1})
    seen: list[bool] = []

    def abort() -> None:
        seen.append(simulated_bench.world.laser.firing and simulated_bench.world.bias_v() == 40.0)
        engine.abort("stop")

    # in the middle of the ten minutes that the averaging takes
    simulated_bench.world.clock.call_at(60.0, abort)
    outcome = engine.run(Request(procedure, simulated_bench.sample, folder=simulated_bench.folder))
    assert seen == [True]
    assert outcome.state is State.ABORTED
    assert is_safe(simulated_bench)


@pytest.mark.simulated_bench(sample="dong24-mixed", seed=2)
def test_light_is_off_and_bias_zero_after_the_digitizer_fails(simulated_bench: SimulatedBench) -> None:
    simulated_bench.faults.add(Fault(FaultKind.GARBAGE_REPLY, "digitizer", at=40.0))
    outcome = simulated_bench.run(TimeOfFlight(), biases="40, 30", **{**QUICK, "averages": 60, "pulse_rate": 1})
    assert outcome.state in (State.FAILED, State.ABORTED)
    assert is_safe(simulated_bench)
