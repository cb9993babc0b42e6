"""The spectrometer live."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg  # type: ignore[import-untyped]
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSpinBox, QVBoxLayout, QWidget

from app.gui.hand_card import spin
from app.gui.live_exposure import Exposing
from app.gui.orders import BenchFacts, Live
from app.gui.read_out_plot import ReadOutPlot
from app.gui.theme import colours, mark


class SpectrumPlot(ReadOutPlot):
    """The last spectrum."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._live: Live | None = None
        self._curve = pg.PlotDataItem(pen=pg.mkPen(colours().series[0]))
        self.plot.addItem(self._curve)
        self.log_x.hide()
        self.set_labels(("Wavelength (nm)", ""), ("Counts", ""))

    def recolour(self) -> None:
        """Take the colours in use."""
        self._curve.setPen(pg.mkPen(colours().series[0]))
        super().recolour()

    def show_live(self, live: Live) -> None:
        """Show a spectrum."""
        self._live = live
        self.redraw()

    def redraw(self) -> None:
        """Draw on the axes as they are."""
        live = getattr(self, "_live", None)
        if live is not None and live.axis is not None:
            self._curve.setData(live.axis, self.shown(np.asarray(live.values, dtype=float), self.log_y))


class SpectrometerCard(QWidget):
    """Integration time, averages, and the spectrum again and again or once."""

    live_wanted = Signal(str, object)
    """The role, and `Exposing` or None"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.milliseconds = spin(1, 1000, 100, "ms", 1)
        self.milliseconds.setAccessibleName("Integration time")
        self.averages = QSpinBox()
        self.averages.setRange(1, 1000)
        self.averages.setAccessibleName("Averages")
        self.live = QPushButton("Live")
        self.live.setCheckable(True)
        self.once = QPushButton("Once")
        self.facts = QLabel()
        self.plot = SpectrumPlot()
        row = QHBoxLayout()
        for widget in (
            QLabel("Integration time"),
            self.milliseconds,
            QLabel("Averages"),
            self.averages,
            self.live,
            self.once,
            self.facts,
        ):
            row.addWidget(widget)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.addLayout(row)
        column.addWidget(self.plot, 1)
        self.live.toggled.connect(self._tell)
        self.milliseconds.valueChanged.connect(self._change)
        self.averages.valueChanged.connect(self._change)
        self.once.clicked.connect(self._tell_once)

    def show_bench(self, facts: BenchFacts) -> None:
        """Take over the instrument's integration times."""
        low, high = facts.ranges.get("spectrometer", (1e-3, 10.0))
        self.milliseconds.setRange(low * 1e3, high * 1e3)

    def show_live(self, live: Live) -> None:
        """Show what came; nothing means that it has ended."""
        if not live.values.size:
            self.end()
            return
        self.plot.show_live(live)
        most = float(np.max(live.values))
        saturated = f", {live.saturated} pixels SATURATED" if live.saturated else ""
        self.facts.setText(f"highest {most:.0f} of {live.full_scale:.0f} counts{saturated}")
        mark(self.facts, "tone", "warning" if live.saturated else "faint")

    def end(self) -> None:
        """Take note that nobody exposes any more."""
        blocked = self.live.blockSignals(True)
        self.live.setChecked(False)
        self.live.blockSignals(blocked)

    def _exposing(self, *, once: bool = False) -> Exposing:
        return Exposing(self.milliseconds.value() * 1e-3, self.averages.value(), once=once)

    def _tell(self, on: bool) -> None:
        self.live_wanted.emit("spectrometer", self._exposing() if on else None)

    def _change(self) -> None:
        if self.live.isChecked():
            self._tell(True)

    def _tell_once(self) -> None:
        self.end()
        self.live_wanted.emit("spectrometer", self._exposing(once=True))


def _example() -> QWidget:
    axis = np.linspace(350, 1000, 2048)
    card = SpectrometerCard()
    card.show_live(Live("spectrometer", 1500 + 30_000 * np.exp(-(((axis - 526) / 9) ** 2) / 2), axis, 0, 65535))
    return card


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(_example)
