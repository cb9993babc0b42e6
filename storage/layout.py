"""The shape of a run file: the one place that knows its names.

NeXus classes and attributes follow the NeXus manual, https://manual.nexusformat.org (NXdata: signal, axes,
``NAME_errors``, ``long_name``, ``interpretation``).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import numpy as np
import numpy.typing as npt

FORMAT = "xraybench run file"
FORMAT_VERSION = 1

ENTRY = "entry"
TIME = "time"
STATUS = "status"
END_TIME = "end_time"
PARAMETERS = "parameters"
INSTRUMENT = "instrument"
SAMPLE = "sample"
USER = "user"
GEOMETRY = "geometry"
PROVENANCE = "provenance"
WRITER = "writer"
JOURNAL = "journal"
JOURNAL_TEXT = "data"
ANALYSIS = "analysis"
CHECKSUM = "checksum"
DIGESTS = "digests"
NOTES = "notes"
TAGS = "tags"

NEXUS_CLASS = {
    PARAMETERS: "NXcollection",
    INSTRUMENT: "NXinstrument",
    SAMPLE: "NXsample",
    USER: "NXuser",
    GEOMETRY: "NXcollection",
    PROVENANCE: "NXcollection",
    WRITER: "NXcollection",
    JOURNAL: "NXnote",
    ANALYSIS: "NXcollection",
    CHECKSUM: "NXcollection",
}
"""Groups below the entry that are no stream, and their class."""

NOT_A_STREAM = frozenset(NEXUS_CLASS) | {
    "title",
    "definition",
    "format",
    "entry_identifier",
    "procedure",
    "start_time",
    END_TIME,
    STATUS,
    NOTES,
    TAGS,
}

STATUSES = ("running", "completed", "aborted", "failed", "recovered")
FINAL_STATUSES = STATUSES[1:4]
STATUS_BYTES = 16
END_TIME_BYTES = 40
"""Status and end time are padded to these lengths: they are overwritten in place, which SWMR allows."""

DTYPES = ("f8", "f4", "i4", "u4", "i2", "u2", "i1", "u1")
"""Column types. No 64-bit integers: scalars pass through a float64, which holds integers only up to 2**53."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_CHUNK_BYTES = 64 * 1024
_SCALAR_CHUNK_ROWS = 1024

Compression = Literal["bitshuffle-lz4"]
Interpretation = Literal["scalar", "spectrum", "image"]
_INTERPRETATIONS: tuple[Interpretation, ...] = ("scalar", "spectrum", "image")


def quantity_with_unit(name: str, unit: str) -> str:
    """Text for an axis of a drawing: ``Dose rate (Gy/s)``."""
    quantity = name.replace("_", " ")
    quantity = quantity[:1].upper() + quantity[1:]
    return quantity if unit in ("", "1") else f"{quantity} ({unit})"


def _check_name(name: str, what: str) -> None:
    if not _NAME.match(name):
        raise ValueError(f"{what} {name!r} must be letters, digits and underscores and not begin with a digit")


@dataclass(frozen=True)
class AxisLayout:
    """What an array column is plotted against: wavelengths, times after the trigger.

    Parameters
    ----------
    name, unit
        As written in the file; units in plain ASCII.
    values
        Shape (n,), the same for every record.
    """

    name: str
    unit: str
    values: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        _check_name(self.name, "axis")
        values = np.array(self.values, dtype="f8")
        if values.ndim != 1 or values.size == 0:
            raise ValueError(f"axis {self.name!r} must be one-dimensional and not empty, not of shape {values.shape}")
        object.__setattr__(self, "values", values)


