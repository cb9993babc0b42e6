"""The imaging procedure with drivers of real cameras, on their makers' emulators and not on a protocol of ours."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.engine.engine import Engine, Request
from app.engine.events import State
from app.opening import open_simulated
from config.loading import bench_file
from drivers.bench import Bench
from drivers.roles import Camera, Surroundings
from procedures.imaging import Imaging
from storage.reader import open_run

os.environ.setdefault("PYLON_CAMEMU", "1")  # the emulator is there for who asks before the library is loaded

SHORT: dict[str, Any] = {"frames": 3, "settling_time": 0, "dose_time": 0.5, "readout_region": "0,0,128,100"}


def viky(surroundings: Surroundings) -> Camera:
    genicam = pytest.importorskip("genicam", reason="the extra 'camera' is not installed")
    from drivers.genicam import GenICamCamera, GenICamOptions

    producer = Path(genicam.__file__).with_name("viky.cti")
    if not producer.exists():
        pytest.skip("this genicam wheel ships no viky.cti")
    return GenICamCamera(str(producer), GenICamOptions(pixel_size_um=5.0), surroundings)


def emulated(surroundings: Surroundings) -> Camera:
    pytest.importorskip("pypylon.pylon", reason="the extra 'basler' is not installed")
    from drivers.basler import BaslerCamera, BaslerOptions

    return BaslerCamera("", BaslerOptions(pixel_size_um=5.0), surroundings)


@pytest.mark.parametrize(("camera", "exposure"), [(viky, 0.0), (emulated, 0.01)])
def test_frames_of_a_camera_librarys_emulator_are_recorded_and_no_number_is_made_of_them(
    tmp_path: Path, camera: Callable[[Surroundings], Camera], exposure: float
) -> None:
    loaded = bench_file("sim")
    simulated, served = open_simulated(loaded)
    instruments = {role: one for role, one in simulated.instruments.items() if role != "camera"}
    instruments["camera"] = camera(simulated.surroundings)
    bench = Bench(loaded.content, instruments, simulated.surroundings)
    try:
        procedure = Imaging()
        procedure.set_values({**SHORT, "exposure_time": exposure, "placed": ""})
        outcome = Engine(bench).run(Request(procedure, folder=tmp_path))
        assert outcome.state is State.COMPLETED, outcome.reason
        assert not served.world.tube.high_voltage_on
    finally:
        bench.close()
        simulated.close()
    # what an emulator shows does not come from the beam
    assert {one.value for one in outcome.figures if one.name.startswith("mtf")} == {None}
    with open_run(outcome.run_file) as file:
        for name in ("dark", "flat", "object"):
            frames = file.streams[name]["image"]
            assert frames.shape == (3, 100, 128)
            assert frames.max() > 0
            assert file.streams[name]["full_scale"][0] in (255, 4095, 65535)
            assert np.isfinite(file.streams[name]["exposure_time"]).all()
        assert file.streams["radiograph"].rows == 1
        assert file.instruments["camera"]["identity"]["model"] in ("Viky", "Emulation")
