"""``xraybench tube-spectrum``: mean energy and fluence per kerma of a tube behind filters."""

from __future__ import annotations

import argparse

from app.cli import arguments as shared
from app.cli.tables import print_json, print_table
from config.mistake import UserMistake


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--kv", required=True, metavar="KV", help="tube voltage, kV")
    parser.add_argument("--filter", default="none", metavar="F,...", help="such as Al:0.4mm,SiO2:26mm (default: none)")
    parser.add_argument("--distance", default="1m", metavar="D", help="from the focal spot (default: 1m)")
    parser.add_argument("--angle", default="12", metavar="DEG", help="tungsten anode's angle (default: 12)")
    parser.add_argument("--spectrum", action="store_true", help="print every energy as well (with --json)")
    shared.add_json(parser)


def main(given: argparse.Namespace) -> int:
    """Work out, print, return the exit status."""
    from analysis.tube_spectrum import tube_spectrum
    from app.imports.quantities import quantities
    from app.imports.settings import parsed_filters

    kilovolts = quantities("--kv", given.kv, "kV", bare=True)[0]
    angle = quantities("--angle", given.angle, "degree", bare=True)[0]
    distance = quantities("--distance", given.distance, "m")[0]
    filters = [(sheet.material, sheet.thickness_mm * 1e-3) for sheet in parsed_filters(given.filter)]
    try:
        found = tube_spectrum(kilovolts, filters, angle, distance)
    except ValueError as fault:
        raise UserMistake(str(fault)) from fault
    rows = {
        "mean_energy": (found.mean_energy_kev, "keV"),
        "kerma_per_charge": (found.kerma * 1e6, "uGy/mAs"),
        "fluence_per_charge": (found.total_fluence * 1e-6, "1/(mm2 mAs)"),
        "fluence_per_kerma": (found.fluence_per_kerma * 1e-6 * 1e-6, "1/(mm2 uGy)"),
        "fluence_per_milliroentgen": (found.fluence_per_milliroentgen, "1/(mm2 mR)"),
    }
    unfiltered = (
        [] if filters else ["without a filter the kerma depends on the model: the tube's own window takes much of it"]
    )
    if given.json:
        document = {
            "kilovolts": kilovolts,
            "filters": [{"material": material, "thickness_mm": thickness * 1e3} for material, thickness in filters],
            "distance_m": distance,
            "anode_angle_deg": angle,
            "source": "SpekPy (casim), tungsten anode, free in air",
            "warnings": unfiltered,
            **{name: {"value": value, "unit": unit} for name, (value, unit) in rows.items()},
        }
        if given.spectrum:
            document["energy_kev"] = found.energy_kev.tolist()
            document["fluence_m2_kev_mas"] = found.fluence.tolist()
        print_json(document)
        return 0
    print_table(
        f"{kilovolts:g} kV, {given.filter}, {distance:g} m: SpekPy, tungsten anode, {angle:g} degrees",
        ("quantity", "value", "unit"),
        [(name.replace("_", " "), f"{value:.5g}", unit) for name, (value, unit) in rows.items()],
    )
    for warning in unfiltered:
        print(f"warning: {warning}")  # noqa: T201
    return 0
