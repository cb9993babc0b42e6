"""A run to write: its header, its streams, and programs that write it in another process."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import storage
from storage.layout import AxisLayout, ColumnLayout, RunHeader, StreamLayout

END = "2025-03-01T12:30:00+01:00"
ROOT = Path(storage.__file__).parents[1]


@pytest.fixture
def header() -> RunHeader:
    return RunHeader("Linearity of CsPbBr₃", "rl-linearity", "0b5c", "2025-03-01T12:00:00+01:00")


@pytest.fixture
def sweep() -> StreamLayout:
    return StreamLayout(
        "sweep",
        (
            ColumnLayout("dose_rate", "Gy/s"),
            ColumnLayout("dose_rate_errors", "Gy/s", errors_of="dose_rate"),
            ColumnLayout("signal", "count"),
            ColumnLayout("signal_errors", "count", errors_of="signal"),
            ColumnLayout("temperature", "K", optional=True),
        ),
        primary=("dose_rate", "signal"),
        title="Radioluminescence",
    )


@pytest.fixture
def spectra() -> StreamLayout:
    return StreamLayout(
        "spectra",
        (
            ColumnLayout("dose_rate", "Gy/s"),
            ColumnLayout("counts", "count", (64,), axes=("wavelength",)),
            ColumnLayout("counts_errors", "count", (64,), axes=("wavelength",), errors_of="counts"),
        ),
        (AxisLayout("wavelength", "nm", np.linspace(400, 700, 64)),),
        ("dose_rate", "counts"),
    )


@pytest.fixture
def point() -> Callable[[int], dict[str, float]]:
    """The n-th record of `sweep`: every column tells n."""
    return lambda n: {
        "dose_rate": n + 0.1,
        "dose_rate_errors": n + 0.2,
        "signal": n + 0.3,
        "signal_errors": n + 0.4,
        "temperature": n + 0.5,
    }


@pytest.fixture
def start() -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Start a Python program with arguments; what still runs at the end of the test is killed."""
    started: list[subprocess.Popen[str]] = []

    def starting(program: str, *arguments: object) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", program, *(str(a) for a in arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        started.append(process)
        return process

    yield starting
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
