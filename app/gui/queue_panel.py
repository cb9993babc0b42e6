"""Runs that wait: in what order, how often, how long between two, and whether the next begins by itself."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.engine.events import State
from app.gui.orders import RunOrder
from app.gui.quantity_text import time_text
from app.gui.theme import mark

if TYPE_CHECKING:
    from app.gui.orders import RunEnd

ORDER = Qt.ItemDataRole.UserRole
LONGEST_PAUSE = 86_400.0
"""s"""


class QueuePanel(QWidget):
    """Orders that wait; the first is next.

    After a run that did not end as it should, the queue is held: what stopped one run would meet the next as well, with
    nobody looking.
    """

    changed = Signal()
    campaign_wanted = Signal(Path)
    """A campaign file was chosen"""
    removed = Signal(object)
    """`RunOrder` that will not be carried out"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._due = -math.inf
        self.list = QListWidget()
        self.list.setAlternatingRowColors(True)
        self.list.setAccessibleName("runs that wait")
        self.list.setDragDropMode(QListWidget.DragDropMode.InternalMove)
        self.held = QCheckBox("&Hold the queue: the next run waits for this to be cleared")
        self.held.toggled.connect(self._hold_changed)
        self.pause = QDoubleSpinBox()
        self.pause.setRange(0, LONGEST_PAUSE)
        self.pause.setDecimals(0)
        self.pause.setSuffix(" s")
        self.pause.setToolTip("Real time with the beam off after each run, for a sample to recover")
        self._said = QLabel()
        self._said.setWordWrap(True)
        self._wait = QTimer(self)
        self._wait.setInterval(200)
        self._wait.timeout.connect(self._look_at_the_clock)
        label = QLabel("&Pause between runs")
        label.setBuddy(self.pause)
        top = QHBoxLayout()
        top.addWidget(self.held)
        top.addStretch(1)
        top.addWidget(label)
        top.addWidget(self.pause)
        row = QHBoxLayout()
        self.buttons: dict[str, QPushButton] = {}
        for text, key, action in (
            ("Up", "Alt+Up", lambda: self._move(-1)),
            ("Down", "Alt+Down", lambda: self._move(1)),
            ("Repeat", "Ctrl+D", self._repeat),
            ("Remove", "Del", self._remove),
        ):
            button = QPushButton(text)
            button.setToolTip(key)
            button.clicked.connect(action)
            QShortcut(QKeySequence(key), self.list, action, context=Qt.ShortcutContext.WidgetShortcut)
            self.buttons[text] = button
            row.addWidget(button)
        row.addStretch(1)
        self.campaign = QPushButton("&Campaign …")
        self.campaign.setToolTip("Carry out a campaign file: its runs wait here one after the other")
        self.campaign.clicked.connect(self._choose_campaign)
        row.addWidget(self.campaign)
        self._campaign_said = QLabel()
        self._campaign_said.setWordWrap(True)
        self._campaign_said.hide()
        column = QVBoxLayout(self)
        column.addLayout(top)
        column.addWidget(self._said)
        column.addWidget(self._campaign_said)
        column.addWidget(self.list, 1)
        column.addLayout(row)
        self.list.model().rowsInserted.connect(self._show)
        self.list.model().rowsRemoved.connect(self._show)
        self._show()

    @property
    def titles(self) -> list[str]:
        """What waits, the next first."""
        return [self.list.item(row).text() for row in range(self.list.count())]

    @property
    def said(self) -> str:
        """Why the next run does not begin, or when it will."""
        return self._said.text()

    @property
    def campaign_said(self) -> str:
        """What the campaign has done so far."""
        return self._campaign_said.text()

    def say_campaign(self, text: str, *, on: bool) -> None:
        """Show where a campaign is; while one is on no other can be begun."""
        self._campaign_said.setText(text)
        self._campaign_said.setVisible(bool(text))
        self.campaign.setEnabled(not on)

    def add(self, order: RunOrder, row: int | None = None) -> None:
        """Let an order wait."""
        item = QListWidgetItem(order.title)
        item.setData(ORDER, order)
        self.list.insertItem(self.list.count() if row is None else row, item)
        self.list.setCurrentItem(item)
        self.changed.emit()

    def take(self) -> RunOrder | None:
        """Take the next order; None where none waits, the queue is held, or the pause is not over."""
        if self.held.isChecked() or not self.list.count() or time.monotonic() < self._due:
            return None
        order: RunOrder = self.list.takeItem(0).data(ORDER)
        return order

    def run_ended(self, end: RunEnd) -> None:
        """Begin the pause; hold the queue where the run did not end as it should."""
        self._due = time.monotonic() + self.pause.value()
        if self.pause.value():
            self._wait.start()
        if self.list.count() and (end.outcome is None or end.outcome.state is not State.COMPLETED):
            self.held.setChecked(True)
            how = "did not begin" if end.outcome is None else f"was {end.outcome.state}"
            if end.outcome is not None and end.outcome.state is State.FAILED:
                how = "failed"
            self._say(f"The queue is held: {end.order.title} {how}", "warning")
        else:
            self._show()

    def _hold_changed(self) -> None:
        self._show()
        self.changed.emit()

    def _look_at_the_clock(self) -> None:
        if time.monotonic() >= self._due:
            self._wait.stop()
            self.changed.emit()
        if not self.held.isChecked():
            self._show()

    def _show(self) -> None:
        count, left = self.list.count(), self._due - time.monotonic()
        if not count:
            self._say("Nothing waits. Put a run together on the left and press Add to queue.", "faint")
        elif self.held.isChecked():
            self._say(f"{count} waiting; the queue is held", "warning")
        elif left > 0:
            self._say(f"{count} waiting; the next begins in {time_text(math.ceil(left))}", "")
        else:
            self._say(f"{count} waiting; the next begins when the run that is on has ended", "")

    def _say(self, text: str, tone: str) -> None:
        self._said.setText(text)
        mark(self._said, "tone", tone)

    def _move(self, step: int) -> None:
        row = self.list.currentRow()
        if row >= 0 and 0 <= row + step < self.list.count():
            self.list.insertItem(row + step, self.list.takeItem(row))
            self.list.setCurrentRow(row + step)

    def _repeat(self) -> None:
        item = self.list.currentItem()
        if item is not None:
            self.add(item.data(ORDER), self.list.currentRow() + 1)

    def _remove(self) -> None:
        if self.list.currentRow() >= 0:
            self.removed.emit(self.list.takeItem(self.list.currentRow()).data(ORDER))

    def _choose_campaign(self) -> None:
        dialogue = QFileDialog(self, "Campaign file", "", "Campaigns (*.toml)")
        dialogue.setFileMode(QFileDialog.FileMode.ExistingFile)
        # not native and not modal: STOP and its key go on working
        dialogue.setOption(QFileDialog.Option.DontUseNativeDialog)
        dialogue.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialogue.fileSelected.connect(lambda name: self.campaign_wanted.emit(Path(name)))
        dialogue.setModal(False)
        dialogue.show()


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(QueuePanel, 700, 300)
