"""Careful access to an HDF5 file of unknown origin."""

import json
from collections.abc import Callable, Iterator
from math import prod
from pathlib import Path
from types import TracebackType

import h5py
import numpy as np
from h5py import h5d, h5f, h5g, h5i, h5l, h5p, h5s

from storage.bitshuffle import FILTER, check_chunk
from storage.checksum import Algorithm, Digest
from storage.encoding import Array, decode, decode_name
from storage.errors import UnreadableRunFile

_BLOCK_BYTES = 16 * 1024**2
_MAX_CHUNK = 512 * 1024**2
_MAX_DEPTH = 8
_MAX_MEMBERS = 100_000

_LITTLE = 1024**2
"""Bytes that a dataset may declare and not hold."""

_MOST_PACKED = 256
"""Bytes that one byte of a packed chunk may stand for; LZ4 reaches 255."""

_LZ4 = 2
"""Bitshuffle's number for it."""

_RAISED_BY_DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError, RecursionError)


class _Faults:
    """What `Guard.faults` gives; opening a run file enters it hundreds of times."""

    __slots__ = ("_refusal",)

    def __init__(self, refusal: Callable[[str], UnreadableRunFile]) -> None:
        self._refusal = refusal

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(fault, _RAISED_BY_DAMAGE) and not isinstance(fault, UnreadableRunFile):
            raise self._refusal(f"damaged: {fault}") from fault


