"""Readers in other processes while a run is written: they see it grow, and none of them can make the writer fail."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from storage.layout import RunHeader, StreamLayout
from storage.reader import open_run, verify
from storage.writer import RunWriter

END = "2025-03-01T12:30:00+01:00"
Start = Callable[..., "subprocess.Popen[str]"]
Point = Callable[[int], dict[str, float]]

FOLLOWER = """
import sys
import numpy as np
from storage.reader import open_run
lengths = set()
with open_run(sys.argv[1]) as run:
    assert run.live and run.status == "running", run.status
    print("looking", flush=True)
    while len(lengths) < 20:
        run.refresh()
        rows = {name: run.streams["sweep"][name] for name in run.streams["sweep"]}
        n = {len(column) for column in rows.values()}
        assert len(n) == 1, n
        length = n.pop()
        lengths.add(length)
        for offset, name in enumerate(("dose_rate", "dose_rate_errors", "signal", "signal_errors", "temperature"), 1):
            assert np.array_equal(rows[name], np.arange(length) + offset / 10), name
print(sorted(lengths))
"""

STRANGER = """
import sys
import warnings
import h5py
held = []
def attempt(opening):
    try:
        held.append(opening())
    except OSError:
        return
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import silx.io
path = sys.argv[1]
attempt(lambda: h5py.File(path, "r"))
attempt(lambda: h5py.File(path, "r", swmr=True))
attempt(lambda: h5py.File(path, "r", swmr=True, locking=True))
attempt(lambda: silx.io.open(path))
before = len(held)
attempt(lambda: h5py.File(path, "r+", libver="latest"))
assert len(held) == before, "a second writer got in"
assert held, "nobody could read"
print("holding", flush=True)
sys.stdin.read()
"""


def test_a_reader_in_another_process_sees_columns_of_one_length_grow(
    tmp_path: Path, header: RunHeader, sweep: StreamLayout, point: Point, start: Start
) -> None:
    path = tmp_path / "run.h5"
    with RunWriter(path, header, [sweep], flush_after=0.002) as writer:
        follower = start(FOLLOWER, path)
        n = 0
        while follower.poll() is None and n < 2_000_000:
            writer.record("sweep", point(n), n)
            n += 1
            if n % 500 == 0:
                writer._closing.wait(0.002)  # the reader needs a processor, too
        out, complaints = follower.communicate(timeout=30)
        assert follower.returncode == 0, complaints
        assert "looking" in out
        writer.finish("completed", [], END)
    with open_run(path) as run:
        assert run.streams["sweep"].rows == n


def test_a_viewer_that_holds_the_file_open_cannot_make_the_writer_fail(
    tmp_path: Path, header: RunHeader, sweep: StreamLayout, point: Point, start: Start
) -> None:
    path = tmp_path / "run.h5"
    with RunWriter(path, header, [sweep], flush_after=0.002) as writer:
        writer.record("sweep", point(0), 0)
        viewer = start(STRANGER, path)
        assert viewer.stdout is not None
        assert viewer.stdout.readline() == "holding\n", viewer.communicate()[1]
        for n in range(1, 5000):
            writer.record("sweep", point(n), n)
        writer.finish("completed", [{"name": "slope", "value": 1.0}], END)
    assert viewer.poll() is None, "the viewer was to hold the file until now"
    assert verify(path)
    with open_run(path) as run:
        assert np.array_equal(run.streams["sweep"]["signal"], np.arange(5000) + 0.3)


def test_the_journal_of_a_run_that_goes_on_is_read_from_beside_it(
    tmp_path: Path, header: RunHeader, sweep: StreamLayout
) -> None:
    with RunWriter(tmp_path / "run.h5", header, [sweep]) as writer:
        writer.event(0.5, "info", "beam", "beam on")
        with open_run(tmp_path / "run.h5") as run:
            assert run.journal[-1]["message"] == "beam on"
            assert (run.end_time, run.figures, bool(run.verify())) == (None, (), False)


@pytest.mark.parametrize("status", ["completed", "aborted", "failed"])
def test_a_run_says_how_it_ended(tmp_path: Path, header: RunHeader, sweep: StreamLayout, status: str) -> None:
    with RunWriter(tmp_path / "run.h5", header, [sweep]) as writer:
        writer.finish(status, [], END)
    with open_run(tmp_path / "run.h5") as run:
        assert (run.status, run.end_time, run.live) == (status, END, False)
