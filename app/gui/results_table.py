"""The run files of a folder as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from analysis.figure import rounded
from app.gui.theme import colours

if TYPE_CHECKING:
    from storage.catalogue import CataloguedFigure, CataloguedRun

Index = QModelIndex | QPersistentModelIndex
COLUMNS = ("Started", "Procedure", "Sample", "Status", "Tags", "Figures of merit")
STATUS_COLUMN = COLUMNS.index("Status")
NOWHERE = QModelIndex()


@dataclass(frozen=True)
class RunLine:
    """One run file of the folder."""

    path: Path
    started: str
    procedure: str
    sample: str
    status: str
    figures: str
    tags: str = ""

    @property
    def cells(self) -> tuple[str, ...]:
        """What stands in the columns."""
        return self.started, self.procedure, self.sample, self.status, self.tags, self.figures


def read_folder(folder: Path) -> list[RunLine]:
    """Read what the table shows of each run file below a folder, the latest first.

    Files that have not changed since the last look are not opened again.
    """
    from storage.catalogue import Catalogue

    if not folder.is_dir():
        return []
    with Catalogue(folder) as catalogue:
        catalogue.update()
        return [_line(run) for run in catalogue.find()]


def _line(run: CataloguedRun) -> RunLine:
    shown = run.fault or "; ".join(_text(figure) for figure in run.figures if figure.value is not None)
    started = run.start_time[:19].replace("T", " ")
    return RunLine(run.path, started, run.procedure, run.sample, run.status, shown, ", ".join(run.tags))


def _text(figure: CataloguedFigure) -> str:
    at = ", ".join(f"{value:g} {unit}" for value, unit in figure.at.values())
    unit = "" if figure.unit == "1" else f" {figure.unit}"
    assert figure.value is not None  # noqa: S101  (the caller leaves out those without)
    value = rounded(figure.value, figure.uncertainty)
    return f"{figure.name.replace('_', ' ')} {value}{unit}{f' at {at}' if at else ''}"


class ResultsTable(QAbstractTableModel):
    """Lines of `read_folder` for a table view."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: Sequence[RunLine] = ()

    @property
    def lines(self) -> Sequence[RunLine]:
        """All runs, in no order that is shown."""
        return self._lines

    def show_lines(self, lines: Sequence[RunLine]) -> None:
        """Show other lines."""
        self.beginResetModel()
        self._lines = lines
        self.endResetModel()

    def line(self, row: int) -> RunLine:
        """Return a row's run."""
        return self._lines[row]

    def rowCount(self, parent: Index = NOWHERE) -> int:  # noqa: N802  (Qt's name)
        """Count the runs."""
        return 0 if parent.isValid() else len(self._lines)

    def columnCount(self, parent: Index = NOWHERE) -> int:  # noqa: N802  (Qt's name)
        """Count the columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return a cell's text; its tooltip is the file's path."""
        line = self._lines[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return line.cells[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return line.figures if index.column() == len(COLUMNS) - 1 else str(line.path)
        if role == Qt.ItemDataRole.ForegroundRole and index.column() == STATUS_COLUMN:
            shown = colours()
            shades = {"failed": shown.bad, "unreadable": shown.bad, "aborted": shown.warning, "running": shown.accent}
            return QColor(shades[line.status]) if line.status in shades else None
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:  # noqa: N802
        """Return a column's heading."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        return None
