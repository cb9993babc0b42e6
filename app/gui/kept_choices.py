"""Layout and choices of the window, kept for the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QSettings

from app.gui.theme import is_dark

if TYPE_CHECKING:
    from PySide6.QtWidgets import QComboBox

    from app.gui.main_window import MainWindow

FIRST_SIZE = (1366, 740)
"""Fits a small screen with its bar"""


def restore(window: MainWindow, settings: QSettings) -> None:
    """Give a window what was kept; what does not exist any more is left out."""
    panel = window.measurement
    recent = settings.value("measurement/recent", "")
    panel.recent = [name for name in str(recent or "").split("\n") if name]
    panel.show_samples()
    for name, box in _choices(window):
        kept = settings.value(f"measurement/{name}", "")
        if kept and box.findText(str(kept)) >= 0:
            box.setCurrentText(str(kept))
    panel.folder.setText(str(settings.value("measurement/folder", "")))
    index = panel.speed.findText(str(settings.value("measurement/speed", "")))
    if index >= 0:
        panel.speed.setCurrentIndex(index)
    window.resize(*FIRST_SIZE)
    for name, give in (
        ("geometry", window.restoreGeometry),
        ("splitter", window.splitter.restoreState),
        ("live", window.live.splitter.restoreState),
    ):
        state = settings.value(f"window/{name}")
        if isinstance(state, QByteArray):
            give(state)


def keep(window: MainWindow, settings: QSettings) -> None:
    """Write down how a window is."""
    panel = window.measurement
    settings.setValue("window/geometry", window.saveGeometry())
    settings.setValue("window/splitter", window.splitter.saveState())
    settings.setValue("window/live", window.live.splitter.saveState())
    settings.setValue("window/dark", is_dark())
    for name, box in _choices(window):
        settings.setValue(f"measurement/{name}", box.currentText())
    settings.setValue("measurement/recent", "\n".join(panel.recent))
    settings.setValue("measurement/folder", panel.folder.text())
    settings.setValue("measurement/speed", panel.speed.currentText())
    settings.sync()


def _choices(window: MainWindow) -> tuple[tuple[str, QComboBox], ...]:
    panel = window.measurement
    return ("procedure", panel.procedure), ("preset", panel.preset), ("sample", panel.sample)
