"""A finished run's drawing: points with error bars, the fit through them with its interval shaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyqtgraph as pg  # type: ignore[import-untyped]
from PySide6.QtCore import QRectF
from PySide6.QtWidgets import QLabel, QWidget

from analysis.figure import FigureOfMerit
from app.gui.live_plot import bar_lengths
from app.gui.read_out_plot import Array, ReadOutPlot
from app.gui.theme import colours
from procedures.drawing import Box, Curve, Drawing, Points, Raster

MANY = 5_000
"""Points of a line; beyond, there are more than pixels"""

LEGEND = (0.4, 0.25)
"""What a legend covers, as shares of the plot's width and height"""

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
        self._runs: Sequence[tuple[int, int]] = ()
        """How many points and curves each has, of several laid over one another."""
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

    @classmethod
    def overlaid(cls, drawings: Sequence[tuple[str, Drawing]], parent: QWidget | None = None) -> DrawingPlot:
        """Lay plots of the same quantities over one another, each in its own colour.

        Parameters
        ----------
        drawings
            Label and plot.
        """
        first = drawings[0][1]
        titles = {one.title for _, one in drawings}
        plot = cls(
            replace(
                first,
                title=first.title if len(titles) == 1 else "",
                points=[
                    replace(points, label=f"{label} {points.label}".strip())
                    for label, one in drawings
                    for points in one.points
                ],
                # the points say which run it is; the fit through them has their colour
                curves=[replace(curve, label="") for _, one in drawings for curve in one.curves],
                quoted=(),
                raster=None,
                boxes=(),
                marks=(),
            ),
            parent=parent,
        )
        plot._runs = [(len(one.points), len(one.curves)) for _, one in drawings]
        plot.redraw()
        return plot

    def recolour(self) -> None:
        """Take the colours in use."""
        if hasattr(self, "_items"):
            self.plot.setTitle(self.drawing.title, color=colours().text, size="11pt")
            self._legend.setLabelTextColor(colours().text)
            super().recolour()

    def redraw(self) -> None:
        """Draw on the axes as they are."""
        if not hasattr(self, "_items"):
            return
        for item in self._items:
            self.plot.removeItem(item)
        self._items.clear()
        self._legend.clear()
        if self.drawing.raster is not None:
            self._add_raster(self.drawing.raster)
        shades, fits = self._shades()
        for number, curve in enumerate(self.drawing.curves):
            self._add_curve(curve, fits[number % len(fits)])
        for number, points in enumerate(self.drawing.points):
            self._add_points(points, shades[number % len(shades)], SYMBOLS[number % len(SYMBOLS)])
        for box in self.drawing.boxes:
            self._add_box(box)
        for place, what in self.drawing.marks:
            at = float(self.shown(np.array([place]), self.log_x)[0])
            if np.isfinite(at):
                line = pg.InfiniteLine(at, angle=90, pen=pg.mkPen(colours().faint), label=what)
                line.label.setColor(colours().text)
                self._add(line)
        self._place_legend()

    def _shades(self) -> tuple[Sequence[str], Sequence[str]]:
        """Return the colours of the points and of the curves: of several runs one each."""
        if not self._runs:
            return colours().series, colours().series
        series = _colours_for(len(self._runs))
        points = [colour for colour, (number, _) in zip(series, self._runs, strict=True) for _ in range(number)]
        curves = [colour for colour, (_, number) in zip(series, self._runs, strict=True) for _ in range(number)]
        return points, curves

    def _place_legend(self) -> None:
        """Put the legend into the corner where it hides the least."""
        lines: list[Curve | Points] = [*self.drawing.curves, *self.drawing.points]
        if not lines:
            return
        x = np.concatenate([self.shown(one.x, self.log_x) for one in lines])
        y = np.concatenate([self.shown(one.y, self.log_y) for one in lines])
        finite = np.isfinite(x) & np.isfinite(y)
        if not finite.any():
            return
        across, up = (_share(values[finite]) for values in (x, y))
        width, height = LEGEND
        hidden = {
            (right, down): int(
                np.count_nonzero(
                    (across > 1 - width if right else across < width) & (up < height if down else up > 1 - height)
                )
            )
            for down in (0, 1)
            for right in (0, 1)
        }
        corner = min(hidden, key=lambda one: hidden[one])
        right, down = corner
        self._legend.anchor(corner, corner, offset=(-12 if right else 12, -8 if down else 8))

    def _add_raster(self, raster: Raster) -> None:
        known = raster.values[np.isfinite(raster.values)]
        low, high = np.percentile(known, (0.5, 99.5)) if known.size else (0.0, 1.0)
        image = pg.ImageItem(raster.values, axisOrder="row-major", levels=(low, high if high > low else low + 1))
        image.setRect(QRectF(0, 0, raster.width, raster.height))
        self.plot.invertY(True)
        self.plot.setAspectLocked(True)
        self.grid.setVisible(False)
        for button in (self.log_x, self.log_y):
            button.hide()
        self.view.setToolTip(f"{raster.label}: {low:.4g} black, {high:.4g} white")
        self._add(image)

    def _add_box(self, box: Box) -> None:
        pen = pg.mkPen("#e0a000")
        x, y = np.array([0, 1, 1, 0, 0]) * box.width + box.x, np.array([0, 0, 1, 1, 0]) * box.height + box.y
        self._add(pg.PlotDataItem(x, y, pen=pen))
        if box.label:
            text = pg.TextItem(box.label, color="#e0a000")
            text.setPos(box.x, box.y)
            self._add(text)

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
            line = pg.PlotDataItem(x, y, pen=pg.mkPen(colour), name=points.label or None)
            if len(x) > MANY:
                line.setDownsampling(auto=True, method="peak")
                # only of ascending values can what is in sight be cut out
                line.setClipToView(bool(np.all(x[1:] >= x[:-1])))
            self._add(line)
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


def _share(values: Array) -> Array:
    """Return where values lie between their least, 0, and their greatest, 1."""
    low, high = values.min(), values.max()
    shares: Array = (values - low) / ((high - low) or 1.0)
    return shares


def _colours_for(number: int) -> Sequence[str]:
    series = colours().series
    if number <= len(series):
        return series[:number]
    return [pg.intColor(one, hues=number).name() for one in range(number)]


def _line(figure: FigureOfMerit) -> str:
    at = ", ".join(f"{value:g} {unit}" for value, unit in figure.at.values())
    return f"{figure.name.replace('_', ' ')} = {figure}{f' at {at}' if at else ''}"


def example_drawing() -> Drawing:
    """Return a plot that resembles a sensitivity."""
    x = np.linspace(0.2, 2.7, 10)
    return Drawing(
        "Photocurrent density against dose rate",
        "Dose rate (uGy/s)",
        "Photocurrent density (nA/cm2)",
        (Points(x, 13.7 * x, 0.3 + 0 * x, 0.03 * x, "measured"),),
        (Curve(x, 13.7 * x, 13.2 * x, 14.2 * x, "line"),),
        quoted=("sensitivity",),
    )


def _example() -> QWidget:
    figure = FigureOfMerit.normal("sensitivity", 13700.0, "uC/(Gy cm2)", "line", statistical=210.0)
    return DrawingPlot(example_drawing(), [figure])


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(_example)
