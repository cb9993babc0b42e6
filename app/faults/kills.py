"""SIGKILL at random moments of real runs: the guardian switches off, nothing is left over, the next run starts."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from app.faults.launcher import MOST
from drivers.spellman_xrv import SpellmanTube
from storage.reader import open_run, verify
from storage.recovery import recover_folder

IN_TIME = 2.0
"""s from SIGKILL to a beam that is off"""
MOST_LOST = 0.2
"""s of records that may be missing"""
PATIENCE = 60.0
"""Real s for a run to begin, or for the guardian to end"""
LATEST = 2.5
"""s after the run's first sign, or its first record, at which it is killed, at the latest"""
SHARE_IN_MEASUREMENT = 0.8
"""Of the runs that are killed after their first record"""

BENCH = """
name = "over-there"
[limits]
tube_voltage_kv = 60
tube_current_ma = 5
tube_power_w = 300
bias_v = 50
bias_ramp_v_per_s = 50
compliance_a = 1e-3
[output]
template = "run-{number}.h5"
"""


@dataclass
class Killed:
    """What became of one run that was killed."""

    number: int
    moment: float
    """s after the run's process was started"""
    beam_was_on: bool = False
    bias_was_on: bool = False
    seconds_to_beam_off: float | None = None
    seconds_to_bias_off: float | None = None
    records: int = 0
    seconds_lost: float = 0.0
    recovered: bool = False
    fault_before: str = ""
    """What the supply kept from the kill before, until it was reset as an operator would"""
    problems: list[str] = field(default_factory=list)


