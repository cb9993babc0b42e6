"""The bar on top of everything: is the beam on, and the one STOP."""

from __future__ import annotations

import time

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.engine.events import Progressed
from app.gui.orders import BenchFacts, Safety
from app.gui.quantity_text import si_text, time_text
from app.gui.theme import BEAM_OFF, BEAM_ON, BEAM_UNKNOWN, NO_TUBE, mark
from app.gui.tube_watch import BeamNews

SILENCE = 3.0
"""s, real time, without a word from a tube whose beam is on, after which nobody knows whether it still is"""


class SafetyBar(QWidget):
    """Beam, interlock, bias, bench, and STOP.

    It shows what it is told and asks nobody. What it was not told it does not know: a tube that falls silent with its
    beam on is UNKNOWN, never off.
    """

    stop_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("safety_bar")
        self._news: BeamNews | None = None
        self._has_tube = False
        self._open = False
        self._unknown = ""
        self._beam = QLabel("NO BENCH")
        self._beam.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._beam.setMinimumWidth(270)
        self._beam.setMinimumHeight(52)
        self._beam.setAccessibleName("beam state")
        self._point = _Field("Tube", "0000.00 kV, 00.0000 mA")
        self._on_for = _Field("Beam on for", "00:00:00 h")
        self._dose = _Field("Dose so far", "000.0 mGy")
        self._interlock = _Field("Interlock", "unknown")
        self._bias = _Field("Bias", "-000.00 V")
        self._bench = _Field("Bench", "simulated-x")
        self.stop_button = QPushButton("STOP  F12")
        self.stop_button.setProperty("role", "stop")
        self.stop_button.setToolTip(
            "Beam off at once, run ended, bias to zero. The key F12 does the same, at any time."
        )
        self.stop_button.setAccessibleName("stop")
        self.stop_button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.stop_button.clicked.connect(self.stop_wanted)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 6, 8, 6)
        row.setSpacing(14)
        row.addWidget(self._beam)
        for field in (self._point, self._on_for, self._dose, self._interlock, self._bias, self._bench):
            row.addWidget(field)
        row.addStretch(1)
        row.addWidget(self.stop_button)
        # only to notice silence: nothing is asked
        self._silence = QTimer(self)
        self._silence.setInterval(500)
        self._silence.timeout.connect(self._show_beam)
        self._show_beam()

    @property
    def beam_text(self) -> str:
        """The word for the beam's state."""
        return self._beam.text()

    @property
    def tube_text(self) -> str:
        """Voltage and current, as the tube reads them back."""
        return self._point.text

    @property
    def bench_text(self) -> str:
        """The bench's name, and whether it is simulated."""
        return self._bench.text

    @property
    def interlock_text(self) -> str:
        """The word for the interlock's state."""
        return self._interlock.text

    @property
    def dose_text(self) -> str:
        """The dose so far."""
        return self._dose.text

    def show_bench(self, facts: BenchFacts) -> None:
        """Show which bench is open."""
        self._open = True
        self._has_tube = facts.full_scale is not None
        self._unknown = ""
        self._news = None
        self._bench.show_text(facts.file.name, "SIMULATED" if facts.file.simulated else "", "warning")
        self._bench.setToolTip(facts.file.title)
        self._show_beam()

    def show_closed(self, reason: str = "") -> None:
        """Show that no bench is open; a beam that nobody could switch off stays unknown."""
        self._open = False
        self._news = None
        self._bench.show_text("none", "cannot be opened" if reason else "", "bad")
        self._bench.setToolTip(reason)
        self._show_beam()

    def show_beam(self, news: BeamNews) -> None:
        """Show what the tube said."""
        self._news = news
        if news.status is not None:
            # the tube itself has spoken since
            self._unknown = ""
        self._show_beam()

    def show_progress(self, progress: Progressed) -> None:
        """Show the dose of the run so far."""
        self.show_dose(progress.dose)

    def show_dose(self, dose: float | None) -> None:
        """Show a dose, Gy; None: no dose rate was read yet."""
        self._dose.show_text("not read yet" if dose is None else si_text(dose, "Gy", 3))

    def begin_run(self) -> None:
        """Forget the dose of the last run."""
        self._dose.show_text("0 Gy")

    def show_safety(self, safety: Safety) -> None:
        """Show that nothing confirms that the beam is off."""
        if safety.beam_unknown:
            self._unknown = "; ".join(safety.problems) or "nothing confirms that the beam is off"
            self._show_beam()

    def _show_beam(self) -> None:
        news = self._news
        status = news.status if news is not None else None
        beam_on = status is not None and status.beam_on
        silent = news is not None and beam_on and time.monotonic() - news.heard > SILENCE
        if beam_on and not self._silence.isActive():
            self._silence.start()
        elif not beam_on:
            self._silence.stop()
        why = ""
        if self._unknown or silent or (news is not None and status is None):
            why = self._unknown or (news.problem if news and news.problem else "the tube has not spoken since")
            self._paint("BEAM STATE UNKNOWN", BEAM_UNKNOWN, 15)
        elif not self._open:
            self._paint("NO BENCH", NO_TUBE, 16)
        elif not self._has_tube:
            self._paint("NO TUBE", NO_TUBE, 16)
        elif status is None:
            self._paint("BEAM: ASKING", NO_TUBE, 16)
        elif beam_on:
            self._paint("☢  BEAM ON  ☢", BEAM_ON, 20)
        else:
            self._paint("BEAM OFF", BEAM_OFF, 18)
        self._beam.setToolTip(why)
        self._show_details(news)

    def _show_details(self, news: BeamNews | None) -> None:
        if news is None or news.status is None:
            for field in (self._point, self._on_for, self._interlock):
                field.show_text("unknown" if news is not None else "-", tone="bad" if news is not None else "")
        else:
            status = news.status
            self._point.show_text(f"{status.voltage_kv:.2f} kV, {status.current_ma:.4f} mA", ", ".join(status.faults))
            self._on_for.show_text(time_text(news.on_for) if status.beam_on else "-")
            closed = status.interlock_closed
            self._interlock.show_text("closed" if closed else "OPEN", tone="good" if closed else "bad")
        bias = None if news is None else news.bias
        self._bias.show_text("-" if bias is None else f"{bias:.4g} V", tone="warning" if bias else "")

    def _paint(self, word: str, colours: tuple[str, str], size: int) -> None:
        background, text = colours
        style = f"background: {background}; color: {text}; font-size: {size}pt; font-weight: bold; border-radius: 6px;"
        self._beam.setText(word)
        # Qt works a style out anew even where it is the same, and news of a beam come many times a second
        if style != self._beam.styleSheet():
            self._beam.setStyleSheet(style)


