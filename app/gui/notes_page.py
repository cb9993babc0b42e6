"""Notes and tags of a finished run: read, and written into its file."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.gui.run_content import InBackground, RunContent


class NotesPage(QWidget):
    """What people thought of a run."""

    changed = Signal(object)
    """`Path` of a run file that has another note or tag now"""
    failed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._path: Path | None = None
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self.author, self.tags = QLineEdit(), QLineEdit()
        self.author.setPlaceholderText("who writes; the user who is logged in")
        self.tags.setPlaceholderText("separated by commas")
        self.text = QPlainTextEdit()
        self.text.setTabChangesFocus(True)
        self.text.setPlaceholderText("What is to be remembered of this run")
        self.text.setMaximumHeight(90)
        self.text.setTabChangesFocus(True)
        self.attach, self.set_tags = QPushButton("Attach note"), QPushButton("Set tags")
        self.attach.clicked.connect(self._attach)
        self.set_tags.clicked.connect(self._set_tags)
        form = QFormLayout()
        form.addRow("&Author", self.author)
        form.addRow("&Note", self.text)
        form.addRow(self.attach)
        row = QHBoxLayout()
        row.addWidget(self.tags, 1)
        row.addWidget(self.set_tags)
        label = QLabel("&Tags")
        label.setBuddy(self.tags)
        form.addRow(label, row)
        column = QVBoxLayout(self)
        column.addWidget(self._area, 1)
        column.addLayout(form)
        self._writer = InBackground(self)
        self._writer.done.connect(self._written)
        self._writer.failed.connect(self._not_written)
        self.show_run(None)

    @property
    def shown(self) -> str:
        """All notes, as they stand there."""
        inside = self._area.widget()
        return "\n".join(label.text() for label in inside.findChildren(QLabel)) if inside is not None else ""

    def show_run(self, run: RunContent | None) -> None:
        """Show the notes of a run; None where there is not one."""
        fresh = run is None or run.path != self._path
        self._path = None if run is None else run.path
        inside = QWidget()
        column = QVBoxLayout(inside)
        for note in run.notes if run is not None else ():
            card = QFrame()
            card.setProperty("card", "true")
            lines = QVBoxLayout(card)
            who = QLabel(f"{note.author}, {note.date[:16].replace('T', ' ')}")
            who.setProperty("tone", "faint")
            text = QLabel(note.text)
            for one in (who, text):
                one.setTextFormat(Qt.TextFormat.PlainText)
                one.setWordWrap(True)
                lines.addWidget(one)
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            column.addWidget(card)
        if run is None or not run.notes:
            none = QLabel("No notes" if run is not None else "Notes are of one run: choose one")
            none.setProperty("tone", "faint")
            column.addWidget(none)
        column.addStretch(1)
        self._area.setWidget(inside)
        self.tags.setText(", ".join(run.tags) if run is not None else "")
        if fresh:
            self.text.clear()
        self.setEnabled(run is not None and run.status != "running")

    def _attach(self) -> None:
        from storage.notes import add_note

        path, text, author = self._path, self.text.toPlainText(), self.author.text()
        if path is not None:
            self._write(path, lambda: add_note(path, text, author))

    def _set_tags(self) -> None:
        from storage.notes import add_tag, remove_tag
        from storage.reader import open_run

        path = self._path
        wanted = {tag.strip() for tag in self.tags.text().split(",")} - {""}
        if path is None:
            return

        def change() -> None:
            with open_run(path) as run:
                before = set(run.tags)
            for tag in sorted(wanted - before):
                add_tag(path, tag)
            for tag in sorted(before - wanted):
                remove_tag(path, tag)

        self._write(path, change)

    def _write(self, path: Path, work: object) -> None:
        if self._writer.busy:
            return

        def written() -> Path:
            work()  # type: ignore[operator]
            return path

        self.attach.setEnabled(False)
        self.set_tags.setEnabled(False)
        self._writer.start(written)

    def _written(self, path: Path) -> None:
        self._ready()
        if path == self._path:
            self.text.clear()
        self.changed.emit(path)

    def _not_written(self, why: str) -> None:
        self._ready()
        self.failed.emit(why)

    def _ready(self) -> None:
        self.attach.setEnabled(True)
        self.set_tags.setEnabled(True)


def _example() -> QWidget:
    from storage.reader import Note

    page = NotesPage()
    note = Note(1, "2025-03-01T10:30:00+01:00", "A. Operator", "Crystal turned by 90 degrees after the third point.")
    page.show_run(RunContent(Path("run.h5"), "a run", "completed", "sensitivity", notes=[note], tags=["thesis"]))
    return page


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(_example, 380, 420)
