"""Runs that wait: in what order, how often, and whether the next begins by itself."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from app.gui.orders import RunOrder

ORDER = Qt.ItemDataRole.UserRole


class QueuePanel(QWidget):
    """Orders that wait; the first is next."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list = QListWidget()
        self.list.setAlternatingRowColors(True)
        self.held = QCheckBox("Hold the queue: the next run waits for this to be cleared")
        self.held.toggled.connect(self.changed)
        row = QHBoxLayout()
        self.buttons: dict[str, QPushButton] = {}
        for text, action in (
            ("Up", lambda: self._move(-1)),
            ("Down", lambda: self._move(1)),
            ("Repeat", self._repeat),
            ("Remove", self._remove),
        ):
            button = QPushButton(text)
            button.clicked.connect(action)
            self.buttons[text] = button
            row.addWidget(button)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.addWidget(self.held)
        column.addWidget(self.list, 1)
        column.addLayout(row)

    @property
    def titles(self) -> list[str]:
        """What waits, the next first."""
        return [self.list.item(row).text() for row in range(self.list.count())]

    def add(self, order: RunOrder, row: int | None = None) -> None:
        """Let an order wait."""
        item = QListWidgetItem(order.title)
        item.setData(ORDER, order)
        self.list.insertItem(self.list.count() if row is None else row, item)
        self.list.setCurrentItem(item)
        self.changed.emit()

    def take(self) -> RunOrder | None:
        """Take the next order; None where none waits or the queue is held."""
        if self.held.isChecked() or not self.list.count():
            return None
        order: RunOrder = self.list.takeItem(0).data(ORDER)
        return order

    def _move(self, step: int) -> None:
        row = self.list.currentRow()
        if row >= 0 and 0 <= row + step < self.list.count():
            self.list.insertItem(row + step, self.list.takeItem(row))
            self.list.setCurrentRow(row + step)

    def _repeat(self) -> None:
        item = self.list.currentItem()
        if item is not None:
            self.add(item.data(ORDER), self.list.currentRow() + 1)

    def _remove(self) -> None:
        if self.list.currentRow() >= 0:
            self.list.takeItem(self.list.currentRow())


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(QueuePanel, 500, 300)
