"""Optical gap of an absorption spectrum."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.figure import FigureOfMerit
from analysis.tauc import TaucLine, absorbance, kubelka_munk, tauc_gap
from procedures.drawing import Curve, Drawing, Points
from procedures.elsewhere.analysis_only import AnalysisOnly
from procedures.parameters import FloatParameter
from procedures.run_data import Array, RunData
from procedures.streams import Stream

TRANSITIONS = ("direct", "indirect")


class Tauc(AnalysisOnly):
    """Direct and indirect optical gap from absorbance, transmittance or diffuse reflectance."""

    name = "tauc"

    window_start = FloatParameter("Window start", units="eV", default=0, minimum=0, maximum=20, description="0: found")
    window_end = FloatParameter("Window end", units="eV", default=0, minimum=0, maximum=20, description="0: found")
    wavelength_uncertainty = FloatParameter(
        "Wavelength uncertainty", units="nm", default=0, minimum=0, maximum=50, description="of the spectrometer"
    )

    absorption = Stream(
        "absorption",
        "Absorption spectrum",
        wavelength="nm",
        absorbance="1",
        transmittance="1",
        reflectance="1",
        primary=("wavelength", "absorbance"),
    )

    def _absorption(self, data: RunData) -> tuple[Array, Array]:
        """Return wavelengths and absorption, from whichever of the three was measured."""
        seen = data["absorption"]
        absorbed = seen["absorbance"]
        if np.isfinite(seen["transmittance"]).all():
            absorbed = absorbance(seen["transmittance"])
        elif np.isfinite(seen["reflectance"]).all():
            absorbed = kubelka_munk(seen["reflectance"])
        return seen["wavelength"], absorbed

    def _gaps(self, data: RunData) -> list[tuple[TaucLine | None, FigureOfMerit]]:
        wavelengths, absorbed = self._absorption(data)
        window = (float(self.window_start), float(self.window_end)) if self.window_end > self.window_start else None
        return [
            tauc_gap(
                wavelengths,
                absorbed,
                "direct" if one == "direct" else "indirect",
                window_ev=window,
                wavelength_uncertainty_nm=float(self.wavelength_uncertainty),
            )
            for one in TRANSITIONS
        ]

    def analyse(self, data: RunData) -> Sequence[FigureOfMerit]:
        """Find the direct and the indirect gap."""
        return [figure for _, figure in self._gaps(data)]

    def drawings(self, data: RunData) -> Sequence[Drawing]:
        """Draw the two plots with their lines."""
        drawn = []
        for transition, (line, _) in zip(TRANSITIONS, self._gaps(data), strict=True):
            if line is None:
                continue
            ends = np.array([line.gap, line.window[1]])
            drawn.append(
                Drawing(
                    f"Tauc plot, {transition} transition",
                    "Photon energy (eV)",
                    "(Absorption x energy)^n over the largest",
                    (Points(line.energy, line.ordinate, label="measured", joined=True),),
                    (Curve(ends, line.intercept + line.slope * ends, label="line"),),
                    quoted=(f"gap_{transition}",),
                )
            )
        return drawn
