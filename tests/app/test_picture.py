"""A run's picture: the points with their error bars, the fit with its interval, the figures under it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.container import ErrorbarContainer

from analysis.figure import FigureOfMerit
from app.engine.reading import procedure_of, run_data
from app.pytest_plugin import SimulatedBench
from app.report.picture import figure_of, save_pictures
from config.mistake import UserMistake
from procedures.drawing import Curve, Drawing, Points
from procedures.registry import preset
from procedures.rl_linearity import RLLinearity
from procedures.sensitivity import Sensitivity
from storage.reader import open_run

pytestmark = pytest.mark.usefixtures("untraced")

SHORT = {
    "tube_currents": "0.2, 0.5, 0.8",
    "fields": "-100, -300",
    "samples": 20,
    "bias_settling_time": 5,
    "dose_time": 1,
}


@pytest.fixture
def dong24(tmp_path: Path) -> Iterator[SimulatedBench]:
    content = preset("dong24-sensitivity", "sensitivity").content
    opened = SimulatedBench(tmp_path, sample=content.sample, geometry=content.geometry.model_dump())
    try:
        yield opened
    finally:
        opened.close()


def test_a_sensitivity_run_is_drawn_with_errors_fits_and_figures(dong24: SimulatedBench) -> None:
    outcome = dong24.run(Sensitivity(), **SHORT)
    assert outcome.run_file is not None
    (picture,) = save_pictures(outcome.run_file)
    assert picture == outcome.run_file.with_suffix(".png")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 20_000

    with open_run(outcome.run_file) as file:
        procedure = procedure_of(file)
        data = run_data(file, procedure.values())
        figures = [FigureOfMerit.from_dict(figure) for figure in file.figures]
        points = file.streams["points"]
        measured = points["signal"][points["field"] == -100.0], points["signal_errors"][points["field"] == -100.0]
    (drawing,) = procedure.drawings(data)
    page = figure_of(drawing, figures)
    (axes,) = page.axes
    bars = [one for one in axes.containers if isinstance(one, ErrorbarContainer)]
    assert len(bars) == 2, "one set of points a field"
    for one in bars:
        assert one.has_xerr
        assert one.has_yerr
        assert len(one.lines[0].get_xdata()) == 3
    # the analysis takes the dark current at the moment of the signal, the live points their mean: nearly the same
    assert np.allclose(bars[0].lines[0].get_ydata(), measured[0], rtol=1e-3)
    # the bars are as long as the errors that were measured, and more than nothing
    vertical = max(
        (one for one in axes.collections if isinstance(one, LineCollection)),
        key=lambda one: float(np.ptp(one.get_segments()[0][:, 1])) if len(one.get_segments()) == 3 else 0.0,
    )
    assert all(np.ptp(segment[:, 1]) > 0 for segment in vertical.get_segments())
    fits = [line for line in axes.lines if len(line.get_xdata()) > 3]
    assert len(fits) == 2
    assert sum(isinstance(one, PolyCollection) for one in axes.collections) == 2, "the interval of each fit"
    assert axes.get_xlabel() == "Dose rate (nGy/s)"
    assert axes.get_ylabel() == "Signal current density (nA/cm2)"
    quoted = page.get_supxlabel()
    for figure in figures:
        if figure.name == "sensitivity":
            assert str(figure) in quoted
    assert "-100 V/cm" in quoted
    assert "±" in quoted


def test_error_bars_and_the_band_have_the_length_of_their_errors() -> None:
    x = np.array([1.0, 2.0, 3.0])
    drawing = Drawing(
        "t", "x (V)", "y (A)",
        (Points(x, 2 * x, np.array([0.1, 0.2, 0.3]), None),),
        (Curve(x, 2 * x, 2 * x - 1, 2 * x + 1),),
    )  # fmt: skip
    (axes,) = figure_of(drawing, []).axes
    (bars,) = (one for one in axes.collections if isinstance(one, LineCollection))
    assert [float(np.ptp(segment[:, 1])) / 2 for segment in bars.get_segments()] == pytest.approx([0.1, 0.2, 0.3])
    (band,) = (one for one in axes.collections if isinstance(one, PolyCollection))
    vertices = band.get_paths()[0].vertices
    assert (vertices[:, 1].min(), vertices[:, 1].max()) == (1.0, 7.0)


def test_a_run_of_too_few_points_is_drawn_without_a_fit(dong24: SimulatedBench) -> None:
    outcome = dong24.run(Sensitivity(), **{**SHORT, "tube_currents": "0.5, 0.8", "fields": "-100"})
    assert outcome.run_file is not None
    with open_run(outcome.run_file) as file:
        procedure = procedure_of(file)
        (drawing,) = procedure.drawings(run_data(file, procedure.values()))
    assert len(drawing.points) == 1
    assert len(drawing.curves) == 0
    assert save_pictures(outcome.run_file, ".svg")[0].read_text().startswith("<?xml")


def test_a_folder_that_takes_no_picture_is_one_line(tmp_path: Path, dong24: SimulatedBench) -> None:
    outcome = dong24.run(Sensitivity(), **{**SHORT, "fields": "-100"})
    assert outcome.run_file is not None
    outcome.run_file.with_suffix(".png").mkdir()
    with pytest.raises(UserMistake, match="cannot be written"):
        save_pictures(outcome.run_file)


def test_a_run_without_records_is_drawn_as_nothing(tmp_path: Path) -> None:
    opened = SimulatedBench(tmp_path, sample="chen24-pnc-silicone")
    try:
        outcome = opened.run(RLLinearity(), tube_currents="0.5:2:4", repeats=1, averages=1, automatic_exposure=False,
                             integration_time=30)  # fmt: skip
    finally:
        opened.close()
    assert outcome.run_file is not None
    assert save_pictures(outcome.run_file) == []
