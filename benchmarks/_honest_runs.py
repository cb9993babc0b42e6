"""Runs on simulated benches whose systematic errors are drawn, each figure beside the world's truth.

The physics is all there: world, wires, drivers, engine and run file. Some settings are shorter than the presets'.
"""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from app.pytest_plugin import SimulatedBench
from app.scoring import true_value
from config.bench_file import BenchFile
from config.loading import Loaded, bench_file, sample_file
from config.sample_file import Sample
from procedures.registry import preset, procedure_class

ERRORS = {"dosimeter": {"calibration_error": "drawn"}, "spectrometer": {"wavelength_error_nm": "drawn"}}
"""Of the world: each drawn from the seed with the standard uncertainty that the measurement states."""


@dataclass(frozen=True)
class Design:
    """A measurement that is made again and again."""

    name: str
    preset: str
    figures: tuple[str, ...]
    """Whose intervals are looked at."""
    settings: Mapping[str, Any]
    """That are not the preset's."""
    distance_m: float | None = None
    """Where it is not the preset's: the dose rates go with its inverse square."""

    @property
    def changes(self) -> str:
        """What is not as in the preset."""
        changes = [f"{name} = {value if value != '' else 'none'}" for name, value in self.settings.items()]
        return ", ".join(changes + ([f"distance_m = {self.distance_m}"] if self.distance_m is not None else []))


LODS = ("lod_interpolated", "lod_line", "lod_iupac", "lod_currie")
SHORTER = {
    "fields": [-100],
    "samples": 80,
    "settling_time": 1,
    "bias_settling_time": 10,
    "dose_time": 1,
}

LINEARITY = Design(
    "rl-linearity",
    "chen24-rl-linearity",
    ("slope", "exponent"),
    {
        "tube_currents": "0.2:2.4:6",
        "repeats": 2,
        "averages": 1,
        "automatic_exposure": False,
        "integration_time": 0.8,
        "settling_time": 0.5,
        "dose_time": 0.5,
    },
)
SPECTRUM = Design(
    "rl-spectrum",
    "chen24-rl-spectrum",
    ("peak_wavelength", "fwhm"),
    {"reference": "", "averages": 3, "automatic_exposure": False, "integration_time": 0.2, "dose_time": 0.5},
)
SENSITIVITY = Design(
    "sensitivity 70..2726 nGy/s",
    "dong24-sensitivity",
    ("sensitivity", "exponent", *LODS),
    {**SHORTER, "tube_currents": [0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8]},
)
# 200 nGy/s per mA at this distance; the interpolation needs dose rates on both sides of the limit of detection
LOW_DOSE = Design(
    "sensitivity 5..160 nGy/s",
    "dong24-sensitivity",
    ("sensitivity", *LODS),
    {**SHORTER, "tube_currents": [0.025, 0.05, 0.1, 0.15, 0.25, 0.45, 0.8]},
    distance_m=1.65,
)
DESIGNS = (LINEARITY, SPECTRUM, SENSITIVITY, LOW_DOSE)


@dataclass(frozen=True)
class Scored:
    """One figure of one run beside the truth."""

    design: str
    figure: str
    seed: int
    value: float | None
    interval: tuple[float, float] | None
    truth: float
    why: str = ""
    """It has no value."""

    @property
    def covered(self) -> bool:
        """Whether the interval holds the truth."""
        return self.interval is not None and self.interval[0] <= self.truth <= self.interval[1]


class RunFailed(Exception):  # noqa: N818
    """A run was aborted or failed, on a bench on which nothing is wrong."""


def measure(design: Design, seed: int) -> list[Scored]:
    """Make one measurement on a bench of its own.

    Parameters
    ----------
    design
        What is measured.
    seed
        Of the world and of its systematic errors.

    Returns
    -------
    list of Scored
        One per figure of the design.

    Raises
    ------
    RunFailed
        If the run did not end as it should.
    """
    settings = preset(design.preset).content
    geometry = settings.geometry.model_dump(exclude_unset=True) if settings.geometry is not None else {}
    if design.distance_m is not None:
        geometry["distance_m"] = design.distance_m
    with tempfile.TemporaryDirectory() as folder:
        bench = SimulatedBench(Path(folder), _erring_bench(), _erring_sample(settings.sample, seed), geometry, seed)
        try:
            procedure = procedure_class(settings.procedure)()
            outcome = bench.run(procedure, **{**settings.parameters, **design.settings})
            if outcome.state != "completed":
                raise RunFailed(f"{design.name}, seed {seed}: {outcome.state}: {outcome.reason}")
            found = {figure.name: figure for figure in outcome.figures}
            scored = []
            for name in design.figures:
                figure = found[name]
                truth = true_value(bench.world, settings.procedure, figure, outcome.parameters)
                if truth is None:
                    raise KeyError(f"{design.name}: the world has no true {name}")
                why = figure.warnings[0] if figure.value is None else ""
                scored.append(Scored(design.name, name, seed, figure.value, figure.interval, truth, why))
            return scored
        finally:
            bench.close()


def _erring_bench() -> Loaded[BenchFile]:
    loaded = bench_file("sim")
    assert loaded.content.simulation is not None
    simulation = loaded.content.simulation.model_copy(update={"world": ERRORS})
    return replace(loaded, content=loaded.content.model_copy(update={"simulation": simulation}))


def _erring_sample(name: str, seed: int) -> Loaded[Sample]:
    """Draw the electrodes' true area about the one in the sample file, with the uncertainty that stands there."""
    loaded = sample_file(name)
    sample = loaded.content
    if sample.area_cm2 is None or not sample.area_uncertainty_cm2:
        return loaded
    random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(zlib.crc32(b"electrode area"),)))
    true = random.normal(sample.area_cm2, sample.area_uncertainty_cm2)
    world = {**sample.world, "area_m2": true * 1e-4}
    return replace(loaded, content=sample.model_copy(update={"world": world}))
