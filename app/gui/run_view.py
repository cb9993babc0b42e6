"""Runs opened in place: their plots, their figures of merit, the options of their analysis, their notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QPushButton, QScrollArea, QSplitter, QTabWidget, QVBoxLayout, QWidget

from app.gui.drawing_plot import DrawingPlot
from app.gui.figure_cards import FigureCards
from app.gui.growing_view import GrowingView
from app.gui.notes_page import NotesPage
from app.gui.parameter_form import ParameterForm
from app.gui.run_content import RunContent
from procedures.drawing import Drawing, over_one_another


class RunView(QSplitter):
    """One run, several laid over one another, or one that another program is measuring."""

    again_wanted = Signal(object, object)
    """`Path` and the options to analyse it with"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.runs: Sequence[RunContent] = ()
        self.growing: GrowingView | None = None
        self._plots: list[Sequence[tuple[str, Drawing]]] = []
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
        self.options_page = QWidget()
        column = QVBoxLayout(self.options_page)
        column.addWidget(area, 1)
        column.addWidget(self.again)
        self.notes = NotesPage()
        self.side = QTabWidget()
        self.side.setDocumentMode(True)
        self.side.addTab(self.cards, "Figures of merit")
        self.side.addTab(self.options_page, "Options")
        self.side.addTab(self.notes, "Notes")
        self.addWidget(self.drawings)
        self.addWidget(self.side)
        self.setSizes([560, 380])
        self.setChildrenCollapsible(False)
        self.show_runs(())

    @property
    def plot_shown(self) -> Sequence[tuple[str, Drawing]]:
        """Label and drawing of the plot in front, several where they lie over one another; empty without a plot."""
        index = self.drawings.currentIndex()
        return self._plots[index] if 0 <= index < len(self._plots) else ()

    def show_runs(self, runs: Sequence[RunContent]) -> None:
        """Show runs instead of those before."""
        from procedures.registry import procedure_class

        fresh = [run.path for run in runs] != [run.path for run in self.runs]
        front = self.drawings.currentIndex()
        self.runs = tuple(runs)
        self.clear()
        for group in plots_of(runs):
            first = group[0][1]
            plot = DrawingPlot(first, runs[0].figures) if len(runs) == 1 else DrawingPlot.overlaid(group)
            self._plots.append(group)
            self.drawings.addTab(plot, first.title if len(runs) > 1 else f"Plot {len(self._plots)}")
            self.drawings.setTabToolTip(self.drawings.count() - 1, first.title)
        if not fresh:
            self.drawings.setCurrentIndex(front)
        if len(runs) == 1:
            self.cards.show_figures(runs[0].figures, "The run gave no figure of merit")
        else:
            self.cards.show_groups([(run.label, run.figures) for run in runs], "no figure of merit")
        one = runs[0] if len(runs) == 1 else None
        if one is not None and fresh:
            self.options.show_procedure(procedure_class(one.procedure))
            self.options.set_values(one.parameters)
        self.options_page.setEnabled(one is not None)
        self.notes.show_run(one)
        if fresh:
            self.side.setCurrentWidget(self.cards)

    def show_growing(self, path: Path) -> GrowingView:
        """Watch a run that is being measured elsewhere."""
        self.runs = ()
        self.clear()
        self.growing = GrowingView(path)
        self.drawings.addTab(self.growing, "Live")
        self.cards.show_figures((), "They come when the run has ended")
        self.options_page.setEnabled(False)
        self.notes.show_run(None)
        self.side.setCurrentWidget(self.cards)
        return self.growing

    def clear(self) -> None:
        """Take the plots away."""
        if self.growing is not None:
            self.growing.stop()
            self.growing = None
        self._plots.clear()
        while self.drawings.count():
            old = self.drawings.widget(0)
            self.drawings.removeTab(0)
            if old is not None:
                old.deleteLater()

    def _analyse_again(self) -> None:
        if len(self.runs) != 1 or self.options.problems:
            return
        kept: Mapping[str, Any] = self.runs[0].parameters
        changed = {name: value for name, value in self.options.values.items() if value != kept.get(name)}
        self.again_wanted.emit(self.runs[0].path, changed)


def plots_of(runs: Sequence[RunContent]) -> list[list[tuple[str, Drawing]]]:
    """Return label and drawing of every plot; of several runs those that show the same lie in one group."""
    return over_one_another((run.procedure, run.label, run.drawings) for run in runs)


def _example() -> QWidget:
    from app.gui.drawing_plot import example_drawing

    view = RunView()
    drawing = example_drawing()
    starts = ("2025-03-01T10:30:00", "2025-03-01T11:10:00")
    view.show_runs(
        [RunContent(Path(when), "", "completed", "sensitivity", drawings=[drawing], started=when) for when in starts]
    )
    return view


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(_example, 950, 500)
