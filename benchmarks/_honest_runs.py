"""Runs on simulated benches whose systematic errors are drawn, each figure beside the world's truth.

The physics is all there: world, wires, drivers, engine and run file. Some settings are shorter than the presets'.
"""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from app.pytest_plugin import SimulatedBench
from app.scoring import true_value
from config.bench_file import BenchFile
from config.loading import Loaded, bench_file, sample_file
from config.sample_file import Sample
from procedures.registry import preset, procedure_class
from sim_instruments.world.camera_parameters import camera_parameters

ERRORS = {"dosimeter": {"calibration_error": "drawn"}, "spectrometer": {"wavelength_error_nm": "drawn"}}
"""Of the world: each drawn from the seed with the standard uncertainty that the measurement states."""
SENSOR_UNCERTAINTY_K = 0.1
"""Of the temperature stage, as its driver states where the bench file says nothing else."""


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
    thickness_drawn: bool = False
    """Whether the sample's true thickness is drawn as well: for figures that state its uncertainty."""

    world: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Per part of the world, what is not as the preset's."""

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
HECHT = Design(
    "hecht",
    "dong24-hecht",
    ("mu_tau",),
    {
        "fields": [-150, -250, -400, -600, -900, -1200, -1600],
        "samples": 50,
        "bias_settling_time": 30,
        "settling_time": 1,
        "dose_time": 2,
    },
    thickness_drawn=True,
)
# the simulated amplifier has the bandwidth that its driver's table states
TOF = Design(
    "tof",
    "tof-clean",
    ("mobility", "transit_time", "mobility_at_bias", "trapping_time"),
    {"biases": [20, 25, 30, 35, 40], "averages": 16, "samples": 500, "bandwidth_uncertainty": 0},
    thickness_drawn=True,
)
ACTIVATION = Design(
    "activation-energy",
    "dong24-activation-energy",
    ("activation_energy", "breakpoint"),
    {"direction": "up", "stable_for": 20},
)
RESISTIVITY = Design(
    "current-voltage",
    "dong24-iv",
    ("resistivity",),
    {"voltages": "-5:5:11", "direction": "up", "settling_limit": 20},
    thickness_drawn=True,
)
DARK_CURRENT = Design(
    "dark-current",
    "dong24-dark-current",
    ("dark_current_drift",),
    {"duration": 30, "samples": 30},
)
OPERATIONAL = Design(
    "operational-stability",
    "dong24-operational-stability",
    ("remaining",),
    {"duration": 10, "longest_interval": 30, "samples": 20, "dose_time": 1, "dark_interval": 300},
)
# twice the dose rate, so that the light falls by a sixth within an hour: 95 % is crossed beyond doubt
FADING = Design(
    "rl-stability",
    "chen24-rl-stability",
    ("remaining", "t95"),
    {
        "duration": 60,
        "first_interval": 10,
        "longest_interval": 45,
        "dark_interval": 1800,
        "dose_time": 1,
        "averages": 8,
        "automatic_exposure": False,
        "integration_time": 0.02,
    },
    distance_m=0.15,
)
# a part of the sensors: the time goes with the pixels
EDGE = Design(
    "imaging, edge",
    "ma21-imaging-edge",
    ("mtf50", "mtf20", "snr", "normalized_noise_power", "dqe"),
    {"frames": 4, "dose_time": 1, "settling_time": 0.5, "noise_frequencies": [2, 5]},
    world={"camera": {"columns": 200, "rows": 240}},
)
LINE_PAIRS = Design(
    "imaging, line pairs",
    "chen24-imaging-line-pairs",
    ("contrast",),
    {"frames": 4, "line_pairs": [10, 20], "dose_time": 1, "settling_time": 0.5},
    world={
        "camera": {"columns": 320, "rows": 240, "sensor_pixel_m": 11.2e-6, "pixel_m": 2.8e-6, "full_well": 6e4},
        "phantom": {"line_pairs_per_mm": [10.0, 20.0]},
    },
)
PANEL = Design(
    "imaging, panel",
    "dong24-imaging-panel",
    ("mtf50", "mtf20", "dose_at_snr"),
    {"exposure_time": 12, "frames": 12, "exposure_times": [1.8, 3.7, 6.8], "dose_time": 1, "settling_time": 0.5},
)
DESIGNS = (
    EDGE,
    LINE_PAIRS,
    PANEL,
    LINEARITY,
    SPECTRUM,
    SENSITIVITY,
    LOW_DOSE,
    HECHT,
    TOF,
    ACTIVATION,
    RESISTIVITY,
    DARK_CURRENT,
    OPERATIONAL,
    FADING,
)


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
        One per figure of the design, or several where it was found at several conditions.

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
        sample = _erring_sample(settings.sample, seed, thickness=design.thickness_drawn)
        bench = SimulatedBench(
            Path(folder), _erring_bench(seed), sample, geometry, seed, world=erring_world(design, seed)
        )
        try:
            procedure = procedure_class(settings.procedure)()
            outcome = bench.run(procedure, **{**settings.parameters, **design.settings})
            if outcome.state != "completed":
                raise RunFailed(f"{design.name}, seed {seed}: {outcome.state}: {outcome.reason}")
            missing = set(design.figures) - {figure.name for figure in outcome.figures}
            if missing:
                raise KeyError(f"{design.name}: the run has no {', '.join(sorted(missing))}")
            scored = []
            # of each name all: an energy on each side of the breakpoint, a contrast at each frequency
            for figure in (one for one in outcome.figures if one.name in design.figures):
                name = figure.name
                truth = true_value(bench.world, settings.procedure, figure, outcome.parameters)
                # a figure that was refused may lack the conditions at which the truth could be asked for
                if truth is None and figure.value is None:
                    truth = float("nan")
                if truth is None:
                    raise KeyError(f"{design.name}: the world has no true {name}")
                why = figure.warnings[0] if figure.value is None else ""
                scored.append(Scored(design.name, name, seed, figure.value, figure.interval, truth, why))
            return scored
        finally:
            bench.close()


