"""What a procedure records: named streams of scalars, spectra, waveforms and images."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar


@dataclass(frozen=True)
class Column:
    """One quantity of a stream.

    Parameters
    ----------
    unit
        Its unit; "1" for a pure number.
    """

    unit: str
    axes: ClassVar[tuple[str, ...]] = ()


@dataclass(frozen=True)
class Scalar(Column):
    """A number a record."""

    errors: bool = False
    """Whether each comes with its standard uncertainty, recorded as ``NAME_errors``."""


@dataclass(frozen=True)
class Spectrum(Column):
    """A number per wavelength a record."""

    errors: bool = False
    axes: ClassVar[tuple[str, ...]] = ("wavelength",)


@dataclass(frozen=True)
class Waveform(Column):
    """A number per moment after the record's start a record."""

    axes: ClassVar[tuple[str, ...]] = ("delay",)


@dataclass(frozen=True)
class Image(Column):
    """A frame a record."""

    dtype: str = "u2"
    axes: ClassVar[tuple[str, ...]] = ("y", "x")


@dataclass(frozen=True)
class CorrectedImage(Image):
    """An image a record in the object's plane; its pixels' size is the distance of the axes' values."""

    errors: bool = False
    """Whether each comes with its standard uncertainty, recorded as ``NAME_errors``."""
    dtype: str = "f4"
    axes: ClassVar[tuple[str, ...]] = ("vertical", "horizontal")


AXIS_UNITS = {"wavelength": "nm", "delay": "s", "y": "px", "x": "px", "vertical": "um", "horizontal": "um"}
"""Of the axes that columns can lie on."""


class Stream:
    """Records of the same kind.

    Parameters
    ----------
    name
        A short word.
    title
        What it holds, for a plot's title.
    primary
        The columns of the plot that shows the stream best: what is drawn against what.
    columns
        By name; a plain string is the unit of a scalar.

    Examples
    --------
    >>> sweep = Stream("sweep", tube_current="mA", dose_rate="Gy/s", primary=("tube_current", "dose_rate"))
    >>> sweep.columns["dose_rate"].unit
    'Gy/s'
    """

    def __init__(self, name: str, title: str = "", *, primary: tuple[str, str], **columns: str | Column) -> None:
        self.name = name
        self.title = title or name
        self.columns = {column: Scalar(given) if isinstance(given, str) else given for column, given in columns.items()}
        self.primary = primary
        for column in primary:
            if column not in self.columns and column not in AXIS_UNITS and column != "time":
                raise ValueError(f"stream {name}: its primary column {column} is not one of its columns")

    @property
    def scalars(self) -> dict[str, str]:
        """Name and unit of every scalar, uncertainties included, in order."""
        found: dict[str, str] = {}
        for name, column in self.columns.items():
            if not column.axes:
                found[name] = column.unit
                if getattr(column, "errors", False):
                    found[f"{name}_errors"] = column.unit
        return found

    @cached_property
    def record_names(self) -> frozenset[str]:
        """The names that a record must give."""
        with_errors = {f"{name}_errors" for name, column in self.columns.items() if getattr(column, "errors", False)}
        return frozenset(self.columns) | with_errors
