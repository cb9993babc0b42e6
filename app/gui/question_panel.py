"""A question to the operator, in the window and not in its way."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget


class QuestionPanel(QFrame):
    """Shows a question until it is answered or taken back; everything else in the window goes on working.

    Parameters
    ----------
    yes, no
        What stands on the buttons.
    """

    answered = Signal(bool)

    def __init__(self, parent: QWidget | None = None, yes: str = "Done, go on", no: str = "No, end the run") -> None:
        super().__init__(parent)
        self.setProperty("card", "question")
        self._question = QLabel()
        self._question.setWordWrap(True)
        self._question.setProperty("tone", "heading")
        self.yes = QPushButton(yes)
        self.yes.setProperty("role", "primary")
        self.no = QPushButton(no)
        self.yes.clicked.connect(lambda: self._answer(True))
        self.no.clicked.connect(lambda: self._answer(False))
        row = QHBoxLayout(self)
        row.addWidget(self._question, 1)
        row.addWidget(self.yes)
        row.addWidget(self.no)
        self.hide()

    @property
    def question(self) -> str:
        """What is asked; empty when nothing is."""
        return self._question.text() if not self.isHidden() else ""

    def ask(self, question: str) -> None:
        """Show a question; the empty one takes it away."""
        self._question.setText(question)
        self.setVisible(bool(question))

    def _answer(self, yes: bool) -> None:
        self.hide()
        self.answered.emit(yes)


def _example() -> QWidget:
    panel = QuestionPanel()
    panel.ask("Put sample 'lyso-reference' into the beam, close the door, and confirm.")
    return panel


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(_example, 900, 80)
