"""Streams of an open run file as mappings from column name to array."""

from collections.abc import Iterator, Mapping
from typing import cast

import h5py
import numpy as np
import numpy.typing as npt

from storage.errors import UnreadableRunFile
from storage.guard import Guard
from storage.layout import DTYPES, NOT_A_STREAM, TIME, AxisLayout, ColumnLayout, StreamLayout

Array = npt.NDArray[np.generic]


class StreamData(Mapping[str, Array]):
    """Columns of one stream, `time` first, read when asked for and all of the same length.

    Parameters
    ----------
    guard
        Of the file.
    group
        The stream's NXdata.
    """

    def __init__(self, guard: Guard, group: h5py.Group) -> None:
        self._guard = guard
        names = [TIME, *guard.texts(group, "columns")]
        self._datasets = {name: guard.dataset(group, name) for name in names}
        for name, dataset in self._datasets.items():
            if not dataset.shape or dataset.dtype.kind not in "iuf":
                raise UnreadableRunFile(f"{group.file.filename}: {group.name}/{name} is no column")
        self.layout = _layout(guard, group, names)
        self.axes = {axis.name: axis.values for axis in self.layout.axes}
        self.units = {c.name: c.unit for c in self.layout.all_columns} | {a.name: a.unit for a in self.layout.axes}

    @property
    def lengths(self) -> dict[str, int]:
        """Rows of each column as they are in the file: of a run that goes on, one may be ahead of another."""
        return {name: int(dataset.shape[0]) for name, dataset in self._datasets.items()}

    @property
    def rows(self) -> int:
        """Rows that every column has."""
        return min(self.lengths.values())

    def read(self, column: str, start: int = 0, stop: int | None = None) -> Array:
        """Rows `start` to `stop` of a column, for columns too large to be read at once."""
        dataset = self._datasets[column]
        stop = self.rows if stop is None else min(stop, self.rows)
        self._guard.check_rows(dataset, stop - start)
        self._guard.check_packed(dataset, start, stop)
        with self._guard.faults():
            return cast(Array, dataset[start:stop])

    def blocks(self, column: str) -> Iterator[Array]:
        """Read a column in pieces of bounded size."""
        return self._guard.blocks(self._datasets[column], self.rows)

    def refresh(self) -> None:
        """See what a live writer has written since."""
        for dataset in self._datasets.values():
            dataset.refresh()

    def __getitem__(self, column: str) -> Array:
        if column not in self._datasets:
            raise KeyError(column)
        return self.read(column)

    def __iter__(self) -> Iterator[str]:
        return iter(self._datasets)

    def __len__(self) -> int:
        return len(self._datasets)


def read_streams(guard: Guard, entry: h5py.Group) -> dict[str, StreamData]:
    """Streams of an entry, the default one first."""
    default = str(guard.attribute(entry, "default"))
    found = sorted((name for name in entry if name not in NOT_A_STREAM), key=lambda name: (name != default, name))
    groups = {name: guard.group(entry, name) for name in found if isinstance(guard.member(entry, name), h5py.Group)}
    return {
        name: StreamData(guard, group)
        for name, group in groups.items()
        if guard.attribute(group, "NX_class") == "NXdata"
    }


def _layout(guard: Guard, group: h5py.Group, names: list[str]) -> StreamLayout:
    optional = guard.texts(group, "optional")
    columns = []
    axes: dict[str, AxisLayout] = {}
    for name in names[1:]:
        dataset = guard.dataset(group, name)
        own_axes = tuple(guard.texts(dataset, "axes_of_a_row"))
        for axis in own_axes:
            if axis not in axes:
                values = guard.dataset(group, axis)
                with guard.faults():
                    axes[axis] = AxisLayout(axis, _unit(guard, values), values[()])
        values_name = name.removesuffix("_errors")
        dtype = f"{dataset.dtype.kind}{dataset.dtype.itemsize}"
        with guard.faults():
            columns.append(
                ColumnLayout(
                    name,
                    _unit(guard, dataset),
                    tuple(dataset.shape[1:]),
                    dtype if dtype in DTYPES else "f8",
                    own_axes,
                    errors_of=values_name if values_name != name and values_name in names else None,
                    optional=name in optional,
                )
            )
    with guard.faults():
        return StreamLayout(
            group.name.rpartition("/")[2],
            tuple(columns),
            tuple(axes.values()),
            (str(guard.attribute(group, "x")), str(guard.attribute(group, "signal"))),
            str(guard.attribute(group, "title")),
        )


def _unit(guard: Guard, dataset: h5py.Dataset) -> str:
    return str(guard.attribute(dataset, "units") or "")
