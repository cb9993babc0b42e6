"""The runs of a folder: sorted, filtered, opened in place, analysed again, saved as picture or table."""

from __future__ import annotations

import csv
from pathlib import Path

from PySide6.QtCore import QFileSystemWatcher, QSortFilterProxyModel, Qt, QTimer
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSplitter,
    QTableView,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from app.gui.drawing_plot import DrawingPlot
from app.gui.figure_cards import FigureCards
from app.gui.parameter_form import ParameterForm
from app.gui.results_table import ResultsTable, read_folder
from app.gui.run_content import InBackground, RunContent, read_content
from app.gui.theme import mark


class ResultsPanel(QWidget):
    """Shows the run files below a folder; what the command writes there is seen as well."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._folder = Path("runs")
        self.content: RunContent | None = None
        self.filter = QLineEdit()
        self.filter.setPlaceholderText("Filter: procedure, sample, date, status, figure")
        self.filter.setClearButtonEnabled(True)
        self._where = QLabel()
        self._where.setProperty("tone", "faint")
        self.model = ResultsTable()
        self.sorted = QSortFilterProxyModel(self)
        self.sorted.setSourceModel(self.model)
        self.sorted.setFilterKeyColumn(-1)
        self.sorted.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.filter.textChanged.connect(self.sorted.setFilterFixedString)
        self.table = QTableView()
        self.table.setModel(self.sorted)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(0, Qt.SortOrder.DescendingOrder)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setAlternatingRowColors(True)
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().setStretchLastSection(True)
        self.table.selectionModel().currentRowChanged.connect(self._open_row)
        for column, width in enumerate((150, 110, 190, 90)):
            self.table.setColumnWidth(column, width)
        self.drawings = QTabWidget()
        self.drawings.setDocumentMode(True)
        self.cards = FigureCards()
        self.options = ParameterForm()
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidget(self.options)
        self.again = QPushButton("Analyse again")
        self.again.setToolTip("With the options above; the run file stays as it is")
        self.again.clicked.connect(self._analyse_again)
        options_page = QWidget()
        options_column = QVBoxLayout(options_page)
        options_column.addWidget(area, 1)
        options_column.addWidget(self.again)
        self.side = QTabWidget()
        self.side.setDocumentMode(True)
        self.side.addTab(self.cards, "Figures of merit")
        self.side.addTab(options_page, "Options")
        self.save_picture = QPushButton("Save picture…")
        self.save_table = QPushButton("Save figures as CSV…")
        self.save_picture.clicked.connect(lambda: self._choose("Picture (*.png *.svg *.pdf)", self.write_picture))
        self.save_table.clicked.connect(lambda: self._choose("Table (*.csv)", self.write_csv))
        self._said = QLabel("Choose a run above.")
        self._said.setWordWrap(True)
        self._lay_out()
        self._reader, self._lister = InBackground(self), InBackground(self)
        self._reader.done.connect(self._show_content)
        self._reader.failed.connect(self._say_problem)
        self._lister.done.connect(self._show_lines)
        self._lister.failed.connect(self._say_problem)
        self._watcher = QFileSystemWatcher(self)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(500)
        self._settle.timeout.connect(self.look)
        self._watcher.directoryChanged.connect(self._settle.start)
        self._enable(False)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self.filter, 1)
        top.addWidget(self._where)
        below = QSplitter(Qt.Orientation.Horizontal)
        below.addWidget(self.drawings)
        below.addWidget(self.side)
        below.setSizes([560, 380])
        below.setChildrenCollapsible(False)
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.addWidget(self.table)
        splitter.addWidget(below)
        splitter.setSizes([170, 400])
        buttons = QHBoxLayout()
        buttons.addWidget(self._said, 1)
        buttons.addWidget(self.save_picture)
        buttons.addWidget(self.save_table)
        column = QVBoxLayout(self)
        column.addLayout(top)
        column.addWidget(splitter, 1)
        column.addLayout(buttons)

    def show_folder(self, folder: Path) -> None:
        """Show the runs below a folder."""
        self._folder = folder
        self._where.setText(str(folder))
        self.look()

    def look(self) -> None:
        """Look again what is in the folder."""
        folder = self._folder
        known = set(self._watcher.directories())
        wanted = {str(folder), *(str(one) for one in folder.glob("*") if one.is_dir())} if folder.is_dir() else set()
        if new := wanted - known:
            self._watcher.addPaths(sorted(new))
        self._lister.start(lambda: read_folder(folder))

    def open_run(self, path: Path) -> None:
        """Show a run file in place."""
        self._said.setText(f"reading {path.name}")
        self._reader.start(lambda: read_content(path))

    def _show_lines(self, lines: object) -> None:
        self.model.show_lines(lines)  # type: ignore[arg-type]

    def _open_row(self) -> None:
        index = self.sorted.mapToSource(self.table.currentIndex())
        if index.isValid():
            self.open_run(self.model.line(index.row()).path)

    def _show_content(self, content: RunContent) -> None:
        from procedures.registry import procedure_class

        fresh = self.content is None or self.content.path != content.path
        self.content = content
        while self.drawings.count():
            old = self.drawings.widget(0)
            self.drawings.removeTab(0)
            if old is not None:
                old.deleteLater()
        for number, drawing in enumerate(content.drawings, start=1):
            self.drawings.addTab(DrawingPlot(drawing, content.figures), f"Plot {number}")
        self.cards.show_figures(content.figures, "The run gave no figure of merit")
        if fresh:
            self.options.show_procedure(procedure_class(content.procedure))
            self.options.set_values(content.parameters)
        self.side.setCurrentWidget(self.cards)
        how = ", analysed again with these options (not in the file)" if content.again else ""
        self._say(f"{content.title}: {content.status}{how}", "warning" if content.again else "")
        self._enable(True)

    def _analyse_again(self) -> None:
        if self.content is None or self.options.problems:
            return
        path, kept, now = self.content.path, self.content.parameters, self.options.values
        changed = {name: value for name, value in now.items() if value != kept.get(name)}
        self._say("analysing", "")
        self._reader.start(lambda: read_content(path, changed))

    def _choose(self, kinds: str, write: object) -> None:
        if self.content is None:
            return
        dialog = QFileDialog(self, "Save as", str(self.content.path.with_suffix("")), kinds)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        # not native and not modal: STOP and its key go on working
        dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
        dialog.setDefaultSuffix("csv" if "csv" in kinds else "png")
        dialog.fileSelected.connect(lambda name: write(Path(name)))  # type: ignore[operator]
        dialog.setModal(False)
        dialog.show()

    def write_picture(self, path: Path) -> None:
        """Save the drawing that is shown, as the report draws it; the suffix says which kind."""
        from app.report.picture import figure_of

        if self.content is None or not self.content.drawings:
            return
        try:
            drawing = self.content.drawings[max(0, self.drawings.currentIndex())]
            figure_of(drawing, self.content.figures).savefig(path, dpi=150)
        except (OSError, ValueError) as error:
            self._say_problem(f"{path}: {error}")
        else:
            self._say(f"saved {path}", "good")

    def write_csv(self, path: Path) -> None:
        """Save the figures of merit as a table."""
        if self.content is None:
            return
        try:
            with path.open("w", newline="", encoding="utf-8") as file:
                table = csv.writer(file)
                table.writerow(
                    ("figure", "at", "value", "uncertainty", "low_95", "high_95", "unit", "method", "warnings")
                )
                for one in self.content.figures:
                    at = "; ".join(f"{name} {value:g} {unit}" for name, (value, unit) in one.at.items())
                    low, high = one.interval or ("", "")
                    value = "" if one.value is None else one.value
                    uncertainty = "" if one.uncertainty is None else one.uncertainty
                    table.writerow(
                        (one.name, at, value, uncertainty, low, high, one.unit, one.method, "; ".join(one.warnings))
                    )
        except OSError as error:
            self._say_problem(f"{path}: {error.strerror}")
        else:
            self._say(f"saved {path}", "good")

    def _enable(self, there: bool) -> None:
        for button in (self.again, self.save_picture, self.save_table):
            button.setEnabled(there)

    def _say_problem(self, text: str) -> None:
        self._say(text, "bad")

    def _say(self, text: str, tone: str) -> None:
        self._said.setText(text)
        mark(self._said, "tone", tone)


if __name__ == "__main__":
    from app.gui.alone import show_alone

    def _example() -> QWidget:
        panel = ResultsPanel()
        panel.show_folder(Path("runs"))
        return panel

    show_alone(_example, 950, 650)