def erring_world(design: Design, seed: int) -> dict[str, dict[str, Any]]:
    """Return what the preset's paper measured with, and the design changes of it; the camera's errors are drawn.

    Its black level lies anywhere between two digital numbers. Dark frames without noise to speak of cannot tell where:
    their rounding is the same in each, and so an error of all that is measured with this camera.
    """
    world = _world_settings(design)
    if preset(design.preset).content.procedure == "imaging":
        camera = camera_parameters(world.get("camera"))
        step = 1.0 / (2**camera.bits - 1)
        offset = camera.offset + step * float(_drawn(seed, "black level").uniform(-0.5, 0.5))
        world["camera"] = {**world.get("camera", {}), "offset": offset}
    return world


def _world_settings(design: Design) -> dict[str, dict[str, Any]]:
    world = {part: dict(given) for part, given in preset(design.preset).content.world.items()}
    for part, given in design.world.items():
        world[part] = {**world.get(part, {}), **given}
    return world


def _drawn(seed: int, what: str) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(zlib.crc32(what.encode()),)))


def _erring_bench(seed: int) -> Loaded[BenchFile]:
    loaded = bench_file("sim")
    assert loaded.content.simulation is not None
    sensor = float(_drawn(seed, "temperature sensor").normal(0.0, SENSOR_UNCERTAINTY_K))
    world = {**ERRORS, "stage": {"sensor_error_k": sensor}}
    simulation = loaded.content.simulation.model_copy(update={"world": world})
    return replace(loaded, content=loaded.content.model_copy(update={"simulation": simulation}))


def _erring_sample(name: str, seed: int, *, thickness: bool) -> Loaded[Sample]:
    """Draw true area and thickness about those in the sample file, with the uncertainties that stand there."""
    loaded = sample_file(name)
    sample = loaded.content
    world = dict(sample.world)
    if sample.area_cm2 is not None and sample.area_uncertainty_cm2:
        world["area_m2"] = _drawn(seed, "electrode area").normal(sample.area_cm2, sample.area_uncertainty_cm2) * 1e-4
    if thickness and sample.thickness_uncertainty_um:
        drawn = _drawn(seed, "thickness").normal(sample.thickness_um, sample.thickness_uncertainty_um)
        world["thickness_m"] = drawn * 1e-6
    return replace(loaded, content=sample.model_copy(update={"world": world}))
