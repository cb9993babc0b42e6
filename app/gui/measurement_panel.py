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

from app.gui.estimate_label import EstimateLabel
from app.gui.orders import RunOrder
from app.gui.parameter_form import ParameterForm
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
DEFAULT = "rl-linearity"
"""Procedure that stands there first: it can be started as it is"""

RECENT = 8
"""Samples that are kept in mind"""

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
    edit_sample_wanted = Signal(str)
    """Name of the sample; empty where none is chosen"""

    def __init__(self, bench: str = "sim", seed: int | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._seed = seed
        self._busy = False
        self._refusal = ""
        self.recent: list[str] = []
        """Names of the samples measured last, the latest first"""
        self.procedure = QComboBox()
        self.preset = QComboBox()
        self.sample = QComboBox()
        self.operator = QLineEdit()
        self.operator.setPlaceholderText("who measures")
        self.speed = QComboBox()
        for text, value in SPEEDS:
            self.speed.addItem(text, value)
        self.speed.setCurrentIndex(1)
        self.folder = QLineEdit()
        self._browse = QPushButton("…")
        self._browse.setProperty("role", "small")
        self._browse.setAccessibleName("choose the folder of the run files")
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
        self._estimate = EstimateLabel()
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
        self.edit_sample = QPushButton("Edit…")
        self.edit_sample.setProperty("role", "small")
        self.edit_sample.setToolTip("Look at the sample, change it, or make a new one")
        self.edit_sample.clicked.connect(lambda: self.edit_sample_wanted.emit(self.sample.currentData() or ""))
        self._lay_out()
        self.procedure.addItems(sorted(procedures()))
        self.show_samples()
        self.set_bench(bench)
        self.procedure.setCurrentText(DEFAULT)
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
        sample = QHBoxLayout()
        sample.addWidget(self.sample, 1)
        sample.addWidget(self.edit_sample)
        sample_label = QLabel("S&ample")
        sample_label.setBuddy(self.sample)
        top.addRow(sample_label, sample)
        top.addRow("&Operator", self.operator)
        folder = QHBoxLayout()
        folder.addWidget(self.folder, 1)
        folder.addWidget(self._browse)
        label = QLabel("&Folder")
        label.setBuddy(self.folder)
        top.addRow(label, folder)
        top.addRow("Simulated &time", self.speed)
        self._top = top
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
    def bench(self) -> str:
        """Name or path of the bench file."""
        return self._bench

    def set_bench(self, bench: str) -> None:
        """Measure on another bench.

        Raises
        ------
        UserMistake
            If its file is wrong.
        """
        from config.loading import bench_file

        content = bench_file(bench).content
        self._bench = bench
        self._simulated = content.simulated
        self.operator.setText(content.operator.name)
        self.folder.setPlaceholderText(content.output.folder)
        self._top.setRowVisible(self.speed, self._simulated)
        self._settle.start()

    def show_samples(self, chosen: str | None = None) -> None:
        """List the samples, those measured last first; `chosen` is chosen."""
        wanted = self.sample.currentData() if chosen is None else chosen
        known = list(available("samples"))
        names = [name for name in self.recent if name in known]
        blocked = self.sample.blockSignals(True)
        self.sample.clear()
        self.sample.addItem(NONE, "")
        for name in (*names, *(name for name in known if name not in names)):
            self.sample.addItem(name, name)
        self.sample.setCurrentIndex(max(0, self.sample.findData(wanted)))
        self.sample.blockSignals(blocked)
        self._settle.start()

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
        # a published measurement can be started as it is
        self.preset.setCurrentIndex(min(1, self.preset.count() - 1))
        if kind.needs_sample and not self.sample.currentData():
            self.sample.setCurrentIndex(min(1, self.sample.count() - 1))

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
        sample = self.sample.currentData()
        if sample:
            self.recent = [sample, *(name for name in self.recent if name != sample)][:RECENT]
        signal.emit(order)  # type: ignore[attr-defined]

    def work_out(self) -> None:
        """Show what the run will cost, or why it cannot be."""
        self._refusal = ""
        if self.form.problems:
            self._estimate.show_nothing()
            self._show_buttons()
            return
        try:
            made = self.plan()
            cost = made.procedure.estimate()
        except UserMistake as mistake:
            self._estimate.show_nothing()
            self.show_refusal(str(mistake))
            return
        self._estimate.show_cost(cost, made.geometry or made.bench.content.geometry, made.bench.content.limits)
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
