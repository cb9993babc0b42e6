"""An index of the run files in a folder, for finding one among thousands.

The files stay the truth: the index is brought up to date each time it is asked for, by size and time of change, and
can be deleted at any time. It lies in the user's folder for caches, so that a folder that cannot be written, or is
shared by several computers, has one as well.
"""

import hashlib
import json
import math
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import platformdirs

from storage.catalogue_query import Query
from storage.errors import UnreadableRunFile
from storage.glance import Glance, glance

_VERSION = 1
_BATCH = 200
"""Files after which what was read is kept, so that an interrupted look goes on where it was."""
_TABLES = """
CREATE TABLE runs (
    id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE, size INTEGER NOT NULL, changed INTEGER NOT NULL,
    uid TEXT NOT NULL, title TEXT NOT NULL, procedure TEXT NOT NULL, status TEXT NOT NULL, sample TEXT NOT NULL,
    operator TEXT NOT NULL, bench TEXT NOT NULL, preset TEXT NOT NULL, start_time TEXT NOT NULL,
    end_time TEXT NOT NULL, start REAL, fault TEXT NOT NULL
);
CREATE INDEX runs_start ON runs (start);
CREATE INDEX runs_procedure ON runs (procedure);
CREATE TABLE tags (run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE, tag TEXT NOT NULL);
CREATE INDEX tags_tag ON tags (tag, run);
CREATE INDEX tags_run ON tags (run);
CREATE TABLE figures (
    run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE, position INTEGER NOT NULL, name TEXT NOT NULL,
    value REAL, uncertainty REAL, low REAL, high REAL, unit TEXT NOT NULL, at TEXT NOT NULL, warnings INTEGER NOT NULL
);
CREATE INDEX figures_name ON figures (name, value, run);
CREATE INDEX figures_run ON figures (run, name, position);
"""


_TEXTS = (
    "uid",
    "title",
    "procedure",
    "status",
    "sample",
    "operator",
    "bench",
    "preset",
    "start_time",
    "end_time",
    "fault",
)


@dataclass(frozen=True)
class CataloguedFigure:
    """A figure of merit as the catalogue knows it; `warnings` is their number."""

    name: str
    value: float | None
    uncertainty: float | None
    interval: tuple[float, float] | None
    unit: str
    at: Mapping[str, tuple[float, str]]
    warnings: int


@dataclass(frozen=True)
class CataloguedRun:
    """A run file as the catalogue knows it; `fault` says why it could not be read, where it could not."""

    path: Path
    uid: str
    title: str
    procedure: str
    status: str
    sample: str
    operator: str
    bench: str
    preset: str
    start_time: str
    end_time: str
    fault: str
    tags: tuple[str, ...]
    figures: tuple[CataloguedFigure, ...]


@dataclass(frozen=True)
class Changes:
    """What bringing the index up to date found."""

    read: int
    removed: int
    unchanged: int


