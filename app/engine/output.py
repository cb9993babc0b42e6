"""Where a run file goes."""

from __future__ import annotations

import re
import tempfile
from datetime import datetime
from pathlib import Path

from config.bench_file import BenchFile
from config.mistake import UserMistake

_NOT_IN_A_FILE_NAME = re.compile(r"[^\w.+-]+", re.ASCII)


def word(text: str) -> str:
    """Make a text fit into a file name on every system."""
    return _NOT_IN_A_FILE_NAME.sub("-", text).strip("-.")[:80] or "none"


def output_folder(bench: BenchFile, folder: Path | None) -> Path:
    """Return the folder in which the bench's template begins.

    Parameters
    ----------
    folder
        Given by the user; None takes the bench file's.
    """
    return folder if folder is not None else Path(bench.output.folder).expanduser()


def run_file_path(
    bench: BenchFile,
    folder: Path | None,
    started: datetime,
    *,
    procedure: str,
    preset: str = "",
    sample: str = "",
    seed: int | None = None,
) -> Path:
    """Fill in the bench's template and make the folders; an existing file gets a number behind its name.

    Parameters
    ----------
    folder
        Given by the user; None takes the bench file's.

    Raises
    ------
    UserMistake
        If the folder cannot be written.
    """
    base = output_folder(bench, folder)
    name = bench.output.template.format(
        date=started.strftime("%Y-%m-%d"),
        time=started.strftime("%H%M%S"),
        procedure=word(procedure),
        preset=word(preset),
        sample=word(sample),
        operator=word(bench.operator.name),
        bench=word(bench.name),
        seed="none" if seed is None else seed,
    )
    path = (base / name).with_suffix(".h5")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise UserMistake(
            f"the output folder {path.parent} cannot be written: {error.strerror}; give another with --out"
        ) from error
    free, number = path, 1
    while free.exists() or free.with_suffix(".journal.jsonl").exists():
        number += 1
        free = path.with_name(f"{path.stem}-{number}.h5")
    return free
