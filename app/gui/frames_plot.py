"""The frames of a stream while they are measured: the last one."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from app.gui.image_plot import ImagePlot
from app.gui.stream_buffer import StreamBuffer


class FramesPlot(ImagePlot):
    """One image column of a stream.

    Parameters
    ----------
    buffer
        That is filled by whoever hears the records; `redraw` shows what is in it.
    column
        Name of the image column.
    """

    def __init__(self, buffer: StreamBuffer, column: str, parent: QWidget | None = None) -> None:
        super().__init__(buffer.stream.columns[column].unit, parent)
        self._buffer = buffer
        self._column = column

    def redraw(self) -> None:
        """Draw the last frame."""
        kept = self._buffer.arrays[self._column]
        if kept:
            self.show_frame(kept[-1])
