"""``xraybench literature``: published detectors, and new ones among them."""

from __future__ import annotations

import argparse
from pathlib import Path

from analysis.figure import FigureOfMerit
from app.cli import arguments as shared
from app.cli.tables import Notes, path_text, print_json, print_table, value_text
from app.report.literature import Measured, draw, measured_detectors, voltage_text
from config.literature_file import Detector, detectors
from config.mistake import UserMistake

_SUFFIXES = (".png", ".svg", ".pdf")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--with", nargs="+", default=[], metavar="FILE", dest="files", help="run files of sensitivity, hecht, iv"
    )
    parser.add_argument("--plot", metavar="FILE", help=".png, .svg or .pdf (with --with: beside the first run file)")
    shared.add_json(parser)


def main(given: argparse.Namespace) -> int:
    """Draw, print."""
    published = detectors().content
    files = [Path(name).expanduser() for name in given.files]
    measured = measured_detectors(files)
    plot = Path(given.plot).expanduser() if given.plot else None
    if plot is None and files:
        plot = files[0].with_name(f"{files[0].stem}-literature.png")
    if plot is not None:
        if plot.suffix.lower() not in _SUFFIXES:
            raise UserMistake(f"--plot {plot}: must end in {', '.join(_SUFFIXES)}")
        try:
            draw(published.detectors, measured).savefig(plot, dpi=130)
        except OSError as error:
            raise UserMistake(f"{plot} cannot be written: {error.strerror}") from error
    if given.json:
        print_json(
            {
                "detectors": [one.model_dump() for one in published.detectors],
                "left_out": list(published.left_out),
                "measured": [_describe(one) for one in measured],
                "plot": None if plot is None else str(plot),
            }
        )
        return 0
    rows = [_published_row(one) for one in published.detectors] + [_measured_row(one) for one in measured]
    sources = Notes()
    print_table(
        "Detectors",
        ("detector", "form", "tube voltage", "field", "sensitivity uC/(Gy cm2)", "LoD nGy/s", "mu tau cm2/V",
         "resistivity ohm cm", "source"),
        [(*row[:-1], sources.marks(row[-1:])) for row in rows],
    )  # fmt: skip
    sources.print()
    print("Sensitivities at different tube voltages and fields are not comparable.")  # noqa: T201
    for what in published.left_out:
        print(f"left out: {what}")  # noqa: T201
    if plot is not None:
        print(f"picture: {path_text(plot)}")  # noqa: T201
    return 0


def _published_row(one: Detector) -> tuple[str, ...]:
    numbers = (one.sensitivity, one.lod_ngy_s, one.mu_tau_electrons, one.resistivity_ohm_cm)
    return (
        one.name,
        one.form,
        "not stated" if one.tube_voltage_kv is None else voltage_text(one.tube_voltage_kv),
        "" if one.field_v_cm is None else f"{one.field_v_cm:g} V/cm",
        *("" if number is None else f"{number:g}" for number in numbers),
        ", ".join(part for part in (one.paper, one.original) if part),
    )


def _measured_row(one: Measured) -> tuple[str, ...]:
    figures = (one.sensitivity, one.lod, one.mu_tau, one.resistivity)
    voltage = "" if one.sensitivity is None else voltage_text(one.tube_voltage_kv)
    return (one.name, "", voltage, one.at, *("" if each is None else value_text(each) for each in figures), "THIS WORK")


def _describe(one: Measured) -> dict[str, object]:
    def as_dict(figure: FigureOfMerit | None) -> object:
        return None if figure is None else figure.as_dict()

    return {
        "name": one.name,
        "at": one.at,
        "tube_voltage_kv": one.tube_voltage_kv,
        "sensitivity": as_dict(one.sensitivity),
        "lod": as_dict(one.lod),
        "mu_tau": as_dict(one.mu_tau),
        "resistivity": as_dict(one.resistivity),
    }
