"""Sensitivity by every readout and bias source, and what becomes of it when the electronics are overdriven."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from analysis.figure import FigureOfMerit
from app.engine.events import State
from app.engine.outcome import Outcome
from app.pytest_plugin import SimulatedBench
from config.mistake import UserMistake
from procedures.registry import preset
from procedures.sensitivity import Sensitivity
from sim_instruments.faults import Fault, FaultKind
from storage.reader import open_run

pytestmark = pytest.mark.usefixtures("untraced")

SMALL = {
    "tube_currents": "0.05, 0.2, 0.5, 0.8",
    "fields": "-100",
    "samples": 50,
    "bias_settling_time": 20,
    "dose_time": 2,
}
"""Dong24's measurement in two minutes of the bench's time."""

IN_THE_FIRST_READING = 45.0
"""s after the beginning of such a run."""


@pytest.fixture
def dong24(tmp_path: Path) -> Iterator[SimulatedBench]:
    """Dong24's beam on the TiO2 device."""
    content = preset("dong24-sensitivity", "sensitivity").content
    opened = SimulatedBench(tmp_path, sample=content.sample, geometry=content.geometry.model_dump())
    try:
        yield opened
    finally:
        opened.close()


@pytest.fixture
def measure(dong24: SimulatedBench) -> Callable[..., Outcome]:
    """Run the small measurement, with other parameters where given."""
    return lambda **settings: dong24.run(Sensitivity(), **{**SMALL, **settings})


def figure(outcome: Outcome, name: str) -> FigureOfMerit:
    (found,) = [one for one in outcome.figures if one.name == name]
    return found


def holds(one: FigureOfMerit, truth: float) -> bool:
    assert one.interval is not None, one.warnings
    return one.interval[0] <= truth <= one.interval[1]


def nothing_is_energised(dong24: SimulatedBench) -> bool:
    """Ask the world, not the drivers."""
    return not dong24.world.tube.high_voltage_on and dong24.world.bias_v() == 0.0


@pytest.mark.parametrize(
    "how",
    [
        {"readout": "preamp", "bias_source": "source meter"},
        {"readout": "preamp", "bias_source": "preamp"},
        {"readout": "source meter", "bias_source": "source meter"},
    ],
    ids=["preamp", "preamp with its own bias", "source meter"],
)
def test_every_readout_finds_the_sensitivity_and_the_dark_current(
    dong24: SimulatedBench, measure: Callable[..., Outcome], how: dict[str, str]
) -> None:
    outcome = measure(**how)
    assert outcome.state is State.COMPLETED, outcome.reason
    sensitivity = figure(outcome, "sensitivity")
    assert sensitivity.value == pytest.approx(13_700, rel=0.02)
    assert holds(sensitivity, dong24.world.truth("sensitivity", field=-100.0))
    assert holds(figure(outcome, "dark_current_density"), dong24.world.truth("dark_current_density", field=-100.0))
    assert nothing_is_energised(dong24)


def test_dosimeter_and_area_are_the_systematic_part(measure: Callable[..., Outcome]) -> None:
    sensitivity = figure(measure(), "sensitivity")
    assert sensitivity.value is not None
    assert sensitivity.systematic == pytest.approx(sensitivity.value * (0.05**2 + 0.02**2) ** 0.5, rel=1e-3)
    assert sensitivity.statistical is not None
    assert sensitivity.statistical < 0.02 * sensitivity.value


def test_the_built_in_field_alone_gives_the_published_sensitivity(
    dong24: SimulatedBench, measure: Callable[..., Outcome]
) -> None:
    biases: list[float] = []
    outcome = measure(fields="0", samples=100)
    sensitivity = figure(outcome, "sensitivity")
    assert holds(sensitivity, 1500.0)
    assert sensitivity.value == pytest.approx(1500, rel=0.05)
    assert holds(figure(outcome, "lod_iupac"), 40.1)
    assert sensitivity.at == {"field": (0.0, "V/cm")}
    assert outcome.run_file is not None
    with open_run(outcome.run_file) as file:
        biases = list(file.streams["windows"]["bias"])
    assert set(biases) == {0.0}


def test_fields_of_both_signs_in_one_run_give_a_figure_each(measure: Callable[..., Outcome]) -> None:
    outcome = measure(fields="-100, 100", samples=30, tube_currents="0.2, 0.5, 0.8")
    found = {one.at["field"][0]: one for one in outcome.figures if one.name == "sensitivity"}
    assert found.keys() == {-100.0, 100.0}
    assert all(one.value is not None and one.value > 0 for one in found.values())


def test_an_overload_that_passes_costs_a_range_change_and_no_truth(
    dong24: SimulatedBench, measure: Callable[..., Outcome]
) -> None:
    dong24.faults.add(
        Fault(FaultKind.PREAMP_OVERLOAD, at=dong24.bench.clock.now() + IN_THE_FIRST_READING, duration=5.0)
    )
    outcome = measure()
    assert outcome.state is State.COMPLETED, outcome.reason
    assert any("overload" in note.message for note in outcome.notes)
    sensitivity = figure(outcome, "sensitivity")
    assert sensitivity.value == pytest.approx(13_700, rel=0.02)
    assert holds(sensitivity, 13_700)
    assert any("across a change of the preamplifier's range" in warning for warning in sensitivity.warnings)
    assert outcome.run_file is not None
    with open_run(outcome.run_file) as file:
        # nothing of the overload was recorded: the extra current was ten times the full scale
        windows = file.streams["windows"]
        assert abs(windows["mean"]).max() < 2 * abs(windows["mean"][-2])
        assert len(set(windows["range"])) > 1


@pytest.mark.parametrize(
    ("kind", "settings", "said"),
    [
        (FaultKind.PREAMP_OVERLOAD, {}, "too large for the least sensitive range"),
        (FaultKind.COMPLIANCE, {}, "in compliance"),
        (FaultKind.COMPLIANCE, {"readout": "source meter", "compliance": 5}, "compliance"),
    ],
    ids=["overloaded preamp", "short circuit before the preamp", "short circuit at the source meter"],
)
def test_what_stays_overdriven_ends_the_run_without_a_number(
    dong24: SimulatedBench, measure: Callable[..., Outcome], kind: FaultKind, settings: dict[str, Any], said: str
) -> None:
    dong24.faults.add(Fault(kind, at=dong24.bench.clock.now() + IN_THE_FIRST_READING))
    outcome = measure(**settings)
    assert outcome.state is State.ABORTED
    assert outcome.tripped
    assert said in outcome.reason
    assert all(figure.value is None for figure in outcome.figures if figure.name == "sensitivity")
    assert nothing_is_energised(dong24)
    assert outcome.run_file is not None
    with open_run(outcome.run_file) as file:
        assert file.status == "aborted"
        # what was recorded before the fault is the device's own current, nanoamperes
        assert abs(file.streams["windows"]["mean"]).max() < 1e-7


def test_a_bias_that_the_preamp_cannot_give_is_refused_before_anything_is_on(
    dong24: SimulatedBench, measure: Callable[..., Outcome]
) -> None:
    with pytest.raises(UserMistake, match="bias"):
        measure(fields="-1000", bias_source="preamp")
    with pytest.raises(UserMistake, match="1 mV"):
        measure(fields="-33.35", bias_source="preamp")
    assert list(dong24.folder.iterdir()) == []
