"""How often each grey value occurs in a frame, and the levels between which it is drawn."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg  # type: ignore[import-untyped]
from PySide6.QtCore import Signal

from app.gui.theme import colours

BINS = 128


class LevelsHistogram(pg.PlotItem):
    """A histogram that stands upright, with a region that is dragged.

    pyqtgraph's own imports matplotlib for its menu, which takes a second.
    """

    levels_moved = Signal(float, float)
    """By hand"""

    def __init__(self) -> None:
        super().__init__()
        self._showing = False
        self._bars = pg.BarGraphItem(x0=[0], y0=[0], width=[0], height=[1], pen=None, brush=colours().accent)
        self._region = pg.LinearRegionItem(orientation="horizontal", brush=pg.mkBrush(128, 128, 128, 50))
        self._region.sigRegionChanged.connect(self._tell)
        self.addItem(self._bars)
        self.addItem(self._region)
        self.setMenuEnabled(False)
        self.hideButtons()
        self.setMaximumWidth(150)
        self.setMinimumWidth(110)
        self.getAxis("bottom").setStyle(showValues=False)
        self.setLabel("bottom", "How often (log)")
        self.getAxis("left").enableAutoSIPrefix(False)

    def recolour(self) -> None:
        """Take the colours in use."""
        self._bars.setOpts(brush=colours().accent)

    @property
    def levels(self) -> tuple[float, float]:
        """The values that are drawn darkest and brightest."""
        low, high = self._region.getRegion()
        return float(low), float(high)

    def show_pixels(self, sampled: np.ndarray[tuple[int, ...], np.dtype[np.float64]], low: float, high: float) -> None:
        """Show how the values of some pixels are spread, and the levels."""
        counts, edges = np.histogram(sampled, BINS)
        width = np.log10(1.0 + counts)
        self._bars.setOpts(x0=np.zeros(BINS), y0=edges[:-1], width=width, height=np.diff(edges))
        self.set_levels(low, high)

    def set_levels(self, low: float, high: float) -> None:
        """Put the region somewhere; nobody is told."""
        self._showing = True
        self._region.setRegion((low, high))
        self._showing = False

    def _tell(self) -> None:
        if not self._showing:
            self.levels_moved.emit(*self.levels)
