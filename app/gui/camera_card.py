"""The camera live."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.gui.hand_card import spin
from app.gui.image_plot import ImagePlot
from app.gui.live_exposure import Exposing
from app.gui.orders import BenchFacts, Live


class CameraCard(QWidget):
    """Exposure, gain, and the frame again and again or once."""

    live_wanted = Signal(str, object)
    """The role, and `Exposing` or None"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frame: Live | None = None
        self._has_gain = False
        self.milliseconds, self.gain = spin(0.01, 1000, 100, "ms", 2), spin(0, 0, 0, "dB", 1)
        self.milliseconds.setAccessibleName("Exposure")
        self.gain.setAccessibleName("Gain")
        self._gain_label = QLabel("Gain")
        self.live, self.once, self.save = QPushButton("Live"), QPushButton("Snap"), QPushButton("Save…")
        self.live.setCheckable(True)
        self.save.setEnabled(False)
        self.save.setToolTip("Save the frame that is shown, with its full depth, as PNG")
        self.image = ImagePlot()
        row = QHBoxLayout()
        for widget in (
            QLabel("Exposure"),
            self.milliseconds,
            self._gain_label,
            self.gain,
            self.live,
            self.once,
            self.save,
        ):
            row.addWidget(widget)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.addLayout(row)
        column.addWidget(self.image, 1)
        self.live.toggled.connect(self._tell)
        self.milliseconds.valueChanged.connect(self._change)
        self.gain.valueChanged.connect(self._change)
        self.once.clicked.connect(self._tell_once)
        self.save.clicked.connect(self._choose_file)

    def show_bench(self, facts: BenchFacts) -> None:
        """Take over the camera's ranges."""
        low, high = facts.ranges.get("camera", (1e-5, 1.0))
        self.milliseconds.setRange(low * 1e3, high * 1e3)
        gain = facts.ranges.get("camera gain")
        self._has_gain = gain is not None and gain[1] > gain[0]
        self.gain.setRange(*(gain or (0.0, 0.0)))
        for widget in (self._gain_label, self.gain):
            widget.setVisible(self._has_gain)

    def show_live(self, live: Live) -> None:
        """Show a frame; an empty one means that it has ended."""
        if not live.values.size:
            self.end()
            return
        self._frame = live
        self.save.setEnabled(True)
        self.image.show_frame(live.values, live.full_scale)

    def end(self) -> None:
        """Take note that nobody exposes any more."""
        blocked = self.live.blockSignals(True)
        self.live.setChecked(False)
        self.live.blockSignals(blocked)

    def write_frame(self, path: Path) -> None:
        """Save the frame as PNG, as the camera gave it.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        assert self._frame is not None  # noqa: S101  (the button waits for one)
        pixels = np.ascontiguousarray(self._frame.values)
        rows, columns = pixels.shape
        kind = QImage.Format.Format_Grayscale8 if pixels.dtype == np.uint8 else QImage.Format.Format_Grayscale16
        image = QImage(pixels.data, columns, rows, columns * pixels.itemsize, kind)
        if not image.save(str(path)):
            raise OSError(f"{path} cannot be written")

    def _choose_file(self) -> None:
        dialog = QFileDialog(self, "Save the frame", "", "PNG (*.png)")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("png")
        # not native and not modal: STOP and its key go on working
        dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
        dialog.fileSelected.connect(self._save)
        dialog.setModal(False)
        dialog.show()

    def _save(self, path: str) -> None:
        try:
            self.write_frame(Path(path))
        except OSError as error:
            self.save.setToolTip(str(error))
            self.save.setText("Not saved…")
        else:
            self.save.setText("Save…")

    def _exposing(self, *, once: bool = False) -> Exposing:
        return Exposing(self.milliseconds.value() * 1e-3, gain=self.gain.value() if self._has_gain else None, once=once)

    def _tell(self, on: bool) -> None:
        self.live_wanted.emit("camera", self._exposing() if on else None)

    def _change(self) -> None:
        if self.live.isChecked():
            self._tell(True)

    def _tell_once(self) -> None:
        self.end()
        self.live_wanted.emit("camera", self._exposing(once=True))


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(CameraCard)
