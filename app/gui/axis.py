"""An axis whose logarithmic ticks can be read."""

from __future__ import annotations

import math
from typing import Any

import pyqtgraph as pg  # type: ignore[import-untyped]

NAMED = ((0.5, tuple(range(1, 10))), (2.0, (1, 2, 5)), (math.inf, (1,)))
"""Up to how many decades in sight which multiples of a power of ten have a number"""

FEW_DECADES = 2.0
"""In sight: beyond, a grid has lines at the powers of ten alone"""


class Axis(pg.AxisItem):
    """An axis as pyqtgraph's, which writes a number at each of the nine ticks of a decade, one over the other."""

    def logTickStrings(  # noqa: N802  (pyqtgraph's name)
        self, values: list[float], scale: float, spacing: float
    ) -> list[str]:
        """Return the numbers at ticks, empty where there is none."""
        low, high = self.range
        named = next(multiples for decades, multiples in NAMED if abs(high - low) <= decades)
        strings: list[str] = super().logTickStrings(values, scale, spacing)
        return [text if _leading(value) in named else "" for value, text in zip(values, strings, strict=True)]

    def lines(self, low: float, high: float) -> list[float]:
        """Return where the lines of a grid belong: at the ticks, of many decades at the powers of ten."""
        size = self.geometry().width() if self.orientation == "bottom" else self.geometry().height()
        levels: list[Any] = self.tickValues(min(low, high), max(low, high), size) if size > 0 else []
        many = self.logMode and abs(high - low) > FEW_DECADES
        return [float(value) for _, values in levels[: 1 if many else 2] for value in values]


def _leading(exponent: float) -> int:
    """Return the first digit of ten to the power of this, of which there is only the one."""
    return round(math.pow(10.0, exponent - math.floor(exponent + 1e-9)))


def plot_widget() -> pg.PlotWidget:
    """Make a plot with such axes, and without pyqtgraph's menu, which costs a third of the time to make it."""
    return pg.PlotWidget(axisItems={side: Axis(side) for side in ("bottom", "left")}, enableMenu=False)
