"""Lifetimes of a photon-counting decay."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.decay import decay_figures
from analysis.decay_fit import DecayFit
from analysis.figure import FigureOfMerit
from analysis.recombination import recombination_rates
from procedures.drawing import Drawing, Points
from procedures.elsewhere.analysis_only import AnalysisOnly
from procedures.parameters import FloatParameter, IntegerParameter
from procedures.run_data import RunData
from procedures.streams import Stream


class Decay(AnalysisOnly):
    """Lifetimes of a decay: exponentials through the instrument response, both averages, recombination rates."""

    name = "decay"

    components = IntegerParameter("Components", default=2, minimum=1, maximum=4, description="exponentials")
    quantum_yield = FloatParameter(
        "Quantum yield", default=0, minimum=0, maximum=1, description="PLQY for the rates of recombination; 0: none"
    )
    quantum_yield_uncertainty = FloatParameter("Quantum yield's uncertainty", default=0, minimum=0, maximum=1)

    histogram = Stream("histogram", "Decay", bin="s", counts="count", primary=("bin", "counts"))
    response = Stream("response", "Instrument response", bin="s", counts="count", primary=("bin", "counts"))

    def _fit(self, data: RunData) -> tuple[DecayFit | None, list[FigureOfMerit]]:
        seen = data["histogram"]
        measured = None
        if "response" in data.streams and data.records("response"):
            measured = (data["response"]["bin"], data["response"]["counts"])
        return decay_figures(seen["bin"], seen["counts"], measured, components=int(self.components))

    def analyse(self, data: RunData) -> Sequence[FigureOfMerit]:
        """Find lifetimes, averages and, with a quantum yield, rates."""
        _, figures = self._fit(data)
        if not self.quantum_yield:
            return figures
        given = (float(self.quantum_yield), float(self.quantum_yield_uncertainty))
        intensity, amplitude = figures[:2]
        return [
            *figures,
            *recombination_rates(amplitude, *given),
            *recombination_rates(intensity, *given, published=True),
        ]

    def drawings(self, data: RunData) -> Sequence[Drawing]:
        """Draw counts and model on a logarithmic axis."""
        seen = data["histogram"]
        fit, _ = self._fit(data)
        lit = seen["counts"] > 0
        drawn = [Points(seen["bin"][lit] * 1e9, seen["counts"][lit], label="counts", joined=True)]
        if fit is not None:
            # as points of its own, and not as their curve: it lies on them and needs a colour of its own
            drawn.append(Points(fit.times * 1e9, fit.expected, label="model", joined=True))
        return (
            Drawing(
                f"Decay of {data.sample.name if data.sample else 'the sample'}",
                "Time (ns)",
                "Counts a bin",
                drawn,
                log_y=True,
                quoted=("lifetime_intensity_average", "lifetime_amplitude_average"),
            ),
        )
