"""One parameter of a procedure as a field: value, unit, limits, and what is wrong with it."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QGridLayout, QLabel, QLineEdit, QWidget

from app.gui.theme import mark
from config.mistake import UserMistake
from procedures.parameters import BooleanParameter, ListParameter, Parameter, allowed, checked_value


class ParameterField(QWidget):
    """A field made from a parameter's own declaration.

    Parameters
    ----------
    name
        Of the parameter, as ``--set`` takes it.
    parameter
        Its declaration.
    """

    changed = Signal()

    def __init__(self, name: str, parameter: Parameter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = name
        self._parameter = parameter
        self._value: Any = None
        self._problem = ""
        self._title = QLabel(parameter.name)
        self._title.setMinimumWidth(128)
        self._unit = QLabel(getattr(parameter, "units", None) or "")
        self._unit.setProperty("tone", "faint")
        self._unit.setMinimumWidth(38)
        self._reason = QLabel()
        self._reason.setProperty("tone", "bad")
        self._reason.setWordWrap(True)
        self._reason.hide()
        self.editor = self._make_editor()
        self.editor.setAccessibleName(parameter.name)
        self._title.setBuddy(self.editor)
        help_text = f"{parameter.description}\n" if parameter.description else ""
        for widget in (self.editor, self._title):
            widget.setToolTip(f"{help_text}{name}: {allowed(parameter)}")
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(1)
        grid.addWidget(self._title, 0, 0)
        grid.addWidget(self.editor, 0, 1)
        grid.addWidget(self._unit, 0, 2)
        grid.addWidget(self._reason, 1, 0, 1, 3)
        grid.setColumnStretch(1, 1)
        self.set_value(parameter.default)

    def _make_editor(self) -> QLineEdit | QComboBox | QCheckBox:
        if isinstance(self._parameter, BooleanParameter):
            box = QCheckBox()
            box.toggled.connect(self._take)
            return box
        if isinstance(self._parameter, ListParameter):
            choice = QComboBox()
            choice.addItems([str(one) for one in self._parameter.choices])
            choice.currentTextChanged.connect(self._take)
            return choice
        line = QLineEdit()
        line.setPlaceholderText(allowed(self._parameter))
        line.textChanged.connect(self._take)
        return line

    @property
    def value(self) -> Any:
        """The checked value; None while there is a problem."""
        return self._value

    @property
    def problem(self) -> str:
        """What is wrong with it, in one line; empty when nothing is."""
        return self._problem

    def set_value(self, value: Any) -> None:
        """Show a value."""
        if isinstance(self.editor, QCheckBox):
            self.editor.setChecked(bool(value))
        elif isinstance(self.editor, QComboBox):
            self.editor.setCurrentText(str(value))
        elif isinstance(value, list | tuple):
            self.editor.setText(", ".join(f"{number:g}" for number in value))
        else:
            self.editor.setText(f"{value:g}" if isinstance(value, float) else "" if value is None else str(value))
        self._take()

    def _take(self, *_: object) -> None:
        given: object
        if isinstance(self.editor, QCheckBox):
            given = self.editor.isChecked()
        else:
            given = self.editor.currentText() if isinstance(self.editor, QComboBox) else self.editor.text()
        try:
            # an empty text is a value where it is the default
            if given == "" and self._parameter.default != "":
                raise UserMistake(f"is empty; allowed: {allowed(self._parameter)}")
            self._value, problem = checked_value(self.name, self._parameter, given, "form"), ""
        except UserMistake as mistake:
            self._value, problem = None, str(mistake).removeprefix("form: ").removeprefix(f"{self.name} = ")
        if problem != self._problem:
            self._problem = problem
            self._reason.setText(problem)
            self._reason.setVisible(bool(problem))
            mark(self.editor, "invalid", "true" if problem else "false")
        self.changed.emit()


def _example() -> QWidget:
    from procedures.parameters import FloatParameter

    return ParameterField(
        "tube_voltage", FloatParameter("Tube voltage", units="kV", default=30, minimum=5, maximum=160)
    )


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(_example, 400, 60)
