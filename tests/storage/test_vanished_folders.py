"""A folder that is deleted, moved or locked in the middle of a run; clocks that are set back."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from storage.errors import RunFileError
from storage.layout import RunHeader, StreamLayout
from storage.reader import open_run, verify
from storage.recovery import recover
from storage.writer import RunWriter
from storage.writer_identity import WriterIdentity
from tests.storage.conftest import END

Point = Callable[[int], dict[str, float]]
Start = Callable[..., "subprocess.Popen[str]"]

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows deletes and moves no open file")


def until_refused(writer: RunWriter, point: Point, first: int) -> tuple[int, str]:
    """Record until the writer refuses; return how many records it took, and what it said."""
    for n in range(first, 100_000):
        try:
            writer.record("sweep", point(n), n)
        except RunFileError as fault:
            return n, str(fault)
        threading.Event().wait(0.001)
    raise AssertionError("nobody noticed")


@posix
@pytest.mark.parametrize("noticed", ["while it is recorded", "at the end of the records", "at the end"])
def test_a_deleted_folder_is_told_and_nothing_recorded_is_lost(
    tmp_path: Path, header: RunHeader, sweep: StreamLayout, point: Point, noticed: str
) -> None:
    path = tmp_path / "runs" / "run.h5"
    path.parent.mkdir()
    writer = RunWriter(path, header, [sweep], sync_every=0.05 if noticed == "while it is recorded" else 60)
    for n in range(500):
        writer.record("sweep", point(n), n)
    taken = 500
    if noticed == "at the end":
        writer.end_records()
    shutil.rmtree(path.parent)
    if noticed == "while it is recorded":
        taken, said = until_refused(writer, point, 500)
        assert "run.h5: the run file was deleted during the run; recover it" in said
    if noticed == "at the end of the records":
        with pytest.raises(RunFileError, match="was deleted"):
            writer.end_records()
    with pytest.raises(RunFileError, match="was deleted"):
        writer.finish("completed", [], END)
    assert {p.name for p in path.parent.iterdir()} == {"run.h5", "run.journal.jsonl"}
    copy = recover(path)
    assert verify(copy)
    with open_run(copy) as run:
        assert np.array_equal(run.streams["sweep"]["signal"], np.arange(taken) + 0.3)


@posix
def test_a_moved_folder_is_told_and_the_run_is_recovered_where_it_is(
    tmp_path: Path, header: RunHeader, sweep: StreamLayout, point: Point
) -> None:
    path = tmp_path / "runs" / "run.h5"
    path.parent.mkdir()
    writer = RunWriter(path, header, [sweep], sync_every=0.05)
    for n in range(500):
        writer.record("sweep", point(n), n)
    moved = tmp_path / "moved"
    path.parent.rename(moved)
    taken, said = until_refused(writer, point, 500)
    assert "was moved or replaced during the run" in said
    with pytest.raises(RunFileError, match="was moved"):
        writer.finish("completed", [], END)
    assert not path.parent.exists()
    with open_run(recover(moved / "run.h5")) as run:
        assert run.streams["sweep"].rows == taken


@posix
def test_a_deleted_folder_that_cannot_be_made_again_is_told(
    tmp_path: Path, header: RunHeader, sweep: StreamLayout, point: Point
) -> None:
    path = tmp_path / "runs" / "run.h5"
    path.parent.mkdir()
    writer = RunWriter(path, header, [sweep])
    writer.record("sweep", point(0), 0)
    shutil.rmtree(path.parent)
    path.parent.write_text("a file of this name")
    with pytest.raises(RunFileError, match="was deleted during the run, and cannot be written again"):
        writer.finish("completed", [], END)


LOCKING = """
import sys
from storage.layout import ColumnLayout, RunHeader, StreamLayout
from storage.seal import append_analysis
from storage.writer import RunWriter
header = RunHeader("t", "p", "u", "2025-03-01T12:00:00+01:00")
with RunWriter(sys.argv[1], header, [StreamLayout("s", (ColumnLayout("c", "V"),))], flush_after=0.002) as writer:
    writer.record("s", {"c": 0}, 0)
    print("ready", flush=True)
    sys.stdin.readline()
    for n in range(1, 1000):
        writer.record("s", {"c": n}, n)
    writer.finish("completed", [], header.start_time)
append_analysis(sys.argv[1], [])
"""


@posix
@pytest.mark.parametrize("locking", ["TRUE", "FALSE", "BEST_EFFORT"])
def test_a_reader_that_locks_the_file_stops_nothing_whatever_the_environment_says(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch, locking: str
) -> None:
    import fcntl

    monkeypatch.setenv("HDF5_USE_FILE_LOCKING", locking)
    path = tmp_path / "run.h5"
    process = start(LOCKING, path)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n", process.communicate()[1]
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        out, complaints = process.communicate("go\n", timeout=60)
        assert (process.returncode, complaints) == (0, ""), out
    finally:
        os.close(descriptor)
    assert verify(path)
    with open_run(path) as run:
        assert run.streams["s"].rows == 1000


def test_a_clock_that_was_set_does_not_kill_a_living_writer(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = start("import sys; print('ready', flush=True); sys.stdin.read()")
    assert process.stdout is not None
    process.stdout.readline()
    living = psutil.Process(process.pid)
    identity = WriterIdentity.of(living)
    assert identity.alive(tmp_path / "run.h5")
    # what psutil says of the start of a process rests on the time of day and the time since the system's start
    began, booted = living.create_time(), psutil.boot_time()
    for step in (-7200.0, -20.0, 86_400.0):
        monkeypatch.setattr(psutil.Process, "create_time", lambda _, step=step: began + step)
        monkeypatch.setattr(psutil, "boot_time", lambda step=step: booted + step)
        assert identity.alive(tmp_path / "run.h5"), f"taken for dead after the clock was set by {step:g} s"
    monkeypatch.setattr(psutil, "boot_time", lambda: booted - 3600.0)
    assert not identity.alive(tmp_path / "run.h5"), "another process of that number, after the system was started again"


def test_a_clock_that_was_set_back_is_in_the_journal(
    tmp_path: Path, header: RunHeader, sweep: StreamLayout, point: Point
) -> None:
    for name, end, told in (("back", "2025-03-01T10:59:00+00:00", True), ("on", END, False)):
        with RunWriter(tmp_path / f"{name}.h5", header, [sweep]) as writer:
            for n in range(3):
                writer.record("sweep", point(n), n)
            writer.finish("completed", [], end)
        with open_run(tmp_path / f"{name}.h5") as run:
            assert run.verify()
            assert np.array_equal(run.streams["sweep"]["time"], np.arange(3))
            kinds = [event["kind"] for event in run.journal if event["level"] == "warning"]
            assert kinds == ["clock_set_back"] * told
