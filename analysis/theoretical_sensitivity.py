"""What a detector without gain could give at most, as papers compute it and as the spectrum says."""

from __future__ import annotations

import numpy as np

from analysis.attenuation import absorbed_fraction
from analysis.checked_arrays import positive_number
from analysis.figure import NORMAL_95, FigureOfMerit
from analysis.tube_spectrum import GRAY_PER_MILLIROENTGEN, TubeSpectrum, air_fluence_per_milliroentgen

#: Elementary charge in C: CODATA, and the rounded one that papers use.
ELEMENTARY_CHARGE = 1.602176634e-19
ROUNDED_CHARGE = 1.6e-19
#: Standard uncertainty of the rule for the pair creation energy, eV.
PAIR_ENERGY_UNCERTAINTY = 0.2
UNIT = "uC/(Gy cm2)"


def pair_creation_energy(gap_ev: float) -> FigureOfMerit:
    """Energy spent per electron-hole pair: W = 2 Eg + 1.43 eV, +- 0.2 eV.

    Parameters
    ----------
    gap_ev
        Band gap, eV.

    Raises
    ------
    ValueError
        If the gap is not positive.
    """
    gap = positive_number("gap_ev", gap_ev)
    return FigureOfMerit.normal(
        "pair_creation_energy",
        2.0 * gap + 1.43,
        "eV",
        "W = 2 Eg + 1.43 eV, the rule's own scatter 0.2 eV",
        systematic=PAIR_ENERGY_UNCERTAINTY,
        details={"gap_ev": gap},
    )


def theoretical_sensitivity_published(
    fluence: float = 545_106.0,
    mean_energy_kev: float = 42.0,
    pair_energy_ev: float = 4.61,
    absorption: float = 1.0,
    collection: float = 1.0,
    charge: float = ROUNDED_CHARGE,
) -> FigureOfMerit:
    """S0 = (phi/X) E beta e eta / W as published; the defaults give 9070.8 uC/(Gy cm2).

    Parameters
    ----------
    fluence
        phi/X, photons mm-2 mR-1 (1 mR = 8.76e-6 Gy).
    mean_energy_kev, pair_energy_ev
        E and W.
    absorption, collection
        beta and eta, above 0 up to 1.
    charge
        Elementary charge, C: 1.6e-19 as published; with CODATA's value the defaults give 9083.1.

    Returns
    -------
    FigureOfMerit
        `s0_published`; its uncertainty is that of W (0.2 eV). With a warning when no photons of that energy,
        or of any, have such a fluence per dose.

    Raises
    ------
    ValueError
        If a number is not positive, or a share above 1.
    """
    for name, number in (("fluence", fluence), ("pair_energy_ev", pair_energy_ev), ("charge", charge)):
        positive_number(name, number)
    for name, share in (("absorption", absorption), ("collection", collection)):
        if positive_number(name, share) > 1:
            raise ValueError(f"{name} is {share}, a share cannot exceed 1")
    physical = float(air_fluence_per_milliroentgen(positive_number("mean_energy_kev", mean_energy_kev)))
    highest = float(np.max(air_fluence_per_milliroentgen(np.arange(10.0, 150.5, 0.5))))
    warnings = []
    if fluence > highest:
        warnings.append(
            f"impossible fluence: {fluence:.0f} photons mm-2 mR-1, while {mean_energy_kev:g} keV has {physical:.0f} "
            f"and no energy more than {highest:.0f}"
        )
    elif abs(fluence / physical - 1) > 0.15:
        warnings.append(f"fluence {fluence:.0f} photons mm-2 mR-1, while {mean_energy_kev:g} keV has {physical:.0f}")
    # mm-2 mR-1 to cm-2 Gy-1, C to uC
    per_gray = fluence * 100.0 / GRAY_PER_MILLIROENTGEN
    value = per_gray * mean_energy_kev * 1e3 * absorption * collection / pair_energy_ev * charge * 1e6
    return FigureOfMerit.normal(
        "s0_published",
        value,
        UNIT,
        "(phi/X) E beta e eta / W as published",
        systematic=value * PAIR_ENERGY_UNCERTAINTY / pair_energy_ev,
        warnings=tuple(warnings),
        details={
            "fluence_mm2_mr": fluence,
            "physical_fluence_mm2_mr": physical,
            "highest_fluence_mm2_mr": highest,
            "mean_energy_kev": mean_energy_kev,
            "pair_energy_ev": pair_energy_ev,
            "absorption": absorption,
            "collection": collection,
            "elementary_charge_c": charge,
        },
    )


