"""Asks whether a bench file may run code of its own, before the window opens it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.gui.question_panel import QuestionPanel
from app.trust import is_trusted, question, trust
from config.bench_file import BenchFile
from config.loading import Loaded
from config.mistake import UserMistake


class TrustPanel(QuestionPanel):
    """A question that stands in the window until it is answered; until then the bench stays closed."""

    declined = Signal(str)
    """Why the bench is not opened"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, yes="I trust it, open the bench", no="No, leave it closed")
        self._bench: Loaded[BenchFile] | None = None
        self._then: Callable[[], None] = lambda: None
        self.answered.connect(self._take)

    def let(self, bench: Loaded[BenchFile], then: Callable[[], None]) -> None:
        """Do something with a bench file: at once where it is trusted or names no code, else after a yes."""
        self._bench, self._then = None, then
        self.ask("")
        if is_trusted(bench):
            then()
            return
        self._bench = bench
        self.ask(question(bench))

    def _take(self, yes: bool) -> None:
        bench, self._bench = self._bench, None
        if bench is None:
            return
        if not yes:
            self.declined.emit(f"{bench.path} is not trusted, and stays closed")
            return
        try:
            trust(bench)
        except UserMistake as mistake:
            self.declined.emit(str(mistake))
            return
        self._then()


def _example() -> QWidget:
    panel = TrustPanel()
    panel.ask("my-bench.toml wants to run code of its own: my_tube:Tube. Do you trust this file, and whoever wrote it?")
    return panel


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(_example, 900, 80)
