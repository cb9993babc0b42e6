"""SIGKILL at random moments of real runs: each recovers, at most 0.2 s of records are lost, no other file changes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest

import storage
from storage.reader import open_run, verify
from storage.recovery import recover_folder, recovered_path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")

PROGRAM = """
import json, mmap, os, struct, sys, time
import h5py, pymeasure.experiment, pyvisa, spekpy, xraydb
import app.cli.run, drivers.ptw_unidos, drivers.spellman_xrv, sim_instruments.served_bench
from app.cli.main import main
from storage.writer import RunWriter

taking, count, noted = RunWriter.record, 0, None

def record(self, *arguments):
    global count
    taking(self, *arguments)
    count += 1
    struct.pack_into("d", noted, 8 * count, time.time())
    struct.pack_into("q", noted, 0, count)

RunWriter.record = record
for line in sys.stdin:
    account, *words = json.loads(line)
    child = os.fork()
    if not child:
        with open(account, "r+b") as file:
            noted = mmap.mmap(file.fileno(), 0)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os._exit(main(words))
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""
"""The command, in a process of its own for each run: what it imports is imported once.

The wall clock's time of every record stands in shared memory, which outlives the process.
"""

MOST = 20_000
RUN = [
    "run", "dose-calibration", "--json", "--set", "tube_voltages=30", "--set", "tube_currents=0.5:2:4",
    "--set", "repeats=1000", "--set", "dose_time=0.1", "--set", "settling_time=0",
]  # fmt: skip


@dataclass(frozen=True)
class Killed:
    """What one kill cost."""

    taken: int
    kept: int
    seconds_lost: float


class Command:
    """Runs the command in processes that can be killed."""

    def __init__(self) -> None:
        # a process that forks must have no other threads
        alone = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        self._launcher = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", PROGRAM],
            cwd=Path(storage.__file__).parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **alone},
        )

    def run_and_kill(self, folder: Path, seconds: float) -> np.ndarray:
        """Run, kill so long after the first record, and return when each record was taken, in real time."""
        folder.mkdir(parents=True, exist_ok=True)
        account = folder.parent / f"{folder.name}.account"
        account.write_bytes(bytes(8 * (MOST + 1)))
        assert self._launcher.stdin is not None
        assert self._launcher.stdout is not None
        self._launcher.stdin.write(json.dumps([str(account), *RUN, "--out", str(folder)]) + "\n")
        self._launcher.stdin.flush()
        child = int(self._launcher.stdout.readline())
        deadline = time.monotonic() + 60
        while not len(times_in(account)):
            assert time.monotonic() < deadline
            assert psutil.pid_exists(child), "the run ended by itself"
            time.sleep(0.005)
        time.sleep(seconds)  # the random moment itself: there is nothing to wait for
        os.kill(child, signal.SIGKILL)
        assert int(self._launcher.stdout.readline()) == signal.SIGKILL, "the run ended by itself"
        return times_in(account)

    def close(self) -> None:
        self._launcher.kill()
        self._launcher.communicate()


def times_in(account: Path) -> np.ndarray:
    content = account.read_bytes()
    count = int(np.frombuffer(content[:8], dtype="q")[0])
    return np.frombuffer(content, dtype="d", count=count, offset=8)


@pytest.fixture(scope="module")
def command_to_kill() -> Iterator[Command]:
    made = Command()
    try:
        yield made
    finally:
        made.close()


def kill_one(command: Command, folder: Path, seconds: float) -> Killed:
    """Kill a run, recover, and compare with what was taken."""
    earlier = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    times = command.run_and_kill(folder, seconds)
    now = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    (left,) = (path for path in now if path.suffix == ".h5" and path not in earlier and ".recovered" not in path.name)
    (recovered,) = recover_folder(folder)
    assert recovered.original == left
    assert recovered.path == recovered_path(left)
    assert {path: path.read_bytes() for path in now} == now, "an earlier file or the original was touched"
    assert {path: now[path] for path in earlier} == earlier
    assert verify(recovered.path)
    with open_run(recovered.path) as run:
        assert run.status == "recovered"
        sweep = run.streams["sweep"]
        kept = sweep.rows
        assert all(len(sweep[name]) == kept for name in sweep)
        assert np.isfinite(sweep["dose_rate"]).all()
        assert (np.diff(sweep["time"]) > 0).all()
        assert run.provenance["seed"] == 1
    lost = float(times[-1] - times[kept]) if kept < len(times) else 0.0
    return Killed(len(times), kept, lost)


@pytest.mark.parametrize("moment", range(5))
def test_a_run_killed_at_any_moment_recovers(command_to_kill: Command, tmp_path: Path, moment: int) -> None:
    seconds = float(np.random.default_rng(moment).uniform(0, 0.6))
    assert kill_one(command_to_kill, tmp_path / "runs", seconds).seconds_lost <= 0.2


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_fifty_runs_killed_at_random_moments_all_recover(command_to_kill: Command, tmp_path: Path) -> None:
    moments = np.random.default_rng(50).uniform(0, 3.0, size=50)
    # one folder, so that forty-nine earlier files could be touched
    killed = [kill_one(command_to_kill, tmp_path / "runs", float(seconds)) for seconds in moments]
    lost = [one.seconds_lost for one in killed]
    print(  # noqa: T201
        f"50 kills: {sum(one.taken for one in killed)} records taken, {sum(one.taken - one.kept for one in killed)} "
        f"lost; at most {max(lost):.3f} s, median {np.median(lost):.3f} s"
    )
    assert max(lost) <= 0.2
