"""Pictures of the window in its main states: ``python -m app.gui.screenshots FOLDER``; no screen is needed."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QApplication

if TYPE_CHECKING:
    from app.gui.main_window import MainWindow

SIZE = (1366, 740)
PATIENCE = 240.0
"""s for a state to come about"""


def wait_until(true: Callable[[], object], what: str) -> None:
    """Let the window live until something is true."""
    give_up = time.monotonic() + PATIENCE
    while not true():
        QApplication.processEvents()
        time.sleep(0.005)
        if time.monotonic() > give_up:
            raise TimeoutError(f"waited in vain for {what}")


def main(folder: Path) -> None:
    """Go through the main states and save each."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as kept:
        os.environ["XDG_CONFIG_HOME"] = kept
        _story(folder, Path(kept) / "runs")


def _story(folder: Path, runs: Path) -> None:
    from app.gui.application import make_window
    from app.gui.theme import apply_theme

    window = make_window("sim", 1)
    window.resize(*SIZE)
    window.show()
    panel = window.measurement
    panel.folder.setText(str(runs))
    panel.operator.setText("A. Operator")

    def save(name: str) -> None:
        for _ in range(5):
            QApplication.processEvents()
        window.grab().save(str(folder / f"{name}.png"))

    def choose(procedure: str, preset: str, speed: str) -> None:
        panel.procedure.setCurrentText(procedure)
        panel.preset.setCurrentText(preset)
        panel.speed.setCurrentText(speed)
        panel.work_out()

    def finished() -> None:
        shown: list[object] = []
        window.live.result_shown.connect(shown.append)
        wait_until(lambda: shown, "the result")
        window.live.result_shown.disconnect(shown.append)

    wait_until(lambda: "OFF" in window.safety.beam_text, "the bench")
    choose("rl-linearity", "chen24-rl-linearity", "20 times faster")
    panel.form.field("tube_voltage").editor.setText("700")  # type: ignore[union-attr]
    save("wrong-parameter")
    panel.form.field("tube_voltage").set_value(30.0)
    panel.work_out()
    panel.start.click()
    wait_until(lambda: window.live.rows("sweep") >= 14, "records")
    wait_until(
        lambda: "ON" in window.safety.beam_text and float(window.safety.tube_text.split()[0]) > 29.0, "the full voltage"
    )
    save("running")
    panel.speed.setCurrentText("as fast as possible")
    finished()
    save("result-linearity")
    choose("sensitivity", "dong24-sensitivity", "as fast as possible")
    panel.start.click()
    finished()
    save("result-sensitivity")
    window.tabs.setCurrentWidget(window.results)
    wait_until(lambda: window.results.model.rowCount() == 2, "the folder")
    window.results.table.selectRow(1)
    wait_until(lambda: window.results.content is not None, "the run")
    save("results")
    window.tabs.setCurrentWidget(window.journal)
    save("journal")
    choose("rl-linearity", "chen24-rl-linearity", "20 times faster")
    panel.add.click()
    wait_until(lambda: window.live.rows("sweep") >= 2, "records")
    panel.add.click()
    window.tabs.setCurrentWidget(window.queue)
    save("queue")
    window.stop()
    wait_until(lambda: window.link.order is None, "the end")
    wait_until(lambda: "OFF" in window.safety.beam_text, "the beam's end")
    window.tabs.setCurrentWidget(window.live)
    save("stopped")
    _by_hand(window, save)
    _set_up(window, save)
    window.question.ask("Put sample 'lyso-reference' into the beam, close the door, and confirm.")
    apply_theme(True)
    window.tabs.setCurrentWidget(window.results)
    window.results.table.clearSelection()
    window.results.table.selectAll()
    wait_until(lambda: len(window.results.view.runs) == 3, "the runs")
    save("dark")
    window.close()
    wait_until(lambda: window.link.ended, "the bench to be closed")
    QApplication.processEvents()


def _by_hand(window: MainWindow, save: Callable[[str], None]) -> None:
    from app.gui.theme import apply_theme

    panel = window.instruments
    window.tabs.setCurrentWidget(panel)
    tube = panel.tube
    tube.kilovolts.setValue(50)
    tube.milliamps.setValue(2)
    tube.on.click()
    save("instruments")
    tube.seconds.setValue(3600)
    tube.confirm.click()
    wait_until(lambda: "off in" in tube.state.text() and "Gy" in tube.dose.text(), "the beam by hand")
    save("beam-by-hand")
    panel.cards.setCurrentWidget(panel.bias)
    panel.bias.source.volts.setValue(-10)
    panel.bias.source.on.click()
    save("bias-by-hand")
    panel.cards.setCurrentWidget(panel.spectrometer)
    panel.spectrometer.milliseconds.setValue(500)
    panel.spectrometer.live.click()
    wait_until(lambda: panel.spectrometer.facts.text(), "a spectrum")
    save("spectrometer-live")
    if window.link.bench is not None and "camera" in window.link.bench.instruments:
        panel.cards.setCurrentWidget(panel.camera)
        panel.camera.milliseconds.setValue(500)
        panel.camera.once.click()
        wait_until(panel.camera.save.isEnabled, "a frame")
        panel.camera.image.line.setChecked(True)
        panel.camera.image.region.setChecked(True)
        save("camera")
        apply_theme(True)
        save("camera-dark")
        apply_theme(False)
    window.stop()
    wait_until(lambda: "OFF" in window.safety.beam_text, "the beam's end")


def _set_up(window: MainWindow, save: Callable[[str], None]) -> None:
    from app.gui.theme import apply_theme

    window.measurement.edit_sample.click()
    window.samples.choose("dong24-tio2")
    window.samples.form.field("thickness_um").set_value(-300.0)
    save("sample")
    window.tabs.setCurrentWidget(window._bench_setup)
    setup = window.bench_setup
    setup.bench.setCurrentText("kit")
    setup.roles.setCurrentRow(3)
    save("bench-setup")
    setup.pages.setCurrentIndex(1)
    setup.forms["limits"].field("bias_v").set_value(5000.0)
    save("bench-limits")
    apply_theme(True)
    setup.pages.setCurrentIndex(0)
    save("bench-setup-dark")
    apply_theme(False)


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    application = QApplication.instance() or QApplication(sys.argv[:1])
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images"))
