"""Which keys do what."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QGridLayout, QLabel, QPushButton, QWidget

KEYS = (
    ("F12", "STOP: beam off at once, run ended, bias to zero; from anywhere, at any time"),
    ("Alt+L, R, I, Q, J, S, B", "Live, results, instruments, queue, journal, samples, bench"),
    ("Tab, Shift+Tab", "Next and previous field"),
    ("Alt + underlined letter", "The field or button with this letter"),
    ("Space", "Press the button that has the focus"),
    ("Alt+Up, Alt+Down", "In the queue: move a run"),
    ("Ctrl+D, Del", "In the queue: repeat a run, remove it"),
    ("F1", "This page"),
)
"""Keys and what they do"""


class ShortcutsPage(QDialog):
    """The keys of the window; not modal, so that everything goes on working."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("xraybench: keys")
        grid = QGridLayout(self)
        grid.setHorizontalSpacing(24)
        for row, (keys, what) in enumerate(KEYS):
            name = QLabel(keys)
            name.setProperty("tone", "heading")
            grid.addWidget(name, row, 0)
            grid.addWidget(QLabel(what), row, 1)
        close = QPushButton("Close")
        close.clicked.connect(self.close)
        grid.addWidget(close, len(KEYS), 1, Qt.AlignmentFlag.AlignRight)


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(ShortcutsPage, 640, 320)
