"""The run that is on: a plot per stream, time left, pause and abort; at its end the fit and the figures of merit."""

from __future__ import annotations

from collections import defaultdict

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from app.engine.events import Prepared, Progressed, Recorded, State
from app.gui.arrays_plot import ArraysPlot
from app.gui.drawing_plot import DrawingPlot
from app.gui.figure_cards import FigureCards
from app.gui.frames_plot import FramesPlot
from app.gui.live_plot import LivePlot
from app.gui.orders import RunEnd, RunOrder
from app.gui.quantity_text import time_text
from app.gui.run_content import InBackground, RunContent, read_content
from app.gui.stream_buffer import StreamBuffer
from app.gui.theme import mark

REFRESH = 20
"""ms between two drawings while records come; each draws one plot, so that none keeps the window for long"""

NO_RUN = "No run yet: put one together on the left and press Start."

TONES = {State.COMPLETED: "good", State.ABORTED: "warning", State.FAILED: "bad", State.PAUSED: "warning"}


class LivePanel(QWidget):
    """Watches one run after the other."""

    pause_wanted = Signal()
    resume_wanted = Signal()
    abort_wanted = Signal()
    result_shown = Signal(object)
    """`RunContent`, once the figures of a finished run stand there"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._buffers: dict[str, StreamBuffer] = {}
        self._views: list[tuple[str, LivePlot | ArraysPlot | FramesPlot]] = []
        self._stale: set[QWidget] = set()
        self._order: RunOrder | None = None
        self._state = State.QUEUED
        self._title = QLabel(NO_RUN)
        self._title.setProperty("tone", "heading")
        self._state_label = QLabel()
        self._bar = QProgressBar()
        self._bar.setMinimumWidth(160)
        self._bar.setFormat("%v of %m")
        self._left = QLabel()
        self.pause = QPushButton("Pause")
        self.abort = QPushButton("Abort")
        self.pause.clicked.connect(self._pause_or_resume)
        self.abort.clicked.connect(self.abort_wanted)
        self._reason = QLabel()
        self._reason.setWordWrap(True)
        self._reason.hide()
        self.plots, self.beside = QTabWidget(), QTabWidget()
        self.cards = FigureCards()
        self.beside.addTab(self.cards, "Figures of merit")
        for tabs in (self.plots, self.beside):
            tabs.currentChanged.connect(self._draw_all)
            tabs.setDocumentMode(True)
            tabs.setUsesScrollButtons(True)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setObjectName("live")
        self.splitter.addWidget(self.plots)
        self.splitter.addWidget(self.beside)
        self.splitter.setSizes([560, 400])
        self.splitter.setChildrenCollapsible(False)
        row = QHBoxLayout()
        row.addWidget(self._state_label)
        row.addWidget(self._bar, 1)
        row.addWidget(self._left)
        row.addWidget(self.pause)
        row.addWidget(self.abort)
        column = QVBoxLayout(self)
        column.addWidget(self._title)
        column.addLayout(row)
        column.addWidget(self._reason)
        column.addWidget(self.splitter, 1)
        self._refresh = QTimer(self)
        self._refresh.setInterval(REFRESH)
        self._refresh.timeout.connect(self._draw)
        self._reader = InBackground(self)
        self._reader.done.connect(self._show_result)
        self._reader.failed.connect(self._say_unreadable)
        self.show_state(State.QUEUED)
        policy = self._bar.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self._bar.setSizePolicy(policy)
        self._bar.hide()

    @property
    def state(self) -> State:
        """Of the run that is shown."""
        return self._state

    @property
    def reason_text(self) -> str:
        """Why a run was aborted or failed."""
        return self._reason.text()

    def rows(self, stream: str) -> int:
        """Say how many records of a stream have come."""
        return self._buffers[stream].rows if stream in self._buffers else 0

    def buffer(self, stream: str) -> StreamBuffer:
        """Return what is kept of a stream of the run that is shown."""
        return self._buffers[stream]

    def begin(self, order: RunOrder) -> None:
        """Make place for a run."""
        self._order = order
        # what the last run's file tells now would pass for this run's
        self._reader.forget()
        self._title.setText(order.title)
        self._say("", "")
        self._bar.show()
        self._bar.setRange(0, 0)
        self._left.setText("")
        self.cards.show_figures((), "They come when the run has ended")
        for tabs in (self.plots, self.beside):
            for index in reversed(range(tabs.count())):
                widget = tabs.widget(index)
                if widget is not None and widget is not self.cards:
                    tabs.removeTab(index)
                    widget.deleteLater()
        self._views.clear()
        self._stale.clear()
        self._buffers = {stream.name: StreamBuffer(stream) for stream in order.plan.procedure.streams()}
        for stream in order.plan.procedure.streams():
            if len([name for name in stream.scalars if not name.endswith("_errors")]) > 1:
                plot = LivePlot(self._buffers[stream.name])
                self._views.append((stream.name, plot))
                self.plots.addTab(plot, stream.name)
                self.plots.setTabToolTip(self.plots.count() - 1, stream.title)
        self._refresh.start()

    def show_prepared(self, prepared: Prepared) -> None:
        """Make the plots of arrays, now that it is known what they lie on."""
        place = 0
        for name, buffer in self._buffers.items():
            for column, declared in buffer.stream.columns.items():
                if len(declared.axes) == 1 and declared.axes[0] in prepared.axes:
                    view = ArraysPlot(buffer, column, prepared.axes[declared.axes[0]])
                    self._views.append((name, view))
                    self.beside.insertTab(place, view, f"{name}: {column}")
                    place += 1
                elif len(declared.axes) == 2:
                    frames = FramesPlot(buffer, column)
                    self._views.append((name, frames))
                    self.beside.insertTab(place, frames, f"{name}: {column}")
                    place += 1
        self.beside.setCurrentIndex(0)

    def show_state(self, state: State) -> None:
        """Show where the run is."""
        self._state = state
        self._state_label.setText(str(state).upper() if self._title.text() != NO_RUN else "")
        mark(self._state_label, "tone", TONES.get(state, "heading"))
        going = self._order is not None and not state.final
        self.pause.setText("Resume" if state is State.PAUSED else "Pause")
        self.pause.setEnabled(state in (State.RUNNING, State.PAUSED))
        self.abort.setEnabled(going)

    def show_progress(self, progress: Progressed) -> None:
        """Show how far the run is."""
        self._bar.setRange(0, progress.total)
        self._bar.setValue(progress.done)
        self._left.setText(f"{time_text(progress.remaining)} left, on the bench's clock")

    def show_records(self, records: list[Recorded]) -> None:
        """Take records; they are drawn at the next refresh."""
        by_stream: dict[str, list[Recorded]] = defaultdict(list)
        for record in records:
            by_stream[record.stream].append(record)
        for stream, some in by_stream.items():
            self._buffers[stream].add(some)
        self._stale |= {view for stream, view in self._views if stream in by_stream}

    def end(self, end: RunEnd) -> None:
        """Show how the run ended, and what came of it."""
        self._draw_all()
        self._refresh.stop()
        self._order = None
        self._left.setText("")
        if self._bar.maximum() == 0:
            self._bar.setRange(0, 1)
        outcome = end.outcome
        if outcome is None:
            self.show_state(State.FAILED)
            self._say(end.mistake, "bad")
            return
        self.show_state(outcome.state)
        if outcome.reason:
            self._say(outcome.reason, TONES.get(outcome.state, ""))
        self.cards.show_figures(outcome.figures, "The run gave no figure of merit")
        self.beside.setCurrentWidget(self.cards)
        if outcome.run_file is not None and outcome.records:
            path = outcome.run_file
            self._reader.start(lambda: read_content(path))

    def _show_result(self, content: RunContent) -> None:
        for number, drawing in enumerate(content.drawings):
            plot = DrawingPlot(drawing, content.figures)
            self.plots.insertTab(number, plot, "result" if len(content.drawings) == 1 else f"result {number + 1}")
        if content.drawings:
            self.plots.setCurrentIndex(0)
        self.result_shown.emit(content)

    def _say_unreadable(self, why: str) -> None:
        self._say(f"the run file cannot be shown: {why}", "bad")

    def _say(self, text: str, tone: str) -> None:
        self._reason.setText(text)
        self._reason.setVisible(bool(text))
        mark(self._reason, "tone", tone)

    def _pause_or_resume(self) -> None:
        (self.resume_wanted if self._state is State.PAUSED else self.pause_wanted).emit()

    def _draw(self) -> None:
        """Draw the next plot that has changed and can be seen."""
        for number, (_, view) in enumerate(self._views):
            if view in self._stale and view.isVisible():
                view.redraw()
                self._stale.discard(view)
                # the others come before it the next time
                self._views.append(self._views.pop(number))
                return

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802  (Qt's name)
        """Draw what has come while the panel was hidden."""
        super().showEvent(event)
        QTimer.singleShot(0, self._draw_all)

    def _draw_all(self) -> None:
        """Draw what came to light."""
        for _, view in self._views:
            if view.isVisible():
                view.redraw()


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(LivePanel, 950, 620)
