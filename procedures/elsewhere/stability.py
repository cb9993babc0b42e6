"""What is left of a signal over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.figure import FigureOfMerit
from analysis.stability import ratio_to_monitor, relative_slope, remaining, t95
from config.mistake import UserMistake
from procedures.drawing import Drawing, Points
from procedures.elsewhere.analysis_only import AnalysisOnly
from procedures.run_data import Array, RunData
from procedures.streams import Stream


class Stability(AnalysisOnly):
    """What is left of any signal over time, over that of a monitor where there is one."""

    name = "stability"

    series = Stream("series", "Signal over time", elapsed="s", signal="1", monitor="1", primary=("elapsed", "signal"))

    def _ratio(self, data: RunData) -> tuple[Array, Array]:
        series = data["series"]
        if not np.isfinite(series["monitor"]).all():
            return series["elapsed"], series["signal"]
        return series["elapsed"], ratio_to_monitor(series["signal"], series["monitor"])

    def analyse(self, data: RunData) -> Sequence[FigureOfMerit]:
        """Find what is left, the time to 95 % and the slope."""
        elapsed, ratio = self._ratio(data)
        try:
            return [remaining(elapsed, ratio), t95(elapsed, ratio), relative_slope(elapsed, ratio)]
        except ValueError as mistake:
            raise UserMistake(f"stability: {mistake}") from mistake

    def drawings(self, data: RunData) -> Sequence[Drawing]:
        """Draw the course."""
        elapsed, ratio = self._ratio(data)
        start = float(ratio[: max(1, len(ratio) // 20)].mean()) or 1.0
        return (
            Drawing(
                "Signal over time",
                "Time (h)",
                "Signal (% of the start)",
                (Points(elapsed / 3600, ratio / start * 100),),
                quoted=("remaining", "t95"),
            ),
        )
