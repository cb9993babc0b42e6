"""A tab that is made when it is first looked at, so that the window need not wait for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

Panel = TypeVar("Panel", bound=QWidget)


class Later(QWidget, Generic[Panel]):
    """Holds the place of a panel.

    Parameters
    ----------
    make
        Makes the panel; called once.
    """

    def __init__(self, make: Callable[[], Panel], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._make = make
        self._panel: Panel | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)

    @property
    def made(self) -> Panel | None:
        """The panel; None as long as nobody has looked at it."""
        return self._panel

    @property
    def panel(self) -> Panel:
        """The panel, made now if it is not."""
        if self._panel is None:
            self._panel = self._make()
            layout = self.layout()
            assert layout is not None  # noqa: S101
            layout.addWidget(self._panel)
        return self._panel

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802  (Qt's name)
        """Make the panel."""
        super().showEvent(event)
        _ = self.panel


def _example() -> QWidget:
    from PySide6.QtWidgets import QLabel

    return Later(lambda: QLabel("made when it was first seen"))


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(_example, 400, 100)
