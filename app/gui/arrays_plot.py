"""Spectra or traces while they are measured: the last ones over each other, and all of them as a waterfall."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg  # type: ignore[import-untyped]
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPen
from PySide6.QtWidgets import QPushButton, QSplitter, QWidget

from app.gui.axis import plot_widget
from app.gui.read_out_plot import Array, ReadOutPlot
from app.gui.stream_buffer import KEPT_ARRAYS, StreamBuffer
from app.gui.theme import colours, paint_plots
from procedures.drawing import quantity_with_unit
from procedures.streams import AXIS_UNITS

OVERLAID = 8
"""of the last ones, fainter the older they are"""

WATERFALL_COLUMNS = 1024
"""Pixels of a row"""


class ArraysPlot(ReadOutPlot):
    """One array column of a stream.

    Parameters
    ----------
    buffer
        That is filled by whoever hears the records.
    column
        Name of the array column.
    axis
        What it lies on, (values,).
    """

    def __init__(self, buffer: StreamBuffer, column: str, axis: Array, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._buffer = buffer
        self._column = column
        self._axis = axis
        declared = buffer.stream.columns[column]
        self._axis_name = declared.axes[0]
        self.waterfall = QPushButton("Waterfall")
        self.waterfall.setCheckable(True)
        self.waterfall.setChecked(True)
        self.waterfall.setProperty("role", "small")
        self.waterfall.toggled.connect(self._show_waterfall)
        self.buttons.insertWidget(3, self.waterfall)
        self._curves = []
        for age in range(OVERLAID):
            curve = pg.PlotDataItem(pen=_pen(age))
            curve.setZValue(-age)
            self._curves.append(curve)
            self.plot.addItem(curve)
        self._image = pg.ImageItem()
        self._image.setColorMap(pg.colormap.get("viridis"))
        self._falls = plot_widget()
        falls = self._falls.getPlotItem()
        falls.hideButtons()
        falls.addItem(self._image)
        falls.setXLink(self.plot)
        falls.getAxis("bottom").enableAutoSIPrefix(False)
        falls.getAxis("left").enableAutoSIPrefix(False)
        falls.setLabel("left", "Record")
        falls.setLabel("bottom", quantity_with_unit(self._axis_name, AXIS_UNITS[self._axis_name]))
        splitter = QSplitter(Qt.Orientation.Vertical)
        layout = self.layout()
        assert layout is not None  # noqa: S101
        layout.removeWidget(self.view)
        splitter.addWidget(self.view)
        splitter.addWidget(self._falls)
        splitter.setSizes([300, 200])
        layout.addWidget(splitter)
        for plot in (self.plot, falls):
            plot.getAxis("left").setWidth(66)
        self.log_x.hide()
        self.set_labels(
            (quantity_with_unit(self._axis_name, ""), AXIS_UNITS[self._axis_name]),
            (quantity_with_unit(column, ""), declared.unit),
        )

        self.fit_view()

    def recolour(self) -> None:
        """Take the colours in use."""
        for age, curve in enumerate(self._curves):
            curve.setPen(_pen(age))
        paint_plots(self._falls, self._falls.getPlotItem())
        super().recolour()

    def fit_view(self) -> None:
        """Show the whole axis, and every value."""
        self.plot.setXRange(float(self._axis[0]), float(self._axis[-1]), padding=0)
        self.plot.enableAutoRange(y=True)
        self._falls.getPlotItem().enableAutoRange(y=True)

    def _show_waterfall(self, shown: bool) -> None:
        self._falls.setVisible(shown)

    def _evenly(self, row: Array) -> Array:
        """Return a row at evenly spaced places, as pixels are: a spectrometer's wavelengths are not."""
        even = np.linspace(self._axis[0], self._axis[-1], WATERFALL_COLUMNS)
        found: Array = np.interp(even, self._axis, row)
        return found

    def redraw(self) -> None:
        """Draw what is in the buffer."""
        kept = self._buffer.arrays[self._column]
        for age, curve in enumerate(self._curves):
            if age < len(kept):
                curve.setData(self._axis, self.shown(kept[-1 - age], self.log_y))
        if not kept or self._falls.isHidden():
            return
        first = max(0, self._buffer.rows - KEPT_ARRAYS)
        rows = np.array([self._evenly(row) for row in kept])
        low, high = float(np.nanmin(rows)), float(np.nanmax(rows))
        self._image.setImage(rows.T, levels=(low, high if high > low else low + 1))
        left, right = float(self._axis[0]), float(self._axis[-1])
        self._image.setRect(QRectF(left, first, right - left, len(rows)))


def _pen(age: int) -> QPen:
    colour = pg.mkColor(colours().series[0])
    colour.setAlphaF(1.0 if age == 0 else 0.45 * (1 - age / OVERLAID))
    pen: QPen = pg.mkPen(colour, width=1)
    return pen


def _example() -> QWidget:
    from app.engine.events import Recorded
    from procedures.streams import Spectrum, Stream

    generator = np.random.default_rng(1)
    axis = np.linspace(350, 1000, 2048)
    buffer = StreamBuffer(Stream("sweep", current="mA", counts=Spectrum("count"), primary=("wavelength", "counts")))
    peak = np.exp(-(((axis - 526) / 9) ** 2) / 2)
    buffer.add(
        Recorded(
            "sweep", float(i), {"current": 0.2 * i, "counts": 1500 + 3000 * i * peak + generator.normal(0, 50, 2048)}
        )
        for i in range(12)
    )
    plot = ArraysPlot(buffer, "counts", axis)
    plot.redraw()
    return plot


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(_example)
