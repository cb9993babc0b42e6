"""One key of a bench or sample file as a field: value, unit, and what is wrong with it."""

from __future__ import annotations

import types
import typing
from typing import Any, Literal

from annotated_types import BaseMetadata, Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QGridLayout, QLabel, QLineEdit, QWidget

from app.gui.field_names import words_and_unit
from app.gui.theme import mark

Editor = QLineEdit | QComboBox | QCheckBox


class ModelField(QWidget):
    """A field made from the schema's own declaration; what is typed is judged by the schema, not here.

    Parameters
    ----------
    key
        In the file.
    info
        Its declaration.
    """

    changed = Signal()

    def __init__(self, key: str, info: FieldInfo, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.key = key
        self._info = info
        self._problem = ""
        words, unit = words_and_unit(key)
        title = QLabel(f"{words}{' *' if info.is_required() else ''}")
        title.setMinimumWidth(170)
        self.editor = self._make_editor()
        self.editor.setAccessibleName(words)
        title.setBuddy(self.editor)
        unit_label = QLabel(unit)
        unit_label.setProperty("tone", "faint")
        unit_label.setMinimumWidth(44)
        for widget in (title, self.editor):
            widget.setToolTip("; ".join(part for part in (info.description or "", _bounds(info), key) if part))
        self._reason = QLabel()
        self._reason.setProperty("tone", "bad")
        self._reason.setWordWrap(True)
        self._reason.hide()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(1)
        grid.addWidget(title, 0, 0)
        grid.addWidget(self.editor, 0, 1)
        grid.addWidget(unit_label, 0, 2)
        grid.addWidget(self._reason, 1, 1, 1, 2)
        grid.setColumnStretch(1, 1)

    def _make_editor(self) -> Editor:
        kind = _without_none(self._info.annotation)
        if kind is bool:
            box = QCheckBox()
            box.toggled.connect(self.changed)
            return box
        if typing.get_origin(kind) is Literal:
            choice = QComboBox()
            for one in typing.get_args(kind):
                choice.addItem(str(one), one)
            choice.currentIndexChanged.connect(self.changed)
            return choice
        line = QLineEdit()
        if not self._info.is_required() and self._info.default is not None:
            default = _written(self._info.default)
            line.setPlaceholderText(f"{default}" if default else (self._info.description or ""))
        else:
            line.setPlaceholderText(self._info.description or "")
        line.textChanged.connect(self.changed)
        return line

    @property
    def problem(self) -> str:
        """What is wrong with it, in one line; empty when nothing is."""
        return self._problem

    @property
    def given(self) -> object:
        """What is typed, as the file would hold it; None where nothing is."""
        if isinstance(self.editor, QCheckBox):
            return self.editor.isChecked()
        if isinstance(self.editor, QComboBox):
            return self.editor.currentData()
        text = self.editor.text().strip()
        if not text:
            return None
        kind = _without_none(self._info.annotation)
        if kind is str:
            return text
        if typing.get_origin(kind) is tuple:
            return [part.strip() for part in text.split(",") if part.strip()]
        return _number(text, whole=kind is int)

    def set_value(self, value: object) -> None:
        """Show a value; None shows nothing."""
        if isinstance(self.editor, QCheckBox):
            self.editor.setChecked(bool(value))
        elif isinstance(self.editor, QComboBox):
            self.editor.setCurrentIndex(max(0, self.editor.findData(value)))
        else:
            self.editor.setText(_written(value))
            self.editor.setCursorPosition(0)

    def show_problem(self, problem: str) -> None:
        """Mark what is wrong where it stands."""
        if problem == self._problem:
            return
        self._problem = problem
        self._reason.setText(problem)
        self._reason.setVisible(bool(problem))
        mark(self.editor, "invalid", "true" if problem else "false")


def has_field(info: FieldInfo) -> bool:
    """Say whether a key holds what a field can show: a number, a text, a choice, or a list of texts."""
    kind = _without_none(info.annotation)
    if typing.get_origin(kind) is tuple:
        return typing.get_args(kind)[0] is str
    return kind in (str, int, float, bool) or typing.get_origin(kind) is Literal


def _written(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(str(one) for one in value)
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _number(text: str, *, whole: bool) -> object:
    try:
        return int(text) if whole else float(text)
    except ValueError:
        return text  # the schema says what is wrong with it


def _without_none(annotation: Any) -> Any:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        inner = [one for one in typing.get_args(annotation) if one is not type(None)]
        annotation = inner[0] if len(inner) == 1 else str
    while typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    return annotation


def _bounds(info: FieldInfo) -> str:
    words = {Gt: "above", Ge: "at least", Lt: "below", Le: "at most"}
    metadata = [one for one in info.metadata if isinstance(one, BaseMetadata)]
    said = [
        f"{word} {getattr(one, kind.__name__.lower()):g}"
        for one in metadata
        for kind, word in words.items()
        if isinstance(one, kind)
    ]
    return ", ".join(said)


def _example() -> QWidget:
    from config.bench_file import Limits

    key = "tube_voltage_kv"
    field = ModelField(key, Limits.model_fields[key])
    field.set_value(50.0)
    return field


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(_example, 500, 70)
