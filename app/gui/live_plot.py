"""The scalars of a stream while they are measured: points with error bars, any column against any other."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg  # type: ignore[import-untyped]
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QComboBox, QLabel, QWidget

from app.gui.read_out_plot import Array, ReadOutPlot
from app.gui.stream_buffer import StreamBuffer
from app.gui.theme import colours
from app.gui.thinning import BLOCK, Indices, outline, visible_part
from procedures.drawing import quantity_with_unit

BARS_UP_TO = 600
"""Points; beyond, bars and symbols would only be a smear, and a line is drawn"""

VIEW_SETTLES = 30
"""ms from a change of what is in sight to the points that belong to it"""


class LivePlot(ReadOutPlot):
    """Points of one stream; the columns can be chosen while it runs.

    Parameters
    ----------
    buffer
        That is filled by whoever hears the records; `redraw` shows what is in it.
    """

    def __init__(self, buffer: StreamBuffer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._buffer = buffer
        stream = buffer.stream
        self._units = {"time": "s", **stream.scalars}
        named = [name for name in self._units if not name.endswith("_errors")]
        self.x_choice, self.y_choice = QComboBox(), QComboBox()
        for box, name in ((self.y_choice, stream.primary[1]), (self.x_choice, stream.primary[0])):
            for one in named:
                box.addItem(quantity_with_unit(one, ""), one)
            box.setCurrentIndex(max(0, box.findData(name)))
            box.currentIndexChanged.connect(self._choose)
        for place, widget in enumerate((self.y_choice, QLabel("against"), self.x_choice)):
            self.buttons.insertWidget(place, widget)
        self._bars = pg.ErrorBarItem(beam=0.0)
        self._points = pg.PlotDataItem()
        self.plot.addItem(self._bars)
        self.plot.addItem(self._points)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(VIEW_SETTLES)
        self._settle.timeout.connect(self.redraw)
        self.plot.vb.sigXRangeChanged.connect(self._follow_view)
        self._choose()

    @property
    def points_shown(self) -> int:
        """How many points there are."""
        return self._buffer.rows

    def _choose(self) -> None:
        x, y = self.x_choice.currentData(), self.y_choice.currentData()
        self.set_labels((quantity_with_unit(x, ""), self._units[x]), (quantity_with_unit(y, ""), self._units[y]))
        self.fit_view()
        self.redraw()

    def redraw(self) -> None:
        """Draw what is in the buffer: every point, or the outline where there are more than can be seen."""
        if not hasattr(self, "_bars"):
            return
        name_x, name_y = self.x_choice.currentData(), self.y_choice.currentData()
        x, y = self._buffer.column(name_x), self._buffer.column(name_y)
        colour = colours().series[0]
        many = len(x) > BARS_UP_TO
        if many:
            chosen = self._outline(x, y, name_y, ascending=self._buffer.ascending(name_x))
            # a smooth line through thousands of points costs ten times what it shows
            self._points.setData(
                self.shown(x[chosen], self.log_x),
                self.shown(y[chosen], self.log_y),
                pen=pg.mkPen(colour),
                symbol=None,
                antialias=False,
            )
            self._bars.setData(x=None, y=None)
            return
        seen_x, seen_y = self.shown(x, self.log_x), self.shown(y, self.log_y)
        self._points.setData(
            seen_x,
            seen_y,
            pen=pg.mkPen(colour) if name_x == "time" else None,
            symbol="o",
            symbolSize=7,
            symbolBrush=colour,
            symbolPen=None,
            antialias=True,
        )
        finite = np.isfinite(seen_x) & np.isfinite(seen_y)
        if not finite.any():
            self._bars.setData(x=None, y=None)
            return
        y_bars = self._ends(y, self._buffer.errors(name_y), self.log_y, finite)
        x_bars = self._ends(x, self._buffer.errors(name_x), self.log_x, finite)
        self._bars.setData(
            x=seen_x[finite],
            y=seen_y[finite],
            bottom=y_bars[0],
            top=y_bars[1],
            left=x_bars[0],
            right=x_bars[1],
            pen=pg.mkPen(colour),
        )

    def _outline(self, x: Array, y: Array, name_y: str, *, ascending: bool) -> Indices:
        """Choose the points to draw: those in sight, as many as there are pixels to show them."""
        pixels = max(200, round(self.plot.vb.width()))
        follows, _ = self.plot.vb.autoRangeEnabled()
        if not ascending:
            return outline(x, y, pixels, ascending=False)
        if follows:
            return self._outline_of_part(x, y, name_y, slice(0, len(x)), pixels)
        low, high = self.plot.vb.viewRange()[0]
        if self.log_x.isChecked():
            low, high = 10**low, 10**high
        # as much again on both sides, so that there is something to see while the plot is dragged
        part = visible_part(x, low - (high - low), high + (high - low))
        return self._outline_of_part(x, y, name_y, part, 3 * pixels)

    def _outline_of_part(self, x: Array, y: Array, name_y: str, part: slice, groups: int) -> Indices:
        if part.stop - part.start < 4 * BLOCK * groups:
            near: Indices = outline(x[part], y[part], groups, ascending=True) + part.start
            return near
        rows = self._buffer.extremes(name_y)
        rows = rows[slice(*np.searchsorted(rows, (part.start, part.stop)))]
        far: Indices = rows[outline(x[rows], y[rows], groups, ascending=True)]
        return far

    def _follow_view(self) -> None:
        follows, _ = self.plot.vb.autoRangeEnabled()
        # a view that follows the points changes because of them
        if not follows and self._buffer.rows > BARS_UP_TO and not self._settle.isActive():
            self._settle.start()

    def _ends(
        self, values: Array, errors: Array | None, button: object, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]
    ) -> tuple[Array | None, Array | None]:
        """Return how far the bars reach down and up, on the axis as it is."""
        if errors is None:
            return None, None
        return bar_lengths(values[chosen], errors[chosen], log=button.isChecked())  # type: ignore[attr-defined]


def bar_lengths(values: Array, errors: Array, *, log: bool) -> tuple[Array, Array]:
    """Return the lengths of error bars below and above, on a linear or a logarithmic axis."""
    size = np.nan_to_num(errors)
    if not log:
        return size, size
    below = np.log10(values) - np.log10(np.maximum(values - size, values * 1e-2))
    return below, np.log10(values + size) - np.log10(values)


def _example() -> QWidget:
    from app.engine.events import Recorded
    from procedures.streams import Scalar, Stream

    generator = np.random.default_rng(1)
    buffer = StreamBuffer(
        Stream(
            "sweep",
            dose_rate=Scalar("Gy/s", errors=True),
            signal=Scalar("nA/cm2", errors=True),
            primary=("dose_rate", "signal"),
        )
    )
    rates = np.linspace(7e-8, 2.7e-6, 12)
    buffer.add(
        Recorded(
            "sweep",
            float(i),
            {
                "dose_rate": rate,
                "dose_rate_errors": 0.02 * rate,
                "signal": 1.37e10 * rate / 1e6 + generator.normal(),
                "signal_errors": 1.0,
            },
        )
        for i, rate in enumerate(rates)
    )
    return LivePlot(buffer)


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(_example)
