"""The presets of the papers' images, on the simulated bench with the camera that each paper had."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.engine.engine import Engine
from app.engine.events import State
from app.opening import open_simulated
from app.running import plan, request
from app.scoring import true_value
from config.loading import bench_file

CAMERAS = {
    "chen24-imaging-line-pairs": ("DMK21BUxx", (480, 640), 1.4),
    "chen24-imaging-chip": ("DMK21BUxx", (480, 640), 1.4),
    "ma21-imaging-edge": ("sCMOS", (1024, 1024), 9.0),
    "dong24-imaging-panel": ("64 x 64 panel", (64, 64), 200.0),
}
"""Model, rows and columns, um in the object's plane."""


@pytest.mark.parametrize("preset", CAMERAS)
def test_a_preset_brings_its_papers_camera_to_the_simulated_bench(preset: str) -> None:
    planned = plan("imaging", preset=preset)
    assert planned.sample is not None
    bench, _ = open_simulated(planned.bench, sample=planned.sample.content, geometry=planned.geometry)
    with bench:
        planned.procedure.check(bench)
        model, shape, pixel_um = CAMERAS[preset]
        assert model in bench.camera.identity.model
        assert bench.camera.sensor_shape == shape
        assert bench.camera.pixel_size == pytest.approx(pixel_um * 1e-6)
        estimate = planned.procedure.estimate()
        assert estimate.bytes_to_write > shape[0] * shape[1] * 2 * 3
        assert 0 < estimate.beam_time < estimate.duration
    # what was simulated stands in the run file
    assert f"# preset {preset}: simulation.world.camera.kind = " in planned.bench.text


def test_a_real_bench_keeps_the_camera_that_it_has() -> None:
    assert plan("imaging", preset="ma21-imaging-edge", bench="kit").bench == bench_file("kit")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("preset", "sample", "published"),
    [
        ("chen24-imaging-line-pairs", None, None),
        ("chen24-imaging-chip", None, None),
        ("ma21-imaging-edge", None, 15.0),
        ("ma21-imaging-edge", "ma21-glass-ceramic", 4.1),
        ("ma21-imaging-edge", "ma21-film", 1.5),
        ("dong24-imaging-panel", None, 3.6),
    ],
)
def test_the_papers_images_have_the_worlds_figures(
    tmp_path: Path, preset: str, sample: str | None, published: float | None
) -> None:
    planned = plan("imaging", preset=preset, sample=sample)
    assert planned.sample is not None
    bench, served = open_simulated(planned.bench, sample=planned.sample.content, geometry=planned.geometry, seed=1)
    with bench:
        outcome = Engine(bench).run(request(planned, folder=tmp_path, seed=1))
        assert outcome.state is State.COMPLETED, outcome.reason
        figures: dict[str, Any] = {one.name: one for one in outcome.figures}
        for one in outcome.figures:
            truth = true_value(served.world, "imaging", one, outcome.parameters)
            if one.name in ("mtf50", "mtf20", "contrast", "dose_at_snr"):
                assert truth is not None
                assert one.interval is not None
                assert one.interval[0] <= truth <= one.interval[1], (one.name, one.at, str(one), truth)
    if published is not None:
        assert figures["mtf20"].value == pytest.approx(published, rel=0.05)
        assert any("Nyquist" in warning for warning in figures["mtf20"].warnings) == (published == 3.6)
    if "contrast" in figures:
        assert figures["contrast"].at["frequency"] == (20.0, "lp/mm")
        assert figures["contrast"].interval[0] > 0.2