def theoretical_sensitivity_spectral(
    spectrum: TubeSpectrum,
    gap_ev: float,
    composition: str | None = None,
    density: float | None = None,
    thickness: float | None = None,
) -> FigureOfMerit:
    """S0 from the tube's own spectrum: absorbed energy per air kerma over W, times e, no gain, full collection.

    Parameters
    ----------
    spectrum
        At the detector.
    gap_ev
        Band gap, eV.
    composition, density, thickness
        The layer: formula, kg/m3, m. None of them: everything is absorbed (beta = 1).

    Returns
    -------
    FigureOfMerit
        `s0_spectral`, uC/(Gy cm2); uncertainty from W's 0.2 eV. Detail `absorption` is beta.

    Raises
    ------
    ValueError
        If the layer is given in part, or a number is not positive.
    """
    pair = pair_creation_energy(gap_ev)
    assert pair.value is not None  # noqa: S101  # it always has one
    method = "tube spectrum (SpekPy), W = 2 Eg + 1.43 eV"
    if composition is None and density is None and thickness is None:
        beta, method = 1.0, f"{method}, everything absorbed"
    elif composition is None or density is None or thickness is None:
        raise ValueError("composition, density and thickness belong together: give all three or none")
    else:
        beta = absorbed_fraction(spectrum, composition, density, thickness)
        method = f"{method}, energy absorbed in {thickness * 1e6:.4g} um of {composition}"
    pairs_per_gray = spectrum.energy_fluence / spectrum.kerma * beta / (pair.value * ELEMENTARY_CHARGE)
    # C m-2 to uC cm-2
    value = pairs_per_gray * ELEMENTARY_CHARGE * 100.0
    return FigureOfMerit.normal(
        "s0_spectral",
        value,
        UNIT,
        method,
        systematic=value * PAIR_ENERGY_UNCERTAINTY / pair.value,
        details={
            "mean_energy_kev": spectrum.mean_energy_kev,
            "fluence_mm2_mr": spectrum.fluence_per_milliroentgen,
            "pair_energy_ev": pair.value,
            "absorption": beta,
            "kilovolts": spectrum.kilovolts,
        },
    )


def normalized_sensitivity(sensitivity: FigureOfMerit, theoretical: FigureOfMerit) -> FigureOfMerit:
    """S/S0; above one the charge collected exceeds what the photons can make, which is photoconductive gain.

    Raises
    ------
    ValueError
        If the units differ.
    """
    name, method = "normalized_sensitivity", f"{sensitivity.name} / {theoretical.name}"
    if sensitivity.unit != theoretical.unit:
        raise ValueError(f"units differ: {sensitivity.unit} and {theoretical.unit}")
    if sensitivity.value is None or theoretical.value is None:
        missing = sensitivity if sensitivity.value is None else theoretical
        reason = f"{missing.name} was not determined: {missing.warnings[0]}"
        return FigureOfMerit.refused(name, "1", method, reason, at=sensitivity.at)
    if sensitivity.value <= 0 or theoretical.value <= 0:
        reason = "a sensitivity that is not above zero has no ratio to quote"
        return FigureOfMerit.refused(name, "1", method, reason, at=sensitivity.at)
    ratio = sensitivity.value / theoretical.value

    def relative(figure: FigureOfMerit, part: float | None) -> float:
        return 0.0 if part is None or figure.value is None else part / figure.value

    statistical = float(
        np.hypot(relative(sensitivity, sensitivity.statistical), relative(theoretical, theoretical.statistical))
    )
    combined = float(
        np.hypot(relative(sensitivity, sensitivity.uncertainty), relative(theoretical, theoretical.uncertainty))
    )
    width = NORMAL_95 * combined
    low, high = ratio * float(np.exp(-width)), ratio * float(np.exp(width))
    warnings = [f"{theoretical.name}: {warning}" for warning in theoretical.warnings]
    if low > 1:
        warnings.insert(0, "above 1: photoconductive gain")
    elif ratio > 1:
        warnings.insert(0, "above 1, perhaps photoconductive gain: the interval reaches below 1")
    known = sensitivity.uncertainty is not None and theoretical.uncertainty is not None
    return FigureOfMerit(
        name,
        ratio,
        ratio * combined if known else None,
        (low, high) if known else None,
        "1",
        method,
        tuple(warnings),
        sensitivity.at,
        statistical=ratio * statistical,
        systematic=ratio * float(np.sqrt(max(0.0, combined**2 - statistical**2))),
        details={"sensitivity": sensitivity.value, "theoretical": theoretical.value, "gain": bool(low > 1)},
    )
