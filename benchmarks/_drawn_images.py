"""Imaging runs without instruments: frames drawn from the world's camera, analysed as those of a run file.

A tenth of the time of a run on the bench, so that hundreds of seeds can be had; wires, safety monitor and file are left
out, and none of them is where an interval comes from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from app.scoring import true_value
from benchmarks._honest_runs import Design, Scored, erring_world
from config.bench_file import Geometry
from config.loading import sample_file
from config.sample_file import Sample
from drivers.roles import Frame
from procedures.frame_correction import Correction
from procedures.imaging import Imaging
from procedures.imaging_sequence import WITH_OBJECT, Phase, Step, Taken, sequence
from procedures.registry import preset
from procedures.run_data import Array, Pixels, RecordedImages, RunData
from sim_instruments.world.geometry import Geometry as BeamGeometry
from sim_instruments.world.virtual_clock import VirtualClock
from sim_instruments.world.world import World

DOSE_UNCERTAINTY = 0.025
"""Relative, of a dosimeter's calibration; its error is drawn."""
STREAMS = {Phase.DARK: "dark", Phase.FLAT: "flat", Phase.OBJECT: "object", Phase.SERIES: "object"}
Row = dict[str, Any]


def measure_images(design: Design, seed: int) -> list[Scored]:
    """Draw the frames of an imaging run, and set each figure beside the truth.

    Parameters
    ----------
    design
        Of the procedure `imaging`.
    seed
        Of the world and of the dosimeter's error.
    """
    settings = preset(design.preset).content
    procedure = Imaging()
    procedure.set_values({**settings.parameters, **design.settings})
    parameters = procedure.values()
    sample = sample_file(settings.sample).content
    assert settings.geometry is not None
    geometry = settings.geometry
    world = _world(sample, geometry, seed, erring_world(design, seed))
    try:
        data = _data(world, parameters, sample, geometry, seed)
        figures = [one for one in procedure.analyse(data) if one.name in design.figures]
        scored = []
        for figure in figures:
            truth = true_value(world, "imaging", figure, parameters)
            why = figure.warnings[0] if figure.value is None else ""
            known = float("nan") if truth is None else truth
            scored.append(Scored(design.name, figure.name, seed, figure.value, figure.interval, known, why))
        return scored
    finally:
        world.close()


def _world(sample: Sample, geometry: Geometry, seed: int, settings: Mapping[str, Mapping[str, Any]]) -> World:
    beam = BeamGeometry(
        filters={one.material: one.thickness_mm * 1e-3 for one in geometry.filters},
        distance_m=geometry.distance_m,
        anode_angle_deg=geometry.anode_angle_deg,
        output_factor=geometry.output_factor,
    )
    return World(seed, VirtualClock(), sample.model_dump(), beam, settings=settings)


def _data(world: World, parameters: Mapping[str, Any], sample: Sample, geometry: Geometry, seed: int) -> RunData:
    """Take the frames of a run, and correct them."""
    exposure = float(parameters["exposure_time"])
    series = sorted(parameters["exposure_times"]) if parameters["kind"] == "dose series" else []
    steps = sequence(exposure, parameters["frames"], series, parameters["series_frames"], 0, video=False)
    voltage, current = float(parameters["tube_voltage"]), float(parameters["tube_current"])
    error = DOSE_UNCERTAINTY * np.random.default_rng([seed, 1]).standard_normal()
    rate = (1.0 + error) * world.truth("dose_rate", voltage_kv=voltage, current_ma=current)
    rows: dict[str, list[Row]] = {"dark": [], "flat": [], "object": [], "radiograph": []}
    images: dict[str, list[Pixels]] = {"dark": [], "flat": [], "object": [], "radiograph": []}
    correction = None
    taken = Taken()
    for step in steps:
        frame = _frame(world, step, voltage, current, str(parameters["placed"]))
        taken.add(step, frame)
        seen = {"mean": float(frame.pixels.mean()), "exposure_time": step.exposure_time}
        rows[STREAMS[step.phase]].append({**seen, "dose_rate": rate, "dose_rate_errors": 0.0})
        images[STREAMS[step.phase]].append(frame.pixels)
        if not step.last or step.phase not in (Phase.OBJECT, Phase.SERIES):
            continue
        if correction is None:
            correction = Correction.of(taken.averaged(Phase.DARK, exposure), taken.averaged(Phase.FLAT, exposure))
        by = correction
        if step.exposure_time != exposure:
            dark = taken.averaged(Phase.DARK, step.exposure_time)
            by = correction.of_other_exposure(dark, exposure / step.exposure_time)
        averaged = taken.averaged(step.phase, step.exposure_time)
        corrected = by.apply(averaged)
        known = {"frames": averaged.frames, "exposure_time": step.exposure_time, "full_pixels": corrected.full_pixels}
        rows["radiograph"].append({**known, "dose": rate * step.exposure_time * averaged.frames})
        images["radiograph"].append(corrected.transmission.astype(np.float32))
    pixel_um = world.camera.parameters.pixel_m * 1e6
    height, width = world.camera.parameters.rows, world.camera.parameters.columns
    horizontal, vertical = (np.arange(size, dtype=np.float64) * pixel_um for size in (width, height))
    axes: dict[str, Mapping[str, Array]] = {"radiograph": {"horizontal": horizontal, "vertical": vertical}}
    return RunData(
        streams={name: _columns(those) for name, those in rows.items()},
        axes=axes,
        parameters=parameters,
        sample=sample,
        geometry=geometry,
        calibrations={"dosimeter": {"relative_uncertainty": DOSE_UNCERTAINTY}},
        images={
            name: {"transmission" if name == "radiograph" else "image": _images(those)}
            for name, those in images.items()
        },
    )


def _columns(rows: Sequence[Row]) -> dict[str, Array]:
    names = rows[0].keys() if rows else ()
    columns = {name: np.array([row[name] for row in rows], dtype=np.float64) for name in names}
    return {"time": np.arange(len(rows), dtype=np.float64), **columns}


def _images(images: Sequence[Pixels]) -> RecordedImages:
    stack = np.stack(images)
    count, height, width = stack.shape
    return RecordedImages((count, height, width), lambda first, last: stack[first:last])


def _frame(world: World, step: Step, voltage: float, current: float, placed: str) -> Frame:
    """Expose one frame, in the dark or in a beam that is steady, without the object or behind it."""
    tube, camera = world.tube, world.camera
    if step.phase is not Phase.DARK and not tube.high_voltage_on:
        tube.set_voltage_kv(voltage)
        tube.set_current_ma(current)
        tube.switch_on()
        world.clock.sleep(10.0)
    camera.phantom = placed if step.phase in WITH_OBJECT else ""
    world.clock.sleep(step.exposure_time + 0.1)
    now = world.clock.now()
    pixels = camera.expose(now - step.exposure_time, now)
    return Frame(pixels, 2**camera.parameters.bits - 1, step.exposure_time, step.index, now)
