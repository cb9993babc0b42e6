"""The instruments: who they are, what they show, and each by hand while nobody measures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLabel,
    QSplitter,
    QTableWidget,
    QTableWidgetItem,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from app.gui.bias_card import BiasCard
from app.gui.camera_card import CameraCard
from app.gui.hand_card import HandCard
from app.gui.light_card import LightCard
from app.gui.orders import BenchFacts, Live, Reading
from app.gui.spectrometer_card import SpectrometerCard
from app.gui.temperature_card import TemperatureCard
from app.gui.tube_card import TubeCard

if TYPE_CHECKING:
    from app.engine.by_hand import HandNews

COLUMNS = ("Role", "Identity", "Address", "Reading")

FREE = "By hand: watched as in a run, and off again after the time that is set."
BUSY = "A run has the bench: nothing can be set by hand until it has ended."
FIELDS_BELOW, PLOT_BELOW = (260, 340), (120, 480)
"""Shares of the table and of what stands below it"""

CLOSED = "No bench is open."


class InstrumentsPanel(QWidget):
    """Identity and readings of every instrument, and a card for each that can be set by hand."""

    on_wanted = Signal(str, str, object)
    """What, the role, and a function of `app.engine.by_hand.ByHand` and its count of offs"""
    off_wanted = Signal(str)
    """The role"""
    adjust_wanted = Signal(str, object)
    """What, and a function of the bench that switches nothing on"""
    live_wanted = Signal(str, object)
    """The role, and `app.gui.live_exposure.Exposing` or None"""
    anew_wanted = Signal()
    """The dose by hand shall be counted anew."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: dict[str, int] = {}
        self._busy = False
        self._open = False
        self.table = QTableWidget(0, len(COLUMNS))
        self.table.setAccessibleName("instruments")
        # Tab leaves the table, as it leaves every field: the arrow keys move in it
        self.table.setTabKeyNavigation(False)
        self.table.setHorizontalHeaderLabels(COLUMNS)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(26)
        self.table.setAlternatingRowColors(True)
        self.table.horizontalHeader().setStretchLastSection(True)
        for column, width in enumerate((120, 250, 220)):
            self.table.setColumnWidth(column, width)
        self._word = QLabel(CLOSED)
        self._word.setProperty("tone", "faint")
        self.tube, self.bias, self.light = TubeCard(), BiasCard(), LightCard()
        self.temperature, self.spectrometer, self.camera = TemperatureCard(), SpectrometerCard(), CameraCard()
        self._by_hand: tuple[HandCard, ...] = (
            self.tube,
            self.bias.source,
            self.bias.preamp,
            self.light,
            self.temperature,
        )
        self.cards = QTabWidget()
        self.cards.setDocumentMode(True)
        self._roles: list[tuple[QWidget, tuple[str, ...]]] = []
        for card, title, roles in (
            (self.tube, "Tube", ("tube",)),
            (self.bias, "Bias", ("source_meter", "preamp")),
            (self.light, "Light", ("light",)),
            (self.temperature, "Temperature", ("temperature_stage",)),
            (self.spectrometer, "Spectrometer", ("spectrometer",)),
            (self.camera, "Camera", ("camera",)),
        ):
            self.cards.addTab(card, title)
            self._roles.append((card, roles))
        for one in self._by_hand:
            one.on_wanted.connect(self.on_wanted)
            one.off_wanted.connect(self.off_wanted)
            one.adjust_wanted.connect(self.adjust_wanted)
        for watched in (self.spectrometer, self.camera):
            watched.live_wanted.connect(self.live_wanted)
        self.tube.anew_wanted.connect(self.anew_wanted)
        below = QWidget()
        column_layout = QVBoxLayout(below)
        column_layout.setContentsMargins(0, 0, 0, 0)
        column_layout.addWidget(self._word)
        column_layout.addWidget(self.cards, 1)
        self._splitter = splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.addWidget(self.table)
        splitter.addWidget(below)
        splitter.setSizes(list(FIELDS_BELOW))
        self.cards.currentChanged.connect(self._make_place)
        splitter.setChildrenCollapsible(False)
        outer = QVBoxLayout(self)
        outer.addWidget(splitter)
        self._enable()

    @property
    def word(self) -> str:
        """Whether things can be set by hand, and why not."""
        return self._word.text()

    def show_bench(self, facts: BenchFacts) -> None:
        """Show who is there."""
        self.table.setRowCount(0)
        self._rows = {}
        for role, identity in facts.identities.items():
            row = self.table.rowCount()
            self._rows[role] = row
            self.table.insertRow(row)
            cells = (role.replace("_", " "), identity, facts.addresses.get(role, ""), "connected")
            for column, text in enumerate(cells):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                self.table.setItem(row, column, item)
        for card, roles in self._roles:
            self.cards.setTabVisible(self.cards.indexOf(card), any(role in facts.identities for role in roles))
        for role, box in self.bias.boxes.items():
            box.setVisible(role in facts.identities)
        for one in self._by_hand:
            one.show_bench(facts)
        self.spectrometer.show_bench(facts)
        self.camera.show_bench(facts)
        self._open = True
        self._enable()

    def show_closed(self) -> None:
        """Show that no bench is open."""
        self.table.setRowCount(0)
        self._rows = {}
        self._open = False
        self._enable()

    def show_readings(self, readings: tuple[Reading, ...]) -> None:
        """Show what the instruments show."""
        for reading in readings:
            item = self.table.item(self._rows[reading.role], 3) if reading.role in self._rows else None
            if item is not None:
                item.setText(f"LOST: {reading.text}" if reading.lost else reading.text)
                item.setToolTip(reading.text)

    def show_news(self, news: HandNews) -> None:
        """Show what is on by hand."""
        for card in self._by_hand:
            card.show_news(news)

    def show_live(self, live: Live) -> None:
        """Show a spectrum or a frame."""
        (self.spectrometer if live.role == "spectrometer" else self.camera).show_live(live)

    def show_stopped(self) -> None:
        """Take note that everything was switched off."""
        for card in (self.spectrometer, self.camera):
            card.end()
        for one in self._by_hand:
            one.take_back()

    def _make_place(self, index: int) -> None:
        plots = self.cards.widget(index) in (self.spectrometer, self.camera)
        self._splitter.setSizes(list(PLOT_BELOW if plots else FIELDS_BELOW))

    def set_busy(self, busy: bool) -> None:
        """Keep hands off while a run holds the bench."""
        self._busy = busy
        for row in range(self.table.rowCount()):
            item = self.table.item(row, 3)
            if item is not None and busy:
                item.setText("the run has it")
        if busy:
            self.show_stopped()
        self._enable()

    def _enable(self) -> None:
        self._word.setText(CLOSED if not self._open else BUSY if self._busy else FREE)
        self.cards.setEnabled(self._open and not self._busy)
        for card in self._by_hand:
            card.take_back()


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(InstrumentsPanel, 950, 600)
