"""What to measure: procedure, preset, sample, parameters, and what it will cost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.gui.orders import RunOrder
from app.gui.parameter_form import ParameterForm
from app.gui.quantity_text import size_text, time_text
from app.gui.theme import mark
from config.loading import available
from config.mistake import UserMistake
from procedures.registry import preset, preset_files, procedure_class, procedures

if TYPE_CHECKING:
    from app.opening import Speed
    from app.running import Plan

SPEEDS: tuple[tuple[str, Speed], ...] = (
    ("real time", 1.0),
    ("20 times faster", 20.0),
    ("100 times faster", 100.0),
    ("as fast as possible", "max"),
)
OWN = "(own settings)"
NONE = "(no sample)"
SETTLE = 150
"""ms after the last key before what was typed is worked out"""


class MeasurementPanel(QWidget):
    """Puts a run together; invalid values are marked where they stand, and Start waits until there are none.

    Parameters
    ----------
    bench
        Name or path of the bench file.
    seed
        Of a simulated bench; None takes the bench file's.
    """

    start_wanted = Signal(object)
    """`RunOrder`"""
    queue_wanted = Signal(object)
    """`RunOrder`"""
    plan_changed = Signal(object)
    """`app.running.Plan`, whenever a valid one stands in the form"""

    def __init__(self, bench: str = "sim", seed: int | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        from config.loading import bench_file

        self._bench = bench
        self._seed = seed
        self._simulated = bench_file(bench).content.simulated
        self._busy = False
        self._refusal = ""
        self.procedure = QComboBox()
        self.preset = QComboBox()
        self.sample = QComboBox()
        self.operator = QLineEdit(bench_file(bench).content.operator.name)
        self.operator.setPlaceholderText("who measures")
        self.speed = QComboBox()
        for text, value in SPEEDS:
            self.speed.addItem(text, value)
        self.speed.setCurrentIndex(1)
        self.folder = QLineEdit()
        self.folder.setPlaceholderText(bench_file(bench).content.output.folder)
        self._browse = QPushButton("…")
        self._browse.setProperty("role", "small")
        self._browse.setToolTip("Choose the folder of the run files")
        self._browse.clicked.connect(self._choose_folder)
        self._description = QLabel()
        self._description.setWordWrap(True)
        self._description.setProperty("tone", "faint")
        self._source = QLabel()
        self._source.setWordWrap(True)
        self._source.setProperty("tone", "faint")
        self._source.hide()
        self.form = ParameterForm()
        self._estimate = QLabel()
        self._estimate.setWordWrap(True)
        self._reason = QLabel()
        self._reason.setWordWrap(True)
        self._reason.setProperty("tone", "bad")
        self._reason.hide()
        self.start = QPushButton("Start")
        self.start.setProperty("role", "primary")
        self.start.setShortcut("Ctrl+Return")
        self.start.setToolTip("Start the measurement (Ctrl+Return)")
        self.add = QPushButton("Add to queue")
        self.add.setToolTip("Have it measured after what is waiting already")
        self.start.clicked.connect(lambda: self._order(self.start_wanted))
        self.add.clicked.connect(lambda: self._order(self.queue_wanted))
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE)
        self._settle.timeout.connect(self.work_out)
        self._lay_out()
        self.procedure.addItems(sorted(procedures()))
        self.sample.addItem(NONE, "")
        for name in available("samples"):
            self.sample.addItem(name, name)
        self.procedure.currentTextChanged.connect(self._show_procedure)
        self.preset.currentTextChanged.connect(self._show_preset)
        self.sample.currentTextChanged.connect(self._settle.start)
        self.operator.textChanged.connect(self._settle.start)
        self.form.changed.connect(self._changed)
        self._show_procedure(self.procedure.currentText())

    def _lay_out(self) -> None:
        top = QFormLayout()
        top.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        top.addRow("&Procedure", self.procedure)
        top.addRow(self._description)
        top.addRow("P&reset", self.preset)
        top.addRow(self._source)
        top.addRow("S&ample", self.sample)
        top.addRow("&Operator", self.operator)
        folder = QHBoxLayout()
        folder.addWidget(self.folder, 1)
        folder.addWidget(self._browse)
        label = QLabel("&Folder")
        label.setBuddy(self.folder)
        top.addRow(label, folder)
        if self._simulated:
            top.addRow("Simulated &time", self.speed)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidget(self.form)
        buttons = QHBoxLayout()
        buttons.addWidget(self.start, 1)
        buttons.addWidget(self.add)
        column = QVBoxLayout(self)
        column.addLayout(top)
        heading = QLabel("Parameters")
        heading.setProperty("tone", "heading")
        column.addWidget(heading)
        column.addWidget(area, 1)
        column.addWidget(self._estimate)
        column.addWidget(self._reason)
        column.addLayout(buttons)

    @property
    def estimate_text(self) -> str:
        """What the run will cost."""
        return self._estimate.text()

    @property
    def reason_text(self) -> str:
        """Why it cannot be started; empty when it can."""
        return self._reason.text()

    def set_busy(self, busy: bool) -> None:
        """Keep Start away while a run is on."""
        self._busy = busy
        self._show_buttons()

    def show_refusal(self, reason: str) -> None:
        """Show why the open bench refuses what stands in the form; empty when it does not."""
        self._refusal = reason
        self._show_buttons()

    def _choose_folder(self) -> None:
        dialog = QFileDialog(self, "Folder of the run files", self.folder.text())
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        # not native and not modal: STOP and its key go on working
        dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
        dialog.fileSelected.connect(self.folder.setText)
        dialog.setModal(False)
        dialog.show()

    def _show_procedure(self, name: str) -> None:
        kind = procedure_class(name)
        self._description.setText(kind.description())
        self.preset.blockSignals(True)
        self.preset.clear()
        self.preset.addItem(OWN)
        for one in preset_files():
            try:
                if preset(one).content.procedure == name:
                    self.preset.addItem(one)
            except UserMistake:
                continue  # `xraybench presets` says what is wrong with it
        self.preset.blockSignals(False)
        self._show_source("")
        self.form.show_procedure(kind)

    def _show_preset(self, name: str) -> None:
        if name in ("", OWN):
            self._show_source("")
            self._settle.start()
            return
        content = preset(name).content
        self._show_source(content.title)
        kind = procedure_class(self.procedure.currentText())
        filled = kind()
        filled.set_values(content.parameters, f"preset {name}")
        self.form.set_values(filled.values())
        if content.sample:
            self.sample.setCurrentIndex(max(0, self.sample.findData(content.sample)))
        self._settle.start()

    def _show_source(self, text: str) -> None:
        self._source.setText(text)
        self._source.setVisible(bool(text))

    def _changed(self) -> None:
        self._settle.start()
        self._show_buttons()

    def plan(self) -> Plan:
        """Put the run together.

        Raises
        ------
        UserMistake
            If something in the form does not fit.
        """
        from app.running import plan

        chosen = self.preset.currentText()
        made = plan(
            self.procedure.currentText(),
            preset=None if chosen == OWN else chosen,
            settings=self.form.values,
            bench=self._bench,
            sample=self.sample.currentData() or None,
        )
        who = made.bench.content.operator.model_copy(update={"name": self.operator.text().strip()})
        bench = replace(made.bench, content=made.bench.content.model_copy(update={"operator": who}))
        return replace(made, bench=bench)

    def order(self) -> RunOrder:
        """Put the order together; raises as `plan`."""
        folder = self.folder.text().strip()
        return RunOrder(
            self.plan(),
            Path(folder).expanduser() if folder else None,
            self._seed if self._simulated else None,
            self.speed.currentData() if self._simulated else None,
        )

    def _order(self, signal: object) -> None:
        try:
            order = self.order()
        except UserMistake as mistake:
            self.show_refusal(str(mistake))
            return
        signal.emit(order)  # type: ignore[attr-defined]

    def work_out(self) -> None:
        """Show what the run will cost, or why it cannot be."""
        self._refusal = ""
        if self.form.problems:
            self._estimate.setText("")
            self._show_buttons()
            return
        try:
            made = self.plan()
            cost = made.procedure.estimate()
        except UserMistake as mistake:
            self._estimate.setText("")
            self.show_refusal(str(mistake))
            return
        load = max((kv * ma for kv, ma in cost.operating_points), default=0.0)
        parts = [f"<b>{time_text(cost.duration)}</b>, {cost.records} records, {size_text(cost.bytes_to_write)}"]
        if cost.operating_points:
            parts.append(
                f"beam on for {time_text(cost.beam_time)}, {cost.milliampere_seconds:.3g} mAs, up to {load:.3g} W"
            )
        if cost.biases:
            parts.append(f"bias {', '.join(f'{volts:.4g}' for volts in cost.biases)} V")
        self._estimate.setText("Estimate: " + "<br>".join(parts))
        self._show_buttons()
        self.plan_changed.emit(made)

    def _show_buttons(self) -> None:
        problems = self.form.problems
        reason = self._refusal or (f"not allowed: {', '.join(problems)}; see there" if problems else "")
        self._reason.setText(reason)
        self._reason.setVisible(bool(reason))
        mark(self._reason, "tone", "bad")
        self.start.setEnabled(not self._busy and not problems and not self._refusal)
        self.add.setEnabled(not problems and not self._refusal)


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(MeasurementPanel, 420, 720)
