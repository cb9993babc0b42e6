"""Photoluminescence quantum yield from three spectra of an integrating sphere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.figure import FigureOfMerit
from analysis.plqy import quantum_yield
from config.mistake import UserMistake
from procedures.drawing import Drawing, Points
from procedures.elsewhere.analysis_only import AnalysisOnly
from procedures.parameters import FloatParameter
from procedures.run_data import RunData
from procedures.streams import Stream


class QuantumYield(AnalysisOnly):
    """Quantum yield from three spectra: empty sphere, sample beside the beam, sample in the beam."""

    name = "plqy"

    excitation_start = FloatParameter("Excitation from", units="nm", default=395, minimum=100, maximum=5000)
    excitation_end = FloatParameter("Excitation to", units="nm", default=415, minimum=100, maximum=5000)
    emission_start = FloatParameter("Emission from", units="nm", default=450, minimum=100, maximum=5000)
    emission_end = FloatParameter("Emission to", units="nm", default=650, minimum=100, maximum=5000)
    self_absorption = FloatParameter(
        "Self-absorption", default=0, minimum=0, maximum=0.99, description="share of the emission absorbed again"
    )

    spectra = Stream(
        "spectra",
        "Spectra in the integrating sphere",
        wavelength="nm",
        empty="count",
        beside="count",
        direct="count",
        response="1",
        primary=("wavelength", "direct"),
    )

    def analyse(self, data: RunData) -> Sequence[FigureOfMerit]:
        """Find yield and absorption."""
        seen = data["spectra"]
        known = bool(np.isfinite(seen["response"]).all())
        try:
            return quantum_yield(
                seen["wavelength"],
                seen["empty"],
                seen["beside"],
                seen["direct"],
                (float(self.excitation_start), float(self.excitation_end)),
                (float(self.emission_start), float(self.emission_end)),
                response=seen["response"] if known else None,
                self_absorption=float(self.self_absorption),
            )
        except ValueError as mistake:
            raise UserMistake(f"plqy: {mistake}") from mistake

    def drawings(self, data: RunData) -> Sequence[Drawing]:
        """Draw the three spectra."""
        seen = data["spectra"]
        names = {"empty": "empty sphere", "beside": "sample beside the beam", "direct": "sample in the beam"}
        drawn = [Points(seen["wavelength"], seen[key], label=name, joined=True) for key, name in names.items()]
        return (
            Drawing("Integrating sphere", "Wavelength (nm)", "Counts a pixel", drawn, quoted=("plqy", "absorption")),
        )
