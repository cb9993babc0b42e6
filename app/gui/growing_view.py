"""Watches a run that another program measures, from its file."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from app.gui.arrays_plot import ArraysPlot
from app.gui.frames_plot import FramesPlot
from app.gui.growing_run import GrowingRun, Growth
from app.gui.live_plot import LivePlot
from app.gui.run_content import InBackground
from app.gui.stream_buffer import StreamBuffer

PERIOD = 300
"""ms between two looks; the writer flushes ten times a second"""


class GrowingView(QWidget):
    """Plots of a run file, drawn again when it has grown.

    Parameters
    ----------
    path
        Of the run file.
    """

    ended = Signal(object)
    """`Path`: the run is over"""
    failed = Signal(str)
    grown = Signal(int)
    """Records so far"""

    def __init__(self, path: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.path = path
        self._run: GrowingRun | None = None
        self._buffers: dict[str, StreamBuffer] = {}
        self._views: list[tuple[str, LivePlot | ArraysPlot | FramesPlot]] = []
        self.plots = QTabWidget()
        self.plots.setDocumentMode(True)
        self.plots.currentChanged.connect(self._draw)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.plots)
        self._reader = InBackground(self)
        self._reader.done.connect(self._show)
        self._reader.failed.connect(self._fail)
        self._timer = QTimer(self)
        self._timer.setInterval(PERIOD)
        self._timer.timeout.connect(self._look)
        self._timer.start()
        self._look()

    def rows(self, stream: str) -> int:
        """Say how many records of a stream have been seen."""
        return self._buffers[stream].rows if stream in self._buffers else 0

    def stop(self) -> None:
        """Watch no more."""
        self._timer.stop()
        self._reader.forget()
        if self._run is not None:
            self._run.close()
            self._run = None

    def _look(self) -> None:
        if self._reader.busy:
            return
        run, path = self._run, self.path

        def look() -> tuple[GrowingRun, dict[str, Growth], bool]:
            reading = run or GrowingRun(path)
            # what came before the end was seen is read after it
            over = reading.ended
            return reading, reading.news(), over

        self._reader.start(look)

    def _show(self, found: tuple[GrowingRun, dict[str, Growth], bool]) -> None:
        run, news, over = found
        if self._run is None:
            self._run = run
            self._make_plots(run)
        for name, growth in news.items():
            buffer = self._buffers[name]
            buffer.add_scalars(growth.scalars)
            for column, arrays in growth.arrays.items():
                buffer.add_arrays(column, arrays)
        if news:
            self._draw()
            self.grown.emit(sum(buffer.rows for buffer in self._buffers.values()))
        if over:
            self.stop()
            self.ended.emit(self.path)

    def _make_plots(self, run: GrowingRun) -> None:
        for name, stream in run.streams.items():
            buffer = self._buffers[name] = StreamBuffer(stream)
            if len([one for one in stream.scalars if not one.endswith("_errors")]) > 1:
                self._add(name, name, LivePlot(buffer))
            for column, declared in stream.columns.items():
                if len(declared.axes) == 1:
                    self._add(name, f"{name}: {column}", ArraysPlot(buffer, column, run.axes[name][declared.axes[0]]))
                elif declared.axes:
                    self._add(name, f"{name}: {column}", FramesPlot(buffer, column))

    def _add(self, stream: str, title: str, plot: LivePlot | ArraysPlot | FramesPlot) -> None:
        self._views.append((stream, plot))
        self.plots.addTab(plot, title)

    def _draw(self) -> None:
        for _, view in self._views:
            if view.isVisible():
                view.redraw()

    def _fail(self, why: str) -> None:
        self.stop()
        self.failed.emit(why)


if __name__ == "__main__":
    import sys

    from app.gui.alone import show_alone

    show_alone(lambda: GrowingView(Path(sys.argv[1])))
