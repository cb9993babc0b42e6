"""What all cards for what is switched on by hand share: values, a second click, off, and the time that is left."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QDoubleSpinBox, QFormLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.gui.orders import BenchFacts
from app.gui.quantity_text import time_text
from app.gui.theme import mark

if TYPE_CHECKING:
    from app.engine.by_hand import ByHand, HandNews

SECOND_CLICK = 6_000
"""ms in which the second click must come"""

Wish = Callable[["ByHand", int], None]


class HandCard(QWidget):
    """Switches one role on after a second click, and off at once.

    Subclasses put their fields into `form` and say in `wish` what is asked for.

    Parameters
    ----------
    role
        As in the bench file.
    seconds
        After which it goes off by itself, unless another time is given.
    """

    on_wanted = Signal(str, str, object)
    """What it is called, the role, and a function of `ByHand` and its count of offs"""
    off_wanted = Signal(str)
    """The role"""
    adjust_wanted = Signal(str, object)
    """What it is called, and a function of the bench that switches nothing on"""

    def __init__(self, role: str, seconds: float, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.role = role
        self._on = False
        self.form = QFormLayout()
        self.seconds = spin(1, 12 * 3600, seconds, "s", 0)
        self.seconds.setToolTip("After this time everything that is on by hand is switched off")
        self.on, self.confirm, self.off = QPushButton("Switch on…"), QPushButton(), QPushButton("Off")
        self.confirm.setProperty("role", "confirm")
        self.confirm.setAccessibleName("confirm that it is to be switched on")
        self.confirm.hide()
        self.off.setToolTip("Switch off at once")
        self.state = QLabel("off")
        self.remark = QLabel()
        self.remark.setProperty("tone", "faint")
        self.remark.setWordWrap(True)
        self.on.clicked.connect(self._ask)
        self.confirm.clicked.connect(self._switch_on)
        self.off.clicked.connect(lambda: self.off_wanted.emit(self.role))
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(SECOND_CLICK)
        self._patience.timeout.connect(self.take_back)
        self.buttons = QHBoxLayout()
        for widget in (self.on, self.confirm, self.off, self.state):
            self.buttons.addWidget(widget)
        self.buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.addLayout(self.form)
        column.addLayout(self.buttons)
        column.addWidget(self.remark)
        column.addStretch(1)

    def add_field(self, label: str, field: QDoubleSpinBox) -> None:
        """Add a field; a change of it takes back a first click."""
        field.setAccessibleName(label.replace("&", ""))
        field.valueChanged.connect(self.take_back)
        self.form.addRow(label, field)

    def wish(self) -> tuple[str, Wish]:
        """Say what is asked for, for the second click, and do it."""
        raise NotImplementedError

    def show_bench(self, facts: BenchFacts) -> None:
        """Take over the bench's limits; for subclasses."""

    def show_news(self, news: HandNews) -> None:
        """Show whether it is on by hand."""
        left = news.left.get(self.role)
        self._on = left is not None
        self.state.setText("off" if left is None else f"ON, off in {time_text(left)}")
        mark(self.state, "tone", "warning" if self._on else "faint")
        self.on.setText("Change…" if self._on else "Switch on…")

    def take_back(self) -> None:
        """Forget a first click."""
        self._patience.stop()
        self.confirm.hide()
        self.on.show()

    def _ask(self) -> None:
        self.confirm.setText(f"{self.wish()[0]} for {time_text(self.seconds.value())}: CONFIRM")
        self.on.hide()
        self.confirm.show()
        self._patience.start()

    def _switch_on(self) -> None:
        self.take_back()
        text, job = self.wish()
        self.state.setText("being switched on")
        self.on_wanted.emit(text, self.role, job)


def spin(low: float, high: float, value: float, unit: str, decimals: int = 2) -> QDoubleSpinBox:
    """Make a field for a number with its unit."""
    field = QDoubleSpinBox()
    field.setDecimals(decimals)
    field.setRange(low, high)
    field.setValue(value)
    field.setSuffix(f" {unit}" if unit else "")
    field.setMaximumWidth(170)
    field.setKeyboardTracking(False)
    return field


def _example() -> QWidget:
    return HandCard("light", 600.0)


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(_example, 500, 300)
