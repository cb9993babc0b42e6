"""A finished run's drawing: points with error bars, the fit through them with its interval shaded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg  # type: ignore[import-untyped]
from PySide6.QtWidgets import QLabel, QWidget

from analysis.figure import FigureOfMerit
from app.gui.live_plot import bar_lengths
from app.gui.read_out_plot import ReadOutPlot
from app.gui.theme import colours
from procedures.drawing import Curve, Drawing, Points

SYMBOLS = ("o", "s", "t1", "d", "t")


class DrawingPlot(ReadOutPlot):
    """Shows a `procedures.drawing.Drawing`.

    Parameters
    ----------
    drawing
        What is drawn.
    figures
        Figures of merit of the run; those that the drawing quotes stand in it.
    """

    def __init__(self, drawing: Drawing, figures: Sequence[FigureOfMerit] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.drawing = drawing
        self._quoted = [_line(figure) for figure in figures if figure.name in drawing.quoted]
        self.plot.setTitle(drawing.title, color=colours().text, size="11pt")
        self.set_labels((drawing.x_label, ""), (drawing.y_label, ""))
        self._legend = self.plot.addLegend(offset=(12, 8), labelTextColor=colours().text)
        self._items: list[object] = []
        # under the plot: there they hide nothing
        under = QLabel("\n".join(self._quoted))
        layout = self.layout()
        assert layout is not None  # noqa: S101
        layout.addWidget(under)
        under.setVisible(bool(self._quoted))
        for button, wanted in ((self.log_x, drawing.log_x), (self.log_y, drawing.log_y)):
            button.setChecked(wanted)
        self.redraw()

    def redraw(self) -> None:
        """Draw on the axes as they are."""
        if not hasattr(self, "_items"):
            return
        for item in self._items:
            self.plot.removeItem(item)
        self._items.clear()
        self._legend.clear()
        series = colours().series
        for number, curve in enumerate(self.drawing.curves):
            self._add_curve(curve, series[number % len(series)])
        for number, points in enumerate(self.drawing.points):
            self._add_points(points, series[number % len(series)], SYMBOLS[number % len(SYMBOLS)])

    def _add(self, item: object) -> None:
        self.plot.addItem(item)
        self._items.append(item)

    def _add_curve(self, curve: Curve, colour: str) -> None:
        x = self.shown(curve.x, self.log_x)
        if curve.low is not None and curve.high is not None:
            ends = [pg.PlotCurveItem(x, self.shown(end, self.log_y), pen=None) for end in (curve.low, curve.high)]
            faint = pg.mkColor(colour)
            faint.setAlphaF(0.25)
            if all(np.isfinite(end.yData).all() for end in ends) and np.isfinite(x).all():
                self._add(pg.FillBetweenItem(*ends, brush=pg.mkBrush(faint)))
        self._add(
            pg.PlotDataItem(x, self.shown(curve.y, self.log_y), pen=pg.mkPen(colour, width=2), name=curve.label or None)
        )

    def _add_points(self, points: Points, colour: str, symbol: str) -> None:
        x, y = self.shown(points.x, self.log_x), self.shown(points.y, self.log_y)
        if points.joined:
            self._add(pg.PlotDataItem(x, y, pen=pg.mkPen(colour), name=points.label or None))
            return
        finite = np.isfinite(x) & np.isfinite(y)
        bars: dict[str, object] = {}
        for errors, values, button, names in (
            (points.y_errors, points.y, self.log_y, ("bottom", "top")),
            (points.x_errors, points.x, self.log_x, ("left", "right")),
        ):
            if errors is not None:
                lengths = bar_lengths(values[finite], errors[finite], log=button.isChecked())
                bars |= dict(zip(names, lengths, strict=True))
        if bars and finite.any():
            self._add(pg.ErrorBarItem(x=x[finite], y=y[finite], pen=pg.mkPen(colour), beam=0.0, **bars))
        self._add(
            pg.PlotDataItem(
                x,
                y,
                pen=None,
                symbol=symbol,
                symbolSize=7,
                symbolBrush=colour,
                symbolPen=None,
                name=points.label or None,
            )
        )


def _line(figure: FigureOfMerit) -> str:
    at = ", ".join(f"{value:g} {unit}" for value, unit in figure.at.values())
    return f"{figure.name.replace('_', ' ')} = {figure}{f' at {at}' if at else ''}"


def _example() -> QWidget:
    x = np.linspace(0.2, 2.7, 10)
    return DrawingPlot(
        Drawing(
            "Photocurrent density against dose rate",
            "Dose rate (uGy/s)",
            "Photocurrent density (nA/cm2)",
            (Points(x, 13.7 * x, 0.3 + 0 * x, 0.03 * x, "measured"),),
            (Curve(x, 13.7 * x, 13.2 * x, 14.2 * x, "line"),),
            quoted=("sensitivity",),
        ),
        [FigureOfMerit.normal("sensitivity", 13700.0, "uC/(Gy cm2)", "line", statistical=210.0)],
    )


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(_example)
