"""The file of a dose table: TOML that a person can read."""

from __future__ import annotations

import datetime as dt
import json
import math
import os
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator

from config.bench_file import Geometry, NotNegative, Positive, Table
from config.mistake import UserMistake

LARGEST_FILE = 10_000_000


@dataclass(frozen=True)
class DoseTableEntry:
    """One measured point.

    Parameters
    ----------
    voltage_kv, current_ma
        Operating point of the tube, as its monitors read.
    dose_rate
        Air kerma rate at the sample, Gy/s.
    uncertainty
        Its random standard uncertainty, Gy/s.
    """

    voltage_kv: float
    current_ma: float
    dose_rate: float
    uncertainty: float


class _Entry(Table):
    voltage_kv: Positive
    current_ma: Positive
    dose_rate_gy_per_s: Positive
    uncertainty_gy_per_s: NotNegative


class _File(Table):
    format: Literal[1]
    made_from: str
    date: dt.date
    calibration_uncertainty: float = Field(gt=0, lt=1)
    geometry: Geometry
    entries: tuple[_Entry, ...] = Field(min_length=1)

    @field_validator("entries")
    @classmethod
    def _no_point_twice(cls, entries: tuple[_Entry, ...]) -> tuple[_Entry, ...]:
        points = [(entry.voltage_kv, entry.current_ma) for entry in entries]
        for point in points:
            if points.count(point) > 1:
                raise ValueError(f"{point[0]:g} kV, {point[1]:g} mA is there twice")
        return entries


@dataclass(frozen=True)
class DoseTableFile:
    """What such a file says."""

    entries: tuple[DoseTableEntry, ...]
    geometry: Geometry
    calibration_uncertainty: float
    """Relative standard uncertainty of the dosimeter that it was measured with."""
    made_from: str
    """The run's uid."""
    date: dt.date


def read_dose_table(path: str | Path) -> DoseTableFile:
    """Read a dose table.

    Raises
    ------
    UserMistake
        If there is none at the path, or what is there is none; one line that says what is wrong.
    """
    place = Path(path).expanduser()
    try:
        if place.stat().st_size > LARGEST_FILE:
            raise UserMistake(f"dose table {place} is larger than any dose table")
        content = tomllib.loads(place.read_text(encoding="utf8"))
        file = _File.model_validate(content)
    except OSError as error:
        raise UserMistake(
            f"dose table {place} cannot be read ({error.strerror}): make one with xraybench run dose-calibration"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserMistake(f"dose table {place} is no TOML: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UserMistake(f"dose table {place}: {where}: {first['msg'].removeprefix('Value error, ')}") from error
    entries = tuple(
        DoseTableEntry(entry.voltage_kv, entry.current_ma, entry.dose_rate_gy_per_s, entry.uncertainty_gy_per_s)
        for entry in file.entries
    )
    return DoseTableFile(entries, file.geometry, file.calibration_uncertainty, file.made_from, file.date)


def write_dose_table(
    path: str | Path,
    entries: Sequence[DoseTableEntry],
    geometry: Geometry,
    calibration_uncertainty: float,
    made_from: str,
    date: dt.date,
) -> None:
    """Write a dose table, whole or not at all.

    Parameters
    ----------
    path
        Where to; replaced if it exists.
    entries
        The measured points, each operating point once.
    geometry
        Filters and distance in which they were measured.
    calibration_uncertainty
        Relative standard uncertainty of the dosimeter.
    made_from
        The run's uid.
    date
        Of the measurement.

    Raises
    ------
    ValueError
        If what is to be written would not be read again.
    """
    points = sorted(entries, key=lambda entry: (entry.voltage_kv, entry.current_ma))
    for entry in points:
        if not all(math.isfinite(v) for v in (entry.voltage_kv, entry.current_ma, entry.dose_rate, entry.uncertainty)):
            raise ValueError(f"{entry} is no measured point")
    # numpy's numbers print differently, so they are made plain ones
    blocks = [
        (
            "# Air kerma rate of this beam at the sample. Holds for these filters and this distance only.\n"
            "format = 1\n"
            f"made_from = {json.dumps(str(made_from))}\n"
            f"date = {date.isoformat()}\n"
            f"calibration_uncertainty = {float(calibration_uncertainty)!r}\n"
        ),
        (
            "[geometry]\n"
            f"distance_m = {geometry.distance_m!r}\n"
            f"anode_angle_deg = {geometry.anode_angle_deg!r}\n"
            f"output_factor = {geometry.output_factor!r}\n"
        ),
        *(
            f"[[geometry.filters]]\nmaterial = {json.dumps(sheet.material)}\nthickness_mm = {sheet.thickness_mm!r}\n"
            for sheet in geometry.filters
        ),
        *(
            "[[entries]]\n"
            f"voltage_kv = {float(entry.voltage_kv)!r}\n"
            f"current_ma = {float(entry.current_ma)!r}\n"
            f"dose_rate_gy_per_s = {float(entry.dose_rate)!r}\n"
            f"uncertainty_gy_per_s = {float(entry.uncertainty)!r}\n"
            for entry in points
        ),
    ]
    text = "\n".join(blocks)
    try:
        _File.model_validate(tomllib.loads(text))
    except ValidationError as error:
        raise ValueError(f"no dose table: {error.errors(include_url=False)[0]['msg']}") from error
    place = Path(path)
    beside = place.with_name(f"{place.name}.part")
    with beside.open("w", encoding="utf8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(place)
