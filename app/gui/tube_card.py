"""The tube by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from app.gui.hand_card import HandCard, Wish, spin
from app.gui.orders import BenchFacts
from app.gui.quantity_text import si_text
from config.mistake import UserMistake

if TYPE_CHECKING:
    from app.engine.by_hand import HandNews
    from drivers.bench import Bench

ON_FOR = 60.0
"""s"""


class TubeCard(HandCard):
    """Voltage, current and beam; counted in dose and watched as in a run."""

    anew_wanted = Signal()
    """The dose shall be counted anew."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("tube", ON_FOR, parent)
        self.kilovolts, self.milliamps = spin(0, 0, 0, "kV", 1), spin(0, 0, 0, "mA", 3)
        self.add_field("Tube &voltage", self.kilovolts)
        self.add_field("Tube &current", self.milliamps)
        self.add_field("Off &after", self.seconds)
        self.on.setText("Beam on…")
        self.off.setText("Beam off")
        self.dose = QLabel("Dose by hand: none")
        self.anew = QPushButton("Count dose anew")
        self.anew.setProperty("role", "small")
        self.anew.setToolTip("Another sample is in the beam: its dose begins at zero")
        self.anew.clicked.connect(self.anew_wanted)
        self.buttons.insertWidget(self.buttons.count() - 1, self.dose)
        self.buttons.addWidget(self.anew)
        self.reset = QPushButton("Reset faults")
        self.reset.setProperty("role", "small")
        self.reset.setToolTip("Clears faults that the supply keeps after an arc or its watchdog; the beam stays off")
        self.reset.clicked.connect(self._reset)
        self.buttons.addWidget(self.reset)

    def _reset(self) -> None:
        def reset(bench: Bench) -> None:
            left = bench.tube.reset_faults()
            if left:
                raise UserMistake(f"still there after a reset: {', '.join(left)}: look at the supply")

        self.adjust_wanted.emit("tube faults", reset)

    def wish(self) -> tuple[str, Wish]:
        """Ask for the beam."""
        kilovolts, milliamps, seconds = self.kilovolts.value(), self.milliamps.value(), self.seconds.value()
        return (
            f"BEAM ON at {kilovolts:g} kV, {milliamps:g} mA",
            lambda hand, offs: hand.beam_on(kilovolts, milliamps, seconds, offs),
        )

    def show_bench(self, facts: BenchFacts) -> None:
        """Take over the bench's limits."""
        limits = facts.limits
        most_kv, most_ma = facts.full_scale or (0.0, 0.0)
        self.kilovolts.setRange(0, min(limits.tube_voltage_kv, most_kv))
        self.milliamps.setRange(0, min(limits.tube_current_ma, most_ma))
        self.seconds.setMaximum(3600)
        self.remark.setText(
            f"Limits of the bench: {limits.tube_voltage_kv:g} kV, {limits.tube_current_ma:g} mA, "
            f"{limits.tube_power_w:g} W, {limits.dose_per_run_gy:g} Gy by hand. Interlock, faults and operating point "
            f"are watched as in a run."
        )

    def show_news(self, news: HandNews) -> None:
        """Show beam and dose."""
        super().show_news(news)
        if not self._on:
            self.on.setText("Beam on…")
        dose = "not read yet" if news.dose is None else si_text(news.dose, "Gy", 3)
        self.dose.setText(f"Dose by hand: {dose}")
        self.anew.setEnabled(not self._on)
        self.reset.setEnabled(not self._on)


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(TubeCard, 700, 220)
