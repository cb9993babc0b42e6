"""The filters in the beam as a line of text: 0.4 mm Al, 0.1 mm Cu."""

from __future__ import annotations

import re
from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QLineEdit, QWidget

from app.gui.theme import mark
from config.bench_file import Filter

SHEET = re.compile(r"\s*([0-9.eE+-]+)\s*mm\s+(\S+)\s*")


class FiltersField(QWidget):
    """Sheets from the tube outwards, separated by commas."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.editor = QLineEdit()
        self.editor.setAccessibleName("Filters")
        self.editor.setPlaceholderText("from the tube outwards: 0.4 mm Al, 0.1 mm Cu")
        self._reason = QLabel()
        self._reason.setProperty("tone", "bad")
        self._reason.hide()
        title = QLabel("Filters")
        title.setMinimumWidth(170)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 56, 0)
        grid.addWidget(title, 0, 0)
        grid.addWidget(self.editor, 0, 1)
        grid.addWidget(self._reason, 1, 1)
        grid.setColumnStretch(1, 1)
        self.editor.textChanged.connect(self._take)

    @property
    def problem(self) -> str:
        """What is wrong with it."""
        return self._reason.text()

    @property
    def given(self) -> list[dict[str, object]]:
        """The sheets that can be read, as the file holds them."""
        found = (SHEET.fullmatch(part) for part in self._parts())
        return [{"material": one[2], "thickness_mm": _number(one[1])} for one in found if one is not None]

    def set_filters(self, filters: Sequence[Filter]) -> None:
        """Show sheets."""
        self.editor.setText(", ".join(f"{one.thickness_mm:g} mm {one.material}" for one in filters))

    def _parts(self) -> list[str]:
        return [part for part in self.editor.text().split(",") if part.strip()]

    def _take(self) -> None:
        wrong = [
            part.strip() for part in self._parts() if (one := SHEET.fullmatch(part)) is None or _number(one[1]) <= 0
        ]
        problem = f"'{wrong[0]}' is no sheet: write it as 0.4 mm Al" if wrong else ""
        self._reason.setText(problem)
        self._reason.setVisible(bool(problem))
        mark(self.editor, "invalid", "true" if problem else "false")
        self.changed.emit()


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _example() -> QWidget:
    field = FiltersField()
    field.editor.setText("0.4 mm Al, 0.1 Cu")
    return field


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(_example, 500, 70)
