"""Runs that wait, and what was noted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.engine.events import Noted, State
from app.engine.outcome import Outcome
from app.gui.journal_panel import JournalPanel
from app.gui.orders import RunEnd, RunOrder
from app.gui.queue_panel import QueuePanel
from app.running import Plan
from config.loading import bench_file
from procedures.procedure import Procedure


def order(name: str) -> RunOrder:
    return RunOrder(Plan(Procedure(), None, bench_file("sim"), None, name))


def ended(state: State) -> RunEnd:
    return RunEnd(order("before"), Outcome(state, "sensitivity", Path("run.h5"), {}, 1, 1.0, 3))


@pytest.fixture
def queue(qtbot: Any) -> QueuePanel:
    made = QueuePanel()
    qtbot.addWidget(made)
    made.show()
    for name in ("a", "b", "c"):
        made.add(order(name))
    return made


def test_waiting_runs_are_put_in_order_repeated_and_removed(queue: QueuePanel) -> None:
    queue.list.setCurrentRow(2)
    queue.buttons["Up"].click()
    assert queue.titles == ["a", "c", "b"]
    queue.buttons["Up"].click()
    queue.buttons["Up"].click()
    assert queue.titles == ["c", "a", "b"]
    queue.buttons["Repeat"].click()
    assert queue.titles == ["c", "c", "a", "b"]
    queue.list.setFocus()
    queue.list.setCurrentRow(2)
    QTest.keyClick(queue.list, Qt.Key.Key_Delete)
    assert queue.titles == ["c", "c", "b"]
    QTest.keyClick(queue.list, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert queue.titles == ["c", "b", "c"]
    taken = [queue.take() for _ in range(4)]
    assert [one.title if one is not None else None for one in taken] == ["c", "b", "c", None]


def test_the_next_run_waits_for_the_pause(queue: QueuePanel, qtbot: Any) -> None:
    queue.pause.setValue(1)
    with qtbot.waitSignal(queue.changed, timeout=5_000):
        queue.run_ended(ended(State.COMPLETED))
        assert queue.take() is None
        assert "the next begins in" in queue.said
    assert queue.take() is not None


@pytest.mark.parametrize("state", [State.FAILED, State.ABORTED])
def test_a_run_that_did_not_end_as_it_should_holds_the_queue(queue: QueuePanel, state: State) -> None:
    queue.run_ended(ended(state))
    assert queue.held.isChecked()
    assert "held" in queue.said
    assert "before" in queue.said
    assert queue.take() is None
    queue.held.setChecked(False)
    assert queue.take() is not None


def test_a_run_that_could_not_begin_holds_the_queue(queue: QueuePanel) -> None:
    queue.run_ended(RunEnd(order("before"), None, "the tube does not answer"))
    assert queue.take() is None


def test_an_empty_queue_is_not_held_by_what_went_wrong(qtbot: Any) -> None:
    queue = QueuePanel()
    qtbot.addWidget(queue)
    queue.run_ended(ended(State.FAILED))
    assert not queue.held.isChecked()


def test_the_journal_is_filtered_by_level_and_by_text(qtbot: Any) -> None:
    panel = JournalPanel()
    qtbot.addWidget(panel)
    panel.begin("sensitivity")
    panel.add([Noted(1.0, "info", "begin", "on bench sim"), Noted(2.0, "warning", "arc", "the tube sparked")])
    panel.add([Noted(3.0, "error", "trip", "the interlock opened")])
    assert panel.shown == ["sensitivity", "on bench sim", "the tube sparked", "the interlock opened"]
    panel.level.setCurrentIndex(1)
    assert panel.shown == ["the tube sparked", "the interlock opened"]
    panel.add([Noted(4.0, "info", "note", "an INTERLOCK that closed"), Noted(5.0, "error", "trip", "fault: arc")])
    assert panel.shown == ["the tube sparked", "the interlock opened", "fault: arc"]
    panel.text.setText("interlock")
    assert panel.shown == ["the interlock opened"]
    panel.level.setCurrentIndex(0)
    assert panel.shown == ["the interlock opened", "an INTERLOCK that closed"]
