"""What is done beside the window comes back only to whoever still wants it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QCoreApplication, QThreadPool
from pytestqt.qtbot import QtBot

from app.gui.run_content import InBackground


@pytest.fixture
def beside(qtbot: QtBot) -> InBackground:
    return InBackground()


def done() -> None:
    QThreadPool.globalInstance().waitForDone()


def test_what_is_forgotten_on_its_way_is_not_told(qtbot: QtBot, beside: InBackground) -> None:
    told: list[object] = []
    beside.done.connect(told.append)
    beside.start(lambda: "the last run's")
    # done, and on its way to the window, which has not heard of it yet
    done()
    beside.forget()
    QCoreApplication.processEvents()
    assert told == []
    with qtbot.waitSignal(beside.done):
        beside.start(lambda: "this run's")
    assert told == ["this run's"]
    assert not beside.busy


def test_of_two_only_the_later_is_told(beside: InBackground) -> None:
    told: list[object] = []
    beside.done.connect(told.append)
    beside.start(lambda: 1)
    done()
    beside.start(lambda: 2)
    done()
    assert beside.busy
    QCoreApplication.processEvents()
    assert told == [2]
    assert not beside.busy


def test_a_failure_is_told_as_one_line(qtbot: QtBot, beside: InBackground) -> None:
    def fail() -> None:
        raise OSError("no\nsuch   file")

    with qtbot.waitSignal(beside.failed) as failure:
        beside.start(fail)
    assert failure.args == ["no such file"]
