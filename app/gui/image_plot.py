"""A frame with what one looks at it with: histogram, levels, colour map, line profile, region, cross-hair."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg  # type: ignore[import-untyped]
from PySide6.QtCore import QEvent, QPointF, Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QSplitter, QVBoxLayout, QWidget

from app.gui.axis import plot_widget
from app.gui.levels_histogram import LevelsHistogram
from app.gui.read_out_plot import Array
from app.gui.theme import colours, mark, paint_plots

COLOUR_MAPS = {"grey": "CET-L1", "viridis": "viridis", "inferno": "inferno", "rainbow": "CET-R4"}

PIXELS_FOR_LEVELS = 40_000
"""Pixels that automatic levels are found from"""

BESIDE = 1.8
"""Width over height from which the profile stands beside the frame"""

LEVELS_AT = (0.5, 99.5)
"""Percentiles"""

LEVELS_EVERY = 200
"""ms between two looks at how the values are spread while frames come; eyes follow no faster, and it costs as much as
the frame"""

Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.uint16] | npt.NDArray[np.float64]


class ImagePlot(QWidget):
    """Shows one frame after the other; tools keep their places.

    Parameters
    ----------
    unit
        Of a pixel's value.
    """

    def __init__(self, unit: str = "count", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._unit = unit
        self._pixels: Pixels | None = None
        self._full_scale = 0.0
        self.colour_map = QComboBox()
        self.colour_map.addItems(list(COLOUR_MAPS))
        self.colour_map.setAccessibleName("colour map")
        self.colour_map.currentTextChanged.connect(self._colour)
        self.auto_levels = self._button("Auto levels", "Levels follow each frame", checked=True)
        self.log = self._button("log", "Logarithmic grey values")
        self.line = self._button("Line profile", "Values along a line that can be dragged")
        self.region = self._button("Region", "Mean and scatter in a rectangle that can be dragged")
        self.fit = QPushButton("Autorange")
        self.fit.setProperty("role", "small")
        self._read_out = QLabel()
        self._read_out.setProperty("tone", "faint")
        self._facts = QLabel()
        row = QHBoxLayout()
        for widget in (self.colour_map, self.auto_levels, self.log, self.line, self.region, self.fit):
            row.addWidget(widget)
        row.addStretch(1)
        self.view = pg.GraphicsLayoutWidget()
        self.plot = self.view.addPlot(row=0, col=0)
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.plot.invertY(True)
        self.plot.setAspectLocked(True)
        self.plot.setLabel("bottom", "Column (px)")
        self.plot.setLabel("left", "Row (px)")
        self.image = pg.ImageItem(axisOrder="row-major")
        self.plot.addItem(self.image)
        self._cross = tuple(pg.InfiniteLine(angle=angle, pen=pg.mkPen(colours().accent)) for angle in (90, 0))
        for line in self._cross:
            line.setVisible(False)
            self.plot.addItem(line, ignoreBounds=True)
        self.histogram = LevelsHistogram()
        self.histogram.setLabel("left", f"Value ({unit})")
        self.view.addItem(self.histogram, row=0, col=1)
        self._line = pg.LineSegmentROI([(0, 0), (1, 1)], pen=pg.mkPen(colours().series[1], width=2))
        self._rectangle = pg.RectROI((0, 0), (1, 1), pen=pg.mkPen(colours().series[1], width=2))
        for tool in (self._line, self._rectangle):
            tool.setZValue(10)
            tool.setVisible(False)
            self.plot.addItem(tool, ignoreBounds=True)
            tool.sigRegionChanged.connect(self._show_tools)
        self._profile = plot_widget()
        self._profile.setLabel("bottom", "Distance along the line (px)")
        self._profile.setLabel("left", f"Value ({unit})")
        self._profile.hideButtons()
        self._profile.hide()
        self._curve = self._profile.plot(pen=pg.mkPen(colours().series[0], width=1.5))
        self._splitter = splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.addWidget(self.view)
        splitter.addWidget(self._profile)
        splitter.setStretchFactor(0, 3)
        splitter.setStretchFactor(1, 2)
        below = QHBoxLayout()
        below.addWidget(self._facts)
        below.addStretch(1)
        below.addWidget(self._read_out)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(splitter, 1)
        column.addLayout(below)
        self.auto_levels.toggled.connect(self._follow)
        self.histogram.levels_moved.connect(self._take_levels)
        self.log.toggled.connect(self._draw_log)
        self.line.toggled.connect(lambda on: self._show_tool(self._line, on))
        self.region.toggled.connect(lambda on: self._show_tool(self._rectangle, on))
        self.fit.clicked.connect(self.plot.autoRange)
        self._proxy = pg.SignalProxy(self.view.scene().sigMouseMoved, rateLimit=30, slot=self._point_at)
        self._levels_due = QTimer(self)
        self._levels_due.setSingleShot(True)
        self._levels_due.setInterval(LEVELS_EVERY)
        self._levels_due.timeout.connect(self._draw_left)
        self._levels_left = False
        self._colour(self.colour_map.currentText())

    @staticmethod
    def _button(text: str, tip: str, *, checked: bool = False) -> QPushButton:
        button = QPushButton(text)
        button.setCheckable(True)
        button.setChecked(checked)
        button.setToolTip(tip)
        button.setProperty("role", "small")
        return button

    @property
    def facts_text(self) -> str:
        """Size, saturated pixels, and what is in the region."""
        return self._facts.text()

    @property
    def profile(self) -> tuple[Array, Array]:
        """Distance along the line, px, and the values there; both (points,)."""
        x, y = self._curve.getData()
        return (np.empty(0), np.empty(0)) if x is None else (x, y)

    @property
    def levels(self) -> tuple[float, float]:
        """The values that are drawn darkest and brightest."""
        low, high = self.histogram.levels
        return (10**low, 10**high) if self.log.isChecked() else (low, high)

    def show_frame(self, pixels: Pixels, full_scale: float = 0.0, *, one_of_many: bool = False) -> None:
        """Show a frame.

        Parameters
        ----------
        pixels
            (rows, columns)
        full_scale
            Value at which a pixel is saturated; 0 where that is not known.
        one_of_many
            Whether levels and histogram may be those of a frame some tenths of a second ago.
        """
        first = self._pixels is None or self._pixels.shape != pixels.shape
        self._pixels, self._full_scale = pixels, full_scale
        if one_of_many and not first and self._levels_due.isActive():
            self._levels_left = True
            seen = np.log10(np.maximum(pixels, 1)) if self.log.isChecked() else pixels
            self.image.setImage(seen, autoLevels=False, levels=self.histogram.levels)
        else:
            self._draw()
        if first:
            self._place_tools()
            self.plot.autoRange()
        self._show_tools()

    def set_line(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Put the line of the profile between two places, (column, row) each, and show it."""
        self._line.setPos(0, 0)
        for handle, place in zip(self._line.getHandles(), (start, end), strict=True):
            self._line.movePoint(handle, self._line.mapToScene(QPointF(*place)), coords="scene")
        self.line.setChecked(True)

    def set_region(self, column: float, row: float, width: float, height: float) -> None:
        """Put the region somewhere, px, and show it."""
        self._rectangle.setPos((column, row))
        self._rectangle.setSize((width, height))
        self.region.setChecked(True)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  (Qt's name)
        """Put the profile where there is place for it: beside the frame, or below it."""
        super().resizeEvent(event)
        wide = self.width() > BESIDE * self.height()
        self._splitter.setOrientation(Qt.Orientation.Horizontal if wide else Qt.Orientation.Vertical)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802  (Qt's name)
        """Take the colours of another theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_profile"):
            paint_plots(self.view, self.plot, self.histogram)
            paint_plots(self._profile, self._profile.getPlotItem())
            self._recolour()

    def _recolour(self) -> None:
        chosen = colours()
        self._curve.setPen(pg.mkPen(chosen.series[0], width=1.5))
        for line in self._cross:
            line.setPen(pg.mkPen(chosen.accent))
        for tool in (self._line, self._rectangle):
            tool.setPen(pg.mkPen(chosen.series[1], width=2))
        self.histogram.recolour()

    def _place_tools(self) -> None:
        assert self._pixels is not None  # noqa: S101
        rows, columns = self._pixels.shape
        self._rectangle.setPos((columns * 0.35, rows * 0.35))
        self._rectangle.setSize((columns * 0.3, rows * 0.3))
        shown = self.line.isChecked()
        self.set_line((columns * 0.2, rows * 0.5), (columns * 0.8, rows * 0.5))
        self.line.setChecked(shown)

    def _draw(self) -> None:
        if self._pixels is None:
            return
        seen: Pixels = np.log10(np.maximum(self._pixels, 1)) if self.log.isChecked() else self._pixels
        sampled = _sampled(seen)
        low, high = _levels(sampled) if self.auto_levels.isChecked() else self.histogram.levels
        self.image.setImage(seen, autoLevels=False, levels=(low, high))
        self.histogram.show_pixels(sampled, low, high)
        self._levels_left = False
        self._levels_due.start()

    def _draw_left(self) -> None:
        if self._levels_left:
            self._draw()

    def _take_levels(self, low: float, high: float) -> None:
        """Leave the levels where a hand has put them."""
        self.auto_levels.setChecked(False)
        self.image.setLevels((low, high))

    def _draw_log(self, log: bool) -> None:
        self.histogram.setLabel("left", f"log10 of the value ({self._unit})" if log else f"Value ({self._unit})")
        self.auto_levels.setChecked(True)
        self._draw()

    def _follow(self, following: bool) -> None:
        if following:
            self._draw()

    def _colour(self, name: str) -> None:
        self.image.setColorMap(pg.colormap.get(COLOUR_MAPS[name]))

    def _show_tool(self, tool: pg.ROI, on: bool) -> None:
        tool.setVisible(on)
        shown = self.line.isChecked()
        if shown != self._profile.isVisibleTo(self):
            self._profile.setVisible(shown)
            # Qt takes them as shares
            self._splitter.setSizes([600, 400])
        self._show_tools()

    def _show_tools(self) -> None:
        pixels = self._pixels
        if pixels is None:
            return
        if self.line.isChecked():
            # it takes the first axis for the columns, whatever the order of the image's axes
            values = self._line.getArrayRegion(pixels.T.astype(float), self.image)
            self._curve.setData(np.arange(len(values), dtype=float), values)
        parts = [f"{pixels.shape[1]} x {pixels.shape[0]} px"]
        saturated = int(np.count_nonzero(pixels >= self._full_scale)) if self._full_scale else 0
        if saturated:
            parts.append(f"{saturated} SATURATED")
        if self.region.isChecked():
            parts.append(self._region_text(pixels))
        self._facts.setText("   ".join(parts))
        mark(self._facts, "tone", "warning" if saturated else "faint")

    def _region_text(self, pixels: Pixels) -> str:
        corner, size = self._rectangle.pos(), self._rectangle.size()
        columns, rows = (
            slice(max(0, round(start)), max(0, round(start + length)))
            for start, length in ((corner.x(), size.x()), (corner.y(), size.y()))
        )
        inside = pixels[rows, columns].astype(float)
        if inside.size < 2:
            return "the region is not on the frame"
        size = f"region {inside.shape[1]} x {inside.shape[0]} px"
        known = inside[np.isfinite(inside)]
        if known.size < 2:
            return f"{size}: no pixel in it has a value"
        without = f", {inside.size - known.size} without a value" if known.size < inside.size else ""
        mean, scatter = float(known.mean()), float(known.std(ddof=1))
        return f"{size}: mean {mean:.5g}, standard deviation {scatter:.4g}{without}"

    def _point_at(self, event: tuple[QPointF]) -> None:
        point = self.plot.vb.mapSceneToView(event[0])
        pixels = self._pixels
        column, row = int(np.floor(point.x())), int(np.floor(point.y()))
        inside = pixels is not None and 0 <= row < pixels.shape[0] and 0 <= column < pixels.shape[1]
        for line, place in zip(self._cross, (point.x(), point.y()), strict=True):
            line.setVisible(inside)
            line.setPos(place)
        self._read_out.setText(
            f"column {column}, row {row}: {pixels[row, column]:g} {self._unit}" if inside and pixels is not None else ""
        )


def _sampled(pixels: Pixels) -> Array:
    every = max(1, int(np.sqrt(pixels.size / PIXELS_FOR_LEVELS)))
    some = pixels[::every, ::every].astype(float)
    # a corrected frame has no value where a pixel is dead
    known: Array = some[np.isfinite(some)]
    return known if known.size else np.zeros(1)


def _levels(sampled: Array) -> tuple[float, float]:
    """Return levels that show nearly every pixel and let single hot ones be."""
    low, high = (float(one) for one in np.percentile(sampled, LEVELS_AT))
    return low, high if high > low else low + 1


def _example() -> QWidget:
    generator = np.random.default_rng(1)
    rows, columns = np.mgrid[:480, :640]
    disc = 3000.0 * (np.hypot(rows - 240, columns - 320) < 160) + 400
    plot = ImagePlot()
    plot.show_frame(generator.poisson(disc).astype("u2"), 4095)
    plot.line.setChecked(True)
    plot.region.setChecked(True)
    return plot


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(_example)
