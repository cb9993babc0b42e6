"""What tests of several rooms need."""

from __future__ import annotations

from collections.abc import Iterator

import coverage
import pytest


@pytest.fixture(scope="module")
def untraced() -> Iterator[None]:
    """Spare the tracing of lines in a module that measures whole runs: they take half as long again with it.

    What such runs go through is traced in the tests of each room.
    """
    tracing = coverage.Coverage.current()
    if tracing is not None:
        tracing.stop()
    yield
    if tracing is not None:
        tracing.start()
