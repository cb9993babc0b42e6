"""A plot with a cross-hair that reads out, log axes and autorange: what all plots of the window are made of."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg  # type: ignore[import-untyped]
from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.gui.axis import plot_widget
from app.gui.grid_lines import GridLines
from app.gui.theme import colours, paint_plots

Array = npt.NDArray[np.float64]

PREFIXED = frozenset({"Gy/s", "Gy", "A", "V", "s", "Hz", "W"})
"""Units that take a prefix; nanoampere per square centimetre takes no second one."""


class ReadOutPlot(QWidget):
    """A plot whose axes say quantity and unit, with a row of buttons and what the cross-hair points at.

    Subclasses draw in `redraw`, through `shown`, which turns values into what a logarithmic axis shows.
    """

    scale_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.log_x = QPushButton("log x")
        self.log_y = QPushButton("log y")
        self.autorange = QPushButton("Autorange")
        self._read_out = QLabel()
        self._read_out.setProperty("tone", "faint")
        self.buttons = QHBoxLayout()
        for button in (self.log_x, self.log_y):
            button.setCheckable(True)
            button.toggled.connect(self._change_scale)
        for button in (self.log_x, self.log_y, self.autorange):
            button.setProperty("role", "small")
            self.buttons.addWidget(button)
        self.autorange.clicked.connect(self.fit_view)
        self.buttons.addStretch(1)
        self.buttons.addWidget(self._read_out)
        self.view = plot_widget()
        self.plot = self.view.getPlotItem()
        self.plot.hideButtons()
        self.grid = GridLines(self.plot)
        pen = pg.mkPen(colours().faint, style=Qt.PenStyle.DashLine)
        self._lines = (pg.InfiniteLine(angle=90, pen=pen), pg.InfiniteLine(angle=0, pen=pen))
        for line in self._lines:
            line.setVisible(False)
            self.plot.addItem(line, ignoreBounds=True)
        self._proxy = pg.SignalProxy(self.view.scene().sigMouseMoved, rateLimit=30, slot=self._point_at)
        self._labels: tuple[tuple[str, str], tuple[str, str]] = (("", ""), ("", ""))
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        column.setSpacing(4)
        column.addLayout(self.buttons)
        column.addWidget(self.view, 1)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802  (Qt's name)
        """Take the colours of another theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_proxy"):
            self.recolour()

    def recolour(self) -> None:
        """Take the colours in use; for subclasses that draw more than `redraw` does."""
        paint_plots(self.view, self.plot)
        for line in self._lines:
            line.setPen(pg.mkPen(colours().faint, style=Qt.PenStyle.DashLine))
        self.redraw()

    def set_labels(self, x: tuple[str, str], y: tuple[str, str]) -> None:
        """Label the axes: quantity and unit each."""
        self._labels = (x, y)
        for side, (name, unit) in (("bottom", x), ("left", y)):
            axis = self.plot.getAxis(side)
            log = (self.log_x if side == "bottom" else self.log_y).isChecked()
            if unit in PREFIXED and not log:
                axis.enableAutoSIPrefix(True)
                axis.setLabel(name, units=unit)
            else:
                axis.enableAutoSIPrefix(False)
                axis.setLabel(name if unit in ("", "1") else f"{name} ({unit})")

    def fit_view(self) -> None:
        """Show everything, and go on doing so."""
        self.plot.enableAutoRange()

    def shown(self, values: Array, button: QPushButton) -> Array:
        """Turn values into what the axis shows; NaN where a logarithmic one has no place for them."""
        if not button.isChecked():
            return values
        with np.errstate(invalid="ignore", divide="ignore"):
            logarithms: Array = np.log10(values)
        logarithms[~np.isfinite(logarithms)] = np.nan
        return logarithms

    def redraw(self) -> None:
        """Draw anew; for subclasses."""

    def read_out(self, x: float, y: float) -> str:
        """Say where the cross-hair is; for subclasses that can say more."""
        (x_name, x_unit), (y_name, y_unit) = self._labels
        return f"{x_name} {x:.5g} {_plain(x_unit)}   {y_name} {y:.5g} {_plain(y_unit)}"

    def _change_scale(self) -> None:
        for side, button in (("bottom", self.log_x), ("left", self.log_y)):
            self.plot.getAxis(side).setLogMode(button.isChecked())
        self.set_labels(*self._labels)
        self.redraw()
        self.fit_view()
        self.scale_changed.emit()

    def _point_at(self, event: tuple[QPointF]) -> None:
        position = event[0]
        inside = self.plot.sceneBoundingRect().contains(position)
        for line in self._lines:
            line.setVisible(inside)
        if not inside:
            self._read_out.setText("")
            return
        point = self.plot.vb.mapSceneToView(position)
        self._lines[0].setPos(point.x())
        self._lines[1].setPos(point.y())
        x = 10 ** point.x() if self.log_x.isChecked() else point.x()
        y = 10 ** point.y() if self.log_y.isChecked() else point.y()
        self._read_out.setText(self.read_out(x, y))


def _plain(unit: str) -> str:
    return "" if unit == "1" else unit


def _example() -> QWidget:
    plot = ReadOutPlot()
    plot.set_labels(("Dose rate", "Gy/s"), ("Signal", "nA/cm2"))
    rates = np.linspace(1e-7, 2.7e-6, 12)
    plot.plot.plot(rates, 1.4e4 * rates)
    return plot


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(_example)
