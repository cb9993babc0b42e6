"""Other people's programs on the run file of every procedure: silx, nexusformat and plain h5py find the right plot."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import h5py
import numpy as np
import pytest

from app.pytest_plugin import SimulatedBench
from procedures.registry import preset, procedure_class
from storage.reader import open_run

pytestmark = pytest.mark.usefixtures("untraced")

RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "rl-linearity": ("chen24-rl-linearity", {"tube_currents": "0.5:2:4", "repeats": 1, "averages": 1}),
    "rl-spectrum": ("chen24-rl-spectrum", {"averages": 2}),
    "sensitivity": (
        "dong24-sensitivity",
        {"tube_currents": "0.2, 0.5, 0.8", "samples": 20, "bias_settling_time": 5, "dose_time": 1},
    ),
    "dose-calibration": ("", {"tube_voltages": "30", "tube_currents": "0.5:2:3", "repeats": 1, "dose_time": 1}),
}
"""A short run of each procedure: sample and geometry of a preset, and settings."""

PLOTS = {
    "rl-linearity": ("sweep", "dose_rate", "Gy/s", "intensity", "count nm/s"),
    "rl-spectrum": ("spectra", "wavelength", "nm", "net", "count/s"),
    "sensitivity": ("points", "dose_rate", "Gy/s", "signal", "nA/cm2"),
    "dose-calibration": ("sweep", "tube_current", "mA", "dose_rate", "Gy/s"),
}
"""Stream, axis, its unit, signal, its unit."""

WITH_ERRORS = ("rl-linearity", "sensitivity", "dose-calibration")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run file of every procedure."""
    made = {}
    for name, (source, settings) in RUNS.items():
        content = preset(source, name).content if source else None
        geometry = content.geometry.model_dump() if content and content.geometry else None
        opened = SimulatedBench(
            tmp_path_factory.mktemp(name), sample=content.sample if content else None, geometry=geometry
        )
        try:
            procedure = procedure_class(name)()
            outcome = opened.run(procedure, **settings)
        finally:
            opened.close()
        assert outcome.state == "completed", outcome.reason
        assert outcome.run_file is not None
        made[name] = outcome.run_file
    return made


def columns(path: Path, stream: str) -> dict[str, np.ndarray]:
    """What our own reader finds; closed before another program opens the file in this process."""
    with open_run(path) as run:
        return {name: np.asarray(run.streams[stream][name]) for name in run.streams[stream]}


@pytest.fixture(scope="module")
def silx() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what silx's own imports complain about is not about our files
        import silx.io
        import silx.io.nxdata
    return silx


@pytest.fixture(scope="module")
def nexus() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the same for nexusformat
        import nexusformat.nexus
    return nexusformat.nexus


@pytest.mark.parametrize("name", RUNS)
def test_silx_shows_signal_axis_units_and_errors(files: dict[str, Path], silx: ModuleType, name: str) -> None:
    stream, axis, axis_unit, signal, unit = PLOTS[name]
    ours = columns(files[name], stream)
    with silx.io.open(str(files[name])) as file:
        plot = silx.io.nxdata.get_default(file)
        assert plot.is_valid
        assert plot.signal_dataset_name == signal
        assert plot.axes_dataset_names[-1] == axis
        assert f"({unit})" in plot.signal_name
        assert f"({axis_unit})" in plot.axes_names[-1]
        assert np.array_equal(plot.signal[()], ours[signal])
        if name in WITH_ERRORS:
            assert plot.interpretation == "scalar"
            assert np.array_equal(plot.errors[()], ours[f"{signal}_errors"])
            assert (plot.errors[()] > 0).all()
        else:
            assert plot.interpretation == "spectrum"


@pytest.mark.parametrize("name", RUNS)
def test_nexusformat_shows_the_same(files: dict[str, Path], nexus: ModuleType, name: str) -> None:
    stream, axis, axis_unit, signal, unit = PLOTS[name]
    ours = columns(files[name], stream)
    plot = nexus.nxload(str(files[name])).get_default()
    assert plot.nxpath == f"/entry/{stream}"
    assert plot.nxsignal.nxname == signal
    assert plot.nxsignal.attrs["units"] == unit
    assert plot.nxaxes[-1].nxname == axis
    assert plot.nxaxes[-1].attrs["units"] == axis_unit
    assert np.array_equal(plot.nxsignal.nxdata, ours[signal])
    if name in WITH_ERRORS:
        assert np.array_equal(plot.nxerrors.nxdata, ours[f"{signal}_errors"])


@pytest.mark.parametrize("name", RUNS)
def test_plain_h5py_follows_the_default_attributes_to_the_numbers(files: dict[str, Path], name: str) -> None:
    stream, axis, axis_unit, signal, unit = PLOTS[name]
    with h5py.File(files[name], "r") as file:
        entry = file[file.attrs["default"]]
        data = entry[entry.attrs["default"]]
        assert data.name == f"/entry/{stream}"
        assert data.attrs["NX_class"] == "NXdata"
        assert data.attrs["signal"] == signal
        assert (data[signal].attrs["units"], data[axis].attrs["units"]) == (unit, axis_unit)
        assert np.isfinite(data[signal][()]).all()
        assert entry["status"].asstr()[()].strip() == "completed"
        assert entry["procedure"].asstr()[()] == name
