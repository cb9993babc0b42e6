"""The same seed gives the same figures bit for bit: twice in one process, in a fresh one, and from the run file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.engine.reading import analyse_path
from app.pytest_plugin import SimulatedBench
from procedures.registry import preset, procedure_class

pytestmark = pytest.mark.usefixtures("untraced")

SEED = 20240611
# procedure, preset that brings sample and geometry, shorter settings
SHORT: dict[str, tuple[str, dict[str, Any]]] = {
    "rl-linearity": (
        "chen24-rl-linearity",
        # exposures that end when the safety monitor looks: who comes first must be settled
        {"tube_currents": [0.4, 1.2, 2.4], "repeats": 2, "averages": 2, "automatic_exposure": False},
    ),
    "rl-spectrum": ("chen24-rl-spectrum", {"reference": "", "averages": 2}),
    "sensitivity": (
        "dong24-sensitivity",
        {"tube_currents": [0.02, 0.2, 0.8], "fields": [-100], "samples": 30, "bias_settling_time": 5},
    ),
    # triggers, averaging and a source that ramps
    "tof": ("tof-clean", {"biases": [30, 40], "averages": 2, "samples": 200}),
    "activation-energy": (
        "dong24-activation-energy",
        {"temperatures": [290, 295, 300], "direction": "up", "stable_for": 5},
    ),
    "dose-calibration": (
        "chen24-rl-linearity",
        {"tube_voltages": [30], "tube_currents": [0.4, 1.2, 2.4]},
    ),
}
# which has other addresses, other hashes and another order of imports
IN_ANOTHER_PROCESS = ("sensitivity",)
# they go the ways of the others
MORE = ("dose-calibration", "activation-energy")


def figures(outcome_figures: Any) -> str:
    """Every figure with every digit; JSON writes the shortest text that reads back as the same number."""
    return json.dumps([figure.as_dict() for figure in outcome_figures], sort_keys=True)


def measure(procedure: str, folder: Path) -> tuple[str, Path]:
    name, settings = SHORT[procedure]
    content = preset(name).content
    geometry = content.geometry.model_dump(exclude_unset=True) if content.geometry is not None else None
    opened = SimulatedBench(folder, sample=content.sample, geometry=geometry, seed=SEED)
    try:
        parameters = content.parameters if content.procedure == procedure else {}
        outcome = opened.run(procedure_class(procedure)(), **{**parameters, **settings})
    finally:
        opened.close()
    assert outcome.state == "completed", outcome.reason
    assert outcome.run_file is not None
    return figures(outcome.figures), outcome.run_file


@pytest.mark.parametrize(
    "procedure", [pytest.param(name, marks=[pytest.mark.slow] if name in MORE else []) for name in SHORT]
)
def test_the_same_seed_gives_the_same_figures_bit_for_bit(procedure: str, tmp_path: Path) -> None:
    first, run_file = measure(procedure, tmp_path / "first")
    assert json.loads(first)
    second, _ = measure(procedure, tmp_path / "second")
    assert second == first
    assert figures(analyse_path(run_file)) == first
    if procedure not in IN_ANOTHER_PROCESS:
        return
    fresh = subprocess.run(
        [sys.executable, __file__, procedure, str(tmp_path / "third")], capture_output=True, text=True, check=False
    )
    assert fresh.returncode == 0, fresh.stderr
    assert fresh.stdout.strip() == first


def test_another_seed_gives_other_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = measure("rl-spectrum", tmp_path / "first")
    monkeypatch.setitem(globals(), "SEED", SEED + 1)
    other, _ = measure("rl-spectrum", tmp_path / "second")
    assert other != first


if __name__ == "__main__":
    print(measure(sys.argv[1], Path(sys.argv[2]))[0])  # noqa: T201
