"""Shows one widget alone: what ``python -m app.gui.live_plot`` does."""

from __future__ import annotations

import sys
from collections.abc import Callable

from PySide6.QtWidgets import QApplication, QWidget

from app.gui.theme import apply_theme


def show_alone(make: Callable[[], QWidget], width: int = 900, height: int = 600) -> None:
    """Make a widget, show it, and stay until its window is closed; ``dark`` on the command line shows it dark."""
    application = QApplication.instance() or QApplication(sys.argv)
    apply_theme("dark" in sys.argv)
    widget = make()
    widget.resize(width, height)
    widget.show()
    sys.exit(application.exec())
