"""Every widget can run alone, has a name for who cannot see it, and is reached with the keyboard."""

from __future__ import annotations

import ast
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QScrollBar,
    QWidget,
)

import app.gui

FOLDER = Path(app.gui.__file__).parent
INTERACTIVE = (QAbstractButton, QLineEdit, QComboBox, QAbstractSpinBox, QAbstractItemView, QPlainTextEdit)


def runnable_alone() -> list[str]:
    """List the modules that call `show_alone`."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if "import show_alone" in path.read_text("utf-8"))


def defines_a_widget(path: Path) -> bool:
    tree = ast.parse(path.read_text("utf-8"))
    bases = {"QWidget", "QFrame", "QLabel", "QDialog", "ReadOutPlot", "ImagePlot", "HandCard", "QuestionPanel"}
    return any(
        isinstance(node, ast.ClassDef)
        and not node.name.startswith("_")
        and any(isinstance(base, ast.Name) and base.id in bases for base in node.bases)
        for node in tree.body
    )


def test_every_public_widget_can_run_alone() -> None:
    widgets = {path.stem for path in FOLDER.glob("*.py") if defines_a_widget(path)}
    assert widgets <= set(runnable_alone())
    assert len(widgets) > 25


@pytest.mark.parametrize("name", runnable_alone())
def test_a_widget_shows_itself_alone(name: str, qtbot: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made: list[QWidget] = []

    def show(make: Callable[[], QWidget], width: int = 900, height: int = 600) -> None:
        widget = make()
        widget.resize(width, height)
        qtbot.addWidget(widget)
        widget.show()
        made.append(widget)

    monkeypatch.setattr("app.gui.alone.show_alone", show)
    monkeypatch.setattr("config.loading.user_folder", lambda: tmp_path)
    # what wants a run file is shown that there is none
    monkeypatch.setattr(sys, "argv", [name, str(tmp_path / "none.h5")])
    runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
    QApplication.processEvents()
    assert len(made) == 1
    assert made[0].isVisible()
    assert not made[0].grab().isNull()


def nameless(window: QWidget) -> list[str]:
    """List what can be clicked or typed into and says nothing to a screen reader."""
    buddies = {label.buddy() for label in window.findChildren(QLabel) if label.buddy() is not None}
    found = []
    for widget in window.findChildren(QWidget):
        if not isinstance(widget, INTERACTIVE) or belongs_to_qt(widget):
            continue
        text = widget.text() if isinstance(widget, QAbstractButton) else ""
        if len(text.replace("&", "").strip(" …")) < 2 and not widget.accessibleName() and widget not in buddies:
            parents = []
            parent: QWidget | None = widget
            while parent is not None and parent is not window:
                parents.append(type(parent).__name__)
                parent = parent.parentWidget()
            found.append(" in ".join(parents))
    return found


def belongs_to_qt(widget: QWidget) -> bool:
    """Say whether it is a part of one of Qt's own widgets, which names itself."""
    parent = widget.parentWidget()
    return (
        widget.objectName().startswith("qt_")
        or isinstance(parent, QComboBox | QAbstractSpinBox | QLineEdit | QAbstractItemView | QScrollBar)
        or (parent is not None and parent.metaObject().className() in ("QTabBar", "QComboBoxPrivateContainer"))
    )


@pytest.fixture(scope="module")
def whole_window(open_shared: Callable[..., Any]) -> Any:
    """A window of which every page has been seen."""
    window = open_shared()
    for index in range(window.tabs.count()):
        window.tabs.setCurrentIndex(index)
        QApplication.processEvents()
    return window


def test_everything_has_a_name_and_the_keyboard_reaches_it(whole_window: Any) -> None:
    window = whole_window
    assert nameless(window) == []
    for index in range(window.tabs.count()):
        window.tabs.setCurrentIndex(index)
        window.activateWindow()
        window.measurement.procedure.setFocus()
        reached: set[QWidget] = set()
        widget = window.focusWidget()
        while widget not in reached and len(reached) < 500:
            reached.add(widget)
            # sent, not clicked: no plot is drawn in between
            QApplication.sendEvent(
                widget, QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_Tab, Qt.KeyboardModifier.NoModifier)
            )
            widget = window.focusWidget()
        page = window.tabs.currentWidget()
        missed = [
            f"{type(one).__name__} {one.accessibleName() or getattr(one, 'text', str)()}"
            for part in (window.measurement, page)
            for one in part.findChildren(QWidget)
            if isinstance(one, INTERACTIVE)
            and one.isVisible()
            and one.isEnabled()
            and not belongs_to_qt(one)
            and one not in reached
            and not reached & set(one.findChildren(QWidget))
        ]
        assert missed == [], window.tabs.tabText(index)


def test_the_keys_are_listed_and_the_list_is_in_nobodys_way(whole_window: Any, qtbot: Any) -> None:
    # a key is the active window's, and another test's may have been that last
    with qtbot.waitActive(whole_window):
        whole_window.activateWindow()
    QTest.keyClick(whole_window, Qt.Key.Key_F1)
    assert whole_window.help.isVisible()
    assert not whole_window.help.isModal()
    assert any("F12" in label.text() for label in whole_window.help.findChildren(QLabel))
    whole_window.help.close()
