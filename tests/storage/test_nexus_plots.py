"""Other people's programs find the right plot in our files: silx and nexusformat, neither written for us."""

import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from storage.layout import ColumnLayout, RunHeader, StreamLayout
from storage.writer import RunWriter

Point = Callable[[int], dict[str, float]]


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


@pytest.fixture
def sweep_file(tmp_path: Path, header: RunHeader, sweep: StreamLayout, spectra: StreamLayout, point: Point) -> Path:
    with RunWriter(tmp_path / "run.h5", header, [sweep, spectra]) as writer:
        for n in range(10):
            writer.record("sweep", point(n), n)
        writer.finish("completed", [{"name": "slope", "value": None, "warnings": ["why"]}], "2025-03-01T12:30:00+01:00")
    return tmp_path / "run.h5"


@pytest.fixture
def spectra_file(tmp_path: Path, header: RunHeader, sweep: StreamLayout, spectra: StreamLayout) -> Path:
    with RunWriter(tmp_path / "run.h5", header, [spectra, sweep]) as writer:
        for n in range(10):
            values = np.arange(64.0) * n
            writer.record("spectra", {"dose_rate": n, "counts": values, "counts_errors": values**0.5}, n)
        writer.finish("completed", [], "2025-03-01T12:30:00+01:00")
    return tmp_path / "run.h5"


def test_silx_plots_signal_against_dose_rate_with_both_errors(silx: ModuleType, sweep_file: Path) -> None:
    with silx.io.open(str(sweep_file)) as file:
        plot = silx.io.nxdata.get_default(file)
        assert plot.is_valid
        assert plot.interpretation == "scalar"
        assert (plot.signal_name, plot.axes_names) == ("Signal (count)", ["Dose rate (Gy/s)"])
        assert plot.title == "Radioluminescence"
        assert np.array_equal(plot.signal[()], np.arange(10) + 0.3)
        assert np.array_equal(plot.axes[0][()], np.arange(10) + 0.1)
        assert np.array_equal(plot.errors[()], np.arange(10) + 0.4)
        assert np.array_equal(plot.get_axis_errors("dose_rate")[()], np.arange(10) + 0.2)


def test_silx_plots_each_spectrum_against_its_wavelengths(silx: ModuleType, spectra_file: Path) -> None:
    with silx.io.open(str(spectra_file)) as file:
        plot = silx.io.nxdata.get_default(file)
        assert plot.is_valid
        assert plot.interpretation == "spectrum"
        assert plot.axes_names == ["Dose rate (Gy/s)", "Wavelength (nm)"]
        assert plot.signal.shape == plot.errors.shape == (10, 64)


def test_nexusformat_plots_signal_against_dose_rate_with_errors(nexus: ModuleType, sweep_file: Path) -> None:
    root = nexus.nxload(str(sweep_file))
    for plot in (root.get_default(), root.plottable_data):
        assert plot.nxpath == "/entry/sweep"
        assert np.array_equal(plot.nxsignal.nxdata, np.arange(10) + 0.3)
        assert np.array_equal(plot.nxerrors.nxdata, np.arange(10) + 0.4)
        assert [axis.nxname for axis in plot.nxaxes] == ["dose_rate"]
        assert plot.nxsignal.attrs["units"] == "count"


def test_nexusformat_plots_spectra_as_a_map_of_dose_rate_and_wavelength(nexus: ModuleType, spectra_file: Path) -> None:
    plot = nexus.nxload(str(spectra_file)).get_default()
    assert [axis.nxname for axis in plot.nxaxes] == ["dose_rate", "wavelength"]
    assert plot.nxerrors.shape == plot.nxsignal.shape == (10, 64)


def test_images_are_plotted_as_images(silx: ModuleType, nexus: ModuleType, tmp_path: Path, header: RunHeader) -> None:
    stream = StreamLayout("frames", (ColumnLayout("image", "count", (6, 8), "u2"),))
    with RunWriter(tmp_path / "run.h5", header, [stream]) as writer:
        for n in range(3):
            writer.record("frames", {"image": np.full((6, 8), n)}, n)
        writer.finish("completed", [], "2025-03-01T12:30:00+01:00")
    with silx.io.open(str(tmp_path / "run.h5")) as file:
        plot = silx.io.nxdata.get_default(file)
        assert plot.is_valid
        assert (plot.interpretation, plot.signal.shape) == ("image", (3, 6, 8))
    assert nexus.nxload(str(tmp_path / "run.h5")).get_default().nxsignal.shape == (3, 6, 8)


def test_nexusformat_reads_every_value_of_the_header(nexus: ModuleType, sweep_file: Path) -> None:
    root = nexus.nxload(str(sweep_file))
    assert str(root.entry.title) == "Linearity of CsPbBr₃"
    assert str(root.entry.status) == "completed"
    assert root.entry.nxclass == "NXentry"
    assert "slope" in root.tree
    assert root.entry.analysis["0001"]["slope"].nxclass == "NXprocess"
