"""Where the legend of a drawing stands."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF

from app.gui.drawing_plot import DrawingPlot
from procedures.drawing import Drawing, Points


@pytest.mark.parametrize("slope", [1.0, -1.0])
def test_the_legend_hides_no_point_of_a_line_that_rises_or_falls(qtbot: Any, slope: float) -> None:
    x = np.linspace(0, 10, 12)
    points = tuple(Points(x, slope * number * x, label=f"{number}") for number in (1, 2))
    plot = DrawingPlot(Drawing("", "x", "y", points, ()))
    qtbot.addWidget(plot)
    plot.resize(560, 460)
    plot.show()
    qtbot.waitUntil(lambda: plot.plot.vb.width() > 300, timeout=20_000)
    legend = plot._legend.mapRectToScene(plot._legend.boundingRect())
    for one in points:
        for place in zip(one.x, one.y, strict=True):
            assert not legend.contains(plot.plot.vb.mapViewToScene(QPointF(*place)))
