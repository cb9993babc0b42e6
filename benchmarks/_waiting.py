"""Waiting in a window's event loop."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

PATIENCE = 900.0


def wait_until(true: Callable[[], object], what: str) -> None:
    """Let the window live until something is true; sleeps in the event loop, not beside it."""
    give_up = time.monotonic() + PATIENCE
    application = QApplication.instance()
    assert application is not None
    while not true():
        rest(5)
        if time.monotonic() > give_up:
            raise SystemExit(f"waited in vain for {what}")


def rest(milliseconds: int) -> None:
    """Let the window live for a while; `QTest.qWait` would keep Python from every other thread meanwhile."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()
