"""A table of a bench or sample file as a form made from its schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.gui.model_field import ModelField, has_field
from config.loading import mistakes


class ModelForm(QWidget):
    """A field a key; the schema itself says what is wrong, and it stands where it is wrong.

    Parameters
    ----------
    model
        The table's schema.
    leave_out
        Keys that get no field, besides those that hold tables; what they hold is kept.
    """

    changed = Signal()

    def __init__(self, model: type[BaseModel], leave_out: Iterable[str] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._kept: dict[str, Any] = {}
        self._value: BaseModel | None = None
        self._filling = False
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 6, 0)
        column.setSpacing(5)
        self._fields: dict[str, ModelField] = {}
        left_out = frozenset(leave_out)
        for key, info in model.model_fields.items():
            if key in left_out or not has_field(info):
                continue
            field = ModelField(key, info, self)
            field.changed.connect(self._judge)
            self._fields[key] = field
            column.addWidget(field)
        column.addStretch(1)
        self.set_values({})

    def field(self, key: str) -> ModelField:
        """Return the field of a key."""
        return self._fields[key]

    @property
    def value(self) -> BaseModel | None:
        """The checked table; None while there is a problem."""
        return self._value

    @property
    def problems(self) -> dict[str, str]:
        """What is wrong, by key."""
        return {key: field.problem for key, field in self._fields.items() if field.problem}

    @property
    def given(self) -> dict[str, Any]:
        """What is typed, as the file would hold it."""
        typed = {key: field.given for key, field in self._fields.items()}
        return {**self._kept, **{key: one for key, one in typed.items() if one is not None}}

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show a table; keys that are missing are shown empty or with their default."""
        self._filling = True
        self._kept = {key: one for key, one in values.items() if key not in self._fields}
        for key, field in self._fields.items():
            info = self._model.model_fields[key]
            field.set_value(values.get(key, None if info.is_required() else info.default))
        self._filling = False
        self._judge()

    def keep(self, key: str, value: object) -> None:
        """Take a value of a key that has no field."""
        self._kept[key] = value
        self._judge()

    def _judge(self) -> None:
        if self._filling:
            return
        try:
            self._value, wrong = self._model.model_validate(self.given), {}
        except ValidationError as error:
            self._value, wrong = None, mistakes(error)
        for key, field in self._fields.items():
            field.show_problem(wrong.get(key, ""))
        self.changed.emit()


def _example() -> QWidget:
    from config.bench_file import Limits

    form = ModelForm(Limits)
    form.set_values({"tube_voltage_kv": 50.0, "tube_current_ma": -1.0})
    return form


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(_example, 520, 620)