class _Field(QFrame):
    """A quantity with its name above it."""

    def __init__(self, name: str, widest: str) -> None:
        super().__init__()
        self._name = QLabel(name)
        self._name.setProperty("tone", "faint")
        self._value = QLabel("-")
        self._value.setAccessibleName(name)
        font = self._value.font()
        font.setPointSizeF(font.pointSizeF() * 1.15)
        font.setBold(True)
        self._value.setFont(font)
        # as wide as the widest value, so that the bar does not dance
        self.setMinimumWidth(self._value.fontMetrics().horizontalAdvance(widest))
        self.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Preferred)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        column.addStretch(1)
        column.addWidget(self._name)
        column.addWidget(self._value)
        column.addStretch(1)

    @property
    def text(self) -> str:
        """What it shows."""
        return self._value.text()

    def show_text(self, text: str, more: str = "", tone: str = "") -> None:
        """Show a value, and what must stand beside it."""
        shown = f"{text} {more}".strip()
        if shown != self._value.text():
            self._value.setText(shown)
        if tone != (self._value.property("tone") or ""):
            mark(self._value, "tone", tone)


def _example() -> QWidget:
    from drivers.roles import TubeStatus

    bar = SafetyBar()
    bar._open = bar._has_tube = True
    bar.show_beam(BeamNews(TubeStatus(True, True, True, 30.0, 2.4), on_for=3.2, bias=-3.0))
    return bar


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(_example, 1300, 80)
