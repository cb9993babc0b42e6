"""The window on the simulated bench, offscreen, with its own folder for run files and choices."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
pytest.importorskip("PySide6", reason="the window needs PySide6")
pytest.importorskip("pyqtgraph", reason="the window needs pyqtgraph")


@pytest.fixture
def open_window(
    qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, world_of: Callable[[], Any]
) -> Iterator[Callable[[], Any]]:
    """Give a function that opens the window; what is open at the end is closed, which must not take long."""
    monkeypatch.setattr("app.gui.application.user_folder", lambda: tmp_path)
    from app.gui.application import make_window

    opened = []

    def open_one(bench: str = "sim") -> Any:
        window = make_window(bench, 1)
        window.measurement.folder.setText(str(tmp_path / "runs"))
        window.measurement.speed.setCurrentText("as fast as possible")
        window.show()
        opened.append(window)
        qtbot.waitUntil(lambda: window.safety.beam_text == "BEAM OFF", timeout=20_000)
        return window

    yield open_one
    for window in opened:
        window.close()
        qtbot.waitUntil(lambda window=window: window.link.ended, timeout=20_000)
        qtbot.waitUntil(lambda window=window: not window.isVisible(), timeout=5_000)
        window.deleteLater()


@pytest.fixture
def window(open_window: Callable[[], Any]) -> Any:
    """The window with its bench open."""
    return open_window()


@pytest.fixture
def world_of() -> Iterator[Callable[[], Any]]:
    """Give a function that returns the latest world, whose tube knows whether the beam is on."""
    from sim_instruments.served_bench import ServedBench

    worlds: list[Any] = []
    original = ServedBench.__init__

    def remembering(self: Any, *given: Any, **named: Any) -> None:
        original(self, *given, **named)
        worlds.append(self.world)

    patch = pytest.MonkeyPatch()
    patch.setattr(ServedBench, "__init__", remembering)
    yield lambda: worlds[-1]
    patch.undo()
