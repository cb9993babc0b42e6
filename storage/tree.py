"""Groups, datasets and attributes of a run file, made quickly, each with its digest.

h5py's high-level `create_dataset` and `attrs` cost two to three times as much as the calls below them; a run has some
hundred values in its header, and a user waits for each run to begin.
"""

from collections.abc import Mapping, Sequence

import h5py
import numpy as np
from h5py import h5a, h5d, h5g, h5p, h5s, h5t, h5z

from storage.bitshuffle import FILTER
from storage.checksum import Digest, algorithm_for, digest_of
from storage.encoding import JSON, Array, encode, encode_name, text_array
from storage.layout import ColumnLayout

LIBVER = ("v110", "v110")
"""The format whose SWMR every HDF5 since 1.10 reads; "latest" would shut out older ones."""

_COMPACT_LIMIT = 8 * 1024
_TEXT = h5py.string_dtype()
_SCALAR = h5s.create(h5s.SCALAR)

Attribute = str | int | Sequence[str]


def new_property_list(kind: object) -> h5p.PropDCID:
    """Dataset creation list without modification times, so that equal runs give equal files."""
    properties = h5p.create(kind)
    properties.set_obj_track_times(False)
    return properties


_COMPACT = new_property_list(h5p.DATASET_CREATE)
_COMPACT.set_layout(h5d.COMPACT)
_CONTIGUOUS = new_property_list(h5p.DATASET_CREATE)


class Tree:
    """Builder of a run file's tree.

    Parameters
    ----------
    file
        Open for writing, not in SWMR mode.

    Attributes
    ----------
    digests
        Path to digest of every dataset made so far; `column` leaves its own to whoever writes the rows.
    """

    def __init__(self, file: h5py.File) -> None:
        self._root = h5g.open(file.id, b"/")
        self.digests: dict[str, str] = {}

    def group(self, path: str, nexus_class: str, **attributes: Attribute) -> None:
        """Make a group of a NeXus class."""
        group = h5g.create(self._root, path.encode())
        _attach(group, {"NX_class": nexus_class, **attributes})

    def attributes(self, path: str, **attributes: Attribute) -> None:
        """Attach attributes to a group that is there."""
        _attach(h5g.open(self._root, path.encode()), attributes)

    def value(self, path: str, value: object, units: str | None = None, **attributes: Attribute) -> None:
        """Keep a plain value (see `storage.encoding`)."""
        array, encoding = encode(value, where=path)
        if encoding:
            attributes["encoding"] = JSON
        self.array(path, array, units, **attributes)

    def values(self, path: str, values: Mapping[str, object]) -> None:
        """Keep each value of a mapping below a group that is there."""
        for key, value in values.items():
            if not isinstance(key, str):
                raise TypeError(f"{path}: the key {key!r} is no text")
            self.value(f"{path}/{encode_name(key)}", value)

    def array(self, path: str, array: Array, units: str | None = None, **attributes: Attribute) -> None:
        """Keep an array, or text made by `text_array`."""
        self._dataset(path, array, _COMPACT if array.nbytes <= _COMPACT_LIMIT else _CONTIGUOUS, units, attributes)

    def padded_text(self, path: str, text: str, length: int) -> None:
        """Keep text that is overwritten later, in SWMR mode too: raw data in its own place, not in an object header."""
        self._dataset(path, text_array(text, length), _CONTIGUOUS, None, {})

    def replace_padded_text(self, path: str, text: str, length: int) -> None:
        """Overwrite text that `padded_text` made where it is: who has the file open may be reading it."""
        array = text_array(text, length)
        there = h5d.open(self._root, path.encode())
        if (there.dtype, there.shape) == (array.dtype, ()):
            there.write(h5s.ALL, h5s.ALL, np.ascontiguousarray(array))
            self.digests[path] = digest_of(array)
        else:
            self._root.unlink(path.encode())
            self.padded_text(path, text, length)

    def column(self, path: str, column: ColumnLayout, **attributes: Attribute) -> Digest:
        """Make an empty dataset that grows by rows; return the digest that must see every row."""
        dtype = np.dtype(column.dtype)
        properties = new_property_list(h5p.DATASET_CREATE)
        properties.set_chunk(column.chunks)
        if dtype.kind == "f":
            # a row that was never written must not read as 0
            properties.set_fill_value(np.array(np.nan, dtype=dtype))
        if column.compression:
            set_bitshuffle(properties)
        space = h5s.create_simple((0, *column.shape), (h5s.UNLIMITED, *column.shape))
        dataset = h5d.create(self._root, path.encode(), h5t.py_create(dtype), space, properties)
        _attach(dataset, {"units": column.unit, "long_name": column.long_name, **attributes})
        return Digest(dtype, column.unit, algorithm_for(1 + len(column.shape)))

    def _dataset(
        self, path: str, array: Array, properties: h5p.PropDCID, units: str | None, attributes: Mapping[str, Attribute]
    ) -> None:
        kind = h5t.py_create(array.dtype, logical=True)
        space = h5s.create_simple(array.shape) if array.shape else _SCALAR
        dataset = h5d.create(self._root, path.encode(), kind, space, properties)
        dataset.write(h5s.ALL, h5s.ALL, np.ascontiguousarray(array), kind)
        _attach(dataset, attributes if units is None else {"units": units, **attributes})
        self.digests[path] = digest_of(array, units or "")


def _attach(target: h5d.DatasetID | h5g.GroupID, attributes: Mapping[str, Attribute]) -> None:
    for name, value in attributes.items():
        if isinstance(value, int):
            data: Array = np.asarray(value)
        else:
            # variable length, which is allowed before SWMR mode begins: h5py and others hand it on as text, not bytes
            data = np.array(value if isinstance(value, str) else list(value), dtype=_TEXT)
        kind = h5t.py_create(data.dtype, logical=True)
        space = h5s.create_simple(data.shape) if data.shape else _SCALAR
        h5a.create(target, name.encode(), kind, space).write(data)


def set_bitshuffle(properties: h5p.PropDCID) -> None:
    """Let chunks be packed with bitshuffle and LZ4, in place of what they were packed with."""
    import hdf5plugin

    # to settings that a dataset has had, the filter would add its own a second time, and then crash readers
    properties.remove_filter(h5z.FILTER_ALL)
    bitshuffle = hdf5plugin.Bitshuffle(cname="lz4")
    properties.set_filter(FILTER, 0, bitshuffle.filter_options)
