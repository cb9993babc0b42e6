"""What the sample of a run could give without gain: as published, and from the run's own spectrum."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.figure import FigureOfMerit
from analysis.theoretical_sensitivity import (
    UNIT,
    normalized_sensitivity,
    pair_creation_energy,
    theoretical_sensitivity_published,
    theoretical_sensitivity_spectral,
)
from analysis.tube_spectrum import TubeSpectrum, tube_spectrum
from config.bench_file import Geometry
from procedures.run_data import RunData


@dataclass(frozen=True)
class Theoretical:
    """A theoretical sensitivity, and the name of the ratio to it."""

    figure: FigureOfMerit
    ratio_name: str = ""
    """Empty for one that nothing is divided by."""

    def normalized(self, sensitivity: FigureOfMerit) -> FigureOfMerit | None:
        """Return the measured over this sensitivity; None where no such ratio is quoted."""
        if not self.ratio_name:
            return None
        return normalized_sensitivity(sensitivity, self.figure).renamed(self.ratio_name)


def beam_spectrum(kilovolts: float, geometry: Geometry) -> TubeSpectrum:
    """Return the spectrum of the run's tube behind the filters of its geometry.

    Raises
    ------
    ValueError
        If a filter material is unknown or the voltage outside the model's range.
    """
    filters = [(sheet.material, sheet.thickness_mm * 1e-3) for sheet in geometry.filters]
    return tube_spectrum(kilovolts, filters, geometry.anode_angle_deg, geometry.distance_m)


def theoretical_figures(data: RunData) -> list[Theoretical]:
    """Return the theoretical sensitivities of a run.

    Parameters
    ----------
    data
        With ``tube_voltage`` among its parameters.
    """
    sample = data.sample
    method = "(phi/X) E beta e eta / W"
    if sample is None or sample.band_gap_ev is None:
        reason = "the sample file gives no band_gap_ev, so that the pair creation energy is not known"
        return [
            Theoretical(FigureOfMerit.refused("s0_published", UNIT, method, reason)),
            Theoretical(FigureOfMerit.refused("s0_spectral", UNIT, method, reason), "normalized_sensitivity"),
        ]
    pair = pair_creation_energy(sample.band_gap_ev).value
    assert pair is not None  # noqa: S101  (a gap above zero always gives one)
    found = [
        Theoretical(
            theoretical_sensitivity_published(pair_energy_ev=round(pair, 2)), "normalized_sensitivity_published"
        )
    ]
    try:
        spectrum = beam_spectrum(float(data.parameters["tube_voltage"]), data.geometry)
    except ValueError as error:
        refusal = FigureOfMerit.refused("s0_spectral", UNIT, "tube spectrum (SpekPy)", str(error))
        return [*found, Theoretical(refusal, "normalized_sensitivity")]
    found.append(Theoretical(theoretical_sensitivity_spectral(spectrum, sample.band_gap_ev), "normalized_sensitivity"))
    absorbed = theoretical_sensitivity_spectral(
        spectrum, sample.band_gap_ev, sample.composition, sample.density_g_cm3 * 1e3, sample.thickness_m
    )
    return [*found, Theoretical(absorbed.renamed("s0_spectral_absorbed"))]
