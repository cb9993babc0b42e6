"""Bench set-up: which instruments, where, within which limits; kept as a bench file of the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QPushButton,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from app.gui.filters_field import FiltersField
from app.gui.model_form import ModelForm
from app.gui.orders import BenchFacts
from app.gui.role_editor import RoleEditor
from app.gui.run_content import InBackground
from app.gui.theme import mark
from app.scanning import Scan, scan
from config.bench_file import ROLES, BenchFile, Geometry
from config.loading import Loaded, available, bench_file, check
from config.mistake import UserMistake
from config.saving import save

TABLES = {"limits": "Limits", "geometry": "Beam", "operator": "Operator", "output": "Run files", "policies": "Trips"}
"""Tables of the bench file that get a page, and its title."""


class BenchPanel(QWidget):
    """Chooses, makes and changes bench files; mistakes stand where they are made."""

    use_wanted = Signal(str)
    """The name of the bench that shall be measured on"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._loaded: Loaded[BenchFile] | None = None
        self._busy = False
        self._filling = False
        self.bench = QComboBox()
        self.bench.setAccessibleName("Bench")
        self.bench.setMinimumWidth(150)
        self.new, self.save, self.use = QPushButton("New"), QPushButton("Save"), QPushButton("Measure on this bench")
        self.save.setProperty("role", "primary")
        self.name, self.title = QLineEdit(), QLineEdit()
        self.name.setPlaceholderText("name: one word")
        self.name.setAccessibleName("Name")
        self.title.setPlaceholderText("title")
        self.title.setAccessibleName("Title")
        self.simulated = QCheckBox("Simulated")
        self.simulated.setToolTip("No hardware: every instrument is simulated in its own protocol")
        self.roles = QListWidget()
        self.roles.setAccessibleName("Roles")
        self._stack = QStackedWidget()
        self.editors: dict[str, RoleEditor] = {}
        self.forms: dict[str, ModelForm] = {}
        self.filters = FiltersField()
        self._scan_word = QLabel()
        self._scan_word.setWordWrap(True)
        self._scan_word.setProperty("tone", "faint")
        self._message = QLabel()
        self._message.setWordWrap(True)
        self.pages = QTabWidget()
        self.pages.setDocumentMode(True)
        self.pages.addTab(self._instruments_page(), "Instruments")
        for key, title in TABLES.items():
            info = BenchFile.model_fields.get(key)
            if info is not None and isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
                self.pages.addTab(self._table_page(key, info.annotation), title)
        self._lay_out()
        self._scanner = InBackground(self)
        self._scanner.done.connect(self._show_scan)
        self._scanner.failed.connect(self._scan_word.setText)
        self.bench.currentTextChanged.connect(self.show_bench)
        self.new.clicked.connect(self.begin_new)
        self.save.clicked.connect(self._save)
        self.use.clicked.connect(lambda: self.use_wanted.emit(self.bench.currentText()))
        self.simulated.toggled.connect(self._take_simulated)
        for line in (self.name, self.title):
            line.textChanged.connect(self._judge)
        self.roles.setCurrentRow(0)
        self.refresh()

    def _instruments_page(self) -> QWidget:
        for role in ROLES:
            editor = RoleEditor(role)
            editor.changed.connect(self._judge)
            editor.scan_wanted.connect(self.look_around)
            self.editors[role] = editor
            self._stack.addWidget(editor)
            self.roles.addItem(role)
        self.roles.currentRowChanged.connect(self._stack.setCurrentIndex)
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._stack, 1)
        column.addWidget(self._scan_word)
        splitter = QSplitter(Qt.Orientation.Horizontal)
        splitter.addWidget(self.roles)
        splitter.addWidget(right)
        splitter.setSizes([280, 660])
        splitter.setChildrenCollapsible(False)
        return splitter

    def _table_page(self, key: str, model: type[BaseModel]) -> QWidget:
        form = ModelForm(model)
        form.changed.connect(self._judge)
        self.forms[key] = form
        inside = QWidget()
        column = QVBoxLayout(inside)
        if model is Geometry:
            column.addWidget(self.filters)
            self.filters.changed.connect(lambda: form.keep("filters", self.filters.given))
        column.addWidget(form, 1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidget(inside)
        return area

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        for widget in (QLabel("Bench"), self.bench, self.new, self.name, self.title, self.simulated):
            top.addWidget(widget)
        top.setStretchFactor(self.title, 1)
        buttons = QHBoxLayout()
        buttons.addWidget(self.save)
        buttons.addWidget(self.use)
        buttons.addWidget(self._message, 1)
        column = QVBoxLayout(self)
        column.addLayout(top)
        column.addWidget(self.pages, 1)
        column.addLayout(buttons)

    @property
    def message_text(self) -> str:
        """What is wrong, or what came of the last action."""
        return self._message.text()

    def refresh(self, chosen: str = "") -> None:
        """List the bench files again."""
        shown = chosen or self.bench.currentText()
        blocked = self.bench.blockSignals(True)
        self.bench.clear()
        self.bench.addItems(sorted(available("benches")))
        # one that was opened by its path is not among them
        self.bench.setCurrentText(shown)
        self.bench.blockSignals(blocked)
        self.show_bench(self.bench.currentText())

    def show_bench(self, name: str) -> None:
        """Show a bench file."""
        if not name:
            return
        try:
            self._loaded = bench_file(name)
        except UserMistake as mistake:
            self._say(str(mistake), "bad")
            return
        self._fill(self._loaded.content)

    def begin_new(self) -> None:
        """Begin with a bench that has nothing yet."""
        self._loaded = None
        self.bench.setCurrentIndex(-1)
        # the schema's own example of nothing: a name must be there for it to be checked
        self._fill(BenchFile(name="new", instruments={}))
        self.name.clear()
        self.name.setFocus()

    def show_open(self, facts: BenchFacts) -> None:
        """Take note of who answers to the window already."""
        here = {facts.addresses.get(role, ""): who for role, who in facts.identities.items()}
        here.pop("", None)
        for editor in self.editors.values():
            editor.open_here = here

    def set_busy(self, busy: bool) -> None:
        """Keep the bench while a run is on."""
        self._busy = busy
        self._judge()

    def look_around(self) -> None:
        """Scan for what is connected, without keeping the window waiting."""
        self._scan_word.setText("scanning VISA, USB and GenTL…")
        self._scanner.start(scan)

    def _show_scan(self, found: Scan) -> None:
        for editor in self.editors.values():
            editor.show_scan(found)
        said = f"{len(found.found)} found: they stand in the list of addresses"
        self._scan_word.setText("; ".join((said, *found.problems)))

    def _fill(self, file: BenchFile) -> None:
        self._filling = True
        self.name.setText(file.name)
        self.title.setText(file.title)
        self.simulated.setChecked(file.simulated)
        for role, editor in self.editors.items():
            editor.simulated = file.simulated
            editor.show_entry(file.entries.get(role))
        for key, form in self.forms.items():
            form.set_values(getattr(file, key).model_dump())
        self.filters.set_filters(file.geometry.filters)
        self._filling = False
        self._judge()

    def _take_simulated(self, simulated: bool) -> None:
        for editor in self.editors.values():
            editor.simulated = simulated
        self._judge()

    def content(self) -> BenchFile:
        """Put the bench together.

        Raises
        ------
        UserMistake
            For the first mistake in it.
        """
        for role, editor in self.editors.items():
            if editor.problem:
                raise UserMistake(f"{role}: {editor.problem}")
        if self.filters.problem:
            raise UserMistake(f"geometry.filters: {self.filters.problem}")
        before = self._loaded.content.simulation if self._loaded else None
        entries = {role: editor.entry for role, editor in self.editors.items()}
        # what has no page here is kept as the file has it
        untouched = self._loaded.content.model_dump(exclude={"simulation", *self.forms}) if self._loaded else {}
        table: dict[str, Any] = {
            **untouched,
            "name": self.name.text().strip(),
            "title": self.title.text().strip(),
            "instruments": {role: entry for role, entry in entries.items() if entry is not None},
            **{key: form.given for key, form in self.forms.items()},
        }
        if self.simulated.isChecked():
            table["simulation"] = before.model_dump() if before else {}
        return check(table, BenchFile, "bench")

    def _judge(self) -> None:
        if self._filling:
            return
        for role, editor in self.editors.items():
            item = self.roles.item(ROLES.index(role))
            entry = editor.entry
            item.setText(
                f"{'✗ ' if editor.problem else ''}{role.replace('_', ' ')}: {entry['driver'] if entry else '-'}"
            )
        try:
            content = self.content()
            problem = "" if content.instruments else "no instrument yet: choose a driver for a role"
        except (UserMistake, ValidationError) as mistake:
            content, problem = None, str(mistake)
        if content is not None:
            for editor in self.editors.values():
                editor.limits = content.limits
        self._say(problem, "bad")
        self.save.setEnabled(not problem)
        loaded = self._loaded
        unchanged = loaded is not None and content == loaded.content
        self.use.setEnabled(unchanged and not self._busy)
        self.use.setToolTip("A run is on" if self._busy else "" if unchanged else "Save it first")

    def _save(self) -> None:
        loaded = self._loaded
        try:
            content = self.content()
            path = save(content, "benches", content.name, loaded.text if loaded else "", self._may_replace(loaded))
        except UserMistake as mistake:
            self._say(str(mistake), "bad")
            return
        self.refresh(path.stem)
        self._say(f"Saved: {path}", "good")

    @staticmethod
    def _may_replace(loaded: Loaded[BenchFile] | None) -> Path | None:
        return loaded.path if loaded is not None else None

    def _say(self, text: str, tone: str) -> None:
        self._message.setText(text)
        mark(self._message, "tone", tone)


def _example() -> QWidget:
    return BenchPanel()


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(_example, 950, 640)
