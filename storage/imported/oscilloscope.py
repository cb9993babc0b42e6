"""Records of oscilloscopes as their CSV exports have them: Keysight InfiniiVision, Tektronix TDS, DPO and MSO, LeCroy.

What the exports look like was compared with files that others published: Keysight has the line ``x-axis,1,2`` over
``second,Volt,Volt``; a Tektronix TDS has its settings in the first cells of the first rows and the record in the
fourth and fifth; DPO and MSO have settings first and then ``TIME,CH1``; LeCroy has four lines about segments over
``Time,Ampl``.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

from config.mistake import UserMistake
from storage.imported.heading import Heading
from storage.imported.table import Table, TextColumn, parse_table
from storage.imported.units import is_unit

_TIME_WORDS = ("time", "x axis", "x", "t", "second", "seconds")


def parse_oscilloscope(path: Path, text: str, decimal: str | None = None) -> Table:
    """Read a record of an oscilloscope: the first column is the time, every column has a unit.

    Raises
    ------
    UserMistake
        If it is none, holds several segments, or as `parse_table`.
    """
    first = text.lstrip("\ufeff \r\n").partition("\n")[0].strip().strip('"')
    if first.upper().startswith("LECROY"):
        return _lecroy(path, text, decimal)
    if first.startswith("Record Length") and first.count(",") >= 4:
        return _tektronix_tds(path, text)
    table = parse_table(path, text, decimal)
    if len(table.columns) < 2 or table.columns[0].heading.word not in _TIME_WORDS:
        raise UserMistake(
            f"{path}: is no record of an oscilloscope: its first column must be the time, not '"
            f"{table.columns[0].heading.text}'"
        )
    horizontal = _unit(table, "Horizontal Units", "s")
    vertical = _unit(table, "Vertical Units", "")
    return _with_units(table, horizontal, vertical)


def _unit(table: Table, key: str, otherwise: str) -> str:
    # one column of settings for each channel: they agree or the first one counts
    given = table.remarks.get(key, otherwise).split(",")[0].strip()
    return given if is_unit(given) else otherwise


def _with_units(table: Table, horizontal: str, vertical: str) -> Table:
    units = [horizontal, *[vertical] * (len(table.columns) - 1)]
    columns = [
        column if column.heading.unit is not None or not unit else _named(column, unit)
        for column, unit in zip(table.columns, units, strict=True)
    ]
    return replace(table, columns=tuple(columns))


def _named(column: TextColumn, unit: str) -> TextColumn:
    quantity = column.heading.quantity
    return replace(column, heading=Heading(f"{quantity} ({unit})", quantity, unit))


def _lecroy(path: Path, text: str, decimal: str | None) -> Table:
    head = [line.split(",") for line in text.splitlines()[:2]]
    segments = head[1][1].strip() if len(head) > 1 and len(head[1]) > 1 and head[1][0].strip() == "Segments" else "1"
    if segments != "1":
        raise UserMistake(f"{path}: holds {segments} segments; export one segment a file, or their average")
    lines = text.splitlines()
    start = next((n for n, line in enumerate(lines) if line.strip().lower().startswith("time,")), None)
    if start is None:
        raise UserMistake(f"{path}: is a LeCroy file without the line Time,Ampl above its samples")
    # line numbers in messages stay those of the file
    table = parse_table(path, "\n" * start + "\n".join(lines[start:]), decimal)
    return _with_units(table, "s", "V")


def _tektronix_tds(path: Path, text: str) -> Table:
    settings: dict[str, str] = {}
    record = []
    for number, cells in enumerate(csv.reader(text.splitlines()), 1):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) < 5:
            raise UserMistake(f"{path}, line {number}: has {len(cells)} cells, a TDS record needs five")
        if cells[0].strip():
            settings[cells[0].strip()] = cells[1].strip()
        record.append((number, f"{cells[3].strip()},{cells[4].strip()}"))
    lines = [""] * record[-1][0]
    for number, pair in record:
        lines[number - 1] = pair
    table = parse_table(path, "\n".join(lines), ".", names=("Time", "CH1"))
    table = replace(table, remarks=settings)
    return _with_units(table, _unit(table, "Horizontal Units", "s"), _unit(table, "Vertical Units", "V"))
