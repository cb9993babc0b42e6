"""The run files of a folder as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

Index = QModelIndex | QPersistentModelIndex
COLUMNS = ("Started", "Procedure", "Sample", "Status", "Figures of merit")
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

    @property
    def cells(self) -> tuple[str, ...]:
        """What stands in the columns."""
        return self.started, self.procedure, self.sample, self.status, self.figures


def read_folder(folder: Path) -> list[RunLine]:
    """Read what the table shows of each run file below a folder, the latest first; others are left out."""
    found = []
    for path in folder.rglob("*.h5"):
        try:
            found.append(_read_line(path))
        except Exception as error:
            found.append(RunLine(path, "", "", "", "unreadable", " ".join(str(error).split())))
    return sorted(found, key=lambda line: line.started, reverse=True)


def _read_line(path: Path) -> RunLine:
    from analysis.figure import FigureOfMerit
    from storage.reader import open_run

    with open_run(path) as file:
        figures = [FigureOfMerit.from_dict(one) for one in file.figures]
        shown = [f"{one.name.replace('_', ' ')} {one}" for one in figures if one.value is not None]
        started = file.start_time[:19].replace("T", " ")
        return RunLine(path, started, file.procedure, str(file.sample.get("name", "")), file.status, "; ".join(shown))


class ResultsTable(QAbstractTableModel):
    """Lines of `read_folder` for a table view."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: Sequence[RunLine] = ()

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
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:  # noqa: N802
        """Return a column's heading."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        return None