class Arrangement:
    """A bench served by one process, measured on by another that is killed; this one watches.

    Parameters
    ----------
    folder
        For run files.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._world = _python("app.faults.served_world")
        self._launcher = _python("app.faults.launcher")
        self._resources: dict[str, str] = json.loads(self._answer(self._world))
        self._child: int | None = None

    def close(self) -> None:
        """End every process, the run first: its guardian needs the served world to make it safe."""
        if self._child is not None and psutil.pid_exists(self._child):
            helpers = _children(self._child)
            os.kill(self._child, signal.SIGKILL)
            psutil.wait_procs(helpers, timeout=PATIENCE)
        for process in (self._launcher, self._world):
            if process.stdin is not None:
                process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()

    def history(self) -> dict[str, Any]:
        """Ask the served world what was true."""
        self._tell(self._world, "history")
        return dict(json.loads(self._answer(self._world)))

    def _reset_faults(self) -> str:
        tube = SpellmanTube(self._resources["tube"])
        try:
            faults = tube.status().faults
            if faults:
                tube.reset_faults()
            return ", ".join(faults)
        finally:
            tube.close()

    def run_and_kill(self, number: int, chance: random.Random) -> Killed:
        """Start a run, kill it at a random moment, and see what becomes of everything."""
        runs = self.folder / f"killed-{number}"
        runs.mkdir()
        account = self.folder / f"{number}.account"
        account.write_bytes(bytes(8 * (MOST + 1)))
        order = [str(account), str(self._bench_file(number)), str(runs), 1000]
        fault_before = self._reset_faults()
        self._tell(self._launcher, json.dumps(order))
        child = self._child = int(self._answer(self._launcher))
        started = time.monotonic()
        killed = Killed(number, 0.0, fault_before=fault_before)
        self._until(lambda: self._begun(number) or not psutil.pid_exists(child), "the run does not begin")
        if chance.random() < SHARE_IN_MEASUREMENT:
            self._until(lambda: len(_times_in(account)) or not psutil.pid_exists(child), "nothing is recorded")
        # the random moment itself: there is nothing to wait for
        time.sleep(chance.uniform(0.0, LATEST))
        killed.moment = time.monotonic() - started
        helpers = _children(child)
        moment = time.time()
        # a run may have come to its end meanwhile: then there is nothing to kill, and all the rest must hold as well
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        ended = int(self._answer(self._launcher))
        self._child = None
        if ended != signal.SIGKILL:
            killed.problems.append(f"the run ended by itself ({ended})")
        if not helpers:
            killed.problems.append("there was no guardian")
        _, alive = psutil.wait_procs(helpers, timeout=PATIENCE)
        if alive:
            killed.problems.append(f"left over: {[one.pid for one in alive]}")
        self._judge_world(moment, killed)
        self._judge_file(account, runs, killed)
        account.unlink()
        shutil.rmtree(runs)
        return killed

    def run_to_its_end(self) -> int:
        """Run once more, and return the exit status."""
        account = self.folder / "last.account"
        account.write_bytes(bytes(8 * (MOST + 1)))
        order = [str(account), str(self._bench_file(-1)), str(self.folder / "last"), 2]
        self._tell(self._launcher, json.dumps(order))
        self._answer(self._launcher)
        return int(self._answer(self._launcher))

    def _bench_file(self, number: int) -> Path:
        text = BENCH.replace("{number}", str(number))
        drivers = {"tube": "spellman-xrv", "source_meter": "keithley-2450"}
        for role, driver in drivers.items():
            text += f'[instruments.{role}]\ndriver = "{driver}"\nresource = "{self._resources[role]}"\n'
            text += "options = { filament_warm_up_s = 0.1 }\n" if role == "tube" else ""
        path = self.folder / "bench.toml"
        path.write_text(text)
        return path

    def _begun(self, number: int) -> bool:
        return any((self.folder / f"killed-{number}").iterdir())

    def _judge_world(self, moment: float, killed: Killed) -> None:
        history = self.history()
        for what in ("beam", "bias"):
            was_on, seconds = after(history[what], moment)
            setattr(killed, f"{what}_was_on", was_on)
            setattr(killed, f"seconds_to_{what}_off", seconds)
            if seconds is None:
                killed.problems.append(f"THE {what.upper()} STAYED ON")
        if killed.seconds_to_beam_off is not None and killed.seconds_to_beam_off > IN_TIME:
            killed.problems.append(f"the beam was off {killed.seconds_to_beam_off:.2f} s after the kill")
        if history["on_now"] or history["bias_now"]:
            killed.problems.append("beam or bias is on after the guardian has ended")

    def _judge_file(self, account: Path, runs: Path, killed: Killed) -> None:
        times = _times_in(account)
        killed.records = len(times)
        found = [one for one in recover_folder(runs) if one.original.name == f"run-{killed.number}.h5"]
        if not found and not len(times):
            # killed before its file was one: there was nothing to lose
            return
        if len(found) != 1 or found[0].path is None:
            killed.problems.append(f"not recovered: {found[0].message if found else 'nothing found'}")
            return
        if not verify(found[0].path):
            killed.problems.append("the recovered file does not verify")
        with open_run(found[0].path) as file:
            kept = sum(stream.rows for stream in file.streams.values())
        killed.recovered = True
        if kept < len(times):
            killed.seconds_lost = float(times[-1] - times[kept])
        if killed.seconds_lost > MOST_LOST:
            killed.problems.append(f"{killed.seconds_lost:.2f} s of records are lost")

    @staticmethod
    def _tell(process: subprocess.Popen[str], line: str) -> None:
        assert process.stdin is not None  # noqa: S101
        process.stdin.write(line + "\n")
        process.stdin.flush()

    @staticmethod
    def _answer(process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None  # noqa: S101
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"a process of the campaign has ended: {process.args!r}")
        return line

    @staticmethod
    def _until(condition: Any, otherwise: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                raise RuntimeError(otherwise)
            time.sleep(0.005)


def after(states: Sequence[Sequence[Any]], moment: float) -> tuple[bool, float | None]:
    """Say whether something was on at a moment, and how long it or what came of it stayed on; None: it still is."""
    was_on = any(on for start, on in states[-1:] if start <= moment)
    for (start, on), (following, _) in itertools.pairwise(states):
        if start <= moment < following:
            was_on = bool(on)
    last = [(start, on) for start, on in states if start > moment]
    if (last and last[-1][1]) or (not last and was_on):
        return was_on, None
    offs = [start for (start, on), (_, before) in zip(states[1:], states, strict=False) if before and not on]
    return was_on, max([start - moment for start in offs if start > moment], default=0.0)


@contextmanager
def arranged(folder: Path) -> Iterator[Arrangement]:
    """Have the served bench and the launcher running."""
    arrangement = Arrangement(folder)
    try:
        yield arrangement
    finally:
        arrangement.close()


def _python(module: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603  (our own module)
        [sys.executable, "-W", "ignore", "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # a process that forks must have no other threads
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )


def _children(process: int) -> list[psutil.Process]:
    try:
        return psutil.Process(process).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _times_in(account: Path) -> np.ndarray[Any, np.dtype[np.float64]]:
    content = account.read_bytes()
    count = int(np.frombuffer(content[:8], dtype="q")[0])
    return np.frombuffer(content, dtype="d", count=count, offset=8)
