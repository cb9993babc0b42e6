"""SIGKILL at random moments: every run recovers, at most 0.2 s of records are lost, earlier files stay as they were."""

import mmap
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from storage.reader import open_run, verify
from storage.recovery import recover, recover_folder, recovered_path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")

# One run after the other, each about 0.3 s long. The last record that was taken stands in shared memory: run, number
# of records, time of day.
PROGRAM = """
import mmap, struct, sys, threading, time
from pathlib import Path
from storage.layout import ColumnLayout, RunHeader, StreamLayout
from storage.writer import RunWriter
folder = Path(sys.argv[1])
with open(folder / "taken", "r+b") as file:
    taken = mmap.mmap(file.fileno(), 24)
header = RunHeader("t", "p", "u", "2025-03-01T12:00:00+01:00", {f"p{i}": (i, "V") for i in range(30)})
columns = [ColumnLayout(f"c{i}", "V") for i in range(9)] + [ColumnLayout("spectrum", "1", (100,))]
stream = StreamLayout("s", (ColumnLayout("wall", "s"), *columns))
pause = threading.Event()
print("ready", flush=True)
for run in range(1000):
    taken[:] = struct.pack("qqd", run, 0, time.time())
    with RunWriter(folder / f"{run:04d}.h5", header, [stream], sync_every=0.05) as writer:
        end = time.monotonic() + 0.3
        n = 0
        while time.monotonic() < end:
            now = time.time()
            writer.record("s", {"wall": now, "spectrum": [n] * 100, **{f"c{i}": n for i in range(9)}}, n)
            n += 1
            taken[:] = struct.pack("qqd", run, n, now)
            pause.wait(0.0005)
        writer.finish("completed", [{"name": "slope", "value": n}], "2025-03-01T12:30:00+01:00")
"""

Start = Callable[..., "subprocess.Popen[str]"]


def kill_and_recover(folder: Path, start: Start, delay: float) -> float:
    """Kill a series of runs after `delay` s; return how many seconds of records were lost."""
    folder.mkdir()
    (folder / "taken").write_bytes(bytes(24))
    process = start(PROGRAM, folder)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n", process.communicate()[1]
    threading.Event().wait(delay)  # the random moment itself: there is nothing to wait for
    process.kill()
    process.wait()
    with (folder / "taken").open("r+b") as file, mmap.mmap(file.fileno(), 24) as taken:
        last, records, wall = struct.unpack("qqd", taken[:])
    before = {path: path.read_bytes() for path in folder.glob("*.h5")}
    for path in sorted(before)[:-1]:
        assert verify(path)
        with open_run(path) as run:
            assert run.status == "completed"
    recovered = recover_folder(folder)
    assert {path: path.read_bytes() for path in before} == before, "an original was touched"
    assert recover_folder(folder) == []
    path = folder / f"{last:04d}.h5"
    if not path.exists():
        assert records == 0, "killed while the file was being made"
        return 0.0
    copy = recover(path)
    assert len(recovered) <= 1
    assert copy == (recovered[0].path if recovered else path)
    assert verify(copy)
    with open_run(copy) as run:
        assert run.status == ("recovered" if recovered else "completed")
        data = run.streams["s"]
        n = np.arange(data.rows)
        for i in range(9):
            assert np.array_equal(data[f"c{i}"], n)
        assert np.array_equal(data["spectrum"], np.repeat(n[:, np.newaxis], 100, axis=1))
        assert run.journal
        if recovered:
            assert run.journal[-1]["kind"] == "recovered"
            assert recovered[0].lost == {"s": 0}
            assert recovered[0].records == {"s": data.rows}
        if data.rows >= records:
            return 0.0
        # records follow each other within a millisecond, so the first lost one is as late as the last that was kept
        return wall - float(data["wall"][-1]) if data.rows else records * 0.0005


@pytest.mark.parametrize("moment", range(8))
def test_a_run_killed_at_any_moment_recovers(tmp_path: Path, start: Start, moment: int) -> None:
    delay = float(np.random.default_rng(moment).uniform(0, 0.7))
    assert kill_and_recover(tmp_path / "runs", start, delay) <= 0.2


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_runs_killed_at_fifty_moments_all_recover(tmp_path: Path, start: Start) -> None:
    delays = np.random.default_rng(50).uniform(0, 2.0, size=50)
    lost = [kill_and_recover(tmp_path / str(i), start, float(delay)) for i, delay in enumerate(delays)]
    print(f"lost: median {np.median(lost):.3f} s, at most {max(lost):.3f} s")  # noqa: T201
    assert max(lost) <= 0.2


def test_a_recovered_name_stays_beside_its_run() -> None:
    assert recovered_path(Path("a/run.h5")) == Path("a/run.recovered.h5")
