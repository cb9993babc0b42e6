"""What a process with a window holds in runs that last hours of the bench's time."""

from __future__ import annotations

import gc
import os
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from app.gui.main_window import MainWindow
from app.gui.orders import RunEnd, RunOrder
from app.running import plan
from benchmarks._waiting import rest, wait_until


@dataclass(frozen=True)
class Held:
    """What the process holds."""

    memory: int
    """bytes that are in use by Python and numpy objects and by Qt: the resident set"""
    threads: int
    files: int


def held() -> Held:
    """Say what this process holds now; memory and files on Linux only."""
    gc.collect()
    memory = files = 0
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        memory = pages * os.sysconf("SC_PAGE_SIZE")
        files = len(os.listdir("/proc/self/fd"))
    return Held(memory, threading.active_count(), files)


@dataclass(frozen=True)
class LongRuns:
    """What the process held in a long run, at a half and near its end, and in a queue of short ones likewise."""

    in_run: tuple[Held, Held]
    in_queue: tuple[Held, Held]


def eight_hours(window: MainWindow, folder: Path, hours: float) -> LongRuns:
    """Measure for hours of the bench's time: half of it in one run, half in runs of a quarter of an hour."""
    ends: list[RunEnd] = []
    window.link.run_ended.connect(ends.append)
    progress = [0.0]
    window.link.progressed.connect(lambda one: progress.__setitem__(0, one.elapsed))

    def begin(minutes: float) -> None:
        ends.clear()
        progress[0] = 0.0
        # half the paper's current: the bench file's dose of a run is for no eight hours at the whole
        settings = {"duration": minutes, "longest_interval": 30.0, "tube_current": 2.0}
        window.start(RunOrder(plan("rl-stability", preset="chen24-rl-stability", settings=settings), folder, 1, "max"))

    def finish() -> None:
        wait_until(lambda: ends, "the run's end")
        if ends[0].outcome is None or str(ends[0].outcome.state) != "completed":
            raise SystemExit(f"a long run: {ends[0]}")
        rest(500)

    # the first of the kind imports and caches what the others find
    begin(15.0)
    finish()
    begin(hours * 30)
    in_run = []
    for share in (0.5, 0.95):
        reached = share * hours * 1800
        wait_until(lambda: ends or progress[0] > reached, "part of the long run")  # noqa: B023  (called here)
        in_run.append(held())
    finish()
    runs = max(2, round(hours * 2))
    in_queue = []
    for number in range(1, runs + 1):
        begin(15.0)
        finish()
        if number in (runs // 2, runs):
            in_queue.append(held())
    window.link.run_ended.disconnect(ends.append)
    return LongRuns((in_run[0], in_run[1]), (in_queue[0], in_queue[1]))
