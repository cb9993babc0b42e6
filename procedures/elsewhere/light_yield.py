"""Light yield from the spectra of a sample and of a reference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.figure import FigureOfMerit
from analysis.light_yield import Absorber, light_yield, photon_count
from config.mistake import UserMistake
from procedures.drawing import Drawing, Points
from procedures.elsewhere.analysis_only import AnalysisOnly
from procedures.parameters import FloatParameter, Parameter
from procedures.run_data import RunData
from procedures.streams import Stream
from procedures.theoretical_sensitivity import beam_spectrum


class LightYield(AnalysisOnly):
    """Light yield against a reference scintillator that was measured in the same place and beam."""

    name = "light-yield"
    needs_sample = ("thickness_um",)

    tube_voltage = FloatParameter("Tube voltage", units="kV", default=50, minimum=10, maximum=300)
    reference_yield = FloatParameter(
        "Reference yield",
        units="1/MeV",
        default=25_000,
        minimum=1,
        maximum=1e7,
        description="LuAG:Ce: as its maker says",
    )
    reference_yield_uncertainty = FloatParameter(
        "Reference yield's uncertainty", units="1/MeV", default=0, minimum=0, maximum=1e7
    )
    reference_composition = Parameter("Reference composition", default="Lu3Al5O12", description="formula")
    reference_density = FloatParameter("Reference density", units="g/cm3", default=6.73, minimum=0.01, maximum=30)
    reference_thickness = FloatParameter("Reference thickness", units="um", default=1000, minimum=0.01, maximum=1e6)
    efficiency_ratio = FloatParameter(
        "Efficiency ratio",
        default=0,
        minimum=0,
        maximum=100,
        description="eta_ref/eta of light collection; 0: not known",
    )
    efficiency_ratio_uncertainty = FloatParameter("Efficiency ratio's uncertainty", default=0, minimum=0, maximum=100)

    spectra = Stream(
        "spectra",
        "Emission of sample and reference",
        wavelength="nm",
        sample="count",
        reference="count",
        response="1",
        primary=("wavelength", "sample"),
    )

    def analyse(self, data: RunData) -> Sequence[FigureOfMerit]:
        """Compare the photons, and the energies that were absorbed."""
        sample, seen = data.sample, data["spectra"]
        if sample is None:
            raise UserMistake("light-yield needs a sample: its composition, density and thickness say what it absorbs")
        if not self.reference_yield:
            raise UserMistake("light-yield needs the reference's own yield: --set reference_yield='25000 1/MeV'")
        if not data.settings.get("import", {}).get("beam_known"):
            raise UserMistake(
                "light-yield needs the beam: --set tube_voltage='50 kV' and --set filters=Al:0.4mm, or none"
            )
        response = seen["response"] if np.isfinite(seen["response"]).all() else None
        ratio = None
        if self.efficiency_ratio:
            ratio = (float(self.efficiency_ratio), float(self.efficiency_ratio_uncertainty))
        try:
            figure = light_yield(
                photon_count(seen["wavelength"], seen["sample"], response),
                photon_count(seen["wavelength"], seen["reference"], response),
                (float(self.reference_yield), float(self.reference_yield_uncertainty)),
                beam_spectrum(float(self.tube_voltage), data.geometry),
                Absorber(
                    sample.composition,
                    sample.density_g_cm3 * 1e3,
                    sample.thickness_m,
                    sample.thickness_uncertainty_um * 1e-6,
                ),
                Absorber(
                    str(self.reference_composition),
                    float(self.reference_density) * 1e3,
                    float(self.reference_thickness) * 1e-6,
                ),
                efficiency_ratio=ratio,
            )
        except ValueError as mistake:
            raise UserMistake(f"light-yield: {mistake}") from mistake
        if response is None:
            figure = figure.with_warnings("counts are taken for photons: no response of the spectrometer was given")
        return [figure]

    def drawings(self, data: RunData) -> Sequence[Drawing]:
        """Draw the two spectra."""
        seen = data["spectra"]
        drawn = [Points(seen["wavelength"], seen[name], label=name, joined=True) for name in ("sample", "reference")]
        return (Drawing("Emission under the beam", "Wavelength (nm)", "Counts", drawn, quoted=("light_yield",)),)
