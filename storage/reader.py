"""Read a run file: finished, still being written, or left by a killed process.

A run file may come from anybody. Links out of the file, virtual and external datasets, unheard-of types and
sizes that would fill the memory are refused, each with one line.
"""

import functools
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import cast

import h5py
import numpy as np

from storage import layout as names
from storage.checksum import algorithm_of
from storage.encoding import decode_name
from storage.errors import UnreadableRunFile
from storage.global_heaps import check_global_heaps
from storage.guard import Guard
from storage.journal import journal_path, journal_text, parse_journal
from storage.layout import ENTRY
from storage.redo_log import ChangedFile, left_change, log_path
from storage.streams import StreamData, read_streams
from storage.unclosed import UnclosedFile
from storage.writer_identity import WriterIdentity

DEFAULT_LIMIT = 4 * 1024**3
"""Bytes that are read at once; a dataset that declares more must really hold it."""


@dataclass(frozen=True)
class Analysis:
    """Figures of merit as one analysis gave them.

    Attributes
    ----------
    number
        1 for the run's own, then one more each time.
    date
        ISO 8601.
    figures
        In the order given.
    """

    number: int
    date: str
    figures: tuple[dict[str, object], ...]


@dataclass(frozen=True)
class Note:
    """What somebody wrote about a run after it (see `storage.notes`).

    Attributes
    ----------
    number
        1 for the first.
    date
        ISO 8601 with time zone.
    author, text
        As given.
    """

    number: int
    date: str
    author: str
    text: str


@dataclass(frozen=True)
class Verification:
    """Whether a run file still holds what was written; true if so.

    Attributes
    ----------
    sealed
        Whether the file holds digests at all: a run that has not ended does not.
    damaged, missing, unknown
        Paths of datasets that changed, vanished, or were put there by something else.
    """

    sealed: bool
    damaged: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.sealed and not (self.damaged or self.missing or self.unknown)


