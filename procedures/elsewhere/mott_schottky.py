"""Built-in potential of a junction from its capacitance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.figure import FigureOfMerit
from analysis.mott_schottky import MottSchottky, mott_schottky
from config.mistake import UserMistake
from procedures.drawing import Curve, Drawing, Points
from procedures.elsewhere.analysis_only import AnalysisOnly
from procedures.parameters import FloatParameter
from procedures.run_data import RunData
from procedures.streams import Stream


class CapacitanceVoltage(AnalysisOnly):
    """Built-in potential and doping density from capacitance against voltage (Mott-Schottky)."""

    name = "mott-schottky"
    needs_sample = ("area_cm2", "relative_permittivity")

    window_start = FloatParameter(
        "Window start", units="V", default=0, minimum=-1000, maximum=1000, description="both ends 0: found"
    )
    window_end = FloatParameter("Window end", units="V", default=0, minimum=-1000, maximum=1000)
    temperature = FloatParameter("Temperature", units="K", default=295, minimum=4, maximum=1000)

    curve = Stream("curve", "Capacitance against voltage", bias="V", capacitance="F", primary=("bias", "capacitance"))

    def _plot(self, data: RunData) -> MottSchottky:
        sample = data.sample
        if sample is None or sample.area_m2 is None or sample.area_cm2 is None or sample.relative_permittivity is None:
            raise UserMistake("mott-schottky needs a sample with area_cm2 and relative_permittivity")
        window = (float(self.window_start), float(self.window_end)) if self.window_end > self.window_start else None
        return mott_schottky(
            data["curve"]["bias"],
            data["curve"]["capacitance"],
            sample.area_m2,
            sample.thickness_m,
            sample.relative_permittivity,
            window_v=window,
            temperature=float(self.temperature),
            area_uncertainty=sample.area_uncertainty_cm2 / sample.area_cm2,
        )

    def analyse(self, data: RunData) -> Sequence[FigureOfMerit]:
        """Find potential and doping."""
        return self._plot(data).figures

    def drawings(self, data: RunData) -> Sequence[Drawing]:
        """Draw 1/C2 against voltage with its line."""
        plot = self._plot(data)
        scale = 1e8 * 1e-18  # m4/F2 to cm4/nF2
        lines: tuple[Curve, ...] = ()
        if plot.line is not None:
            ends = np.array([plot.line.x.min(), -plot.line.intercept / plot.line.slope])
            lines = (Curve(ends, (plot.line.intercept + plot.line.slope * ends) * scale, label="line"),)
        return (
            Drawing(
                "Mott-Schottky plot",
                "Voltage (V)",
                "1/C2 (cm4/nF2)",
                (Points(plot.voltage, np.asarray(plot.ordinate) * scale),),
                lines,
                quoted=("built_in_potential",),
            ),
        )
