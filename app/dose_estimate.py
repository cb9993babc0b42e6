"""The dose that a run will give, estimated before the beam is on."""

from __future__ import annotations

from config.bench_file import Geometry
from procedures.procedure import Estimate


def expected_dose(estimate: Estimate, geometry: Geometry) -> float | None:
    """Estimate the air kerma at the sample from the tube load and the calculated spectrum.

    Parameters
    ----------
    estimate
        Of the procedure.
    geometry
        Of the beam.

    Returns
    -------
    float or None
        Gy. With several tube voltages all of the load is taken to be at the one with most kerma, so it is rather too
        much than too little. None where there is no beam, or no spectrum can be calculated for it.
    """
    from analysis.tube_spectrum import tube_spectrum

    voltages = {kilovolts for kilovolts, milliamps in estimate.operating_points if milliamps > 0}
    if not voltages or not estimate.milliampere_seconds:
        return None
    filters = tuple((sheet.material, sheet.thickness_mm * 1e-3) for sheet in geometry.filters)
    try:
        kerma = max(
            tube_spectrum(kilovolts, filters, geometry.anode_angle_deg, geometry.distance_m).kerma
            for kilovolts in voltages
        )
    except ValueError:
        return None
    return kerma * geometry.output_factor * estimate.milliampere_seconds