class RunFile:
    """An open run file; close it, or use it in a `with` block.

    Parameters
    ----------
    path
        Of the file.
    file
        Open for reading.
    source
        What `file` reads from, if the file was left by a killed process.
    limit
        Bytes that are read at once.
    """

    def __init__(self, path: Path, file: h5py.File, source: io.RawIOBase | None, limit: int) -> None:
        self.path = path
        self._source = source
        self.file = file
        self._guard = Guard(path, limit)
        self._entry = self._guard.group(file, ENTRY)
        if self._text("format") != names.FORMAT:
            raise UnreadableRunFile(f"{path} is no run file of xraybench")
        version = self._guard.attribute(self._guard.dataset(self._entry, "format"), "version")
        if version != names.FORMAT_VERSION:
            raise UnreadableRunFile(f"{path} has format {version}; this version reads {names.FORMAT_VERSION}")
        self.title, self.procedure = self._text("title"), self._text("procedure")
        self.uid, self.start_time = self._text("entry_identifier"), self._text("start_time")
        self.parameters = self._guard.values_with_units(self._entry, names.PARAMETERS)
        self.sample = self._guard.values(self._entry, names.SAMPLE)
        self.geometry = self._guard.values(self._entry, names.GEOMETRY)
        instruments = self._guard.group(self._entry, names.INSTRUMENT)
        self.instruments = {decode_name(role): self._guard.values(instruments, role) for role in instruments}
        self.streams: dict[str, StreamData] = read_streams(self._guard, self._entry)
        self.attributes: dict[str, object] = {
            "default": self._guard.attribute(self._entry, "default"),
            **{name: self._text(name) for name in ("title", "procedure", "start_time", names.END_TIME)},
        }

    @functools.cached_property
    def user(self) -> dict[str, object]:
        """Who measured."""
        with _one_line(self.path):
            return self._guard.values(self._entry, names.USER)

    @functools.cached_property
    def provenance(self) -> dict[str, object]:
        """What the run was made with: bench file, versions, seed."""
        with _one_line(self.path):
            return self._guard.values(self._entry, names.PROVENANCE)

    @property
    def live(self) -> bool:
        """Whether the file is being written, and was therefore opened in SWMR mode."""
        return bool(self.file.swmr_mode)

    @property
    def status(self) -> str:
        """One of `storage.layout.STATUSES`."""
        status = self._text(names.STATUS)
        if status not in names.STATUSES:
            raise UnreadableRunFile(f"{self.path}: {status!r} is no status of a run")
        return status

    @property
    def end_time(self) -> str | None:
        """ISO 8601, or None while the run goes on or when it was cut short."""
        return self._text(names.END_TIME) or None

    @property
    def writer(self) -> WriterIdentity | None:
        """Process that wrote the file; None if the file does not say."""
        try:
            return WriterIdentity.from_mapping(self._guard.values(self._entry, names.WRITER))
        except ValueError:
            return None

    @property
    def axes(self) -> dict[str, dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]]:
        """Stream to axis name to values."""
        return {name: stream.axes for name, stream in self.streams.items()}

    @property
    def units(self) -> dict[str, dict[str, str]]:
        """Stream to column and axis name to unit."""
        return {name: stream.units for name, stream in self.streams.items()}

    @property
    def journal(self) -> list[dict[str, object]]:
        """Events in order; while the run goes on, those in the journal beside the file."""
        group = self._guard.group(self._entry, names.JOURNAL)
        if names.JOURNAL_TEXT in group:
            return parse_journal(str(self._guard.value(group, names.JOURNAL_TEXT)))
        return parse_journal(journal_text(journal_path(self.path)))

    @property
    def analyses(self) -> tuple[Analysis, ...]:
        """All analyses, the run's own first."""
        group = self._guard.group(self._entry, names.ANALYSIS)
        return tuple(self._analysis(group, name) for name in sorted(group))

    @property
    def figures(self) -> tuple[dict[str, object], ...]:
        """Figures of merit of the latest analysis."""
        analyses = self.analyses
        return analyses[-1].figures if analyses else ()

    @property
    def notes(self) -> tuple[Note, ...]:
        """What was noted about the run since, in the order in which it was written."""
        if names.NOTES not in self._entry:
            return ()
        group = self._guard.group(self._entry, names.NOTES)
        return tuple(self._note(group, name) for name in sorted(group))

    @property
    def tags(self) -> tuple[str, ...]:
        """Tags of the run, sorted."""
        if names.TAGS not in self._entry:
            return ()
        tags = self._guard.value(self._entry, names.TAGS)
        if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            raise UnreadableRunFile(f"{self.path}: its tags are none")
        return tuple(sorted(tags))

    @property
    def digests(self) -> dict[str, str] | None:
        """Path to digest as kept in the file, or None before the run has ended."""
        group = self._guard.group(self._entry, names.CHECKSUM)
        if names.DIGESTS not in group:
            return None
        kept = self._guard.json(group, names.DIGESTS)
        if not isinstance(kept, dict) or not all(isinstance(d, str) for d in kept.values()):
            raise UnreadableRunFile(f"{self.path}: its checksum is none")
        return cast(dict[str, str], kept)

    def verify(self) -> Verification:
        """Compare every dataset with its digest (see `storage.checksum`)."""
        digests = self.digests
        if digests is None:
            return Verification(sealed=False)
        found = dict(self._guard.datasets(self._entry, ENTRY))
        found.pop(f"{ENTRY}/{names.CHECKSUM}/{names.DIGESTS}", None)
        kept = found.keys() & digests.keys()
        digest = self._guard.digest
        return Verification(
            sealed=True,
            damaged=tuple(sorted(p for p in kept if digest(found[p], algorithm_of(digests[p])) != digests[p])),
            missing=tuple(sorted(digests.keys() - found.keys())),
            unknown=tuple(sorted(found.keys() - digests.keys())),
        )

    def refresh(self) -> None:
        """See what a live writer has written since."""
        if self.live:
            with self._guard.faults():
                for stream in self.streams.values():
                    stream.refresh()
                self._entry[names.STATUS].refresh()

    def close(self) -> None:
        """Close; harmless when closed."""
        self.file.close()
        if self._source is not None:
            self._source.close()

    def __enter__(self) -> "RunFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _text(self, name: str) -> str:
        return str(self._guard.value(self._entry, name))

    def _note(self, group: h5py.Group, name: str) -> Note:
        note = self._guard.group(group, name)
        if not name.isdecimal():
            raise UnreadableRunFile(f"{self.path}: note {name!r} is none")
        date, author, text = (str(self._guard.value(note, field)) for field in ("date", "author", "data"))
        return Note(int(name), date, author, text)

    def _analysis(self, group: h5py.Group, name: str) -> Analysis:
        analysis = self._guard.group(group, name)
        found = []
        for figure in analysis:
            if figure != "date":
                process = self._guard.group(analysis, figure)
                found.append((self._guard.value(process, "sequence_index"), self._guard.value(process, "figure")))
        figures = [figure for _, figure in sorted(found, key=lambda pair: int(str(pair[0])))]
        if not name.isdecimal() or not all(isinstance(figure, dict) for figure in figures):
            raise UnreadableRunFile(f"{self.path}: analysis {name!r} is none")
        return Analysis(
            int(name), str(self._guard.value(analysis, "date")), tuple(cast(list[dict[str, object]], figures))
        )


