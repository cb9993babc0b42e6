"""A measuring process that is interrupted or killed leaves no beam behind. Everything runs in processes of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from drivers.spellman_xrv import SpellmanTube
from storage.reader import open_run
from storage.recovery import recover_folder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

BENCH = """
name = "over-there"
[limits]
tube_voltage_kv = 60
tube_current_ma = 5
tube_power_w = 300
[output]
template = "run.h5"
[instruments.tube]
driver = "spellman-xrv"
resource = "{tube}"
[instruments.dosimeter]
driver = "ptw-unidos"
resource = "{dosimeter}"
"""

SERVED = """
name = "served"
[instruments.tube]
driver = "spellman-xrv"
resource = "sim"
[instruments.dosimeter]
driver = "ptw-unidos"
resource = "sim"
[simulation]
seed = 1
"""


def until(condition: Callable[[], bool], seconds: float) -> float:
    """Poll in real time, which is what other processes live in; return how long it took."""
    started = time.monotonic()
    while not condition():
        took = time.monotonic() - started
        assert took < seconds, f"not within {seconds} s"
        time.sleep(0.01)
    return time.monotonic() - started


class Measuring:
    """A bench served by one process, measured on by another, looked at by this one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "served.toml").write_text(SERVED)
        self.server = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "sim", "--json", "--bench", str(folder / "served.toml")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.server.stdout is not None
        addresses = {
            role: one["resource"] for role, one in json.loads(self.server.stdout.readline())["instruments"].items()
        }
        (folder / "bench.toml").write_text(BENCH.format(**addresses))
        self.tube = SpellmanTube(addresses["tube"])
        settings = ("dose_time=0.3", "settling_time=0.1", "repeats=500")
        options = ["--bench", str(folder / "bench.toml"), "--out", str(folder)]
        options += [word for setting in settings for word in ("--set", setting)]
        self.client = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "run", "dose-calibration", "--json", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def beam_on(self) -> bool:
        return self.tube.status().beam_on

    def guardians(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter(["cmdline"]):
            if "app.engine.guardian" in (process.info["cmdline"] or []):
                found.append(process)
        return found

    def close(self) -> None:
        self.tube.close()
        for process in (self.client, self.server):
            if process.poll() is None:
                process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()


@pytest.fixture
def measuring(tmp_path: Path) -> Iterator[Measuring]:
    made = Measuring(tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.slow)])
def test_a_signal_ends_the_run_in_order(measuring: Measuring, number: signal.Signals) -> None:
    until(measuring.beam_on, 60)
    measuring.client.send_signal(number)
    until(lambda: not measuring.beam_on(), 2)
    out, err = measuring.client.communicate(timeout=30)
    assert measuring.client.returncode == 3, err
    document = json.loads(out)
    assert document["status"] == "aborted"
    assert number.name in document["reason"]
    with open_run(Path(document["run_file"])) as file:
        assert file.status == "aborted"
    assert not measuring.beam_on()


def test_the_guardian_switches_off_after_a_kill(measuring: Measuring) -> None:
    until(measuring.beam_on, 60)
    os.kill(measuring.client.pid, signal.SIGKILL)
    until(lambda: not measuring.beam_on(), 2.0)
    # and it stays off, and nothing is left over
    until(lambda: not measuring.guardians(), 10)
    assert not measuring.beam_on()
    measuring.client.wait()
    assert [found.path.name for found in recover_folder(measuring.folder)] == ["run.recovered.h5"]
