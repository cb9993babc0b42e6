"""What a full disk, or one that fails, does to a run: it is told at once, and what was flushed stays whole."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from storage.reader import open_run, verify
from storage.recovery import recover, recover_folder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on a file's size")

START = """
import json, os, resource, signal, sys, threading
from storage.errors import RunFileError
from storage.layout import ColumnLayout, RunHeader, StreamLayout
from storage.writer import RunWriter
path, limit = sys.argv[1], int(sys.argv[2])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
header = RunHeader("t", "p", "u", "2025-03-01T12:00:00+01:00")
stream = StreamLayout("s", (*(ColumnLayout(f"c{i}", "V") for i in range(9)), ColumnLayout("spectrum", "1", (50,))))
writer = RunWriter(path, header, [stream], flush_after=0.002)
pause = threading.Event()
def record(n):
    writer.record("s", {"spectrum": [n] * 50, **{f"c{i}": n for i in range(9)}}, n)
"""

FULL = """
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
n = 0
try:
    while n < 100_000:
        record(n)
        n += 1
        if n % 10 == 0:
            pause.wait(0.001)
except RunFileError as fault:
    said = str(fault)
try:
    writer.finish("completed", [], header.start_time)
except RunFileError as fault:
    at_the_end = str(fault)
print(json.dumps({"taken": n, "flushed": writer._file.flushed()["s"], "said": said, "at_the_end": at_the_end}))
"""

# From here on every write of the HDF5 library fails, as on a disk that breaks: no room that is made sure of helps.
BROKEN = """
for n in range(100):
    record(n)
while writer._file.flushed()["s"] < 100:
    pause.wait(0.001)
import storage.skeleton
storage.skeleton.reserve = lambda *_: None
with open("/dev/null", "rb") as nothing_to_write:
    os.dup2(nothing_to_write.fileno(), writer._file._descriptor)
try:
    for n in range(100, 100_000):
        record(n)
        pause.wait(0.0005)
except RunFileError as fault:
    said = str(fault)
writer.close()
print(json.dumps({"taken": n, "flushed": 100, "said": said}))
"""

# The same, but some of these writes reach the file: the library goes on with metadata after the data have failed.
FAILING = """
for n in range(100):
    record(n)
while writer._file.flushed()["s"] < 100:
    pause.wait(0.001)
import storage.skeleton
storage.skeleton.reserve = lambda *_: None
endless = resource.RLIM_INFINITY
cut_off = writer._file._cut_off
writer._file._cut_off = lambda: (resource.setrlimit(resource.RLIMIT_FSIZE, (endless, endless)), cut_off())
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, endless))
try:
    for n in range(100, 100_000):
        record(n)
        pause.wait(0.0005)
except RunFileError as fault:
    said = str(fault)
writer.close()
print(json.dumps({"taken": n, "flushed": writer._file.flushed()["s"], "said": said}))
"""

Start = Callable[..., "subprocess.Popen[str]"]


def outcome(process: "subprocess.Popen[str]") -> dict[str, object]:
    out, complaints = process.communicate(timeout=60)
    assert (process.returncode, complaints) == (0, "")
    return dict(json.loads(out))


@pytest.mark.parametrize("limit", [600_000, 1_234_567])
def test_a_full_disk_is_told_and_everything_flushed_is_recovered(tmp_path: Path, start: Start, limit: int) -> None:
    path = tmp_path / "run.h5"
    told = outcome(start(START + FULL, path, limit))
    assert "File too large" in str(told["said"])
    assert "File too large" in str(told["at_the_end"])
    assert 0 < int(str(told["flushed"])) < int(str(told["taken"]))
    (recovered,) = recover_folder(tmp_path)
    assert recovered.records == {"s": told["flushed"]}
    assert recovered.lost == {"s": int(str(told["taken"])) - int(str(told["flushed"]))}
    whole(recover(path), int(str(told["flushed"])))


@pytest.mark.parametrize("program", [BROKEN, FAILING], ids=["broken", "failing"])
def test_a_disk_that_fails_in_the_middle_of_a_write_leaves_no_row_that_is_not_whole(
    tmp_path: Path, start: Start, program: str
) -> None:
    path = tmp_path / "run.h5"
    told = outcome(start(START + program, path, 150_000))
    assert "cannot be written" in str(told["said"])
    whole(recover(path), int(str(told["flushed"])))


def whole(path: Path, rows: int) -> None:
    assert verify(path)
    with open_run(path) as run:
        for column in ("c0", "c8"):
            assert np.array_equal(run.streams["s"][column], np.arange(rows))
        assert np.array_equal(run.streams["s"]["spectrum"][:, 49], np.arange(rows))
