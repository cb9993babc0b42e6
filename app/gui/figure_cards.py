"""Figures of merit as cards: value, uncertainty, unit, method, warnings."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

from analysis.figure import FigureOfMerit, rounded


class FigureCard(QFrame):
    """One figure of merit, or why there is none.

    Parameters
    ----------
    figure
        That is shown.
    """

    def __init__(self, figure: FigureOfMerit, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("card", "true")
        self.figure = figure
        at = ", ".join(f"{name} {value:g} {unit}" for name, (value, unit) in figure.at.items())
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 7, 10, 7)
        column.setSpacing(2)
        title = figure.name.replace("_", " ")
        column.addWidget(_label(f"{title}{f', at {at}' if at else ''}", "faint"))
        column.addWidget(self._value())
        if figure.interval is not None:
            low, high = figure.interval
            column.addWidget(_label(f"95 %: {low:.5g} to {high:.5g}", "faint"))
        column.addWidget(_label(figure.method, "faint"))
        for warning in figure.warnings:
            column.addWidget(_label(f"⚠ {warning}", "warning"))

    def _value(self) -> QLabel:
        figure = self.figure
        if figure.value is None:
            return _label("not determined", "bad")
        unit = "" if figure.unit == "1" else f" {figure.unit}"
        label = _label(f"{rounded(figure.value, figure.uncertainty)}{unit}", "")
        font = label.font()
        font.setPointSizeF(font.pointSizeF() * 1.3)
        font.setBold(True)
        label.setFont(font)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        return label


class FigureCards(QScrollArea):
    """Cards under each other, what could be determined first."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.cards: list[FigureCard] = []
        self.show_figures(())

    def show_figures(self, figures: Sequence[FigureOfMerit], nothing: str = "No figures of merit yet") -> None:
        """Show figures of merit instead of those before."""
        self.show_groups([("", figures)], nothing)

    def show_groups(
        self, groups: Sequence[tuple[str, Sequence[FigureOfMerit]]], nothing: str = "No figures of merit yet"
    ) -> None:
        """Show the figures of merit of several runs, each under its label."""
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(2, 2, 8, 2)
        self.cards = []
        for label, figures in groups:
            if label:
                column.addWidget(_label(label, "heading"))
            cards = [FigureCard(figure) for figure in sorted(figures, key=lambda one: one.value is None)]
            for card in cards:
                column.addWidget(card)
            if not cards:
                column.addWidget(_label(nothing, "faint"))
            self.cards += cards
        column.addStretch(1)
        self.setWidget(inside)


def _label(text: str, tone: str) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setProperty("tone", tone)
    return label


def _example() -> QWidget:
    cards = FigureCards()
    at = {"field": (-100.0, "V/cm")}
    cards.show_figures(
        [
            FigureOfMerit.normal("sensitivity", 13704.0, "uC/(Gy cm2)", "weighted line", statistical=210.0),
            FigureOfMerit.refused("lod_interpolated", "nGy/s", "SNR = 3", "the data do not bracket SNR = 3", at=at),
        ]
    )
    return cards


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(_example, 340, 400)
