"""From the columns of a table to those of a stream: which is which, and in what unit."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from app.imports.form import Array, Columns, Wanted
from app.imports.settings import ImportSettings, quantity
from config.mistake import UserMistake, nearest
from config.sample_file import Sample
from storage.imported.table import Table, TextColumn
from storage.imported.units import UnknownUnitError, conversion

_PER = {"area": ("m2", "area_cm2"), "thickness": ("m", "thickness_um")}


def collect(
    wanted: Sequence[Wanted],
    table: Table,
    settings: ImportSettings,
    sample: Sample | None,
    *,
    in_order: bool = False,
) -> tuple[Columns, list[str]]:
    """Fill the wanted columns from a table.

    Parameters
    ----------
    in_order
        Whether a table without headings has the required columns in their order.

    Returns
    -------
    columns, notes
        Rows without an empty cell, in the wanted units; and what was taken for what, for the journal.

    Raises
    ------
    UserMistake
        One line that names file, row or column, and the remedy.
    """
    _check_names(wanted, settings)
    chosen = _assigned(wanted, table, settings)
    columns: Columns = {}
    notes: list[str] = []
    required = [one.name for one in wanted if one.required]
    if in_order and not chosen and not table.has_headings and len(table.columns) == len(required):
        chosen = dict(zip(required, table.columns, strict=True))
        notes.append(
            f"{table.path.name} has no headings: its columns are taken for {', '.join(required)}, in this order"
        )
    keep = np.ones(len(table.lines), dtype=np.bool_)
    for one in wanted:
        column = chosen.get(one.name)
        if one.name in settings.values:
            columns[one.name] = np.full(len(table.lines), _value(one, settings.values[one.name], sample))
            notes.append(f"{one.name}: {settings.values[one.name]}, as given for all records")
        elif column is not None:
            columns[one.name] = _converted(table, column, one, settings, sample)
            notes.append(f"{one.name}: column {column.number} '{column.heading.text}'")
            missing = np.isnan(columns[one.name])
            if missing.any() and (one.required or not missing.all()):
                if not settings.drop_missing:
                    line = table.lines[int(np.flatnonzero(missing)[0])]
                    raise UserMistake(
                        f"{table.path}, line {line}, column {column.number} ({column.heading.text}): has no value; "
                        f"complete it, or leave such lines out with --set missing=drop"
                    )
                keep &= ~missing
        elif one.required:
            raise UserMistake(
                f"{table.path}: no column for {one.name} ({', '.join(one.words[:3])}) among {table.headings()}: say "
                f"which with --set column.{one.name}=HEADING, or a value with --set value.{one.name}='... {one.unit}'"
            )
        else:
            columns[one.name] = np.full(len(table.lines), one.otherwise)
            notes.append(f"{one.name}: not in the file, {'not known' if math.isnan(one.otherwise) else one.otherwise}")
    if not keep.any():
        raise UserMistake(f"{table.path}: no line has a value in every column")
    if not keep.all():
        notes.append(f"{int((~keep).sum())} of {keep.size} lines were left out: a cell is empty")
    unused = [column.heading.text for column in table.columns if column not in chosen.values()]
    if unused:
        notes.append(f"columns not used: {', '.join(unused)}")
    return {name: values[keep] for name, values in columns.items()}, notes


def _check_names(wanted: Sequence[Wanted], settings: ImportSettings) -> None:
    names = [one.name for one in wanted]
    for prefix, given in (("column", settings.columns), ("unit", settings.units), ("value", settings.values)):
        for name in given:
            if name not in names:
                raise UserMistake(f"--set {prefix}.{name}: there is no such column; {nearest(name, names)}")


def _assigned(wanted: Sequence[Wanted], table: Table, settings: ImportSettings) -> dict[str, TextColumn]:
    chosen: dict[str, TextColumn] = {}
    for name, text in settings.columns.items():
        chosen[name] = _named(table, name, text)
    open_ones = [one for one in wanted if one.name not in chosen and one.name not in settings.values]
    # whole headings first, so that no loose match takes away a column that another one names exactly
    for exactly in (True, False):
        for one in open_ones:
            if one.name in chosen:
                continue
            free = [column for column in table.columns if column not in chosen.values()]
            found = _best(one, free, exactly)
            if len(found) > 1:
                several = ", ".join(f"'{column.heading.text}'" for column in found)
                raise UserMistake(
                    f"{table.path}: {several} could all be {one.name}: say which with --set column.{one.name}=HEADING"
                )
            if found:
                chosen[one.name] = found[0]
    return chosen


def _best(one: Wanted, free: Sequence[TextColumn], exactly: bool) -> list[TextColumn]:
    """Return the columns that fit the first word which any of them fits."""
    for word in one.words:
        if exactly:
            found = [column for column in free if column.heading.word == word]
        else:
            # a letter alone is a symbol, not a part of a name
            found = [column for column in free if len(word) > 2 and f" {word} " in f" {column.heading.word} "]
        found = [column for column in found if _fits(column, one)]
        if found:
            return found
    return []


def _fits(column: TextColumn, one: Wanted) -> bool:
    """Say whether a column's unit allows that it is meant; one without a unit may be."""
    if column.heading.unit is None:
        return True
    for unit in (one.unit, *_other_units(one)):
        try:
            conversion(column.heading.unit, unit)
        except UnknownUnitError:
            continue
        return True
    return False