def index_path(folder: Path) -> Path:
    """Return where the index of a folder lies."""
    name = hashlib.sha256(str(folder.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return Path(platformdirs.user_cache_dir("xraybench", appauthor=False)) / "catalogue" / f"{name}.sqlite"


class Catalogue:
    """The run files of a folder and its subfolders; close it, or use it in a `with` block.

    Parameters
    ----------
    folder
        That is searched.
    index
        File of the index; by default one in the user's folder for caches. Where it cannot be written, the index is
        kept in memory.
    """

    def __init__(self, folder: Path, index: Path | None = None) -> None:
        self.folder = folder
        self._database = _opened(index or index_path(folder))

    def update(self, progress: Callable[[int, int], None] | None = None) -> Changes:
        """Look for new, changed and removed files, and read those.

        Parameters
        ----------
        progress
            Told how many of how many changed files have been read.
        """
        rows = self._database.execute("SELECT path, size, changed FROM runs")
        known = {os.fsdecode(path): (size, changed) for path, size, changed in rows}
        found = dict(_run_files(self.folder))
        new = [path for path, state in found.items() if known.get(path) != state]
        gone = [path for path in known if path not in found]
        with self._database:
            self._database.executemany("DELETE FROM runs WHERE path = ?", ((os.fsencode(path),) for path in gone))
        for start in range(0, len(new), _BATCH):
            if progress is not None:
                progress(start, len(new))
            with self._database:
                for path in new[start : start + _BATCH]:
                    self._read(path, *found[path])
        if progress is not None:
            progress(len(new), len(new))
        return Changes(len(new), len(gone), len(found) - len(new))

    def find(self, query: Query | None = None) -> list[CataloguedRun]:
        """Find runs in the index, as it is."""
        query = query or Query()
        where, values = query.where()
        order, more = query.order()
        limit = -1 if query.limit is None else query.limit
        rows = self._database.execute(
            f"SELECT id, path, {', '.join(_TEXTS)} FROM runs WHERE {where} ORDER BY {order} LIMIT ?",  # noqa: S608
            [*values, *more, limit],
        ).fetchall()
        numbers = [row[0] for row in rows]
        tags, figures = self._tags(numbers), self._figures(numbers)
        return [
            CataloguedRun(
                path=self.folder / os.fsdecode(path),
                **dict(zip(_TEXTS, texts, strict=True)),
                tags=tuple(tags.get(number, ())),
                figures=tuple(figures.get(number, ())),
            )
            for number, path, *texts in rows
        ]

    def count(self) -> int:
        """Count the files that the index knows."""
        return int(self._database.execute("SELECT count(*) FROM runs").fetchone()[0])

    def figure_names(self) -> list[str]:
        """List the figures of merit that any run has."""
        return [name for (name,) in self._database.execute("SELECT DISTINCT name FROM figures ORDER BY name")]

    def close(self) -> None:
        """Close the index."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self, path: str, size: int, changed: int) -> None:
        fault = ""
        try:
            seen = glance(self.folder / path)
        except UnreadableRunFile as error:
            fault = str(error)
            seen = Glance("", "", "", "unreadable", "", "")
        texts = (
            seen.uid,
            seen.title,
            seen.procedure,
            seen.status,
            seen.sample,
            seen.operator,
            seen.bench,
            seen.preset,
            seen.start_time,
            seen.end_time,
        )
        key = os.fsencode(path)
        self._database.execute("DELETE FROM runs WHERE path = ?", (key,))
        number = self._database.execute(
            "INSERT INTO runs VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (key, size, changed, *map(_storable, texts), _epoch(seen.start_time), _storable(fault)),
        ).lastrowid
        self._database.executemany("INSERT INTO tags VALUES (?, ?)", ((number, _storable(tag)) for tag in seen.tags))
        self._database.executemany(
            "INSERT INTO figures VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            ((number, position, *_columns(figure)) for position, figure in enumerate(seen.figures)),
        )

    def _tags(self, numbers: Sequence[int]) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        for run, tag in self._of_runs("SELECT run, tag FROM tags WHERE run IN ({}) ORDER BY run, tag", numbers):
            found.setdefault(run, []).append(tag)
        return found

    def _figures(self, numbers: Sequence[int]) -> dict[int, list[CataloguedFigure]]:
        found: dict[int, list[CataloguedFigure]] = {}
        wanted = (
            "SELECT run, name, value, uncertainty, low, high, unit, at, warnings FROM figures "
            "WHERE run IN ({}) ORDER BY run, position"
        )
        for run, name, value, uncertainty, low, high, unit, at, warnings in self._of_runs(wanted, numbers):
            conditions = {key: (pair[0], pair[1]) for key, pair in json.loads(at).items()}
            interval = None if low is None or high is None else (low, high)
            found.setdefault(run, []).append(
                CataloguedFigure(name, value, uncertainty, interval, unit, conditions, warnings)
            )
        return found

    def _of_runs(self, statement: str, numbers: Sequence[int]) -> Iterator[tuple[Any, ...]]:
        for start in range(0, len(numbers), 500):  # SQLite takes some thousand values in a statement
            some = numbers[start : start + 500]
            yield from self._database.execute(statement.format(", ".join("?" * len(some))), some)


def _run_files(folder: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield path in the folder, size and time of change of everything that is named as a run file."""
    folders = [(str(folder), "")]
    while folders:
        here, prefix = folders.pop()
        try:
            with os.scandir(here) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue  # copies that are being amended
                    if entry.name.endswith(".h5") and entry.is_file():
                        state = entry.stat()
                        yield prefix + entry.name, (state.st_size, state.st_mtime_ns)
                    elif entry.is_dir(follow_symlinks=False):
                        folders.append((entry.path, f"{prefix}{entry.name}/"))
        except OSError:
            continue  # gone meanwhile, or not ours to read


def _opened(index: Path) -> sqlite3.Connection:
    """Open an index, or begin a new one where it is damaged or another version's."""
    for attempt in range(2):
        try:
            index.parent.mkdir(parents=True, exist_ok=True)
            return _prepared(sqlite3.connect(index, timeout=30))
        except sqlite3.DatabaseError as fault:
            if attempt or isinstance(fault, sqlite3.OperationalError):
                break
            with suppress(OSError):
                index.unlink()
        except OSError:
            break
    return _prepared(sqlite3.connect(":memory:"))


def _prepared(database: sqlite3.Connection) -> sqlite3.Connection:
    try:
        database.create_function("folded", 1, _folded, deterministic=True)
        database.execute("PRAGMA foreign_keys = ON")
        # what a crash could lose can be read again from the files
        database.execute("PRAGMA synchronous = OFF")
        if database.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
            database.execute("BEGIN IMMEDIATE")
            for name in ("figures", "tags", "runs"):
                database.execute(f"DROP TABLE IF EXISTS {name}")
            for statement in _TABLES.split(";"):
                database.execute(statement)
            database.execute(f"PRAGMA user_version = {_VERSION}")
            database.commit()
        database.execute("SELECT count(*) FROM runs, tags, figures WHERE 0")
    except BaseException:
        database.close()
        raise
    return database


def _folded(text: str) -> str:
    return text.casefold()


def _storable(text: str) -> str:
    """Text without what UTF-8 cannot hold."""
    return text.encode("utf-8", "replace").decode()


def _epoch(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def _columns(figure: Mapping[str, object]) -> tuple[object, ...]:
    interval, at, warnings = figure.get("interval"), figure.get("at"), figure.get("warnings")
    low, high = interval if isinstance(interval, list) and len(interval) == 2 else (None, None)
    conditions = {
        _storable(str(name)): [_number(pair[0]), _storable(str(pair[1]))]
        for name, pair in (at.items() if isinstance(at, dict) else ())
        if isinstance(pair, list) and len(pair) == 2
    }
    return (
        _storable(str(figure.get("name") or "")),
        *(_number(one) for one in (figure.get("value"), figure.get("uncertainty"), low, high)),
        _storable(str(figure.get("unit") or "")),
        json.dumps(conditions),
        len(warnings) if isinstance(warnings, list) else 0,
    )


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    with suppress(OverflowError):
        number = float(value)
        return number if math.isfinite(number) else None
    return None
