"""Tables as CSV, TSV and text: any delimiter, either decimal sign, comments, headings with units."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from config.mistake import UserMistake
from storage.imported.heading import Heading, heading
from storage.imported.number_style import NumberStyle, is_missing, looks_numeric, style_of, tidy
from storage.imported.units import is_unit

COMMENTS = ("#", "%", "!", "//", "'")
DELIMITERS = ("\t", ";", "|", ",", " ")
"""In the order in which they are believed; a blank stands for any number of blanks."""

_NAMES = {"\t": "tab", " ": "blank"}


@dataclass(frozen=True)
class TextColumn:
    """One column as it stands in the file.

    Attributes
    ----------
    heading
        Quantity and unit.
    values
        (n) NaN where the cell is empty or says that there is no value.
    number
        From 1.
    """

    heading: Heading
    values: npt.NDArray[np.float64]
    number: int


@dataclass(frozen=True)
class Table:
    """Columns of numbers, and where they stood.

    Attributes
    ----------
    path
        Of the file, for messages.
    lines
        (n) number of each row's line in the file.
    remarks
        Comments and lines before the headings, ``key`` to ``value`` where they can be read so.
    """

    path: Path
    columns: tuple[TextColumn, ...]
    lines: tuple[int, ...]
    remarks: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_headings(self) -> bool:
        """Whether the file names its columns."""
        return any(column.heading.text != f"column {column.number}" for column in self.columns)

    def headings(self) -> str:
        """Say the headings, for a message."""
        return ", ".join(f"'{column.heading.text}'" for column in self.columns)


@dataclass(frozen=True)
class Line:
    """A line of text and its number in the file."""

    number: int
    text: str

    @property
    def is_comment(self) -> bool:
        """Whether it is none of the table."""
        return self.text.lstrip().startswith(COMMENTS)


def parse_table(path: Path, text: str, decimal: str | None = None, names: tuple[str, ...] = ()) -> Table:
    """Read a table.

    Parameters
    ----------
    path
        Of the file, for messages.
    text
        Its content.
    decimal
        ``","`` or ``"."``; None finds it out.
    names
        Headings to use instead of those of the file, for a file that has none.

    Raises
    ------
    UserMistake
        One line that names file, line, column and remedy: for a ragged row, a word among numbers, an overflow, numbers
        that can be read in two ways, or no table at all.
    """
    lines = [Line(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    plain = [line for line in lines if not line.is_comment]
    delimiter = _delimiter(path, plain)
    begin = next(index for index, line in enumerate(plain) if _is_data(fields(line.text, delimiter)))
    body = plain[begin:]
    above = [line for line in lines if line.number < body[0].number]
    headings, remarks = _headings(above, delimiter, len(_without_empty_end(fields(body[0].text, delimiter))))
    if names:
        headings = [heading(name) for name in names]
    rows = [_row(path, line, delimiter, len(headings)) for line in body]
    style = _style(path, rows, delimiter, decimal)
    values = np.empty((len(rows), len(headings)))
    for index, (line, row) in enumerate(zip(body, rows, strict=True)):
        for column, cell in enumerate(row):
            try:
                values[index, column] = style.number(cell)
            except ValueError as fault:
                raise UserMistake(
                    f"{path}, line {line.number}, column {column + 1} ({headings[column].text}): {fault}; correct the "
                    f"cell or delete the line"
                ) from None
    columns = tuple(TextColumn(one, values[:, number], number + 1) for number, one in enumerate(headings))
    return Table(path, columns, tuple(line.number for line in body), remarks)


def fields(text: str, delimiter: str) -> list[str]:
    """Split a line; quotes hold a delimiter."""
    if delimiter == " ":
        return text.split()
    return [tidy(cell) for cell in next(csv.reader([text], delimiter=delimiter, skipinitialspace=True))]


def _is_data(cells: list[str]) -> bool:
    return bool(cells) and all(looks_numeric(cell) for cell in cells) and not all(is_missing(cell) for cell in cells)


def _delimiter(path: Path, lines: list[Line]) -> str:
    """Find the delimiter by which most lines are numbers."""
    found = {sign: sum(1 for line in lines if _is_data(fields(line.text, sign))) for sign in DELIMITERS}
    several = {
        sign: sum(1 for line in lines if _is_data(cells := fields(line.text, sign)) and len(cells) > 1)
        for sign in DELIMITERS
    }
    scores = several if any(several.values()) else found
    best = max(DELIMITERS, key=lambda sign: scores[sign])
    if not scores[best]:
        raise UserMistake(f"{path}: no line of numbers is in it: a table has a line of headings and lines of numbers")
    return best


def _without_empty_end(cells: list[str]) -> list[str]:
    while cells and not cells[-1]:
        cells = cells[:-1]
    return cells


def _headings(above: list[Line], delimiter: str, width: int) -> tuple[list[Heading], dict[str, str]]:
    """Take the headings from the last line or two above the numbers; the rest are remarks."""
    candidates = [(line, _cells(line, delimiter)) for line in above]
    # a data row may lack its last cells, a heading does not; above the numbers alone, one cell is a title
    fits = [index for index, (_, cells) in enumerate(candidates) if len(cells) >= max(width, 1)]
    if not fits or fits[-1] != len(candidates) - 1:
        return [Heading(name, name, None) for name in (f"column {number + 1}" for number in range(width))], _remarks(
            above
        )
    last = fits[-1]
    cells = candidates[last][1]
    units = [cell.strip("()[]") for cell in cells]
    has_units = last > 0 and len(candidates[last - 1][1]) == len(cells) and all(not u or is_unit(u) for u in units)
    if has_units and any(units):
        names = candidates[last - 1][1]
        made = [
            Heading(f"{name} ({unit})" if unit else name, heading(name).quantity, unit or heading(name).unit)
            for name, unit in zip(names, units, strict=True)
        ]
        return made, _remarks(above[: last - 1])
    return [heading(cell) for cell in cells], _remarks(above[:last])


def _cells(line: Line, delimiter: str) -> list[str]:
    text = line.text.strip("\r\n")
    if line.is_comment:
        text = text.lstrip().lstrip("#%!/'").strip()
    if delimiter == " ":
        # blanks part a quantity from its unit as well, so two of them, or a single one where nothing else is left
        wide = [cell.strip() for cell in text.replace("\t", "  ").split("  ") if cell.strip()]
        return wide if len(wide) > 1 else text.split()
    return _without_empty_end(fields(text, delimiter))


def _remarks(lines: list[Line]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        text = line.text.strip().lstrip("#%!/'").strip().strip('"')
        for sign in (":", "=", "\t", ";", ","):
            key, parted, value = text.partition(sign)
            if parted and key.strip() and value.strip(" ,;\t"):
                found.setdefault(key.strip(), value.strip(" ,;\t"))
                break
    return found


def _row(path: Path, line: Line, delimiter: str, width: int) -> list[str]:
    cells = fields(line.text, delimiter)
    if len(cells) > width and not any(cells[width:]):
        cells = cells[:width]
    if len(cells) != width:
        name = _NAMES.get(delimiter, delimiter)
        raise UserMistake(
            f"{path}, line {line.number}: has {len(cells)} cells where there are {width} headings (cells end at "
            f"'{name}'); complete or delete the line"
        )
    return cells


def _style(path: Path, rows: list[list[str]], delimiter: str, decimal: str | None) -> NumberStyle:
    if decimal is not None:
        return NumberStyle(decimal)
    if delimiter == "," and not any("," in cell for row in rows for cell in row):
        return NumberStyle(".")
    cells = list(_numbers(rows))
    style = style_of(cells)
    if style is None:
        example = next(cell for cell in cells if "," in cell)
        raise UserMistake(
            f"{path}: '{example}' and the like can be read in two ways: say --set decimal=, or --set decimal=."
        )
    return style


def _numbers(rows: list[list[str]]) -> Iterator[str]:
    return (cell for row in rows for cell in row if not is_missing(cell))
