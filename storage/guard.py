"""Careful access to an HDF5 file of unknown origin."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path

import h5py
import numpy as np

from storage.checksum import Digest
from storage.encoding import Array, decode, decode_name
from storage.errors import UnreadableRunFile

_BLOCK_BYTES = 16 * 1024**2
_MAX_CHUNK = 512 * 1024**2
_MAX_DEPTH = 8
_MAX_MEMBERS = 100_000


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

    @contextmanager
    def faults(self) -> Iterator[None]:
        """Turn what h5py raises on a damaged file into one line."""
        try:
            yield
        except UnreadableRunFile:
            raise
        except (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError, RecursionError) as fault:
            raise self._refusal(f"damaged: {fault}") from fault

    def member(self, group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset:
        """Child of a group, if it is in this file and not elsewhere."""
        with self.faults():
            if name not in group and group.get(name, getlink=True, default=None) is None:
                raise self._refusal(f"it has no {group.name.rstrip('/')}/{name}")
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise self._refusal(f"{group.name}/{name} is a link to somewhere else, which is not followed")
            return group[name]

    def group(self, parent: h5py.Group, name: str) -> h5py.Group:
        """Child that is a group."""
        found = self.member(parent, name)
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
        dataset = self.dataset(parent, name)
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
            units = self.attribute(self.dataset(group, key), "units")
            found[decode_name(key)] = (self.value(group, key), None if units is None else str(units))
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
                yield dataset[start : min(start + step, stop)]

    def digest(self, dataset: h5py.Dataset) -> str:
        """Digest of what a dataset holds (see `storage.checksum`)."""
        self.check(dataset)
        units = self.attribute(dataset, "units")
        digest = Digest(dataset.dtype, units if isinstance(units, str) else "")
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
        """Refuse a dataset whose data are elsewhere, of a kind no run file holds, or too large."""
        with self.faults():
            kind = dataset.dtype.kind
            properties = dataset.id.get_create_plist()
            if dataset.shape is None or kind not in "biufS" or dataset.dtype.subdtype is not None:
                raise self._refusal(f"{dataset.name} is of a kind that no run file holds")
            if dataset.is_virtual or properties.get_external_count():
                raise self._refusal(f"{dataset.name} has its data in another file, which is not opened")
            chunk = prod(dataset.chunks) * dataset.dtype.itemsize if dataset.chunks else 0
            for what, size, limit in (("", dataset.nbytes, self._limit), (" in a chunk", chunk, _MAX_CHUNK)):
                if size > limit:
                    raise self._refusal(f"{dataset.name} declares {size:.3g} bytes{what}, more than {limit:.3g}")

    def _refusal(self, what: str) -> UnreadableRunFile:
        return UnreadableRunFile(f"{self._path} cannot be read as a run file: {what}")
