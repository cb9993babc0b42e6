"""Frames are shown with what one looks at them with, live as well."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.engine.events import Prepared, Recorded
from app.gui.image_plot import ImagePlot
from app.gui.live_panel import LivePanel
from app.gui.orders import RunOrder
from app.running import Plan
from config.loading import bench_file
from procedures.procedure import Procedure
from procedures.streams import Image, Stream


def ramp(rows: int = 60, columns: int = 100) -> np.ndarray[Any, np.dtype[np.uint16]]:
    """A frame whose value is ten times the column, and a hundred more in the lower half."""
    frame = np.tile(10 * np.arange(columns, dtype=np.uint16), (rows, 1))
    frame[rows // 2 :] += 100
    return frame


@pytest.fixture
def plot(qtbot: Any) -> ImagePlot:
    """A plot that shows a frame."""
    plot = ImagePlot()
    qtbot.addWidget(plot)
    plot.resize(700, 500)
    plot.show()
    plot.show_frame(ramp(), 1090)
    return plot


def test_the_profile_is_that_of_the_line(plot: ImagePlot) -> None:
    plot.set_line((10.5, 5.5), (90.5, 5.5))
    along, values = plot.profile
    assert len(along) == 80
    assert np.diff(values) == pytest.approx(10, abs=1e-6)
    plot.set_line((50.5, 5.5), (50.5, 55.5))
    assert plot.profile[1][-1] - plot.profile[1][0] == pytest.approx(100, abs=1)


def test_the_region_says_mean_and_scatter(plot: ImagePlot) -> None:
    plot.set_region(20, 5, 11, 10)
    inside = ramp()[5:15, 20:31]
    assert f"mean {inside.mean():.5g}, standard deviation {inside.std(ddof=1):.4g}" in plot.facts_text
    plot.set_region(300, 300, 5, 5)
    assert "not on the frame" in plot.facts_text


def test_saturated_pixels_are_counted_and_said(plot: ImagePlot) -> None:
    assert "30 SATURATED" in plot.facts_text
    assert plot._facts.property("tone") == "warning"
    plot.show_frame(ramp(), 4095)
    assert "SATURATED" not in plot.facts_text


def test_levels_follow_until_a_hand_moves_them(plot: ImagePlot) -> None:
    low, high = plot.levels
    plot.show_frame(2 * ramp(), 4095)
    assert plot.levels[1] == pytest.approx(2 * high, rel=0.02)
    plot.histogram._region.setRegion((low, 500.0))
    assert not plot.auto_levels.isChecked()
    plot.show_frame(ramp(), 4095)
    assert plot.levels == (low, 500.0)
    assert tuple(plot.image.levels) == (low, 500.0)


def test_a_logarithmic_frame_keeps_its_values(plot: ImagePlot) -> None:
    plot.set_region(20, 5, 11, 10)
    before = plot.facts_text
    plot.log.setChecked(True)
    assert plot.facts_text == before
    assert plot.image.image.max() == pytest.approx(np.log10(1090))
    plot.colour_map.setCurrentText("inferno")


class Frames(Procedure):
    """Frames, as a camera gives them."""

    name = "frames"
    frames = Stream("frames", "Frames", frame=Image("count"), exposure="s", primary=("time", "exposure"))


def test_a_stream_of_frames_is_shown_while_it_grows(qtbot: Any) -> None:
    panel = LivePanel()
    qtbot.addWidget(panel)
    panel.resize(900, 600)
    panel.show()
    panel.begin(RunOrder(Plan(Frames(), None, bench_file("sim"), None)))
    panel.show_prepared(Prepared(Path("x.h5"), {"y": np.arange(60.0), "x": np.arange(100.0)}))
    panel.show_records([Recorded("frames", 0.1 * n, {"frame": n + ramp(), "exposure": 0.1}) for n in range(5)])
    (view,) = (view for _, view in panel._views if isinstance(view, ImagePlot))
    assert panel.beside.tabText(panel.beside.indexOf(view)) == "frames: frame"
    panel.beside.setCurrentWidget(view)
    qtbot.waitUntil(lambda: view.image.image is not None and view.image.image[0, 0] == 4, timeout=5_000)
    assert panel.rows("frames") == 5


def test_a_frame_with_dead_pixels_is_shown_and_they_do_not_count(plot: ImagePlot) -> None:
    pixels = ramp().astype(float)
    known = plot.levels
    pixels[10:14, :3] = np.nan
    plot.show_frame(pixels, 4095)
    assert plot.levels == pytest.approx(known, rel=0.05)
    plot.set_region(0, 10, 6, 4)
    inside = pixels[10:14, :6]
    assert f"mean {np.nanmean(inside):.5g}, " in plot.facts_text
    assert "12 without a value" in plot.facts_text
    plot.show_frame(np.full((60, 100), np.nan))
    assert "no pixel in it has a value" in plot.facts_text


def test_levels_of_a_stream_come_after_the_frame_and_are_those_of_the_last(plot: ImagePlot, qtbot: Any) -> None:
    high = plot.levels[1]
    plot.show_frame(2 * ramp())
    assert plot.levels[1] == pytest.approx(2 * high, rel=0.02)
    plot.show_frame(4 * ramp(), one_of_many=True)
    assert plot.image.image.max() == 4 * ramp().max()
    assert plot.levels[1] == pytest.approx(2 * high, rel=0.02)
    qtbot.waitUntil(lambda: plot.levels[1] == pytest.approx(4 * high, rel=0.02), timeout=20_000)
