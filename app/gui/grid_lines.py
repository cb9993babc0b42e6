"""Faint lines at the ticks of a plot's axes."""

from __future__ import annotations

import pyqtgraph as pg  # type: ignore[import-untyped]
from PySide6.QtCore import QLineF, QRectF
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from app.gui.theme import colours

OPACITY = 50
"""of 255"""


class GridLines(pg.GraphicsObject):
    """A grid that costs a twentieth of pyqtgraph's own, in which each line is a part of an axis and its text.

    Parameters
    ----------
    plot
        Whose axes it goes by, `app.gui.axis.Axis`; it adds itself.
    """

    def __init__(self, plot: pg.PlotItem) -> None:
        super().__init__()
        self._axes = (plot.getAxis("bottom"), plot.getAxis("left"))
        self.setZValue(-100)
        plot.addItem(self, ignoreBounds=True)

    def boundingRect(self) -> QRectF:  # noqa: N802  (Qt's name)
        """Return what is in sight."""
        view = self.getViewBox()
        return QRectF() if view is None else view.viewRect()

    def viewRangeChanged(self) -> None:  # noqa: N802  (pyqtgraph's name)
        """Take another part into sight."""
        self.prepareGeometryChange()

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Draw a line at each of the axes' larger ticks."""
        del option, widget
        seen = self.boundingRect()
        if seen.isEmpty():
            return
        bottom, left = self._axes
        vertical = [QLineF(x, seen.top(), x, seen.bottom()) for x in bottom.lines(seen.left(), seen.right())]
        horizontal = [QLineF(seen.left(), y, seen.right(), y) for y in left.lines(seen.top(), seen.bottom())]
        colour = pg.mkColor(colours().text)
        colour.setAlpha(OPACITY)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(pg.mkPen(colour))
        painter.drawLines(vertical + horizontal)
