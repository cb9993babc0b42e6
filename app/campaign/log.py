"""The campaign's journal, which is also what it is taken up again from: one line of JSON an event, never rewritten."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from config.mistake import UserMistake


@dataclass(frozen=True)
class Done:
    """A run that ended."""

    status: str
    run_file: str
    figures: tuple[Mapping[str, Any], ...]


class CampaignLog:
    """Journal of a campaign.

    Parameters
    ----------
    path
        Of the file; read if it is there.

    Attributes
    ----------
    completed
        Runs that need not be repeated, by their key.
    cut_short
        Keys of runs that began and never ended: the program was killed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.completed: dict[str, Done] = {}
        self.cut_short: set[str] = set()
        for event in self._events():
            key = str(event.get("key", ""))
            if event.get("event") == "begin":
                self.cut_short.add(key)
            elif event.get("event") == "end":
                self.cut_short.discard(key)
                if event.get("status") == "completed":
                    figures = tuple(one for one in event.get("figures", ()) if isinstance(one, dict))
                    self.completed[key] = Done("completed", str(event.get("run_file", "")), figures)

    def write(self, event: str, **fields: Any) -> None:
        """Write an event, durably.

        Raises
        ------
        UserMistake
            If it cannot be written: a campaign whose journal is lost would repeat what it has done.
        """
        line = {"time": datetime.now().astimezone().isoformat(timespec="seconds"), "event": event, **fields}
        try:
            # a line that a crash has torn gets an end, or this one would be lost with it
            torn = self.path.is_file() and self.path.read_bytes()[-1:] not in (b"\n", b"")
            with self.path.open("a", encoding="utf-8") as file:
                file.write("\n" * torn + json.dumps(line, default=str) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise UserMistake(f"the campaign's journal {self.path} cannot be written: {error.strerror}") from error

    def _events(self) -> Iterator[dict[str, Any]]:
        try:
            lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return
        except OSError as error:
            raise UserMistake(f"the campaign's journal {self.path} cannot be read: {error.strerror}") from error
        for line in lines:
            try:
                event = json.loads(line)
            except ValueError:
                continue  # torn by a crash
            if isinstance(event, dict):
                yield event


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Keep a second process from carrying out the same campaign.

    Raises
    ------
    UserMistake
        If one does already.
    """
    import psutil

    lock = path.with_name(f".{path.name}.lock")
    try:
        holder = int(lock.read_text())
        if holder != os.getpid() and psutil.pid_exists(holder):
            raise UserMistake(f"this campaign is being carried out by process {holder} (lock file {lock})")
        lock.unlink()
    except (FileNotFoundError, ValueError):
        lock.unlink(missing_ok=True)
    try:
        handle = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except OSError as error:
        raise UserMistake(f"the campaign's lock file {lock} cannot be written: {error.strerror}") from error
    try:
        os.write(handle, str(os.getpid()).encode())
        os.close(handle)
        yield
    finally:
        lock.unlink(missing_ok=True)
