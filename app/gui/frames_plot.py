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
            self.show_frame(kept[-1], one_of_many=True)


def _example() -> QWidget:
    import numpy as np

    from app.engine.events import Recorded
    from procedures.streams import Image, Stream

    buffer = StreamBuffer(Stream("frames", exposure="s", pixels=Image("count"), primary=("exposure", "pixels")))
    pixels = np.random.default_rng(1).poisson(400, (240, 320)).astype("u2")
    buffer.add([Recorded("frames", 0.0, {"exposure": 0.1, "pixels": pixels})])
    plot = FramesPlot(buffer, "pixels")
    plot.redraw()
    return plot


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(_example)