def _other_units(one: Wanted) -> tuple[str, ...]:
    """Return what the unit may be as well, where it may be per area or thickness."""
    if not one.per:
        return ()
    size = _PER[one.per][0]
    return (f"({_plain(one.unit)})*{size}", f"({_plain(one.unit)})/{size}")


def _plain(unit: str) -> str:
    return unit.replace(" ", "*")


def _named(table: Table, name: str, text: str) -> TextColumn:
    given = text.strip()
    for column in table.columns:
        if given in (column.heading.text, column.heading.quantity) or given == str(column.number):
            return column
    raise UserMistake(f"--set column.{name}={text}: {table.path} has no such column, only {table.headings()}")


def _value(one: Wanted, text: str, sample: Sample | None) -> float:
    try:
        return quantity(f"value.{one.name}", text, one.unit)
    except UserMistake:
        for unit, factor in _sized(one, sample):
            try:
                return quantity(f"value.{one.name}", text, unit) * factor
            except UserMistake:
                continue
        raise


def _sized(one: Wanted, sample: Sample | None) -> list[tuple[str, float]]:
    """Return the other units, and what a number in them is multiplied with: the sample's area or thickness."""
    if not one.per:
        return []
    size = None if sample is None else (sample.area_m2 if one.per == "area" else sample.thickness_m)
    if size is None:
        return []
    times, over = _other_units(one)
    return [(times, 1.0 / size), (over, size)]


def _converted(table: Table, column: TextColumn, one: Wanted, settings: ImportSettings, sample: Sample | None) -> Array:
    where = f"{table.path}, column {column.number} ({column.heading.text})"
    given = settings.units.get(one.name, column.heading.unit)
    if given is None:
        if one.unit not in ("1", "count"):
            raise UserMistake(
                f"{where}: has no unit: write it into the heading: '{column.heading.quantity} ({one.unit})', or "
                f"say --set unit.{one.name}={one.unit}"
            )
        return column.values
    try:
        factor, offset = conversion(given, one.unit)
    except UnknownUnitError as fault:
        for unit, scale in _sized(one, sample):
            try:
                factor, offset = conversion(given, unit)
            except UnknownUnitError:
                continue
            return (column.values * factor + offset) * scale
        size = ""
        if one.per and any(_converts(given, unit) for unit in _other_units(one)):
            size = f"; with the sample's {_PER[one.per][1]} it can: give --sample NAME or FILE"
        raise UserMistake(f"{where}: {fault}{size}") from None
    return column.values * factor + offset


def _converts(given: str, wanted: str) -> bool:
    try:
        conversion(given, wanted)
    except UnknownUnitError:
        return False
    return True
