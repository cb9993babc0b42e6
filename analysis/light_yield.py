"""Light yield of a scintillator against a reference that was measured in the same place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.attenuation import absorbed_fraction
from analysis.checked_arrays import finite_vector, matching_vector, positive_number
from analysis.figure import NORMAL_95, FigureOfMerit
from analysis.net_spectrum import pixel_noise
from analysis.tube_spectrum import TubeSpectrum

METHOD = "LY_ref (N/N_ref) (E_abs,ref/E_abs) (eta_ref/eta)"


@dataclass(frozen=True)
class Absorber:
    """What of a sample takes energy out of the beam.

    Parameters
    ----------
    composition, density, thickness
        Formula, kg/m3, m.
    thickness_uncertainty
        Standard uncertainty, m.
    """

    composition: str
    density: float
    thickness: float
    thickness_uncertainty: float = 0.0

    def share(self, spectrum: TubeSpectrum) -> tuple[float, float]:
        """Share of the beam's energy that is absorbed, and its standard uncertainty from the thickness."""
        share = absorbed_fraction(spectrum, self.composition, self.density, self.thickness)
        step = max(self.thickness_uncertainty, 1e-6 * self.thickness)
        thicker = absorbed_fraction(spectrum, self.composition, self.density, self.thickness + step)
        return share, (thicker - share) / step * self.thickness_uncertainty

    def __str__(self) -> str:
        return f"{self.thickness * 1e6:.4g} um of {self.composition} at {self.density / 1e3:.4g} g/cm3"


def photon_count(
    wavelengths_nm: npt.ArrayLike, counts: npt.ArrayLike, response: npt.ArrayLike | None = None
) -> tuple[float, float]:
    """Sum of the photons of an emission spectrum and its standard uncertainty, from dark-subtracted counts a pixel.

    Parameters
    ----------
    wavelengths_nm, counts
        (n) at least 16.
    response
        (n) relative counts per photon; None when the counts are proportional to photons.

    Raises
    ------
    ValueError
        If the arrays do not match or a response is not positive.
    """
    wavelengths = finite_vector("wavelengths_nm", wavelengths_nm, 16)
    seen = matching_vector("counts", counts, wavelengths, "wavelengths_nm")
    noise = pixel_noise(seen)
    if response is not None:
        sensitivity = matching_vector("response", response, wavelengths, "wavelengths_nm")
        if np.any(sensitivity <= 0):
            raise ValueError("response holds a value that is not above zero: cut the spectra to where it is known")
        seen, noise = seen / sensitivity, noise / sensitivity
    return float(seen.sum()), float(np.sqrt(np.sum(noise**2)))


def light_yield(
    photons: tuple[float, float],
    reference_photons: tuple[float, float],
    reference_yield: tuple[float, float],
    spectrum: TubeSpectrum,
    absorber: Absorber,
    reference_absorber: Absorber,
    *,
    efficiency_ratio: tuple[float, float] | None = None,
) -> FigureOfMerit:
    """Photons per MeV that was absorbed.

    Parameters
    ----------
    photons, reference_photons
        N of sample and reference in the same time at the same dose rate, with standard uncertainty; any common scale.
    reference_yield
        LY of the reference, photons/MeV, with standard uncertainty.
    spectrum
        Of the beam at the samples.
    absorber, reference_absorber
        What counts as absorber of each.
    efficiency_ratio
        eta_ref/eta, the shares of the light that leave the sample and are collected, with standard uncertainty; None
        takes 1 and says so.

    Returns
    -------
    FigureOfMerit
        `light_yield`, photons/MeV. Refused when the reference gave no light.

    Raises
    ------
    ValueError
        If a formula, density, thickness, yield or ratio is out of its range.
    """
    positive_number("reference yield", reference_yield[0])
    ratio = efficiency_ratio or (1.0, 0.0)
    positive_number("efficiency ratio", ratio[0])
    method = f"{METHOD}; absorbers: {absorber}, reference {reference_absorber}"
    if not reference_photons[0] > 3.0 * reference_photons[1]:
        return FigureOfMerit.refused("light_yield", "photons/MeV", method, "the reference gave no significant light")
    own, own_error = absorber.share(spectrum)
    other, other_error = reference_absorber.share(spectrum)
    scale = reference_yield[0] / reference_photons[0] * other / own * ratio[0]
    value = scale * photons[0]
    statistical = float(np.hypot(scale * photons[1], value * reference_photons[1] / reference_photons[0]))
    relative = [reference_yield[1] / reference_yield[0], own_error / own, other_error / other, ratio[1] / ratio[0]]
    systematic = abs(value) * float(np.linalg.norm(relative))
    warnings = ["every photon that interacts counts with its whole energy: fluorescence that leaves is not taken off"]
    if efficiency_ratio is None:
        warnings.append("eta_ref/eta is taken as 1: light is not corrected for how much of it leaves each sample")
    if reference_yield[1] == 0.0:
        warnings.append("the reference's light yield counts as exact: its uncertainty was not given")
    error = float(np.hypot(statistical, systematic))
    return FigureOfMerit(
        "light_yield",
        value,
        error,
        (value - NORMAL_95 * error, value + NORMAL_95 * error),
        "photons/MeV",
        method,
        tuple(warnings),
        statistical=statistical,
        systematic=systematic,
        details={"absorbed_share": own, "reference_absorbed_share": other, "mean_energy_kev": spectrum.mean_energy_kev},
    )
