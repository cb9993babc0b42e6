"""Recover what a killed process, a power cut or a full disk left of a run.

The recovered run is a copy, `<stem>.recovered.h5`, that ends like any other: readable by every program, with its
journal and its checksum, its status "recovered". The original and the journal beside it stay as they were.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import h5py

from config.mistake import UserMistake
from storage.amendment import finish_left, remove_left_copies, replace_synced
from storage.checksum import algorithm_for
from storage.disk_space import MARGIN, reserve
from storage.errors import RunFileError, UnreadableRunFile
from storage.guard import Guard
from storage.journal import FAILED, JOURNAL_SUFFIX, SYNCED, journal_path, journal_text
from storage.layout import ENTRY, JOURNAL, JOURNAL_TEXT, TIME
from storage.reader import DEFAULT_LIMIT, RunFile, open_run
from storage.seal import write_digests, write_ending
from storage.tree import LIBVER, Tree, set_bitshuffle

SUFFIX = ".recovered"
_BLOCK_BYTES = 16 * 1024**2


@dataclass(frozen=True)
class Recovered:
    """What became of one run that was cut short.

    Attributes
    ----------
    original
        File that was left.
    path
        The recovered copy; None if nothing could be read.
    status_before
        What the original says: "running", or how the run had ended when only the sealing was cut short.
    records
        Records recovered, by stream.
    lost
        Records known to have been taken that are not in the copy, by stream; those of at most the last 0.1 s before
        the end, which nobody counted, may have been lost besides.
    message
        One line for people.
    """

    original: Path
    path: Path | None
    status_before: str
    records: dict[str, int]
    lost: dict[str, int]
    message: str


def recovered_path(path: Path) -> Path:
    """Name of the recovered copy."""
    return path.with_name(f"{path.stem}{SUFFIX}{path.suffix}")


def recover(path: Path | str) -> Path:
    """Recover a run that was cut short.

    Parameters
    ----------
    path
        Of its file.

    Returns
    -------
    Path
        The recovered copy, also when it was made earlier; `path` itself when the run ended in order.

    Raises
    ------
    UserMistake
        If the run is still going on.
    UnreadableRunFile
        If the file cannot be read.
    RunFileError
        If the copy cannot be written.
    """
    path = Path(path)
    _finish_sealing(path)
    with open_run(path) as run:
        if run.digests is not None:
            return path
        _refuse_living(run)
        copy = recovered_path(path)
        if not _made_before(copy, run):
            _recover(run, copy)
        return copy


def recover_folder(folder: Path | str) -> list[Recovered]:
    """Recover every run in a folder and its subfolders that was cut short and has not been recovered yet.

    Runs still going on, and files that are no run files, are left alone; a file that has a journal beside it and yet
    cannot be read is reported. Each file stands for itself: one that fails does not stop the next.
    """
    return _recover_all(sorted(Path(folder).rglob("*.h5")))


def recover_left_runs(folder: Path | str, levels: int = 0) -> list[Recovered]:
    """Recover as `recover_folder` does, but look only at files that have a journal beside them: soon done.

    A journal is beside its run file until the run has ended in order, so that what a killed writer left has one;
    finished runs are not opened, however many there are.

    Parameters
    ----------
    folder
        Where run files are; it need not exist.
    levels
        How deep subfolders are looked into.
    """
    root = Path(folder)
    journals = [path for level in range(levels + 1) for path in root.glob(f"{'*/' * level}*{JOURNAL_SUFFIX}")]
    files = [path.with_name(f"{path.name.removesuffix(JOURNAL_SUFFIX)}.h5") for path in journals]
    return _recover_all(sorted(path for path in files if path.exists()))


def _recover_all(paths: Sequence[Path]) -> list[Recovered]:
    found = []
    for path in paths:
        try:
            _finish_sealing(path)
            with open_run(path) as run:
                living = run.writer is not None and run.writer.alive(path)
                if run.digests is None and not living and not _made_before(recovered_path(path), run):
                    found.append(_recover(run, recovered_path(path)))
        except (UserMistake, RunFileError) as fault:
            if journal_path(path).exists():
                found.append(Recovered(path, None, "unknown", {}, {}, str(fault)))
    return found


def _finish_sealing(path: Path) -> None:
    try:
        finish_left(path)
    except OSError as fault:
        raise RunFileError(f"{path}: its sealing was cut short and cannot be finished: {fault}") from fault


def _refuse_living(run: RunFile) -> None:
    writer = run.writer
    if writer is not None and writer.alive(run.path):
        raise UserMistake(f"{run.path} is still being written by process {writer.pid} on {writer.host}; end that first")


def _made_before(copy: Path, run: RunFile) -> bool:
    if not copy.exists():
        return False
    with open_run(copy) as made:
        if made.uid != run.uid:
            raise UnreadableRunFile(f"{copy} is another run than {run.path}; move it away to recover this one")
    return True


def _recover(run: RunFile, copy: Path) -> Recovered:
    building = copy.with_name(f".{copy.name}.{os.getpid()}.new")
    try:
        with h5py.File(building, "w", libver=LIBVER, locking=False) as file:
            recovered = _copy(run, file, copy)
        replace_synced(building, copy)
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as fault:
        raise RunFileError(f"{run.path} cannot be recovered into {copy}: {fault}") from fault
    finally:
        building.unlink(missing_ok=True)
    # copies on which the sealing was working when it was cut short
    remove_left_copies(run.path)
    return recovered


def _copy(run: RunFile, file: h5py.File, copy: Path) -> Recovered:
    journal = _journal(run)
    size = run.path.stat().st_size + len(journal.encode())
    reserve(int(file.id.get_vfd_handle()), copy, 0, size + size // 4 + 16 * MARGIN)
    source, guard = run.file, Guard(copy, DEFAULT_LIMIT)
    for _, dataset in guard.datasets(source[ENTRY], ENTRY):
        guard.check(dataset)
    file.attrs.update(source.attrs)
    entry = file.create_group(ENTRY)
    entry.attrs.update(source[ENTRY].attrs)
    for name in source[ENTRY]:
        if name not in run.streams:
            source.copy(f"{ENTRY}/{name}", entry, name)
    whole = _announced(run, FAILED, "records")
    records = {
        name: _copy_stream(guard, source[ENTRY][name], entry, list(stream), whole.get(name, stream.rows))
        for name, stream in run.streams.items()
    }
    taken = _announced(run, SYNCED, "records") | _announced(run, FAILED, "taken")
    longest = {name: max(stream.lengths.values()) for name, stream in run.streams.items()}
    lost = {name: max(taken.get(name, 0), longest[name]) - rows for name, rows in records.items()}
    recovered = Recovered(run.path, copy, run.status, records, lost, _message(run, records, lost))
    tree = Tree(file)
    if JOURNAL_TEXT in entry[JOURNAL]:
        del entry[JOURNAL][JOURNAL_TEXT]
    ended = datetime.fromtimestamp(run.path.stat().st_mtime).astimezone().isoformat()
    write_ending(tree, "recovered", ended, journal + _recovery_event(entry, recovered))
    for path, dataset in guard.datasets(entry, ENTRY):
        tree.digests[path] = guard.digest(dataset, algorithm_for(dataset.ndim))
    write_digests(tree, file)
    return recovered


def _copy_stream(guard: Guard, source: h5py.Group, entry: h5py.Group, columns: list[str], rows: int) -> int:
    target = entry.create_group(source.name.rpartition("/")[2])
    target.attrs.update(source.attrs)
    for name in source:
        if name not in columns:
            source.copy(name, target, name)
    for name in columns:
        properties = source[name].id.get_create_plist()
        if properties.get_nfilters():
            set_bitshuffle(properties)
        space = h5py.h5s.create_simple((0, *source[name].shape[1:]), (h5py.h5s.UNLIMITED, *source[name].shape[1:]))
        h5py.h5d.create(target.id, name.encode(), source[name].id.get_type(), space, properties)
        target[name].attrs.update(source[name].attrs)
        # after a power cut the end of a column may be unreadable, and then the others go no further
        frames = source[name].ndim == 3 and source[name].chunks == (1, *source[name].shape[1:])
        copy = partial(_copy_frames, guard) if frames else _copy_rows
        rows = copy(source[name], target[name], rows)
    for name in columns:
        target[name].resize(rows, axis=0)
    return rows


def _copy_rows(source: h5py.Dataset, target: h5py.Dataset, stop: int) -> int:
    start, row_bytes = 0, max(1, source.dtype.itemsize * source.size // max(1, source.shape[0]))
    step = max(1, _BLOCK_BYTES // row_bytes)
    stop = min(stop, source.shape[0])
    while start < stop:
        end = min(start + step, stop)
        try:
            rows = source[start:end]
        except OSError:
            if step == 1:
                break
            step = max(1, step // 2)
            continue
        target.resize(end, axis=0)
        target[start:end] = rows
        start = end
    return start


def _copy_frames(guard: Guard, source: h5py.Dataset, target: h5py.Dataset, stop: int) -> int:
    # as they are packed; each is unpacked once, to see that it is whole
    stop = min(stop, source.shape[0])
    for row in range(stop):
        try:
            # a chunk that never came to the file would read as an image of zeros
            if not source.id.get_chunk_info_by_coord((row, 0, 0)).size:
                return row
            guard.check_packed(source, row, row + 1)
            source[row]
            chunk = source.id.read_direct_chunk((row, 0, 0))[1]
        except (OSError, RuntimeError, UnreadableRunFile):
            return row
        target.resize(row + 1, axis=0)
        target.id.write_direct_chunk((row, 0, 0), chunk)
    return stop


def _journal(run: RunFile) -> str:
    return journal_text(journal_path(run.path)) or "".join(json.dumps(event) + "\n" for event in run.journal)


def _announced(run: RunFile, kind: str, field: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for event in run.journal:
        records = event.get(field)
        if event.get("kind") == kind and isinstance(records, dict):
            counts |= {str(name): rows for name, rows in records.items() if isinstance(rows, int) and rows >= 0}
    return counts


def _message(run: RunFile, records: dict[str, int], lost: dict[str, int]) -> str:
    found = ", ".join(f"{rows} of {name}" for name, rows in records.items())
    missing = ", ".join(f"{rows} of {name}" for name, rows in lost.items() if rows)
    cut = "was cut short" if run.status == "running" else f"had {run.status}; its closing was cut short"
    return (
        f"the run {cut}; records recovered: {found}; records lost: {missing or 'none that were counted'}; "
        "those of the last 0.1 s may not have been counted"
    )


def _recovery_event(entry: h5py.Group, recovered: Recovered) -> str:
    last = [entry[name][TIME][-1] for name, rows in recovered.records.items() if rows]
    event = {
        "time": float(max(last, default=0.0)),
        "level": "warning",
        "kind": "recovered",
        "message": recovered.message,
        "original": recovered.original.name,
        "status_before": recovered.status_before,
        "records": recovered.records,
        "lost": recovered.lost,
    }
    return json.dumps(event) + "\n"
