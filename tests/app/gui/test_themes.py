"""Plots that are there already take the colours of another theme."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyqtgraph as pg  # type: ignore[import-untyped]
import pytest
from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.gui.arrays_plot import ArraysPlot
from app.gui.drawing_plot import DrawingPlot, example_drawing
from app.gui.image_plot import ImagePlot
from app.gui.live_plot import LivePlot
from app.gui.stream_buffer import StreamBuffer
from app.gui.theme import DARK, LIGHT, apply_theme
from procedures.streams import Scalar, Spectrum, Stream


@pytest.fixture(autouse=True)
def light_again(qtbot: QtBot) -> Iterator[None]:
    apply_theme(False)
    yield
    apply_theme(False)


def live() -> Any:
    buffer = StreamBuffer(Stream("sweep", current=Scalar("nA"), primary=("time", "current")))
    buffer.add_scalars({"time": np.arange(5.0), "current": np.arange(5.0)})
    plot = LivePlot(buffer)
    return plot, lambda: plot._points.opts["symbolBrush"]


def arrays() -> Any:
    buffer = StreamBuffer(Stream("sweep", counts=Spectrum("count"), primary=("wavelength", "counts")))
    plot = ArraysPlot(buffer, "counts", np.linspace(300, 900, 50))
    return plot, lambda: plot._curves[0].opts["pen"].color().name()


def image() -> Any:
    plot = ImagePlot("count")
    return plot, lambda: plot._curve.opts["pen"].color().name()


def laid_over() -> Any:
    plot = DrawingPlot.overlaid([("A", example_drawing()), ("B", example_drawing())])
    return plot, lambda: plot._shades()[0][0]


@pytest.mark.parametrize("make", [live, arrays, image, laid_over])
def test_a_plot_changes_its_colours_with_the_window(qtbot: QtBot, make: Any) -> None:
    made: tuple[QWidget, Any] = make()
    plot, colour = made
    qtbot.addWidget(plot)
    plot.show()
    for dark, theme in ((True, DARK), (False, LIGHT)):
        apply_theme(dark)
        QCoreApplication.processEvents()
        assert pg.mkColor(colour()) == pg.mkColor(theme.series[0])
        for view in plot.findChildren(pg.GraphicsView):
            assert view.backgroundBrush().color() == pg.mkColor(theme.base)
