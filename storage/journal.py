"""The journal of a run: one JSON object a line, in a file beside the run file until the run has ended."""

import json
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from storage.whereabouts import Whereabouts, put_back, whereabouts

SYNCED = "synced"
"""Kind of the events that say how many records had reached the disk."""

FAILED = "writer_failed"
"""Kind of the event that says that nothing was written any more, and how many records are whole."""


JOURNAL_SUFFIX = ".journal.jsonl"


def journal_path(run_file: Path) -> Path:
    """Journal beside a run file: `<stem>.journal.jsonl`."""
    return run_file.with_name(f"{run_file.stem}{JOURNAL_SUFFIX}")


class Journal:
    """Journal that is written: each event is with the operating system when `event` returns.

    Parameters
    ----------
    path
        Must not exist.

    Raises
    ------
    FileExistsError
        If it does: the run file's name is then taken.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._descriptor: int | None = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_APPEND, 0o644)

    def event(self, time: float, level: str, kind: str, message: str, fields: Mapping[str, object]) -> None:
        """Append one event; does nothing once closed.

        Raises
        ------
        OSError
            If the disk does not take it.
        """
        event = {**fields, "time": float(time), "level": level, "kind": kind, "message": message}
        line = json.dumps(event, default=_as_text).encode() + b"\n"
        with self._lock:
            while line and self._descriptor is not None:
                line = line[os.write(self._descriptor, line) :]

    def sync(self) -> None:
        """Wait until the disk has it, and touch the file: a sign of life for a look from another machine."""
        with self._lock:
            if self._descriptor is not None:
                os.fsync(self._descriptor)
        os.utime(self.path)

    def put_back(self) -> None:
        """Write it under its name again, if it was deleted while it was open.

        Raises
        ------
        OSError
            If the disk does not take it.
        """
        with self._lock:
            if self._descriptor is not None and whereabouts(self._descriptor, self.path) is Whereabouts.DELETED:
                put_back(self._descriptor, self.path)

    def close(self) -> None:
        """Close; harmless when closed."""
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None


def _as_text(value: object) -> object:
    # whatever a fault carries must reach the journal rather than become a second fault
    try:
        return value.tolist()  # type: ignore[attr-defined]
    except Exception:
        return repr(value)


def parse_journal(text: bytes | str) -> list[dict[str, object]]:
    """Events of a journal; a line that was torn by a crash, or is none of ours, is left out."""
    return list(_events(text.encode() if isinstance(text, str) else text))


def _events(text: bytes) -> Iterator[dict[str, object]]:
    for line in text.split(b"\n"):
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(event, dict):
            yield event


def journal_text(path: Path) -> str:
    """Whole lines of a journal file as they stand; empty when there is none."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return ""
    return "".join(json.dumps(event) + "\n" for event in parse_journal(raw))
