"""What ``--set`` says about an import: of columns, of the file, of the beam, and the procedure's own parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from config.bench_file import Filter, Geometry
from config.mistake import UserMistake
from storage.imported.frames import CHANNELS
from storage.imported.number_style import NumberStyle
from storage.imported.units import UnknownUnitError, conversion

_QUANTITY = re.compile(r"\s*([+-]?[\d.]+(?:[eE][+-]?\d+)?)\s*(.*?)\s*\Z")


@dataclass(frozen=True)
class ImportSettings:
    """Settings of an import.

    Attributes
    ----------
    columns
        Column of the stream to heading, or number from 1, of the file: ``column.dose_rate=Dosis``.
    units
        Column of the stream to unit, for a heading that has none: ``unit.dose_rate=nGy/s``.
    values
        Column of the stream to one value for all records, or one a file: ``value.field=-100 V/cm``.
    decimal
        Decimal sign of the tables; None finds it out.
    drop_missing
        Whether rows with an empty cell are left out instead of refused: ``missing=drop``.
    channel
        Of colour images.
    geometry
        Of the beam; None where nothing was said of its filters.
    dosimeter
        Relative standard uncertainty of the dosimeter's calibration; None where nothing was said.
    parameters
        Of the procedure.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    decimal: str | None = None
    drop_missing: bool = False
    channel: str = ""
    geometry: Geometry | None = None
    dosimeter: float | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def beam_known(self) -> bool:
        """Whether tube voltage and filters were given, so that the beam's spectrum can be worked out."""
        return self.geometry is not None and "tube_voltage" in self.parameters


def import_settings(given: Mapping[str, str]) -> ImportSettings:
    """Sort settings.

    Raises
    ------
    UserMistake
        If a value is not among those allowed.
    """
    by_prefix: dict[str, dict[str, str]] = {"column": {}, "unit": {}, "value": {}}
    own: dict[str, str] = {}
    rest: dict[str, str] = {}
    for name, value in given.items():
        prefix, dot, column = name.partition(".")
        if dot and prefix in by_prefix:
            by_prefix[prefix][column] = value
        elif name in ("decimal", "missing", "channel", "filters", "distance", "dosimeter_uncertainty"):
            own[name] = value
        else:
            rest[name] = value
    if own.get("decimal", ".") not in (",", "."):
        raise UserMistake(f"--set decimal={own['decimal']}: must be , or .")
    if own.get("missing", "refuse") not in ("refuse", "drop"):
        raise UserMistake(f"--set missing={own['missing']}: must be refuse or drop")
    if own.get("channel", CHANNELS[0]) not in CHANNELS:
        raise UserMistake(f"--set channel={own['channel']}: must be one of {', '.join(CHANNELS)}")
    if "distance" in own and "filters" not in own:
        raise UserMistake(
            "--set distance: says nothing without the filters: give --set filters=Al:1mm, or filters=none"
        )
    geometry = None
    if "filters" in own:
        distance = quantity("distance", own.get("distance", "1 m"), "m")
        try:
            geometry = Geometry(distance_m=distance, filters=tuple(parsed_filters(own["filters"])))
        except ValueError as fault:
            raise UserMistake(f"--set filters, distance: {fault}") from fault
    dosimeter = None
    if "dosimeter_uncertainty" in own:
        dosimeter = quantity("dosimeter_uncertainty", own["dosimeter_uncertainty"], "1")
        if not 0 <= dosimeter < 1:
            raise UserMistake(f"--set dosimeter_uncertainty={own['dosimeter_uncertainty']}: must be 0 to below 100 %")
    return ImportSettings(
        by_prefix["column"],
        by_prefix["unit"],
        by_prefix["value"],
        own.get("decimal"),
        own.get("missing") == "drop",
        own.get("channel", ""),
        geometry,
        dosimeter,
        rest,
    )


def quantity(name: str, text: str, unit: str) -> float:
    """Read a number with its unit, such as ``-100 V/cm``, in another unit.

    Raises
    ------
    UserMistake
        If it is none, or has no unit where one is wanted.
    """
    found = _QUANTITY.match(text)
    try:
        if found is None:
            raise ValueError("is no number with a unit")
        number = NumberStyle(".").number(found[1])
        if not found[2] and unit not in ("1", "count"):
            raise ValueError(f"has no unit: write {found[1]} {unit}")
        factor, offset = conversion(found[2] or "1", unit)
    except (ValueError, UnknownUnitError) as fault:
        raise UserMistake(f"{name} = {text}: {fault}") from None
    return number * factor + offset


def parsed_filters(text: str) -> list[Filter]:
    """Read filters: ``Al:0.4mm, SiO2:26mm``, or ``none``.

    Raises
    ------
    UserMistake
        If one is no material with a thickness.
    """
    if text.strip().lower() == "none":
        return []
    sheets = []
    for one in text.split(","):
        material, colon, thickness = one.strip().partition(":")
        if not colon or not material:
            raise UserMistake(f"filter {one.strip()}: must be MATERIAL:THICKNESS, such as Al:0.4mm")
        sheets.append(
            Filter(material=material.strip(), thickness_mm=round(quantity(f"filter {material}", thickness, "mm"), 12))
        )
    return sheets
