"""``xraybench attenuation``: what a layer takes out of a beam, by energy and thickness."""

from __future__ import annotations

import argparse

from app.cli import arguments as shared
from app.cli.tables import print_json, print_table
from config.mistake import UserMistake


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--formula", required=True, metavar="FORMULA", help="composition, such as CsPbBr3")
    parser.add_argument("--density", required=True, metavar="G/CM3", help="such as 4.75, or '4750 kg/m3'")
    parser.add_argument("--thickness", required=True, metavar="T,...", help="such as 116um, or 50um,1mm")
    parser.add_argument("--energy", required=True, metavar="E,...", help="such as 20,30,40keV, or 10:60:11keV")
    shared.add_json(parser)


def main(given: argparse.Namespace) -> int:
    """Work out, print, return the exit status."""
    from analysis.attenuation import absorbed_share, attenuation_coefficient
    from app.imports.quantities import quantities

    density = quantities("--density", given.density, "g/cm3", bare=True)
    if len(density) != 1:
        raise UserMistake(f"--density {given.density}: give one density")
    thicknesses = quantities("--thickness", given.thickness, "um")
    energies = quantities("--energy", given.energy, "keV")
    try:
        coefficient = attenuation_coefficient(given.formula, density[0] * 1e3, energies)
        photo = attenuation_coefficient(given.formula, density[0] * 1e3, energies, "photo")
        rows = [
            {
                "energy_kev": energy,
                "thickness_um": thickness,
                "absorbed_percent": 100
                * float(absorbed_share(given.formula, density[0] * 1e3, thickness * 1e-6, [energy])[0]),
                "photoelectric_percent": 100
                * float(absorbed_share(given.formula, density[0] * 1e3, thickness * 1e-6, [energy], "photo")[0]),
                "attenuation_per_cm": float(coefficient[number]) / 100,
                "photoelectric_per_cm": float(photo[number]) / 100,
            }
            for thickness in thicknesses
            for number, energy in enumerate(energies)
        ]
    except ValueError as fault:
        raise UserMistake(str(fault)) from fault
    source = "xraydb (Elam, Ravel, Sieber 2002); whatever interacts counts as absorbed"
    if given.json:
        print_json({"formula": given.formula, "density_g_cm3": density[0], "source": source, "layers": rows})
        return 0
    print_table(
        f"{given.formula}, {density[0]:g} g/cm3: {source}",
        ("energy (keV)", "thickness (um)", "absorbed (%)", "photoelectric (%)", "attenuation (1/cm)"),
        [
            (
                f"{row['energy_kev']:g}",
                f"{row['thickness_um']:g}",
                f"{row['absorbed_percent']:.2f}",
                f"{row['photoelectric_percent']:.2f}",
                f"{row['attenuation_per_cm']:.4g}",
            )
            for row in rows
        ],
    )
    return 0
