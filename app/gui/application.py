"""Starts the window: colours, kept choices, the STOP key, signals."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QSettings, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication

from app.gui.interpreter import interpreter_for_a_window
from app.gui.main_window import MainWindow
from app.gui.theme import apply_theme
from config.loading import user_folder

STOP_KEY = Qt.Key.Key_F12
"""No widget uses it, no dialogue swallows it, and it is found without looking: the last of its row."""


class StopKey(QObject):
    """Hears the STOP key before any widget does, whatever has the focus.

    Parameters
    ----------
    stop
        Called once a press.
    """

    def __init__(self, stop: Callable[[], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._stop = stop

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  (Qt's name)
        """Take the key."""
        del watched
        if isinstance(event, QKeyEvent) and event.key() == STOP_KEY:
            if event.type() == QEvent.Type.ShortcutOverride:
                # it comes before the press: nothing else may have the key
                event.accept()
                return True
            if event.type() == QEvent.Type.KeyPress:
                if not event.isAutoRepeat():
                    self._stop()
                return True
        return False


def kept_settings() -> QSettings:
    """Open the file that keeps layout and choices, in the platform's folder for configuration."""
    return QSettings(str(user_folder() / "window.ini"), QSettings.Format.IniFormat)


def make_window(bench: str, seed: int | None) -> MainWindow:
    """Make the window and its STOP key; a QApplication must exist.

    Raises
    ------
    UserMistake
        If the bench file is wrong.
    """
    application = QApplication.instance()
    assert isinstance(application, QApplication)  # noqa: S101
    settings = kept_settings()
    apply_theme(str(settings.value("window/dark", "false")).lower() == "true")
    window = MainWindow(bench, seed, settings)
    key = StopKey(window.stop, window)
    application.installEventFilter(key)
    return window


def start(bench: str, seed: int | None) -> int:
    """Open the window and stay until it is closed; SIGINT, SIGTERM and SIGHUP close it.

    Returns
    -------
    int
        The exit status.
    """
    application = QApplication.instance() or QApplication(sys.argv[:1])
    window = make_window(bench, seed)
    window.show()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: window.close())
    # Python handles signals only when it gets a turn, and Qt's event loop gives it none
    turn = QTimer()
    turn.timeout.connect(lambda: None)
    turn.start(100)
    with interpreter_for_a_window():
        return int(application.exec())
