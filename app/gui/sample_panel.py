"""Samples: look at them, change them, make new ones."""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QPushButton,
    QScrollArea,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from app.gui.model_form import ModelForm
from app.gui.theme import mark
from config.loading import SHIPPED, Loaded, available, sample_file
from config.mistake import UserMistake
from config.sample_file import Sample
from config.saving import save

NEW = {"kind": "scintillator"}


class SamplePanel(QWidget):
    """A list of sample files, and the chosen one as a form; it is kept in the user's own folder."""

    use_wanted = Signal(str)
    """The name of the sample that shall be measured"""
    saved = Signal(str)
    """The name of a sample that was written"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._loaded: Loaded[Sample] | None = None
        self._recent: list[str] = []
        self.list = QListWidget()
        self.list.setAccessibleName("samples")
        self.list.currentTextChanged.connect(self.show_sample)
        self.new = QPushButton("New sample")
        self.new.clicked.connect(self.begin_new)
        self.file_name = QLineEdit()
        self.file_name.setAccessibleName("File name")
        self.file_name.setPlaceholderText("letters, digits and _ . -")
        self.file_name.textChanged.connect(self._show_buttons)
        # what a simulated world is told stands in the file, and is kept as it is
        self.form = ModelForm(Sample, ("world",))
        self.form.changed.connect(self._show_buttons)
        self.save, self.use = QPushButton("Save"), QPushButton("Measure this sample")
        self.save.setProperty("role", "primary")
        self.save.clicked.connect(self._save)
        self.use.clicked.connect(lambda: self.use_wanted.emit(self.file_name.text()))
        self._message = QLabel()
        self._message.setWordWrap(True)
        left = QWidget()
        left_column = QVBoxLayout(left)
        left_column.setContentsMargins(0, 0, 0, 0)
        left_column.addWidget(self.list, 1)
        left_column.addWidget(self.new)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidget(self.form)
        top = QFormLayout()
        top.addRow("File &name", self.file_name)
        buttons = QHBoxLayout()
        buttons.addWidget(self.save)
        buttons.addWidget(self.use)
        buttons.addStretch(1)
        right = QWidget()
        right_column = QVBoxLayout(right)
        right_column.setContentsMargins(8, 0, 0, 0)
        right_column.addLayout(top)
        right_column.addWidget(area, 1)
        right_column.addWidget(self._message)
        right_column.addLayout(buttons)
        splitter = QSplitter(Qt.Orientation.Horizontal)
        splitter.addWidget(left)
        splitter.addWidget(right)
        splitter.setSizes([230, 700])
        splitter.setChildrenCollapsible(False)
        QVBoxLayout(self).addWidget(splitter)
        self.refresh()

    @property
    def message_text(self) -> str:
        """What came of the last action."""
        return self._message.text()

    def refresh(self, recent: list[str] | None = None) -> None:
        """List the samples again, recent ones first."""
        if recent is not None:
            self._recent = recent
        known = list(available("samples"))
        names = [name for name in self._recent if name in known]
        names += [name for name in known if name not in names]
        chosen = self.list.currentItem().text() if self.list.currentItem() is not None else ""
        blocked = self.list.blockSignals(True)
        self.list.clear()
        self.list.addItems(names)
        found = self.list.findItems(chosen, Qt.MatchFlag.MatchExactly)
        if found:
            self.list.setCurrentItem(found[0])
        self.list.blockSignals(blocked)
        if not found and names:
            self.list.setCurrentRow(0)

    def choose(self, name: str) -> None:
        """Show a sample by its name; the empty one begins a new."""
        found = self.list.findItems(name, Qt.MatchFlag.MatchExactly) if name else []
        if found:
            self.list.setCurrentItem(found[0])
        else:
            self.begin_new()

    def show_sample(self, name: str) -> None:
        """Show a sample file."""
        if not name:
            return
        try:
            self._loaded = sample_file(name)
        except UserMistake as mistake:
            self._say(str(mistake), "bad")
            return
        self.file_name.setText(name)
        self.form.set_values(self._loaded.content.model_dump())
        shipped = _shipped(self._loaded.path)
        self._say("Shipped with the program: changes are kept as your own file of this name." if shipped else "", "")

    def begin_new(self) -> None:
        """Show an empty form."""
        self.list.setCurrentRow(-1)
        self._loaded = None
        self.file_name.clear()
        self.form.set_values(NEW)
        self._say("What has a * must be given; the rest is left empty where it is not known.", "")

    def _save(self) -> None:
        content = self.form.value
        if not isinstance(content, Sample):
            return
        loaded = self._loaded
        try:
            path = save(
                content,
                "samples",
                self.file_name.text().strip(),
                loaded.text if loaded else "",
                loaded.path if loaded else None,
            )
        except UserMistake as mistake:
            self._say(str(mistake), "bad")
            return
        name = path.stem
        self.refresh()
        self.list.setCurrentItem(self.list.findItems(name, Qt.MatchFlag.MatchExactly)[0])
        self.show_sample(name)
        self._say(f"Saved: {path}", "good")
        self.saved.emit(name)

    def _show_buttons(self) -> None:
        wrong = self.form.problems
        self.save.setEnabled(not wrong and bool(self.file_name.text().strip()))
        loaded = self._loaded
        unchanged = loaded is not None and self.form.value == loaded.content
        self.use.setEnabled(unchanged and self.file_name.text() in available("samples"))
        self.use.setToolTip("" if unchanged else "Save it first")
        if loaded is None and not self.file_name.text() and not wrong.get("name"):
            # a name for the file that is made from the sample's
            proposed = re.sub(r"[^a-z0-9]+", "-", str(self.form.given.get("name", "")).lower()).strip("-")
            self.file_name.setPlaceholderText(proposed or "letters, digits and _ . -")

    def _say(self, text: str, tone: str) -> None:
        self._message.setText(text)
        mark(self._message, "tone", tone or "faint")


def _shipped(path: Path) -> bool:
    return path.resolve().is_relative_to(SHIPPED.resolve())


def _example() -> QWidget:
    return SamplePanel()


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(_example, 950, 640)
