"""The run file at its beginning: the whole tree, then SWMR mode, then rows."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from math import prod
from pathlib import Path

import h5py
import numpy as np

from storage import layout as names
from storage.checksum import Digest
from storage.disk_space import MARGIN, reserve
from storage.encoding import Array, encode_name, text_array
from storage.errors import UnwritableRunFolder
from storage.frames import FrameAppender
from storage.layout import ENTRY, NEXUS_CLASS, RunHeader, StreamLayout
from storage.pending import Block
from storage.tree import LIBVER, Attribute, Tree
from storage.whereabouts import Whereabouts, put_back, whereabouts
from storage.writer_identity import WriterIdentity

INSTRUMENT_CLASS = {
    "tube": "NXsource",
    "spectrometer": "NXdetector",
    "dosimeter": "NXdetector",
    "camera": "NXdetector",
    "digitizer": "NXdetector",
    "pulsed_light": "NXsource",
}
"""NeXus classes by role; any other is an NXcollection."""

_HEADER_ROOM = 8 * 1024**2
"""Bytes made sure of for the tree; what is not needed is given back."""


@contextmanager
def refuse_taken_name(path: Path) -> Iterator[None]:
    """Turn what goes wrong in creating a file into one line for the user."""
    try:
        if path.exists():
            raise FileExistsError
        yield
    except FileExistsError as fault:
        raise UnwritableRunFolder(f"{path} exists already (or its journal does): a run never overwrites one") from fault
    except OSError as fault:
        reason = os.strerror(fault.errno) if fault.errno else str(fault)
        raise UnwritableRunFolder(f"cannot create the run file {path}: {reason}") from fault


class OpenRunFile:
    """A run file in SWMR mode and its one handle; used by one thread at a time but for `sync` and `flushed`.

    Parameters
    ----------
    path
        Of the file.
    file
        In SWMR mode.
    streams
        Of the run.
    digests
        Of the header's datasets.
    columns
        Path to digest of the columns, which sees each row.
    """

    def __init__(
        self,
        path: Path,
        file: h5py.File,
        streams: Sequence[StreamLayout],
        digests: dict[str, str],
        columns: dict[str, Digest],
    ) -> None:
        self._file = file
        self._digests, self._columns = digests, columns
        self._shapes = {f"{ENTRY}/{s.name}/{c.name}": c.shape for s in streams for c in s.all_columns}
        self._datasets = {path: file[path] for path in columns}
        self._scalars = {s.name: [f"{ENTRY}/{s.name}/{c.name}" for c in s.all_columns if not c.shape] for s in streams}
        self._arrays = {s.name: [f"{ENTRY}/{s.name}/{c.name}" for c in s.columns if c.shape] for s in streams}
        self._written = {s.name: 0 for s in streams}
        self._flushed = dict(self._written)
        self._descriptor = int(file.id.get_vfd_handle())
        # outlives the file's own, which `_cut_off` and `close` give away; Windows replaces and deletes no open file
        self._kept = None if os.name == "nt" else os.dup(self._descriptor)
        self._path = path
        self._packed = {f"{ENTRY}/{s.name}/{c.name}": c.compression is not None for s in streams for c in s.columns}
        self._frames = FrameAppender()
        # each column may begin a chunk, and its index a block
        self._chunk_bytes = sum(
            np.dtype(c.dtype).itemsize * prod(c.chunks) + 8192 for s in streams for c in s.all_columns
        )

    def write(self, blocks: Sequence[tuple[str, Block]]) -> None:
        """Write rows at the end of every column of their streams, and give them to the operating system.

        Raises
        ------
        OSError
            If there is no room; the file is then as it was.
        Exception
            If HDF5 cannot write; the file is then cut off (see `_cut_off`).
        """
        self.reserve(sum(block.size + 64 * len(block.numbers) for _, block in blocks))
        try:
            for stream, block in blocks:
                self._append(stream, block)
            self._file.flush()
        except BaseException:
            self._cut_off()
            raise
        self._flushed = dict(self._written)

    def reserve(self, length: int) -> None:
        """Make sure of room for so many bytes of rows."""
        start = self._file.id.get_filesize()
        reserve(self._descriptor, self._path, start, length + self._chunk_bytes + MARGIN)

    def _append(self, stream: str, block: Block) -> None:
        start = self._written[stream]
        stop = start + len(block.numbers)
        for path, numbers in zip(self._scalars[stream], block.numbers.T, strict=True):
            self._rows(path, start, stop, np.ascontiguousarray(numbers, dtype=self._datasets[path].dtype))
        for path, arrays in zip(self._arrays[stream], block.arrays, strict=True):
            if len(self._shapes[path]) == 1:
                self._rows(path, start, stop, np.stack(arrays))
            else:
                self._frames.append(self._datasets[path], start, arrays, self._columns[path], self._packed[path])
        self._written[stream] = stop

    def _cut_off(self) -> None:
        # After a failed write HDF5 writes on whenever it can, metadata of rows that are not there, and fails on closing
        # in ways that may crash the process. From here on it writes into a file that nobody sees; ours stays as a
        # killed process would have left it.
        os.dup2(_unseen_file(), self._descriptor)

    def _rows(self, path: str, start: int, stop: int, rows: Array) -> None:
        dataset = self._datasets[path]
        shape = self._shapes[path]
        dataset.id.set_extent((stop, *shape))
        space = dataset.id.get_space()
        space.select_hyperslab((start, *(0 for _ in shape)), rows.shape)
        dataset.id.write(h5py.h5s.create_simple(rows.shape), space, rows)
        self._columns[path].update(rows)

    def flushed(self) -> dict[str, int]:
        """Rows of each stream that a reader can see."""
        return self._flushed

    def sync(self) -> None:
        """Wait until the disk has what was flushed: a power cut loses nothing of it."""
        os.fsync(self._descriptor)

    def write_status(self, status: str) -> None:
        """Overwrite the status in place."""
        self.reserve(0)
        self._file[f"{ENTRY}/{names.STATUS}"][()] = text_array(status, names.STATUS_BYTES)
        self._file.flush()

    def digests(self) -> dict[str, str]:
        """Digest of every dataset so far, but for the padded ones."""
        rows = {path: self._written[path.split("/")[1]] for path in self._columns}
        columns = {path: digest.hexdigest((rows[path], *self._shapes[path])) for path, digest in self._columns.items()}
        return {**self._digests, **columns}

    def whereabouts(self) -> Whereabouts:
        """Whether the file still has its name."""
        return Whereabouts.THERE if self._kept is None else whereabouts(self._kept, self._path)

    def close(self) -> None:
        """Close HDF5's handle; harmless when closed."""
        self._datasets.clear()
        self._frames.close()
        self._file.close()

    def put_back(self) -> None:
        """Write the file under its name again, if it was deleted while it was open."""
        if self._kept is not None and self.whereabouts() is Whereabouts.DELETED:
            put_back(self._kept, self._path)

    def let_go(self) -> None:
        """Give up the file after `close`; what was deleted is then lost. Harmless when done."""
        if self._kept is not None:
            os.close(self._kept)
            self._kept = None


