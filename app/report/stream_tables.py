"""The streams of a run as comma-separated values, for programs that read nothing else."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from config.mistake import UserMistake
from storage.layout import ColumnLayout
from storage.reader import open_run
from storage.streams import StreamData


def save_streams(run_file: Path, stem: Path | None = None) -> tuple[list[Path], list[str]]:
    """Write ``STEM-STREAM.csv`` with the numbers of each record, and ``STEM-STREAM-COLUMN.csv`` with its spectra.

    Headings are ``name (unit)``. A table of spectra has the wavelengths above and a row for each record, whose number
    and time stand before it.

    Parameters
    ----------
    run_file
        Path.
    stem
        Path without ending that the names begin with; the run file's by default.

    Returns
    -------
    written, left_out
        Files; and columns of images, which are no table.

    Raises
    ------
    UserMistake
        If it cannot be written.
    """
    stem = stem or run_file.with_suffix("")
    written, left_out = [], []
    with open_run(run_file) as file:
        for name, stream in file.streams.items():
            try:
                written.append(_numbers(stream, stem.with_name(f"{stem.name}-{name}.csv")))
                for column in stream.layout.columns:
                    if len(column.shape) == 1:
                        written.append(
                            _spectra(stream, column, stem.with_name(f"{stem.name}-{name}-{column.name}.csv"))
                        )
                    elif column.shape:
                        left_out.append(f"{name}/{column.name}")
            except OSError as error:
                raise UserMistake(f"{error.filename} cannot be written: {error.strerror}") from error
    return written, left_out


def _numbers(stream: StreamData, path: Path) -> Path:
    columns = [column for column in stream.layout.all_columns if not column.shape]
    rows = zip(*(stream[column.name].tolist() for column in columns), strict=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([_heading(column.name, column.unit) for column in columns])
        writer.writerows(rows)
    return path


def _spectra(stream: StreamData, column: ColumnLayout, path: Path) -> Path:
    axis = column.axes[0] if column.axes else ""
    places = stream.axes[axis] if axis else np.arange(column.shape[0])
    times = stream["time"]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        of = f"{_heading(column.name, column.unit)} at {_heading(axis or 'index', stream.units.get(axis, ''))}"
        writer.writerow([f"record, {of}", "time (s)", *places.tolist()])
        row = 0
        for block in stream.blocks(column.name):
            for values in block:
                writer.writerow([row, repr(float(times[row])), *values.tolist()])
                row += 1
    return path


def _heading(name: str, unit: str) -> str:
    return name if unit in ("", "1") else f"{name} ({unit})"