class Guard:
    """Reads what a run file may hold and refuses the rest.

    Parameters
    ----------
    path
        Of the file, for messages.
    limit
        Bytes that a dataset may declare.
    """

    def __init__(self, path: Path, limit: int) -> None:
        self._path = path
        self._limit = limit

    def faults(self) -> "_Faults":
        """Turn what h5py raises on a damaged file into one line."""
        return _Faults(self._refusal)

    def member(self, group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset:
        """Child of a group, if it is in this file and not elsewhere."""
        with self.faults():
            # h5py gives a name that is no text as bytes
            raw = name.encode("utf-8", "surrogateescape") if isinstance(name, str) else name
            self.check_link(group.id, raw)
            return group[name]

    def check_link(self, group: h5g.GroupID, name: bytes) -> None:
        """Refuse a name that is not in a group, or leads elsewhere."""
        links = group.links
        if not links.exists(name):
            raise self._refusal(f"it has no {_name(group).rstrip('/')}/{_text(name)}")
        if links.get_info(name).type != h5l.TYPE_HARD:
            raise self._refusal(f"{_name(group)}/{_text(name)} is a link to somewhere else, which is not followed")

    def group(self, parent: h5py.Group, name: str) -> h5py.Group:
        """Child that is a group."""
        found = self.member(parent, name)
        with self.faults():
            if not isinstance(found, h5py.Group) or len(found) > _MAX_MEMBERS:
                raise self._refusal(f"{parent.name}/{name} is no group, or one of too many members")
            return found

    def dataset(self, parent: h5py.Group, name: str) -> h5py.Dataset:
        """Child that is a dataset whose data are in this file and of a size to be read."""
        found = self.member(parent, name)
        if not isinstance(found, h5py.Dataset):
            raise self._refusal(f"{parent.name}/{name} is no dataset")
        self.check(found)
        return found

    def value(self, parent: h5py.Group, name: str) -> object:
        """Plain value kept in a dataset."""
        return self._decoded(self.dataset(parent, name))

    def _decoded(self, dataset: h5py.Dataset) -> object:
        with self.faults():
            return decode(dataset[()], str(self.attribute(dataset, "encoding")))

    def json(self, parent: h5py.Group, name: str) -> object:
        """JSON text kept in a dataset."""
        with self.faults():
            return json.loads(str(self.value(parent, name)))

    def values(self, parent: h5py.Group, name: str) -> dict[str, object]:
        """All plain values of a group."""
        group = self.group(parent, name)
        return {decode_name(key): self.value(group, key) for key in group}

    def values_with_units(self, parent: h5py.Group, name: str) -> dict[str, tuple[object, str | None]]:
        """All plain values of a group, each with its unit or None."""
        group = self.group(parent, name)
        found = {}
        for key in group:
            dataset = self.dataset(group, key)
            units = self.attribute(dataset, "units")
            found[decode_name(key)] = (self._decoded(dataset), None if units is None else str(units))
        return found

    def attribute(self, target: h5py.Group | h5py.Dataset, name: str) -> object:
        """Attribute as str, int, float or a list of these; None if there is none."""
        with self.faults():
            found = target.attrs.get(name)
            if found is None or isinstance(found, str):
                return found
            if isinstance(found, bytes):
                return found.decode()
            if isinstance(found, h5py.Empty):
                return None
            if not isinstance(found, np.generic | np.ndarray):
                raise self._refusal(f"{target.name} has an attribute {name!r} of a kind that no run file has")
            found = found.tolist()
            if isinstance(found, list):
                return [item.decode() if isinstance(item, bytes) else item for item in found]
            return found.decode() if isinstance(found, bytes) else found

    def texts(self, target: h5py.Group | h5py.Dataset, name: str) -> list[str]:
        """Attribute that is a list of text; empty if there is none."""
        found = self.attribute(target, name)
        return [str(item) for item in found] if isinstance(found, list) else []

    def blocks(self, dataset: h5py.Dataset, stop: int | None = None) -> Iterator[Array]:
        """Rows of a dataset in pieces of bounded size; a scalar in one."""
        with self.faults():
            if not dataset.shape:
                yield np.asarray(dataset[()], dtype=dataset.dtype)
                return
            row = max(1, dataset.dtype.itemsize * prod(dataset.shape[1:]))
            step = max(1, _BLOCK_BYTES // row)
            stop = dataset.shape[0] if stop is None else stop
            for start in range(0, stop, step):
                self.check_packed(dataset, start, min(start + step, stop))
                yield dataset[start : min(start + step, stop)]

    def digest(self, dataset: h5py.Dataset, algorithm: Algorithm) -> str:
        """Digest of what a dataset holds (see `storage.checksum`)."""
        self.check(dataset)
        units = self.attribute(dataset, "units")
        digest = Digest(dataset.dtype, units if isinstance(units, str) else "", algorithm)
        for rows in self.blocks(dataset):
            digest.update(rows)
        return digest.hexdigest(dataset.shape)

    def datasets(self, group: h5py.Group, path: str, depth: int = 0) -> Iterator[tuple[str, h5py.Dataset]]:
        """Every dataset below a group with its path, unchecked."""
        if depth > _MAX_DEPTH:
            raise self._refusal(f"groups nested deeper than {_MAX_DEPTH}")
        for name in group:
            found = self.member(group, name)
            if isinstance(found, h5py.Group):
                yield from self.datasets(found, f"{path}/{name}", depth + 1)
            elif isinstance(found, h5py.Dataset):
                yield f"{path}/{name}", found

    def check(self, dataset: h5py.Dataset) -> None:
        """Refuse a dataset whose data are elsewhere, of a kind no run file holds, or too large to be true."""
        self.check_id(dataset.id)

    def check_id(self, dataset: h5d.DatasetID) -> None:
        """Check as `check` does, below h5py's objects, which cost more than the rest."""
        with self.faults():
            # each of these asks the file again
            dtype, shape = dataset.dtype, dataset.shape
            properties = dataset.get_create_plist()
            odd = dtype.kind not in "biufS" or dtype.subdtype is not None or (dtype.kind == "f" and dtype.itemsize > 8)
            if odd or dataset.get_space().get_simple_extent_type() == h5s.NULL:
                raise self._refusal(f"{_name(dataset)} is of a kind that no run file holds")
            layout = properties.get_layout()
            if layout == h5d.VIRTUAL or properties.get_external_count():
                raise self._refusal(f"{_name(dataset)} has its data in another file, which is not opened")
            chunks = properties.get_chunk() if layout == h5d.CHUNKED else ()
            packed = bool(properties.get_nfilters())
            if packed and not _bitshuffled(dataset, chunks, properties):
                raise self._refusal(f"{_name(dataset)} is packed in a way that no run file is")
            chunk = prod(chunks) * dtype.itemsize if chunks else 0
            if chunk > _MAX_CHUNK:
                raise self._refusal(
                    f"{_name(dataset)} declares {chunk:.3g} bytes in a chunk, more than {_MAX_CHUNK:.3g}"
                )
            declared = prod(map(int, shape)) * dtype.itemsize
            if declared > min(self._limit, _LITTLE):
                file = h5i.get_file_id(dataset)
                # of a file that is being written here and now, a column's length may be ahead of its rows for a moment
                live = file.get_intent() & (h5f.ACC_SWMR_READ | h5f.ACC_SWMR_WRITE)
                if not live and declared > _borne_out(dataset, file, packed):
                    raise self._refusal(f"{_name(dataset)} declares {declared:.3g} bytes that the file does not hold")

    def check_packed(self, dataset: h5py.Dataset, start: int, stop: int) -> None:
        """Refuse frames that are packed so that unpacking them would go beyond what is there."""
        if not dataset.id.get_create_plist().get_nfilters():
            return
        elements = prod(dataset.shape[1:])
        with self.faults():
            for row in range(start, stop):
                place = (row, 0, 0)
                size = dataset.id.get_chunk_info_by_coord(place).size or 0
                if not 0 < size <= 2 * elements * dataset.dtype.itemsize + 64:
                    raise self._refusal(f"row {row} of {dataset.name} has {size} bytes in the file")
                mask, chunk = dataset.id.read_direct_chunk(place)
                if mask:
                    raise self._refusal(f"row {row} of {dataset.name} is not packed as the others")
                check_chunk(chunk, elements, dataset.dtype.itemsize)

    def check_rows(self, dataset: h5py.Dataset, rows: int) -> None:
        """Refuse to read more rows at once than fit."""
        size = rows * dataset.dtype.itemsize * prod(dataset.shape[1:])
        if size > self._limit:
            raise UnreadableRunFile(
                f"{self._path}: {rows} rows of {dataset.name} are {size:.3g} bytes, more than the {self._limit:.3g} "
                "that are read at once; read them in parts"
            )

    def _refusal(self, what: str) -> UnreadableRunFile:
        return UnreadableRunFile(f"{self._path} cannot be read as a run file: {what}")


def _name(target: h5g.GroupID | h5d.DatasetID) -> str:
    return _text(h5i.get_name(target) or b"")


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")


def _bitshuffled(dataset: h5d.DatasetID, chunks: tuple[int, ...], properties: h5p.PropDCID) -> bool:
    import hdf5plugin  # noqa: F401  (registers the filter)

    number, _, settings, _ = properties.get_filter(0)
    return (
        (properties.get_nfilters(), number) == (1, FILTER)
        and chunks == (1, *dataset.shape[1:])
        and len(dataset.shape) == 3
        # the filter crashes on settings that it did not make
        and settings[2:] == (dataset.dtype.itemsize, 0, _LZ4)
    )


def _borne_out(dataset: h5d.DatasetID, file: h5f.FileID, packed: bool) -> int:
    # chunks that are not there read as the fill value, one by one: a few bytes could keep a reader busy for years
    there = min(dataset.get_storage_size(), file.get_filesize())
    return int(there * (_MOST_PACKED if packed else 1))
