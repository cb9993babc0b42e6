"""Whether the window answers while it is flooded, and what it costs to watch.

A measurement records 2 000 rows a second and 60 frames of 640 x 480 pixels, first without a window, then with one, then
with a million points in the plot already. The delay of the event loop is what an event would have waited that came at
any moment: a pause of 50 ms counts for all the moments in it. An idle window shows what the machine adds by itself, and
the work of a turn, in processor time, what the window adds. Then come dragging a million points, STOP, the start of
the window, and a long simulated measurement.
Run with ``python -m benchmarks.window``; ``--hours 8`` measures as long as a day at the bench.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QSettings, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.gui.interpreter import interpreter_for_a_window
from app.gui.main_window import MainWindow
from app.gui.orders import RunEnd, RunOrder
from app.gui.theme import apply_theme
from app.running import Plan, opened, plan, request
from benchmarks._flood import Flood
from benchmarks._long_runs import eight_hours
from benchmarks._loop_delay import LoopDelay
from benchmarks._verdicts import Verdicts, load
from benchmarks._waiting import rest, wait_until
from config.loading import bench_file
from procedures.registry import SHIPPED
from sim_instruments.served_bench import ServedBench
from storage.reader import open_run

SIZE = (1366, 740)
MILLION = 1_000_000
LONGEST_DELAY, LEAST_REFRESH, LEAST_SHARE = 0.050, 20.0, 0.95
"""s at the 99th percentile; a second; of the rate without a window"""
LONGEST_STOP, LONGEST_START = 0.3, 3.0
"""s"""
LARGEST_GROWTH = 8e6
"""bytes in the second half of a long run, and of a queue"""

_WORLDS: list[Any] = []
"""Of the simulated benches that were opened; the tube in it knows whether the beam is on."""


def remember_worlds() -> None:
    """Have every simulated bench leave its world in `_WORLDS`."""
    original = ServedBench.__init__

    def remembering(self: ServedBench, *given: Any, **named: Any) -> None:
        original(self, *given, **named)
        _WORLDS[:] = [self.world]

    ServedBench.__init__ = remembering  # type: ignore[method-assign]


def open_window(folder: Path) -> MainWindow:
    """Open a window and wait for its bench."""
    window = MainWindow("sim", 1, QSettings(str(folder / "window.ini"), QSettings.Format.IniFormat))
    window.resize(*SIZE)
    window.measurement.folder.setText(str(folder / "runs"))
    window.show()
    wait_until(lambda: window.safety.beam_text == "BEAM OFF", "the bench")
    return window


def close_window(window: MainWindow) -> None:
    """Close it, and wait until its bench is closed."""
    window.close()
    wait_until(lambda: window.link.ended, "the bench to be closed")
    window.deleteLater()
    rest(20)


@dataclass(frozen=True)
class Flooded:
    """What came of a flood."""

    rate: float
    """Records a second"""
    delay: float = 0.0
    longest: float = 0.0
    work: float = 0.0
    refresh: float = 0.0
    lost: int = 0


def flood_plan(seconds: float) -> Plan:
    """Plan a flood."""
    procedure = Flood()
    procedure.set_values({"duration": seconds})
    return Plan(procedure, None, bench_file("sim"), None)


def flood_alone(seconds: float, folder: Path) -> Flooded:
    """Flood without a window."""
    from app.engine.operator import AlwaysYes

    with opened(flood_plan(seconds), seed=1, speed=1.0, operator=AlwaysYes()) as engine:
        outcome = engine.run(request(flood_plan(seconds), folder=folder, seed=1))
    return _in_the_file(outcome.run_file, seconds)


def _in_the_file(path: Path | None, seconds: float) -> Flooded:
    assert path is not None
    with open_run(path) as run:
        rows = sum(stream.rows for stream in run.streams.values())
        span = float(run.streams["signal"].read("time")[-1])
    path.unlink()
    asked = flood_plan(seconds).procedure.estimate().records
    return Flooded(rows / span, lost=asked - rows)


def flood_window(window: MainWindow, seconds: float, folder: Path, points: int = 0) -> Flooded:
    """Flood a window, whose plot has so many points already."""
    ends: list[RunEnd] = []
    window.link.run_ended.connect(ends.append)
    drawn: list[float] = []
    window.start(RunOrder(flood_plan(seconds), folder, 1, 1.0))
    plot = window.live.plots.widget(0)
    original = plot.redraw  # type: ignore[union-attr]

    def counted() -> None:
        original()
        drawn.append(time.perf_counter())

    plot.redraw = counted  # type: ignore[union-attr]
    if points:
        generator = np.random.default_rng(2)
        shown = dict.fromkeys(("current_errors", "voltage", "dose", "temperature"), np.zeros(points))
        window.live.buffer("signal").add_scalars(
            {"time": np.linspace(-600, 0, points), "current": generator.normal(size=points), **shown}
        )
    wait_until(lambda: window.live.rows("signal") > points + 200, "the flood")
    drawn.clear()
    began = time.perf_counter()
    delay = LoopDelay()
    wait_until(lambda: window.live.rows("signal") >= points + 0.97 * seconds * 60 * 34 or ends, "the flood's end")
    p99, longest, work = delay.percentile(99), delay.longest, delay.work
    refresh = len(drawn) / (time.perf_counter() - began)
    wait_until(lambda: ends, "the run's end")
    window.link.run_ended.disconnect(ends.append)
    outcome = ends[0].outcome
    assert outcome is not None
    found = _in_the_file(outcome.run_file, seconds)
    return Flooded(found.rate, p99, longest, work, refresh, found.lost)


def simulated_run(window: MainWindow, folder: Path) -> tuple[float, float]:
    """Measure a linearity as fast as it goes; return the delay at the 99th percentile and the longest, s."""
    ends: list[RunEnd] = []
    window.link.run_ended.connect(ends.append)
    delay = LoopDelay()
    window.start(RunOrder(plan("rl-linearity", preset="chen24-rl-linearity"), folder, 1, "max"))
    wait_until(lambda: ends, "the run's end")
    window.link.run_ended.disconnect(ends.append)
    return delay.percentile(99), delay.longest


def drag(window: MainWindow) -> list[float]:
    """Drag a plot of a million points; return what each step took, s, drawn on the screen."""
    plot: Any = window.live.plots.widget(0)
    times = []
    plot.redraw()
    plot.plot.vb.setXRange(-400, -300, padding=0)
    for step in range(60):
        began = time.perf_counter()
        plot.plot.vb.setXRange(-400 + step, -300 + step, padding=0)
        plot.redraw()
        plot.view.grab()
        times.append(time.perf_counter() - began)
    return times


def stop(window: MainWindow, folder: Path) -> float:
    """Press STOP with the beam on; return how long the tube still had high voltage, s."""
    order = RunOrder(
        plan("rl-linearity", preset="chen24-rl-linearity", settings={"settling_time": 30}), folder, 1, 20.0
    )
    window.start(order)
    wait_until(lambda: "ON" in window.safety.beam_text, "the beam")
    world = _WORLDS[-1]
    gone = threading.Event()
    at = [0.0]

    def look() -> None:
        while world.tube.high_voltage_on:
            time.sleep(0.001)
        at[0] = time.perf_counter()
        gone.set()

    threading.Thread(target=look, daemon=True).start()
    began = time.perf_counter()
    QTest.mouseClick(window.safety.stop_button, Qt.MouseButton.LeftButton)
    wait_until(gone.is_set, "the beam's end")
    wait_until(lambda: window.link.order is None, "the run's end")
    return at[0] - began


START = """
import json, os, sys, time
from app.cli.gui import import_before_qt
import_before_qt()
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from app.gui.application import make_window
application = QApplication([])
window = make_window("sim", 1)
window.show()
usable = []
def look():
    if not usable and window.safety.beam_text == "BEAM OFF" and window.measurement.start.isEnabled():
        usable.append(time.time())
        window.close()
    if usable and window.link.ended:
        application.quit()