@contextmanager
def _one_line(path: Path) -> Iterator[None]:
    try:
        yield
    except UnreadableRunFile:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, RecursionError) as fault:
        raise UnreadableRunFile(f"{path} cannot be read as a run file: {fault}") from fault


def open_run(path: Path | str, *, limit: int = DEFAULT_LIMIT) -> RunFile:
    """Open a run file, whatever state its run is in.

    Parameters
    ----------
    path
        Of the file.
    limit
        Bytes that are read at once; a dataset that declares more must really hold it.

    Raises
    ------
    UnreadableRunFile
        If it is missing, damaged, hostile, or something else.
    """
    path = Path(path)
    if not path.is_file():
        raise UnreadableRunFile(f"{path}: there is no such file")
    before = _version(path)
    try:
        return _open_run(path, limit)
    except UnreadableRunFile:
        if _version(path) == before:
            raise
        # just being sealed, in place
        return _open_run(path, limit)


def _open_run(path: Path, limit: int) -> RunFile:
    with _one_line(path):
        if not h5py.is_hdf5(path):
            raise UnreadableRunFile(f"{path} is no HDF5 file")
        file, source = _open(path)
        try:
            return RunFile(path, file, source, limit)
        except BaseException:
            file.close()
            if source is not None:
                source.close()
            raise


def _version(path: Path) -> tuple[bool, int, int] | None:
    try:
        now = path.stat()
    except OSError:
        return None
    return log_path(path.resolve()).exists(), now.st_size, now.st_mtime_ns


def _open(path: Path) -> tuple[h5py.File, io.RawIOBase | None]:
    change = left_change(path.resolve())
    if change is not None:
        return _open_from(ChangedFile(path, change))
    with path.open("rb") as plain:
        check_global_heaps(plain)
    try:
        return h5py.File(path, "r", locking=False), None
    except OSError as fault:
        if _being_written(path):
            return h5py.File(path, "r", swmr=True, libver="latest", locking=False), None
        try:
            unclosed = UnclosedFile(path)
        except OSError:
            raise fault from None
        return _open_from(unclosed)


def _open_from(source: io.RawIOBase) -> tuple[h5py.File, io.RawIOBase]:
    try:
        check_global_heaps(source)
        return h5py.File(source, "r"), source
    except BaseException:
        source.close()
        raise


def _being_written(path: Path) -> bool:
    events = parse_journal(journal_text(journal_path(path)))
    try:
        return bool(events) and WriterIdentity.from_mapping(events[0]).alive(path)
    except ValueError:
        return False


def verify(path: Path | str) -> Verification:
    """Check a run file against its own checksum.

    Raises
    ------
    UnreadableRunFile
        If it cannot be read at all.
    """
    with open_run(path) as run:
        return run.verify()
