"""The runs of a folder: sorted, filtered, opened in place, laid over one another, analysed again, saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QFileSystemWatcher, QItemSelectionModel, QSortFilterProxyModel, Qt, QTimer
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QSplitter,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from app.gui.result_files import save_figures, save_picture, save_records, save_report
from app.gui.results_table import ResultsTable, RunLine, read_folder
from app.gui.run_content import InBackground, RunContent, read_content
from app.gui.run_view import RunView
from app.gui.theme import mark

LOOK_EVERY = 5_000
"""ms between two looks at a folder that is shown: a network's folder tells nobody what is new in it"""

MOST_OVERLAID = 20


class ResultsPanel(QWidget):
    """Shows the run files below a folder; what the command writes there is seen as well, and watched as it grows."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._folder = Path("runs")
        self.measured_here: Path | None = None
        """The run file that this window writes, which the live plots show already."""
        self.filter = QLineEdit()
        self.filter.setAccessibleName("filter of the runs")
        self.filter.setPlaceholderText("Filter: procedure, sample, date, status, tag, figure")
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
        self.table.setAccessibleName("runs of the folder")
        # Tab leaves the table, as it leaves every field: the arrow keys move in it
        self.table.setTabKeyNavigation(False)
        self.table.setModel(self.sorted)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(0, Qt.SortOrder.DescendingOrder)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.table.setToolTip("Choose several with Ctrl or Shift to lay them over one another")
        self.table.setAlternatingRowColors(True)
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().setStretchLastSection(True)
        self.table.selectionModel().selectionChanged.connect(self._open_chosen)
        for column, width in enumerate((150, 110, 170, 90, 110)):
            self.table.setColumnWidth(column, width)
        self.view = RunView()
        self.view.again_wanted.connect(self._analyse_again)
        self.view.notes.changed.connect(self._reread)
        self.view.notes.failed.connect(self._say_problem)
        self.save = QPushButton("Save")
        menu = QMenu(self.save)
        menu.addAction(
            "Picture (PNG, SVG, PDF)…", lambda: self._choose("Picture (*.png *.svg *.pdf)", self.write_picture)
        )
        menu.addAction("Figures of merit (CSV)…", lambda: self._choose("Table (*.csv)", self.write_csv))
        menu.addAction("Records (CSV)…", lambda: self._choose("Tables (*.csv)", self.write_records))
        menu.addAction("Report (HTML)…", lambda: self._choose("Page (*.html)", self.write_report))
        self.save.setMenu(menu)
        self._saying = ""
        self._said = QLabel("Choose a run above.")
        self._said.setWordWrap(True)
        self._lay_out()
        self._reader, self._lister, self._writer = InBackground(self), InBackground(self), InBackground(self)
        self._reader.done.connect(self._show_runs)
        self._reader.failed.connect(self._say_problem)
        self._lister.done.connect(self._show_lines)
        self._lister.failed.connect(self._say_problem)
        self._writer.done.connect(self._say_saved)
        self._writer.failed.connect(self._say_problem)
        self._watcher = QFileSystemWatcher(self)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(500)
        self._settle.timeout.connect(self.look)
        self._watcher.directoryChanged.connect(self._settle.start)
        self._again = QTimer(self)
        self._again.setInterval(LOOK_EVERY)
        self._again.timeout.connect(self._look_if_seen)
        self._again.start()
        self.save.setEnabled(False)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self.filter, 1)
        top.addWidget(self._where)
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.addWidget(self.table)
        splitter.addWidget(self.view)
        splitter.setSizes([170, 400])
        splitter.setChildrenCollapsible(False)
        buttons = QHBoxLayout()
        buttons.addWidget(self._said, 1)
        buttons.addWidget(self.save)
        column = QVBoxLayout(self)
        column.addLayout(top)
        column.addWidget(splitter, 1)
        column.addLayout(buttons)

    @property
    def content(self) -> RunContent | None:
        """The run that is shown; None where there is not one."""
        return self.view.runs[0] if len(self.view.runs) == 1 else None

    @property
    def said(self) -> str:
        """The line below."""
        return self._said.text()

    def show_folder(self, folder: Path) -> None:
        """Show the runs below a folder."""
        self._folder = folder
        self._where.setText(str(folder))
        self.look()

    def look(self) -> None:
        """Look again what is in the folder."""
        folder = self._folder
        if self._lister.busy:
            self._settle.start()
            return
        self._lister.start(lambda: (folder, read_folder(folder)))

    def _look_if_seen(self) -> None:
        if self.isVisible() and not self._lister.busy:
            self.look()

    def _show_lines(self, found: tuple[Path, Sequence[RunLine]]) -> None:
        folder, lines = found
        if folder != self._folder:
            return
        self._watch({folder, *(line.path.parent for line in lines)})
        if list(lines) == list(self.model.lines):
            return
        chosen = set(self._chosen())
        selection = self.table.selectionModel()
        selection.blockSignals(True)
        self.model.show_lines(lines)
        rows = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        for row, line in enumerate(lines):
            if line.path in chosen:
                selection.select(self.sorted.mapFromSource(self.model.index(row, 0)), rows)
        selection.blockSignals(False)
        self.table.viewport().update()

    def _watch(self, folders: set[Path]) -> None:
        wanted = {str(one) for one in folders if one.is_dir()}
        if new := wanted - set(self._watcher.directories()):
            self._watcher.addPaths(sorted(new))

    def _chosen(self) -> list[Path]:
        rows = self.table.selectionModel().selectedRows()
        return [self.model.line(self.sorted.mapToSource(index).row()).path for index in rows]

    def _open_chosen(self) -> None:
        rows = self.table.selectionModel().selectedRows()
        lines = [self.model.line(self.sorted.mapToSource(index).row()) for index in rows][:MOST_OVERLAID]
        if len(lines) == 1 and lines[0].status == "running":
            self._watch_run(lines[0].path)
        elif lines:
            self.open_runs([line.path for line in lines])

    def open_run(self, path: Path) -> None:
        """Show a run file in place."""
        self.open_runs([path])

    def open_runs(self, paths: Sequence[Path]) -> None:
        """Show run files in place, over one another where there are several."""
        if [run.path for run in self.view.runs] != list(paths):
            # what stands there is of another run: nobody shall read it, or write a note, as if it were of this one
            self.view.show_runs(())
            self.save.setEnabled(False)
        what = paths[0].name if len(paths) == 1 else f"{len(paths)} runs"
        self._read(f"reading {what}", lambda: [read_content(path) for path in paths])

    def _read(self, saying: str, read: Callable[[], Sequence[RunContent]]) -> None:
        self._saying = saying
        self._say(saying, "")
        self._reader.start(read)

    def _watch_run(self, path: Path) -> None:
        self._reader.forget()
        self.save.setEnabled(False)
        if self.measured_here is not None and path.absolute() == self.measured_here.absolute():
            self.view.show_runs(())
            self._say("This run is measured in this window: see Live.", "")
            return
        growing = self.view.show_growing(path)
        growing.grown.connect(
            lambda records: self._say(f"{path.name}: measured by another program, {records} records", "")
        )
        growing.ended.connect(self.open_run)
        growing.failed.connect(self._say_problem)

    def _show_runs(self, runs: Sequence[RunContent]) -> None:
        self.view.show_runs(runs)
        self.save.setEnabled(True)
        if self.said != self._saying:
            return  # something was saved or went wrong meanwhile: that is the news
        if len(runs) == 1:
            one = runs[0]
            how = ", analysed again with these options (not in the file)" if one.again else ""
            self._say(f"{one.title}: {one.status}{how}", "warning" if one.again else "")
        else:
            self._say(f"{len(runs)} runs over one another", "")

    def _analyse_again(self, path: Path, options: object) -> None:
        self._read("analysing", lambda: [read_content(path, options)])  # type: ignore[arg-type]

    def _reread(self, path: Path) -> None:
        if self.content is not None and self.content.path == path:
            self.open_run(path)
        self.look()

    def _choose(self, kinds: str, write: Callable[[Path], None]) -> None:
        if not self.view.runs:
            return
        dialog = QFileDialog(self, "Save as", str(self.view.runs[0].path.with_suffix("")), kinds)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        # not native and not modal: STOP and its key go on working
        dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
        dialog.setDefaultSuffix(kinds.partition("*.")[2].split(" ")[0].rstrip(")"))
        dialog.fileSelected.connect(lambda name: write(Path(name)))
        dialog.setModal(False)
        dialog.show()

    def write_picture(self, path: Path) -> None:
        """Save the plot that is shown, as the report draws it; the suffix says which kind."""
        runs, plots = self.view.runs, self.view.plot_shown
        if plots:
            self._write(lambda: save_picture(runs, plots, path))

    def write_csv(self, path: Path) -> None:
        """Save the figures of merit that are shown as a table."""
        runs = self.view.runs
        self._write(lambda: save_figures(runs, path))

    def write_records(self, path: Path) -> None:
        """Save every stream as a table."""
        runs = self.view.runs
        self._write(lambda: save_records(runs, path))

    def write_report(self, path: Path) -> None:
        """Save the runs that are shown as one page for a reader."""
        runs = self.view.runs
        self._write(lambda: save_report(runs, path))

    def _write(self, work: Callable[[], object]) -> None:
        if self._writer.busy:
            self._say("still saving: try again in a moment", "warning")
            return
        self._say("saving", "")
        self._writer.start(work)

    def _say_saved(self, written: Sequence[Path]) -> None:
        self._say(f"saved {', '.join(str(path) for path in written)}", "good")

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