@dataclass(frozen=True)
class ColumnLayout:
    """One column of a stream: a number, a spectrum or an image for each record.

    Parameters
    ----------
    name, unit
        As written in the file; units in plain ASCII, "1" or "" when there is none.
    shape
        () for a number, (n,) for a spectrum or waveform, (height, width) for an image.
    dtype
        One of `DTYPES`. Text is not recorded: a fixed choice is a number.
    axes
        For arrays: an axis name for each dimension, or nothing.
    errors_of
        The column whose standard uncertainties these are; the name must then be ``NAME_errors``, as NeXus has it.
    quantity
        Text for drawings; empty for the name with spaces.
    optional
        Floats only: may be left out of a record, which is then recorded as NaN.
    compression
        "bitshuffle-lz4" for images (needs `hdf5plugin`), or None.
    """

    name: str
    unit: str
    shape: tuple[int, ...] = ()
    dtype: str = "f8"
    axes: tuple[str, ...] = ()
    errors_of: str | None = None
    quantity: str = ""
    optional: bool = False
    compression: Compression | None = None

    def __post_init__(self) -> None:
        _check_name(self.name, "column")
        if self.dtype not in DTYPES:
            raise ValueError(f"column {self.name!r}: dtype {self.dtype!r} is not one of {', '.join(DTYPES)}")
        if len(self.shape) > 2 or any(n < 1 for n in self.shape):
            raise ValueError(f"column {self.name!r}: shape {self.shape} is no number, spectrum or image")
        if self.axes and len(self.axes) != len(self.shape):
            raise ValueError(f"column {self.name!r}: {len(self.axes)} axes for {len(self.shape)} dimensions")
        if self.errors_of is not None and self.name != f"{self.errors_of}_errors":
            raise ValueError(f"column {self.name!r}: errors of {self.errors_of!r} are named {self.errors_of}_errors")
        if self.optional and not self.dtype.startswith("f"):
            raise ValueError(f"column {self.name!r}: only floats may be left out, an integer has no NaN")
        if self.compression and len(self.shape) != 2:
            # the chunk that is being filled is rewritten at each flush: compressed, it would leave a hole each time
            raise ValueError(f"column {self.name!r}: only images are compressed")

    @property
    def long_name(self) -> str:
        """Text for an axis of a drawing, `Quantity (unit)`."""
        return quantity_with_unit(self.quantity or self.name, self.unit)

    @property
    def row_bytes(self) -> int:
        """Size of one record of this column."""
        return int(np.dtype(self.dtype).itemsize * np.prod(self.shape, dtype=int))

    @property
    def chunks(self) -> tuple[int, ...]:
        """Shape of a chunk: many numbers, a few spectra, or one image."""
        if not self.shape:
            return (_SCALAR_CHUNK_ROWS,)
        rows = max(1, _CHUNK_BYTES // self.row_bytes) if len(self.shape) == 1 else 1
        return (rows, *self.shape)


_TIME_COLUMN = ColumnLayout(TIME, "s", quantity="Time since the start of the run")


@dataclass(frozen=True)
class StreamLayout:
    """A named table of records that grows during the run.

    Parameters
    ----------
    name
        Of the stream and of its NXdata group.
    columns
        Without `time` (s since the start of the run), which every stream has.
    axes
        Of the array columns.
    primary
        (x, y): what a plotting program shows first. x is a scalar column, "time" or an axis of y. By default the
        first column that is no uncertainty, against time.
    title
        Of the plot.
    """

    name: str
    columns: tuple[ColumnLayout, ...]
    axes: tuple[AxisLayout, ...] = ()
    primary: tuple[str, str] | None = None
    title: str = ""

    def __post_init__(self) -> None:
        _check_name(self.name, "stream")
        if self.name in NOT_A_STREAM:
            raise ValueError(f"a stream cannot be called {self.name!r}: the run file has that name for something else")
        names = [c.name for c in self.all_columns] + [a.name for a in self.axes]
        twice = sorted({n for n in names if names.count(n) > 1})
        if not self.columns or twice:
            raise ValueError(f"stream {self.name!r}: {f'{twice[0]!r} stands there twice' if twice else 'no columns'}")
        by_name = {c.name: c for c in self.all_columns}
        lengths = {a.name: a.values.size for a in self.axes}
        for column in self.columns:
            for axis, length in zip(column.axes, column.shape, strict=False):
                if lengths.get(axis) != length:
                    raise ValueError(
                        f"stream {self.name!r}, column {column.name!r}: no axis {axis!r} of {length} values"
                    )
            values = column.errors_of
            if values is not None and (values not in by_name or by_name[values].shape != column.shape):
                raise ValueError(f"stream {self.name!r}: no column {values!r} of shape {column.shape} for its errors")
        if self.y not in by_name:
            raise ValueError(f"stream {self.name!r}: primary {self.y!r} is no column")
        if self.x not in by_name[self.y].axes and (self.x not in by_name or by_name[self.x].shape):
            raise ValueError(f"stream {self.name!r}: {self.x!r} is neither a scalar column nor an axis of {self.y!r}")

    @property
    def all_columns(self) -> tuple[ColumnLayout, ...]:
        """`time`, then the declared ones."""
        return (_TIME_COLUMN, *self.columns)

    @property
    def x(self) -> str:
        """What the default plot has to the right."""
        return self.primary[0] if self.primary else TIME

    @property
    def y(self) -> str:
        """What the default plot has upwards."""
        if self.primary:
            return self.primary[1]
        return next((c.name for c in self.columns if c.errors_of is None), self.columns[0].name)

    @property
    def signal_axes(self) -> tuple[str, ...]:
        """NXdata's `axes`, one for each dimension of the signal.

        A number is plotted against x. A spectrum or an image has the records as its first dimension, so x names
        that one (or `time`, when x is the spectrum's own axis), and its own axes follow: a plotting program shows
        one spectrum after the other, or all of them as a map of x and wavelength.
        """
        y = next(c for c in self.all_columns if c.name == self.y)
        rows = TIME if self.x in y.axes else self.x
        return (rows, *(y.axes or ("." for _ in y.shape)))

    @property
    def interpretation(self) -> Interpretation:
        """What one record of the signal is, in NeXus's words."""
        y = next(c for c in self.all_columns if c.name == self.y)
        return _INTERPRETATIONS[len(y.shape)]


@dataclass(frozen=True)
class RunHeader:
    """Everything that is known before the first record.

    Values in the mappings are numbers, text, booleans, None, paths, dates, arrays, lists, and mappings of these.

    Parameters
    ----------
    title, procedure, run_uid
        Of the run.
    start_time
        ISO 8601 with time zone.
    parameters
        Name to (value, unit); the unit is None where there is none.
    sample, user, geometry
        As in the bench and sample files.
    instruments
        Role to a mapping with `identity`, `settings` and `calibration`.
    provenance
        Bench file text, package versions, commit, seed, software version, command.
    """

    title: str
    procedure: str
    run_uid: str
    start_time: str
    parameters: Mapping[str, tuple[object, str | None]] = field(default_factory=dict)
    sample: Mapping[str, object] = field(default_factory=dict)
    user: Mapping[str, object] = field(default_factory=dict)
    instruments: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    provenance: Mapping[str, object] = field(default_factory=dict)
    geometry: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if datetime.fromisoformat(self.start_time).tzinfo is None:
            raise ValueError(f"start time {self.start_time!r} has no time zone")


def check_streams(streams: Sequence[StreamLayout]) -> None:
    """Refuse a run without a stream, and two streams of one name."""
    names = [s.name for s in streams]
    if not names or len(set(names)) != len(names):
        raise ValueError(f"a run needs streams of different names, not {names}")
