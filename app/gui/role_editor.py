"""One role of a bench file: which driver plays it, where, with what options, and whether it answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.gui.model_form import ModelForm
from app.gui.run_content import InBackground
from app.gui.theme import mark
from app.scanning import Scan
from config.bench_file import InstrumentEntry, Limits
from config.mistake import UserMistake
from drivers.registry import driver_class, drivers

NOBODY = "(none)"
OWN_CODE = "A driver of your own: it is loaded when the bench is opened, and its options are kept as the file has them."


class RoleEditor(QWidget):
    """Driver, address and options of one role.

    Parameters
    ----------
    role
        As in the bench file.
    """

    changed = Signal()
    scan_wanted = Signal()

    def __init__(self, role: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.role = role
        self.simulated = False
        self.limits = Limits()
        self.open_here: Mapping[str, str] = {}
        """By address, who answers there to this window already"""
        self._form: ModelForm | None = None
        self._kept_options: dict[str, Any] = {}
        self._made_for = ""
        self._filling = False
        self.driver = QComboBox()
        self.driver.setAccessibleName("Driver")
        self.driver.setEditable(True)
        self.driver.setToolTip("A driver's name, or module:Class of your own")
        self.driver.addItem(NOBODY)
        self.driver.addItems(sorted(name for name, one in drivers().items() if one.role in ("", role)))
        self.resource = QComboBox()
        self.resource.setAccessibleName("Address")
        self.resource.setEditable(True)
        line = self.resource.lineEdit()
        assert line is not None  # noqa: S101  (an editable box has one)
        line.setPlaceholderText("VISA address, serial number or path")
        self.scan = QPushButton("Scan")
        self.scan.setProperty("role", "small")
        self.scan.setToolTip("Look for what is connected: VISA, USB, GenTL")
        self.test = QPushButton("Test connection")
        self.test.setToolTip("Ask who is there; nothing is switched on")
        self.answer = QLabel()
        self.answer.setWordWrap(True)
        self._problem = QLabel()
        self._problem.setProperty("tone", "bad")
        self._problem.setWordWrap(True)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        address = QHBoxLayout()
        address.addWidget(self.resource, 1)
        address.addWidget(self.scan)
        top = QFormLayout()
        top.addRow("&Driver", self.driver)
        label = QLabel("&Address")
        label.setBuddy(self.resource)
        top.addRow(label, address)
        top.addRow("", self._problem)
        testing = QHBoxLayout()
        testing.addWidget(self.test)
        testing.addWidget(self.answer, 1)
        column = QVBoxLayout(self)
        column.addLayout(top)
        column.addLayout(testing)
        heading = QLabel("Options")
        heading.setProperty("tone", "heading")
        column.addWidget(heading)
        column.addWidget(self._area, 1)
        self._tester = InBackground(self)
        self._tester.done.connect(lambda found: self._say(str(found), "good"))
        self._tester.failed.connect(lambda why: self._say(why, "bad"))
        self.driver.currentTextChanged.connect(self._take_driver)
        self.resource.currentTextChanged.connect(self._change)
        self.scan.clicked.connect(self.scan_wanted)
        self.test.clicked.connect(self.test_connection)
        self._take_driver()

    @property
    def problem(self) -> str:
        """What is wrong with it; empty when nothing is, or nobody plays the role."""
        wrong = self._form.problems if self._form is not None else {}
        return self._problem.text() or "; ".join(f"options.{key} {words}" for key, words in wrong.items())

    @property
    def entry(self) -> dict[str, Any] | None:
        """The table of the bench file; None where nobody plays the role."""
        name = self.driver.currentText().strip()
        if name in ("", NOBODY):
            return None
        if self._form is None:
            options = self._kept_options
        else:
            options = self._form.value.model_dump(exclude_defaults=True) if self._form.value else {}
        table: dict[str, Any] = {"driver": name, "resource": self.resource.currentText().strip()}
        return {**table, "options": options} if options else table

    @property
    def form(self) -> ModelForm | None:
        """The driver's options; None where nobody plays the role."""
        return self._form

    def show_entry(self, entry: InstrumentEntry | None) -> None:
        """Show what a bench file says."""
        self._filling = True
        self.answer.clear()
        self.resource.setCurrentText(entry.resource if entry else "")
        self.driver.setCurrentText(entry.driver if entry else NOBODY)
        self._kept_options = dict(entry.options) if entry else {}
        self._filling = False
        self._take_driver()
        if entry is not None and self._form is not None:
            self._form.set_values(entry.options)

    def show_scan(self, found: Scan) -> None:
        """Offer what was found."""
        typed = self.resource.currentText()
        blocked = self.resource.blockSignals(True)
        self.resource.clear()
        for one in found.for_role(self.role):
            self.resource.addItem(one.resource)
            self.resource.setItemData(self.resource.count() - 1, one.description, 3)  # Qt.ToolTipRole
        self.resource.setCurrentText(typed)
        self.resource.blockSignals(blocked)

    def test_connection(self) -> None:
        """Ask who is there, without keeping the window waiting."""
        table = self.entry
        if table is None:
            return
        entry, role, limits, simulated = InstrumentEntry(**table), self.role, self.limits, self.simulated
        if entry.resource in self.open_here:
            self._say(f"in use by this window: {self.open_here[entry.resource]}", "good")
            return
        self._say("asking…", "faint")

        def ask() -> str:
            from app.identifying import identify

            return identify(role, entry, limits, simulated=simulated)

        self._tester.start(ask)

    def _take_driver(self) -> None:
        if self._filling:
            return
        name = self.driver.currentText().strip()
        nobody = name in ("", NOBODY)
        if name != self._made_for:
            self._made_for = name
            self._form = None
            self._problem.clear()
            if ":" in name:
                # code of somebody's is not loaded because its name was typed or read from a file
                self._area.setWidget(QLabel(OWN_CODE))
            elif nobody:
                self._area.setWidget(QLabel())
            else:
                self._make_form(name)
        if not nobody and self.simulated and not self.resource.currentText():
            self.resource.setCurrentText("sim")
        for widget in (self.resource, self.scan, self.test):
            widget.setEnabled(not nobody)
        self._change()

    def _make_form(self, name: str) -> None:
        try:
            options = driver_class(name, self.role).Options
        except UserMistake as mistake:
            self._problem.setText(str(mistake))
            self._area.setWidget(QLabel())
            return
        self._form = ModelForm(options)
        self._form.changed.connect(self._change)
        self._area.setWidget(self._form)

    def _change(self) -> None:
        self._problem.setVisible(bool(self._problem.text()))
        if not self._filling:
            self.changed.emit()

    def _say(self, text: str, tone: str) -> None:
        self.answer.setText(text)
        mark(self.answer, "tone", tone)


def _example() -> QWidget:
    editor = RoleEditor("source_meter")
    editor.show_entry(InstrumentEntry(driver="keithley-2450", resource="TCPIP::192.168.0.12::5025::SOCKET"))
    return editor


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(_example, 620, 420)
