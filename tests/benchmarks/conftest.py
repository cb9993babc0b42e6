"""The benchmarks are no installed package: they are found beside the tests, however pytest was started."""

import sys
from collections.abc import Iterator
from pathlib import Path

import coverage
import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))


@pytest.fixture
def untraced() -> Iterator[None]:
    """Spare the tracing of lines, which slows down by half what is only repeated with other seeds."""
    tracing = coverage.Coverage.current()
    if tracing is not None:
        tracing.stop()
    yield
    if tracing is not None:
        tracing.start()
