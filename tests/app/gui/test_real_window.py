"""A real window on a screen in memory, with a mouse, keys, and eyes that see nothing but its pixels."""

from __future__ import annotations

import contextlib
import os
import runpy
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from storage.reader import open_run

NEEDED = runpy.run_path(str(Path(__file__).parents[3] / "tools" / "environment.py"))
MISSING = [package for library, package in NEEDED["WINDOW"].items() if not NEEDED["loadable"](library)]
MISSING += [package for program, package in NEEDED["SCREEN"].items() if not shutil.which(program)]

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="a screen in memory needs an X server: Linux only"),
    pytest.mark.skipif(bool(MISSING), reason=f"needs what Debian calls {' '.join(MISSING)}"),
]

WIDTH, HEIGHT = 1366, 768
BEAM_ON, BEAM_OFF, STOP, START = 0xD11507, 0x2E6B43, 0xB00000, 0x1F5FA8
BAR = 110
"""px from the top within which the safety bar lies"""


class Screen:
    """An X server whose framebuffer is a file (in XWD format: header, colour map, pixels)."""

    def __init__(self, folder: Path) -> None:
        reading, writing = os.pipe()
        command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-fbdir", str(folder)]
        self._server = subprocess.Popen(
            [*command, "-nolisten", "tcp"], pass_fds=[writing], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(writing)
        with os.fdopen(reading) as told:
            self.display = f":{told.readline().strip()}"
        self._pixels = folder / "Xvfb_screen0"
        self.environment = {**os.environ, "DISPLAY": self.display, "QT_QPA_PLATFORM": "xcb"}

    def hands(self, *orders: str) -> str:
        """Use mouse and keys."""
        done = subprocess.run(["xdotool", *orders], env=self.environment, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def look(self) -> npt.NDArray[np.uint32]:
        """Return the screen, (HEIGHT, WIDTH), 0xRRGGBB."""
        data = self._pixels.read_bytes()
        header = np.frombuffer(data[:100], ">u4")
        size, colours, stride = int(header[0]), int(header[19]), int(header[12])
        order = "<u4" if header[7] == 0 else ">u4"
        start = size + 12 * colours
        rows = np.frombuffer(data[start : start + stride * HEIGHT], order).reshape(HEIGHT, stride // 4)
        return (rows[:, :WIDTH] & 0xFFFFFF).astype(np.uint32)

    def place_of(self, colour: int, *, below: int = 0, above: int = HEIGHT, left_of: int = WIDTH) -> tuple[int, int]:
        """Return x and y in the middle of a field of a colour; (-1, -1) where there is none."""
        rows, columns = np.nonzero(self.look()[below:above, :left_of] == colour)
        # letters and lines of the colour are no field
        if len(rows) < 600:
            return -1, -1
        return int(np.median(columns)), int(np.median(rows)) + below

    def beam_is(self, colour: int) -> bool:
        """Say whether the bar shows the beam in this colour."""
        return self.place_of(colour, above=BAR, left_of=400) != (-1, -1)

    def click(self, colour: int, *, below: int = 0, above: int = HEIGHT, left_of: int = WIDTH) -> None:
        """Click on the field of a colour."""
        x, y = self.place_of(colour, below=below, above=above, left_of=left_of)
        assert (x, y) != (-1, -1), f"nothing of colour {colour:06x} on the screen"
        self.hands("mousemove", str(x), str(y), "click", "1")

    def close(self) -> None:
        """Switch the screen off."""
        self._server.terminate()
        self._server.wait(10)


def until(program: subprocess.Popen[bytes], true: Callable[[], object], what: str, seconds: float = 90.0) -> None:
    """Look again and again: the other program has its own pace, and must not end meanwhile."""
    give_up = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < give_up, f"waited in vain for {what}"
        with contextlib.suppress(subprocess.TimeoutExpired):
            raise AssertionError(f"the program ended with {program.wait(0.05)} before {what}")


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Screen]:
    made = Screen(tmp_path)
    yield made
    made.close()


def test_a_person_starts_a_run_with_keys_and_mouse_and_stops_it_with_both(screen: Screen, tmp_path: Path) -> None:
    environment = {
        **screen.environment,
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    command = [sys.executable, "-m", "app.cli", "gui", "--bench", "sim"]
    program = subprocess.Popen(command, env=environment, cwd=_project_with_runs_in(tmp_path), start_new_session=True)
    try:
        until(program, lambda: screen.beam_is(BEAM_OFF), "the window with its bench")
        window = screen.hands("search", "--onlyvisible", "--name", "xraybench: sim").splitlines()[0]
        screen.hands("windowfocus", "--sync", window)
        screen.hands("key", "alt+p")
        screen.hands("type", "rl-linearity")
        screen.hands("key", "Tab", "Down")
        for number, (begin, stop) in enumerate(
            (
                (lambda: screen.click(START, below=400, left_of=400), lambda: screen.click(STOP, above=BAR)),
                (lambda: screen.hands("key", "ctrl+Return"), lambda: screen.hands("key", "F12")),
            ),
            start=1,
        ):
            until(program, lambda: screen.place_of(START, below=400, left_of=400) != (-1, -1), "Start to be ready")
            begin()
            until(program, lambda: screen.beam_is(BEAM_ON), "the beam")
            stop()
            until(program, lambda: screen.beam_is(BEAM_OFF), "the beam's end")
            until(program, lambda number=number: len(_aborted(tmp_path)) == number, "the run file")  # type: ignore[misc]
        program.send_signal(signal.SIGTERM)
        assert program.wait(30) == 0
    finally:
        program.kill()
        program.wait()


def _project_with_runs_in(folder: Path) -> Path:
    """Return a folder to start the program in: that is where its run files go."""
    place = folder / "work"
    place.mkdir()
    return place


def _aborted(folder: Path) -> list[Path]:
    found = []
    for path in folder.rglob("*.h5"):
        if path.name.startswith("."):
            continue
        with open_run(path) as run:
            if run.status == "aborted":
                found.append(path)
    return found