def _unseen_file() -> int:
    # in memory where the system has that: the disk has just failed
    if hasattr(os, "memfd_create"):
        return os.memfd_create("cut off")
    descriptor, name = tempfile.mkstemp()
    with suppress(OSError):  # Windows deletes no open file
        os.unlink(name)
    return descriptor


def create_run_file(
    path: Path, header: RunHeader, streams: Sequence[StreamLayout], identity: WriterIdentity
) -> OpenRunFile:
    """Make the whole tree and switch to SWMR mode.

    The file appears under its name only when a reader can open it and a killed run can be recovered from it; before,
    it is `.<name>.new`. (Windows renames no open file: there it has its name from the start.)
    """
    building = path if os.name == "nt" else path.with_name(f".{path.name}.new")
    file = h5py.File(building, "w", libver=LIBVER, locking=False)
    try:
        reserve(int(file.id.get_vfd_handle()), building, 0, _HEADER_ROOM)
        tree, columns = _build(file, header, streams, identity)
        digests = tree.digests
        del tree  # its open groups
        file.flush()
        file.swmr_mode = True
        if building != path:
            building.rename(path)
        return OpenRunFile(path, file, streams, digests, columns)
    except BaseException:
        file.close()
        building.unlink(missing_ok=True)
        raise


def _build(
    file: h5py.File, header: RunHeader, streams: Sequence[StreamLayout], identity: WriterIdentity
) -> tuple[Tree, dict[str, Digest]]:
    tree = Tree(file)
    tree.attributes("/", NX_class="NXroot", default=ENTRY, creator="xraybench", file_time=header.start_time)
    tree.group(ENTRY, "NXentry", default=streams[0].name)
    tree.value(f"{ENTRY}/format", names.FORMAT, version=names.FORMAT_VERSION)
    for name, text in (
        ("title", header.title),
        ("procedure", header.procedure),
        ("entry_identifier", header.run_uid),
        ("start_time", header.start_time),
    ):
        tree.value(f"{ENTRY}/{name}", text)
    tree.padded_text(f"{ENTRY}/{names.STATUS}", "running", names.STATUS_BYTES)
    tree.padded_text(f"{ENTRY}/{names.END_TIME}", "", names.END_TIME_BYTES)
    for group, nexus_class in NEXUS_CLASS.items():
        tree.group(f"{ENTRY}/{group}", nexus_class)
    for name, (value, unit) in header.parameters.items():
        tree.value(f"{ENTRY}/{names.PARAMETERS}/{encode_name(name)}", value, unit)
    for group, values in (
        (names.SAMPLE, header.sample),
        (names.USER, header.user),
        (names.GEOMETRY, header.geometry),
        (names.PROVENANCE, header.provenance),
        (names.WRITER, asdict(identity)),
    ):
        tree.values(f"{ENTRY}/{group}", values)
    for role, description in header.instruments.items():
        group = f"{ENTRY}/{names.INSTRUMENT}/{encode_name(role)}"
        tree.group(group, INSTRUMENT_CLASS.get(role, "NXcollection"))
        tree.values(group, description)
    tree.value(f"{ENTRY}/{names.JOURNAL}/type", "application/x-ndjson")
    tree.value(f"{ENTRY}/{names.JOURNAL}/description", "one JSON object a line: time (s), level, kind, message")
    columns: dict[str, Digest] = {}
    for stream in streams:
        _build_stream(tree, stream, columns)
    return tree, columns


def _build_stream(tree: Tree, stream: StreamLayout, columns: dict[str, Digest]) -> None:
    group = f"{ENTRY}/{stream.name}"
    tree.group(
        group,
        "NXdata",
        signal=stream.y,
        axes=stream.signal_axes,
        title=stream.title or stream.name,
        x=stream.x,
        columns=[c.name for c in stream.columns],
        optional=[c.name for c in stream.columns if c.optional] or [""],
    )
    for axis in stream.axes:
        long_name = names.quantity_with_unit(axis.name, axis.unit)
        tree.array(f"{group}/{axis.name}", axis.values, axis.unit, long_name=long_name)
    for column in stream.all_columns:
        path = f"{group}/{column.name}"
        extra: dict[str, Attribute] = {"axes_of_a_row": column.axes} if column.axes else {}
        if column.name == stream.y:
            extra["interpretation"] = stream.interpretation
        columns[path] = tree.column(path, column, **extra)
