"""What a run file keeps besides records: who, with what, of what, by which program."""

from __future__ import annotations

import functools
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import numpy.typing as npt

from config.bench_file import Frames
from config.loading import Loaded
from config.sample_file import Sample
from drivers.bench import Bench
from procedures.procedure import Procedure
from procedures.streams import AXIS_UNITS, Image, Stream
from storage.layout import AxisLayout, ColumnLayout, Compression, RunHeader, StreamLayout

PACKAGES = (
    "xraybench",
    "h5py",
    "numpy",
    "pydantic",
    "pymeasure",
    "pyvisa",
    "pyvisa-py",
    "scipy",
    "seabreeze",
    "spekpy",
    "xraydb",
)
"""Whose versions a result can depend on."""


@functools.cache  # each look parses the package's whole description, 2 ms; it does not change while this runs
def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def software_version() -> str:
    """Return the installed version of this program."""
    return _version("xraybench")


def package_versions() -> dict[str, str]:
    """Return the versions of `PACKAGES` that are installed."""
    return {name: found for name in PACKAGES if (found := _version(name))}


def commit() -> str:
    """Return the commit of the checkout this program runs from; empty when it was installed otherwise."""
    folder = Path(__file__).resolve().parents[2] / ".git"
    try:
        head = (folder / "HEAD").read_text().strip()
        if not head.startswith("ref: "):
            return head
        reference = head.removeprefix("ref: ")
        loose = folder / reference
        if loose.is_file():
            return loose.read_text().strip()
        packed = (folder / "packed-refs").read_text().splitlines()
    except OSError:
        return ""
    return next((line.split()[0] for line in packed if line.endswith(" " + reference)), "")


def run_header(
    procedure: Procedure,
    bench: Bench,
    uid: str,
    started: datetime,
    *,
    sample: Loaded[Sample] | None,
    bench_text: str,
    preset: str,
    seed: int | None,
) -> RunHeader:
    """Collect everything that is known before the first record."""
    units = procedure.units()
    content = None if sample is None else sample.content.model_dump(mode="json", exclude={"world"})
    return RunHeader(
        title=f"{procedure.name}{' of ' + sample.content.name if sample else ''}",
        procedure=procedure.name,
        run_uid=uid,
        start_time=started.isoformat(timespec="milliseconds"),
        parameters={name: (value, units[name] or None) for name, value in procedure.values().items()},
        sample=content or {},
        user=bench.file.operator.model_dump(),
        instruments={
            role: {
                "identity": asdict(instrument.identity),
                "driver": bench.file.entries[role].driver if role in bench.file.entries else "",
                "resource": instrument.resource,
                "settings": dict(instrument.settings()),
                "calibration": dict(instrument.calibration()),
            }
            for role, instrument in bench.instruments.items()
        },
        geometry=bench.geometry.model_dump(mode="json"),
        provenance={
            "bench": bench.name,
            "simulated": bench.file.simulated,
            "bench_file": bench_text,
            "sample_file": "" if sample is None else sample.text,
            "preset": preset,
            "seed": seed,
            "software_version": software_version(),
            "packages": package_versions(),
            "commit": commit(),
            "python": platform.python_version(),
            "platform": platform.platform(),
            "command": list(sys.argv),
        },
    )


def stream_layouts(
    streams: Sequence[Stream], axes: Mapping[str, npt.NDArray[np.float64]], frames: Frames = "plain"
) -> list[StreamLayout]:
    """Turn a procedure's streams into what the run file holds."""
    return [_stream_layout(stream, axes, frames) for stream in streams]


def _stream_layout(stream: Stream, axes: Mapping[str, npt.NDArray[np.float64]], frames: Frames) -> StreamLayout:
    columns = []
    used: dict[str, None] = {}
    for name, column in stream.columns.items():
        used |= dict.fromkeys(column.axes)
        shape = tuple(len(axes[axis]) for axis in column.axes)
        dtype = column.dtype if isinstance(column, Image) else "f8"
        compression: Compression | None = "bitshuffle-lz4" if frames == "packed" and len(shape) == 2 else None
        columns.append(ColumnLayout(name, column.unit, shape, dtype, column.axes, compression=compression))
        if getattr(column, "errors", False):
            columns.append(ColumnLayout(f"{name}_errors", column.unit, shape, dtype, column.axes, errors_of=name))
    return StreamLayout(
        stream.name,
        tuple(columns),
        tuple(AxisLayout(axis, AXIS_UNITS[axis], np.asarray(axes[axis], dtype="f8")) for axis in used),
        stream.primary,
        stream.title,
    )
