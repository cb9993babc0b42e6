"""The window on the simulated bench, offscreen, with its own folder for run files and choices."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
pytest.importorskip("PySide6", reason="the window needs PySide6")
pytest.importorskip("pyqtgraph", reason="the window needs pyqtgraph")


class _Windows:
    """Opens windows whose worlds can be asked, and closes them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._opened: list[Any] = []
        self._served: list[Any] = []

    def open(self, bench: str = "sim") -> Any:
        from app.gui.application import make_window

        window: Any = make_window(bench, 1)
        window.measurement.folder.setText(str(self.folder / "runs"))
        window.measurement.speed.setCurrentText("as fast as possible")
        window.world_of = lambda: self._world_behind(window)
        window.show()
        self._opened.append(window)
        _wait(lambda: window.safety.beam_text == "BEAM OFF", "the bench")
        return window

    def remember(self, served: Any) -> None:
        """Take note of a simulated bench: whose it is, its clock tells."""
        self._served.append(served)

    def latest_world(self) -> Any:
        """Return the world that was made last, of whatever window."""
        return self._served[-1].world

    def _world_behind(self, window: Any) -> Any:
        """Return the world of a window; it keeps the last one that it had after its bench was closed."""
        bench = window.link.bench
        if bench is not None:
            window.last_world = next(one.world for one in reversed(self._served) if one.clock is bench.clock)
        return window.last_world

    def close(self) -> None:
        for window in self._opened:
            window.close()
            _wait(lambda window=window: window.link.ended, "the bench to be closed")
            _wait(lambda window=window: not window.isVisible(), "the window to go")
            window.deleteLater()


def _wait(true: Callable[[], bool], what: str) -> None:
    from PySide6.QtWidgets import QApplication

    give_up = time.monotonic() + 90
    while not true():
        QApplication.processEvents()
        assert time.monotonic() < give_up, f"waited in vain for {what}"


def _windows(folder: Path) -> Iterator[_Windows]:
    from sim_instruments.served_bench import ServedBench

    windows = _Windows(folder)
    original = ServedBench.__init__

    def remembering(self: Any, *given: Any, **named: Any) -> None:
        original(self, *given, **named)
        windows.remember(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ServedBench, "__init__", remembering)
        patch.setattr("app.gui.application.user_folder", lambda: folder)
        patch.setattr("config.loading.user_folder", lambda: folder)
        yield windows
        windows.close()


@pytest.fixture
def _opener(tmp_path: Path, qapp: Any) -> Iterator[_Windows]:
    del qapp  # must live as long
    yield from _windows(tmp_path)


@pytest.fixture(scope="module")
def _shared_opener(tmp_path_factory: pytest.TempPathFactory, qapp: Any) -> Iterator[_Windows]:
    del qapp  # must live as long
    yield from _windows(tmp_path_factory.mktemp("window"))


@pytest.fixture(autouse=True, scope="module")
def interpreter_as_under_a_window(qapp: Any) -> Iterator[None]:
    """Have garbage collected in this thread only: a widget that another one destroys ends the tests.

    For as long as the window of a module lives: its threads go on between two tests.
    """
    del qapp
    from app.gui.interpreter import interpreter_for_a_window

    with interpreter_for_a_window():
        yield
    gc.collect()


@pytest.fixture
def open_window(_opener: _Windows, qtbot: Any) -> Callable[[], Any]:
    """Give a function that opens the window; what is open at the end is closed, which must not take long."""
    return _opener.open


@pytest.fixture(scope="module")
def open_shared(_shared_opener: _Windows) -> Callable[..., Any]:
    """Give a function that opens a window for all tests of a module."""
    return _shared_opener.open


@pytest.fixture
def window(open_window: Callable[[], Any]) -> Any:
    """The window with its bench open."""
    return open_window()


@pytest.fixture
def world_of(_opener: _Windows) -> Callable[[], Any]:
    """Give a function that returns the latest world, whose tube knows whether the beam is on."""
    return _opener.latest_world
