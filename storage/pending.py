"""Records that wait for the writer thread."""

import struct
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite, nan
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from storage.layout import ColumnLayout, StreamLayout

Value = float | npt.ArrayLike
Array = npt.NDArray[np.generic]

_WORTH_KEEPING = 256 * 1024
"""Bytes of an array whose memory is used again: getting that much from the system takes as long as filling it."""

_KEPT_BYTES = 128 * 1024**2
"""Bytes of such memory that a column keeps at most: as much as may wait, for a disk that does not keep up."""


@dataclass(frozen=True)
class Row:
    """One record that was checked: its numbers packed as float64, its arrays, its size in bytes."""

    numbers: bytes
    arrays: tuple[Array, ...]
    size: int


@dataclass(frozen=True)
class Block:
    """Records taken for writing.

    Attributes
    ----------
    numbers
        Shape (rows, scalar columns), the first one being the time.
    arrays
        For each array column, its value in each row.
    size
        Bytes held.
    """

    numbers: npt.NDArray[np.float64]
    arrays: tuple[tuple[Array, ...], ...]
    size: int


class PendingRecords:
    """Records of one stream, checked as they come and packed.

    Parameters
    ----------
    layout
        What a record must hold.
    """

    def __init__(self, layout: StreamLayout) -> None:
        self.scalars = tuple(c for c in layout.all_columns if not c.shape)
        self.arrays = tuple(c for c in layout.columns if c.shape)
        self.accepted = 0
        self._stream = layout.name
        self._names = frozenset(c.name for c in layout.columns)
        self._optional = {c.name for c in layout.columns if c.optional}
        self._declared_scalars = self.scalars[1:]
        self._integers = tuple(c for c in self._declared_scalars if c.dtype[0] != "f")
        self._width = len(self.scalars)
        self._pack = struct.Struct(f"={self._width}d").pack
        self._row_size = 8 * self._width
        self._numbers_of = _getter([c.name for c in self._declared_scalars])
        # a record of numbers alone, none of them an integer, has one quick way
        self._only_floats = not self.arrays and not self._integers
        self._kept: dict[str, deque[Array]] = {
            c.name: deque(maxlen=1 + _KEPT_BYTES // c.row_bytes) for c in self.arrays if c.row_bytes >= _WORTH_KEEPING
        }
        self._numbers = bytearray()
        self._rows: list[tuple[Array, ...]] = []
        self._size = 0

    def check(self, values: Mapping[str, Value], time: float) -> Row:
        """Take a record apart, copying its arrays.

        Raises
        ------
        ValueError
            If a column is missing or unknown, or a value does not fit its column.
        """
        if len(values) != len(self._names):
            values = self._completed(values)
        try:
            numbers = self._pack(time, *self._numbers_of(values))
        except KeyError:
            raise self._wrong_columns(values) from None
        except (struct.error, TypeError) as fault:
            raise ValueError(f"stream {self._stream!r}: {self._not_a_number(values, time)}") from fault
        if not isfinite(time):
            raise ValueError(f"stream {self._stream!r}: the time of a record cannot be {time}")
        if self._only_floats:
            return Row(numbers, (), self._row_size)
        for column in self._integers:
            self._fit(column, np.asarray(values[column.name]))
        try:
            arrays = tuple(self._fit(column, np.asarray(values[column.name])) for column in self.arrays)
        except KeyError:
            raise self._wrong_columns(values) from None
        return Row(numbers, arrays, self._row_size + sum(a.nbytes for a in arrays))

    def append(self, row: Row) -> None:
        """Add a checked record; the caller holds the lock."""
        self._numbers += row.numbers
        if row.arrays:
            self._rows.append(row.arrays)
        self._size += row.size
        self.accepted += 1

    def take(self) -> Block | None:
        """Everything that waits, in order, or None; the caller holds the lock."""
        if not self._numbers:
            return None
        numbers = np.frombuffer(self._numbers, dtype="f8").reshape(-1, self._width)
        block = Block(numbers, tuple(zip(*self._rows, strict=True)), self._size)
        self._numbers, self._rows, self._size = bytearray(), [], 0
        return block

    def use_again(self, block: Block) -> None:
        """Take back the memory of arrays that have been written; nobody may look at the block any more."""
        for column, arrays in zip(self.arrays, block.arrays, strict=False):
            if column.name in self._kept:
                self._kept[column.name].extend(arrays)

    def _completed(self, values: Mapping[str, Value]) -> dict[str, Value]:
        completed = dict(values)
        for column in (*self._declared_scalars, *self.arrays):
            if column.name in self._optional and column.name not in completed:
                completed[column.name] = np.full(column.shape, nan) if column.shape else nan
        if completed.keys() != self._names:
            raise self._wrong_columns(values)
        return completed

    def _wrong_columns(self, values: Mapping[str, Value]) -> ValueError:
        missing = sorted(self._names - self._optional - values.keys())
        unknown = sorted(values.keys() - self._names)
        return ValueError(f"stream {self._stream!r}: record without {missing} and with unknown {unknown}")

    def _not_a_number(self, values: Mapping[str, Value], time: float) -> str:
        for name, value in {"time": time, **{c.name: values[c.name] for c in self._declared_scalars}}.items():
            try:
                struct.pack("d", value)
            except (struct.error, TypeError):
                return f"{name} = {value!r} is no number"
        return "a value is no number"

    def _fit(self, column: ColumnLayout, value: Array) -> Array:
        where = f"stream {self._stream!r}, column {column.name!r}"
        if value.shape != column.shape or value.dtype.kind not in "biuf":
            raise ValueError(f"{where}: {value.dtype} of shape {value.shape}, not numbers of shape {column.shape}")
        target = np.dtype(column.dtype)
        if target.kind != "f" and not np.can_cast(value.dtype, target):
            limits = np.iinfo(target)
            whole = value.dtype.kind != "f" or bool(np.all(value == np.trunc(value)))
            if not (whole and limits.min <= value.min() and value.max() <= limits.max):
                raise ValueError(f"{where}: {value.min()} to {value.max()} does not fit into {target.name}")
        try:
            copy = self._kept[column.name].pop()
        except (KeyError, IndexError):
            return np.array(value, dtype=target, order="C")
        np.copyto(copy, value, casting="unsafe")
        return copy


def _getter(names: list[str]) -> Callable[[Mapping[str, Value]], tuple[Value, ...]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: tuple(values[name] for name in names)
