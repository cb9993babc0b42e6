"""The journal of the run that is on, with a filter."""

from __future__ import annotations

from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.engine.events import Noted
from app.gui.theme import colours

COLUMNS = ("Time (s)", "Level", "Kind", "Message")
LONGEST = 20_000
"""Rows; the run file keeps all"""


class JournalPanel(QWidget):
    """What the engine noted, the latest last."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.level = QComboBox()
        self.level.setAccessibleName("levels that are shown")
        self.level.addItems(["everything", "warnings and errors", "errors"])
        self.text = QLineEdit()
        self.text.setAccessibleName("filter by text")
        self.text.setPlaceholderText("Filter by text")
        self.text.setClearButtonEnabled(True)
        self.table = QTableWidget(0, len(COLUMNS))
        self.table.setAccessibleName("journal")
        # Tab leaves the table, as it leaves every field: the arrow keys move in it
        self.table.setTabKeyNavigation(False)
        self.table.setHorizontalHeaderLabels(COLUMNS)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setAlternatingRowColors(True)
        self.table.verticalHeader().hide()
        header = self.table.horizontalHeader()
        header.setStretchLastSection(True)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        for column, width in enumerate((90, 80, 110)):
            self.table.setColumnWidth(column, width)
        row = QHBoxLayout()
        row.addWidget(self.level)
        row.addWidget(self.text, 1)
        column_layout = QVBoxLayout(self)
        column_layout.addLayout(row)
        column_layout.addWidget(self.table)
        self.level.currentIndexChanged.connect(self._filter_all)
        self.text.textChanged.connect(self._filter_all)

    def begin(self, title: str) -> None:
        """Mark where a run begins."""
        self.add([Noted(0.0, "info", "run", title)])

    def add(self, notes: list[Noted]) -> None:
        """Add lines."""
        shades = {"warning": colours().warning, "error": colours().bad}
        for note in notes:
            row = self.table.rowCount()
            self.table.insertRow(row)
            for column, text in enumerate((f"{note.time:.2f}", note.level, note.kind, note.message)):
                item = QTableWidgetItem(text)
                item.setToolTip(text if column == len(COLUMNS) - 1 else "")
                if note.level in shades:
                    item.setForeground(QColor(shades[note.level]))
                self.table.setItem(row, column, item)
            self._filter(row)
        if self.table.rowCount() > LONGEST:
            self.table.model().removeRows(0, self.table.rowCount() - LONGEST)
        self.table.scrollToBottom()

    @property
    def shown(self) -> list[str]:
        """The messages that pass the filter."""
        return [
            self._cell(row, len(COLUMNS) - 1) for row in range(self.table.rowCount()) if not self.table.isRowHidden(row)
        ]

    def _cell(self, row: int, column: int) -> str:
        item = self.table.item(row, column)
        return item.text() if item is not None else ""

    def _filter(self, row: int) -> None:
        wanted = (("info", "warning", "error"), ("warning", "error"), ("error",))[self.level.currentIndex()]
        text = self.text.text().casefold()
        found = any(text in self._cell(row, column).casefold() for column in range(len(COLUMNS)))
        self.table.setRowHidden(row, self._cell(row, 1) not in wanted or not found)

    def _filter_all(self) -> None:
        for row in range(self.table.rowCount()):
            self._filter(row)


def _example() -> QWidget:
    panel = JournalPanel()
    panel.begin("rl-linearity")
    panel.add([Noted(1.2, "warning", "trip", "the interlock opened")])
    return panel


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(_example)
