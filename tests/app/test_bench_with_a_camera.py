"""A simulated bench that has everything: camera, pulsed light and temperature stage beside the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from app.opening import open_simulated
from config.loading import bench_file, sample_file
from config.mistake import UserMistake
from drivers.bench import Bench
from drivers.roles import Region
from sim_instruments.served_bench import ServedBench

BENCH = """
name = "everything"
[geometry]
distance_m = 0.262
filters = [{ material = "Al", thickness_mm = 0.4 }]
[limits]
tube_voltage_kv = 60.0
tube_current_ma = 5.0
tube_power_w = 300.0
bias_v = 50.0
[instruments.tube]
driver = "spellman-xrv"
resource = "sim"
[instruments.camera]
driver = "frame-stream"
resource = "sim"
options = { magnification = 4.0 }
[instruments.light]
driver = "keysight-33500"
resource = "sim"
[instruments.temperature_stage]
driver = "lakeshore-336"
resource = "sim"
[simulation]
seed = 4
[simulation.world.camera]
kind = "KIND"
"""

Open = Callable[..., tuple[Bench, ServedBench]]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    benches: list[Bench] = []

    def start(kind: str = "chen24", sample: str | None = None) -> tuple[Bench, ServedBench]:
        path = tmp_path / "everything.toml"
        path.write_text(BENCH.replace("KIND", kind))
        content = None if sample is None else sample_file(sample).content
        bench, served = open_simulated(bench_file(str(path)), sample=content)
        benches.append(bench)
        return bench, served

    yield start
    for bench in benches:
        bench.close()


def test_a_radiograph_shows_what_was_placed(opened):
    bench, _ = opened(sample="chen24-pnc-silicone")
    camera = bench.camera
    assert camera.pixel_size == pytest.approx(1.4e-6)
    camera.set_exposure(2.0)
    dark = camera.frame().pixels.astype(float)
    with bench.tube.beam(60.0, 5.0):
        flat = camera.frame().pixels.astype(float)
        bench.place_object("edge")
        image = camera.frame().pixels.astype(float)
        bench.place_object("")
        again = camera.frame().pixels.astype(float)
    left, right = slice(20, 200), slice(-200, -20)
    assert flat[:, right].mean() - dark.mean() > 10
    assert image[:, right].mean() == pytest.approx(dark[:, right].mean(), abs=2.0)
    assert image[:, left].mean() == pytest.approx(flat[:, left].mean(), rel=0.1)
    assert again[:, right].mean() == pytest.approx(flat[:, right].mean(), rel=0.1)
    with pytest.raises(UserMistake, match="no phantom is named 'hand'"):
        bench.place_object("hand")


def test_the_scintillator_in_the_holder_decides_the_resolution(opened):
    bench, served = opened("ma21", "ma21-eu-glass-ceramic")
    found = []
    for sample in ("ma21-eu-glass-ceramic", "ma21-glass-ceramic", "ma21-film"):
        bench.place(sample)
        found.append(served.world.truth("mtf20"))
    assert found == pytest.approx([15.0, 4.1, 1.5], rel=0.005)


def test_everything_is_off_after_making_safe(opened):
    bench, served = opened(sample="dong24-mixed")
    bench.light.switch_on()
    bench.temperature_stage.set_temperature(320.0)
    bench.camera.set_region(Region(0, 0, 64, 48))
    taken = bench.camera.frames(3)
    next(taken)
    assert [step.error for step in bench.make_safe()] == [None] * 4
    assert not served.world.laser.firing
    assert not bench.light.on
    assert not bench.temperature_stage.heating
    taken.close()


def test_a_run_file_learns_the_settings_of_all_of_them(opened):
    bench, _ = opened("dong24")
    for role in ("camera", "light", "temperature_stage"):
        instrument = bench.instruments[role]
        assert instrument.settings()
        assert instrument.identity.model
        assert all(isinstance(value, float | int | str | bool) for value in instrument.settings().values())
    assert np.isfinite(bench.temperature_stage.temperature())


def test_a_camera_that_cannot_be_is_the_users_mistake(opened):
    with pytest.raises(UserMistake, match=r"simulation.world: no simulated camera is named 'leica'"):
        opened("leica")
