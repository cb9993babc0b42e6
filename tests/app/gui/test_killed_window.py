"""A window that is killed in mid-run leaves no beam behind, and a file from which everything recorded is got back."""

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

WINDOW = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
application = QApplication([])
from app.gui.application import make_window
window = make_window(sys.argv[1], None)
window.show()
panel = window.measurement
panel.folder.setText(sys.argv[2])
panel.procedure.setCurrentText("dose-calibration")
for name, text in (("dose_time", "0.3"), ("settling_time", "0.1"), ("repeats", "500")):
    panel.form.field(name).editor.setText(text)
def begin():
    if window.safety.beam_text == "BEAM OFF":
        looking.stop()
        panel.work_out()
        panel.start.click()
looking = QTimer()
looking.timeout.connect(begin)
looking.start(50)
application.exec()
"""


def until(condition: Callable[[], bool], seconds: float) -> None:
    """Poll in real time, which is what other processes live in."""
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, f"not within {seconds} s"
        time.sleep(0.02)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[dict[str, str]]:
    (tmp_path / "served.toml").write_text(SERVED)
    command = [sys.executable, "-m", "app.cli", "sim", "--json", "--bench", str(tmp_path / "served.toml")]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    told = json.loads(server.stdout.readline())["instruments"]
    yield {role: one["resource"] for role, one in told.items()}
    server.kill()
    server.communicate()


def test_the_guardian_switches_off_after_the_window_was_killed(served: dict[str, str], tmp_path: Path) -> None:
    bench = tmp_path / "bench.toml"
    bench.write_text(BENCH.format(**served))
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "XDG_CONFIG_HOME": str(tmp_path / "config")}
    runs = tmp_path / "runs"
    window = subprocess.Popen([sys.executable, "-c", WINDOW, str(bench), str(runs)], env=environment)
    tube = SpellmanTube(served["tube"])
    try:
        until(lambda: tube.status().beam_on and (runs / "run.h5").exists(), 90)
        with open_run(runs / "run.h5") as run:
            until(lambda: (run.refresh(), next(iter(run.streams.values())).rows)[1] >= 1, 30)
        until(lambda: tube.status().beam_on, 30)
        (guardian,) = psutil.Process(window.pid).children()
        killed = time.monotonic()
        window.send_signal(signal.SIGKILL)
        until(lambda: not tube.status().beam_on, 10)
        assert time.monotonic() - killed < 3
        guardian.wait(30)
        assert not tube.status().beam_on
        window.wait(10)
        assert [found.path.name for found in recover_folder(runs) if found.path] == ["run.recovered.h5"]
        with open_run(runs / "run.recovered.h5") as run:
            assert run.status == "recovered"
            assert next(iter(run.streams.values())).rows >= 1
    finally:
        tube.close()
        window.kill()
        window.wait()
