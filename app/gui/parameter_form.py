"""The parameters of a procedure as a form made from its own declarations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.gui.parameter_field import ParameterField
from procedures.procedure import Procedure


class ParameterForm(QWidget):
    """A field a parameter; those that mean nothing with what is chosen elsewhere are hidden."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._fields: dict[str, ParameterField] = {}
        self._procedure: type[Procedure] | None = None
        self._filling = False
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 6, 0)
        self._column.setSpacing(5)

    def show_procedure(self, procedure: type[Procedure]) -> None:
        """Show another procedure's parameters with their defaults."""
        for field in self._fields.values():
            self._column.removeWidget(field)
            field.hide()
            field.deleteLater()
        while self._column.count():
            self._column.takeAt(0)
        self._procedure = procedure
        self._fields = {}
        for name, parameter in procedure.declared_parameters().items():
            field = ParameterField(name, parameter, self)
            field.changed.connect(self._take)
            self._fields[name] = field
            self._column.addWidget(field)
        self._column.addStretch(1)
        self._take()

    def field(self, name: str) -> ParameterField:
        """Return the field of a parameter."""
        return self._fields[name]

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show values by name."""
        self._filling = True
        for name, value in values.items():
            self._fields[name].set_value(value)
        self._filling = False
        self._take()

    @property
    def problems(self) -> dict[str, str]:
        """What is wrong, by the parameter's name."""
        return {name: field.problem for name, field in self._fields.items() if field.problem and not field.isHidden()}

    @property
    def values(self) -> dict[str, Any]:
        """The checked values by name; those with a problem are missing."""
        return {name: field.value for name, field in self._fields.items() if not field.problem}

    def _take(self) -> None:
        if self._filling or self._procedure is None:
            return
        for name, parameter in self._procedure.declared_parameters().items():
            self._fields[name].setVisible(all(self._holds(*one) for one in parameter.group_by.items()))
        self.changed.emit()

    def _holds(self, other: str, condition: Any) -> bool:
        value = self._fields[other].value
        return bool(condition(value)) if callable(condition) else bool(value == condition)


def _example() -> QWidget:
    from procedures.registry import procedure_class

    form = ParameterForm()
    form.show_procedure(procedure_class("sensitivity"))
    return form


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(_example, 420, 620)