timer = QTimer()
timer.timeout.connect(look)
timer.start(2)
application.exec()
print(json.dumps(usable[0]))
"""


def start_up(folder: Path, times: int) -> float:
    """Return how long it takes until the window stands, its bench is open and Start can be pressed, s: the median."""
    environment = {**os.environ, "XDG_CONFIG_HOME": str(folder)}
    found = []
    for _ in range(times + 1):
        began = time.time()
        done = subprocess.run(
            [sys.executable, "-c", START], check=True, capture_output=True, text=True, env=environment
        )
        found.append(float(json.loads(done.stdout)) - began)
    return statistics.median(found[1:])


def main() -> int:
    """Measure and print; return 1 if a figure is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each flood")
    parser.add_argument(
        "--hours", type=float, default=0.5, help="of the long run, in the bench's time; 8 for a whole day's"
    )
    parser.add_argument("--times", type=int, default=3, help="of STOP and of starts")
    given = parser.parse_args()
    SHIPPED["flood"] = "benchmarks._flood:Flood"
    remember_worlds()
    application = QApplication([])
    apply_theme(False)
    verdicts = Verdicts()
    print(f"window of {SIZE[0]} x {SIZE[1]}, platform {application.platformName()} ({load()})")
    with interpreter_for_a_window(), tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        started = start_up(folder, given.times)
        window = open_window(folder)
        print(f"\n{'':<34}{'records/s':>10}{'p99, ms':>9}{'longest':>9}{'work':>7}{'drawn/s':>9}{'lost':>6}")
        idle = LoopDelay()
        rest(3_000)
        resting = Flooded(0.0, idle.percentile(99), idle.longest, idle.work)
        alone = flood_alone(given.seconds, folder)
        watched = flood_window(window, given.seconds, folder)
        million = flood_window(window, given.seconds, folder, MILLION)
        for what, one in (
            ("idle window", resting),
            ("no window", alone),
            ("window", watched),
            ("window, a million points", million),
        ):
            print(
                f"{what:<34}{one.rate:>10.1f}{one.delay * 1e3:>9.1f}{one.longest * 1e3:>9.1f}{one.work * 1e3:>7.1f}"
                f"{one.refresh:>9.1f}"
                f"{one.lost:>6}"
            )
        dragged = drag(window)
        p99, longest = simulated_run(window, folder)
        print(f"{'simulated run, as fast as it goes':<34}{'':>10}{p99 * 1e3:>9.1f}{longest * 1e3:>9.1f}")
        stops = [stop(window, folder) for _ in range(given.times)]
        long = eight_hours(window, folder, given.hours)
        print(f"\n{given.hours:g} h simulated   ({load()})")
        for what, (half, end) in (("one run", long.in_run), ("a queue of runs", long.in_queue)):
            print(
                f"{what}, at its half and its end: memory {half.memory / 1e6:.1f} and {end.memory / 1e6:.1f} MB, "
                f"threads {half.threads} and {end.threads}, files {half.files} and {end.files}"
            )
        close_window(window)
    for what, one in (("flooded", watched), ("with a million points", million)):
        verdicts.at_most(f"event loop's delay, {what}, p99", one.delay * 1e3, LONGEST_DELAY * 1e3, "ms")
        verdicts.at_least(f"plot drawn, {what}", one.refresh, LEAST_REFRESH, "/s")
        verdicts.at_least(f"records/s over those without a window, {what}", one.rate / alone.rate, LEAST_SHARE)
        verdicts.at_most(f"records lost, {what}", one.lost, 0)
    verdicts.at_most("event loop's delay, simulated at top speed, p99", p99 * 1e3, LONGEST_DELAY * 1e3, "ms")
    verdicts.at_most("a million points dragged and drawn, median", statistics.median(dragged) * 1e3, 50, "ms")
    verdicts.at_most("STOP to beam off, the slowest", max(stops) * 1e3, LONGEST_STOP * 1e3, "ms")
    verdicts.at_most("window with its bench, from the command", started, LONGEST_START, "s")
    for what, (half, end) in (("of a long run", long.in_run), ("of a queue", long.in_queue)):
        gained = (end.memory - half.memory) / 1e6
        verdicts.at_most(f"memory gained in the second half {what}", gained, LARGEST_GROWTH / 1e6, "MB")
        verdicts.at_most(f"threads gained in the second half {what}", end.threads - half.threads, 0)
        verdicts.at_most(f"files left open in the second half {what}", end.files - half.files, 0)
    return verdicts.conclude()


if __name__ == "__main__":
    sys.exit(main())
