"""The instruments: who they are, what they show, and the tube by hand while nobody measures."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDoubleSpinBox,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.gui.orders import BenchFacts, Reading
from drivers.bench import Bench

COLUMNS = ("Role", "Identity", "Address", "Reading")


class InstrumentsPanel(QWidget):
    """Identity and readings of every instrument; the tube's beam needs a second click."""

    energise_wanted = Signal(str, object)
    """What, and a function of the bench"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: dict[str, int] = {}
        self._busy = False
        self._has_tube = False
        self.table = QTableWidget(0, len(COLUMNS))
        self.table.setHorizontalHeaderLabels(COLUMNS)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.verticalHeader().hide()
        self.table.setAlternatingRowColors(True)
        self.table.horizontalHeader().setStretchLastSection(True)
        for column, width in enumerate((110, 270, 230)):
            self.table.setColumnWidth(column, width)
        self.kilovolts, self.milliamps = QDoubleSpinBox(), QDoubleSpinBox()
        self.kilovolts.setSuffix(" kV")
        self.milliamps.setSuffix(" mA")
        self.milliamps.setDecimals(3)
        self.on, self.confirm, self.off = QPushButton("Beam on…"), QPushButton(), QPushButton("Beam off")
        self.confirm.setProperty("role", "stop")
        self.confirm.hide()
        self.limits = QLabel()
        self.limits.setProperty("tone", "faint")
        self.on.clicked.connect(self._ask)
        self.confirm.clicked.connect(self._switch_on)
        self.off.clicked.connect(self._switch_off)
        for box in (self.kilovolts, self.milliamps):
            box.valueChanged.connect(self.confirm.hide)
        self.tube = QGroupBox("Tube by hand")
        row = QHBoxLayout(self.tube)
        for widget in (self.kilovolts, self.milliamps, self.on, self.confirm, self.off, self.limits):
            row.addWidget(widget)
        row.addStretch(1)
        column_layout = QVBoxLayout(self)
        column_layout.addWidget(self.table, 1)
        column_layout.addWidget(self.tube)
        self._enable()

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
        self._has_tube = facts.full_scale is not None
        if facts.full_scale is not None:
            limits = facts.limits
            self.kilovolts.setRange(0, min(limits.tube_voltage_kv, facts.full_scale[0]))
            self.milliamps.setRange(0, min(limits.tube_current_ma, facts.full_scale[1]))
            self.limits.setText(
                f"limits of the bench: {limits.tube_voltage_kv:g} kV, {limits.tube_current_ma:g} mA, "
                f"{limits.tube_power_w:g} W"
            )
        self._enable()

    def show_closed(self) -> None:
        """Show that no bench is open."""
        self.table.setRowCount(0)
        self._rows = {}
        self._has_tube = False
        self._enable()

    def show_readings(self, readings: tuple[Reading, ...]) -> None:
        """Show what the instruments show."""
        for reading in readings:
            item = self.table.item(self._rows[reading.role], 3) if reading.role in self._rows else None
            if item is not None:
                item.setText(f"LOST: {reading.text}" if reading.lost else reading.text)
                item.setToolTip(reading.text)

    def set_busy(self, busy: bool) -> None:
        """Keep hands off while a run holds the bench."""
        self._busy = busy
        for row in range(self.table.rowCount()):
            item = self.table.item(row, 3)
            if item is not None and busy:
                item.setText("the run has it")
        self._enable()

    def _enable(self) -> None:
        self.tube.setEnabled(self._has_tube and not self._busy)
        self.confirm.hide()

    def _ask(self) -> None:
        self.confirm.setText(f"{self.kilovolts.value():g} kV, {self.milliamps.value():g} mA: BEAM ON")
        self.confirm.show()

    def _switch_on(self) -> None:
        self.confirm.hide()
        kilovolts, milliamps = self.kilovolts.value(), self.milliamps.value()

        def switch_on(bench: Bench) -> None:
            bench.tube.set_operating_point(kilovolts, milliamps)
            bench.tube.switch_on()

        self.energise_wanted.emit("beam on", switch_on)

    def _switch_off(self) -> None:
        self.energise_wanted.emit("beam off", lambda bench: bench.tube.switch_off())


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(InstrumentsPanel, 950, 400)
