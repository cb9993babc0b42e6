"""A quick look into a run file: what a list of runs shows of it, an order of magnitude faster than opening it whole.

h5py's high-level objects cost most of the time. What is read with the calls below them goes by `storage.guard` all the
same; a file that it refuses, or that is not as a finished run's, is left to `storage.reader`.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from h5py import h5a, h5d, h5f, h5g, h5p, h5s

from storage import layout as names
from storage.errors import UnreadableRunFile
from storage.global_heaps import check_global_heaps
from storage.guard import Guard
from storage.journal import journal_path
from storage.reader import open_run
from storage.redo_log import log_path

_LONGEST_TEXT = 4 * 1024**2
_MOST_FIGURES = 10_000


@dataclass(frozen=True)
class Glance:
    """What a list of runs shows of one.

    Attributes
    ----------
    uid, title, procedure, status
        As in the file.
    start_time, end_time
        ISO 8601; the second is empty while the run goes on or when it was cut short.
    sample, operator, bench, preset
        Names; empty where the file has none.
    tags
        Sorted.
    figures
        Figures of merit of the latest analysis, as dictionaries.
    """

    uid: str
    title: str
    procedure: str
    status: str
    start_time: str
    end_time: str
    sample: str = ""
    operator: str = ""
    bench: str = ""
    preset: str = ""
    tags: tuple[str, ...] = ()
    figures: tuple[dict[str, object], ...] = ()


def glance(path: Path) -> Glance:
    """Look into a run file, whatever state its run is in.

    Raises
    ------
    UnreadableRunFile
        If it is missing, damaged, hostile, or something else.
    """
    # in the middle of a change: the reader sees how it is to be; or of its run: only the reader can open it
    if log_path(path.resolve()).exists() or journal_path(path).exists():
        return _slowly(path)
    access = h5p.create(h5p.FILE_ACCESS)
    access.set_file_locking(False, True)
    try:
        with path.open("rb") as plain:
            check_global_heaps(plain)
        file = h5f.open(str(path).encode(), h5f.ACC_RDONLY, access)
    except (OSError, UnicodeEncodeError):
        # being written, or left by a killed writer, or no run file: the reader knows what to do, or says why not
        return _slowly(path)
    try:
        return _Look(Guard(path, _LONGEST_TEXT)).glance(h5g.open(file, b"/"))
    except (
        *(OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, MemoryError, RecursionError),
        UnreadableRunFile,
    ):
        return _slowly(path)


class _Look:
    """Looks into a file with the calls below h5py's objects, by a guard."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def glance(self, root: h5g.GroupID) -> Glance:
        entry = self._group(root, names.ENTRY)
        status = self._text(entry, names.STATUS)
        if self._text(entry, "format") != names.FORMAT or status not in names.STATUSES:
            raise ValueError("another format or status")
        self._check_version(h5d.open(entry, b"format"))
        provenance = self._group(entry, names.PROVENANCE)
        tags = json.loads(self._text(entry, names.TAGS)) if names.TAGS.encode() in entry else []
        return Glance(
            uid=self._text(entry, "entry_identifier"),
            title=self._text(entry, "title"),
            procedure=self._text(entry, "procedure"),
            status=status,
            start_time=self._text(entry, "start_time"),
            end_time=self._text(entry, names.END_TIME),
            sample=self._name_in(self._group(entry, names.SAMPLE), "name"),
            operator=self._name_in(self._group(entry, names.USER), "name"),
            bench=self._name_in(provenance, "bench"),
            preset=self._name_in(provenance, "preset"),
            tags=tuple(sorted(str(tag) for tag in tags)),
            figures=self._figures(self._group(entry, names.ANALYSIS)),
        )

    @staticmethod
    def _check_version(dataset: h5d.DatasetID) -> None:
        version = h5a.open(dataset, b"version")
        if version.shape != () or version.dtype.kind not in "iu":
            raise ValueError("its version is none")
        kept = np.empty((), version.dtype)
        version.read(kept)
        if int(kept) != names.FORMAT_VERSION:
            raise ValueError("another version")

    def _figures(self, analyses: h5g.GroupID) -> tuple[dict[str, object], ...]:
        numbers = sorted(analyses)
        if not numbers:
            return ()
        latest = self._group(analyses, numbers[-1].decode())
        if len(latest) > _MOST_FIGURES:
            raise ValueError("too many figures")
        found = []
        for name in latest:
            if name != b"date":
                process = self._group(latest, name.decode())
                figure = json.loads(self._text(process, "figure"))
                if not isinstance(figure, dict):
                    raise ValueError("no figure")
                found.append((int(self._array(process, "sequence_index", "iu").item()), figure))
        return tuple(figure for _, figure in sorted(found, key=lambda pair: pair[0]))

    def _name_in(self, group: h5g.GroupID, name: str) -> str:
        if name.encode() not in group:
            return ""
        text = self._text(group, name)
        dataset = h5d.open(group, name.encode())
        return str(json.loads(text) or "") if h5a.exists(dataset, b"encoding") and text[:1] in ('"', "n") else text

    def _group(self, parent: h5g.GroupID, name: str) -> h5g.GroupID:
        self._guard.check_link(parent, name.encode())
        return h5g.open(parent, name.encode())

    def _array(self, parent: h5g.GroupID, name: str, kinds: str) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
        self._guard.check_link(parent, name.encode())
        dataset = h5d.open(parent, name.encode())
        self._guard.check_id(dataset)
        kind = dataset.dtype
        if dataset.shape != () or kind.kind not in kinds or kind.itemsize > _LONGEST_TEXT:
            raise ValueError(f"{name} is of another kind")
        found = np.empty((), kind)
        dataset.read(h5s.ALL, h5s.ALL, found)
        return found

    def _text(self, parent: h5g.GroupID, name: str) -> str:
        return bytes(self._array(parent, name, "S").item()).decode()


def _slowly(path: Path) -> Glance:
    with open_run(path) as run:
        try:
            return Glance(
                uid=run.uid,
                title=run.title,
                procedure=run.procedure,
                status=run.status,
                start_time=run.start_time,
                end_time=run.end_time or "",
                sample=str(run.sample.get("name") or ""),
                operator=str(run.user.get("name") or ""),
                bench=str(run.provenance.get("bench") or ""),
                preset=str(run.provenance.get("preset") or ""),
                tags=tuple(sorted(run.tags)),
                figures=run.figures,
            )
        except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError) as fault:
            raise UnreadableRunFile(f"{path} cannot be read as a run file: {fault}") from fault
