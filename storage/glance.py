"""A quick look into a run file: what a list of runs shows of it, an order of magnitude faster than opening it whole.

h5py's high-level objects cost most of the time; the calls below them refuse the same as `storage.guard`: links out of
the file, virtual and external data, unheard-of types, sizes beyond a limit.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from h5py import h5a, h5d, h5f, h5g, h5l, h5p, h5s

from storage import layout as names
from storage.errors import UnreadableRunFile
from storage.reader import open_run

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
    access = h5p.create(h5p.FILE_ACCESS)
    access.set_file_locking(False, True)
    try:
        file = h5f.open(str(path).encode(), h5f.ACC_RDONLY, access)
    except (OSError, UnicodeEncodeError):
        # being written, or left by a killed writer, or no run file: the reader knows what to do, or says why not
        return _slowly(path)
    try:
        return _quickly(h5g.open(file, names.ENTRY.encode()))
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, MemoryError, RecursionError):
        return _slowly(path)


def _quickly(entry: h5g.GroupID) -> Glance:
    if _text(entry, "format") != names.FORMAT:
        raise ValueError("another format")
    version = h5a.open(h5d.open(entry, b"format"), b"version")
    kept = np.empty(version.shape, version.dtype)
    version.read(kept)
    status = _text(entry, names.STATUS)
    if kept.tolist() != names.FORMAT_VERSION or status not in names.STATUSES:
        raise ValueError("another version or status")
    provenance = _group(entry, names.PROVENANCE)
    tags = json.loads(_text(entry, names.TAGS)) if names.TAGS.encode() in entry else []
    return Glance(
        uid=_text(entry, "entry_identifier"),
        title=_text(entry, "title"),
        procedure=_text(entry, "procedure"),
        status=status,
        start_time=_text(entry, "start_time"),
        end_time=_text(entry, names.END_TIME),
        sample=_name_in(_group(entry, names.SAMPLE), "name"),
        operator=_name_in(_group(entry, names.USER), "name"),
        bench=_name_in(provenance, "bench"),
        preset=_name_in(provenance, "preset"),
        tags=tuple(sorted(str(tag) for tag in tags)),
        figures=_figures(_group(entry, names.ANALYSIS)),
    )


def _figures(analyses: h5g.GroupID) -> tuple[dict[str, object], ...]:
    numbers = sorted(analyses)
    if not numbers:
        return ()
    latest = _group(analyses, numbers[-1].decode())
    if len(latest) > _MOST_FIGURES:
        raise ValueError("too many figures")
    found = []
    for name in latest:
        if name != b"date":
            process = _group(latest, name.decode())
            figure = json.loads(_text(process, "figure"))
            if not isinstance(figure, dict):
                raise ValueError("no figure")
            found.append((_whole_number(process, "sequence_index"), figure))
    return tuple(figure for _, figure in sorted(found, key=lambda pair: pair[0]))


def _name_in(group: h5g.GroupID, name: str) -> str:
    if name.encode() not in group:
        return ""
    text = _text(group, name)
    dataset = h5d.open(group, name.encode())
    return str(json.loads(text) or "") if h5a.exists(dataset, b"encoding") and text[:1] in ('"', "n") else text


def _group(parent: h5g.GroupID, name: str) -> h5g.GroupID:
    _only_here(parent, name)
    return h5g.open(parent, name.encode())


def _only_here(parent: h5g.GroupID, name: str) -> None:
    if parent.links.get_info(name.encode()).type != h5l.TYPE_HARD:
        raise ValueError(f"{name} is a link")


def _array(parent: h5g.GroupID, name: str, kinds: str) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    _only_here(parent, name)
    dataset = h5d.open(parent, name.encode())
    kind, properties = dataset.dtype, dataset.get_create_plist()
    if properties.get_layout() == h5d.VIRTUAL or properties.get_external_count():
        raise ValueError(f"{name} has its data elsewhere")
    if dataset.shape != () or kind.kind not in kinds or kind.subdtype is not None or kind.itemsize > _LONGEST_TEXT:
        raise ValueError(f"{name} is of another kind")
    found = np.empty((), kind)
    dataset.read(h5s.ALL, h5s.ALL, found)
    return found


def _text(parent: h5g.GroupID, name: str) -> str:
    return bytes(_array(parent, name, "S").item()).decode()


def _whole_number(parent: h5g.GroupID, name: str) -> int:
    return int(_array(parent, name, "iu").item())


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
