"""The pulsed light by hand."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from app.gui.hand_card import HandCard, Wish, spin
from app.gui.orders import BenchFacts

ON_FOR = 60.0
"""s"""


class LightCard(HandCard):
    """Rate and pulse energy; on means that pulses come regularly."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("light", ON_FOR, parent)
        self.hertz, self.percent = spin(0, 0, 0, "Hz", 3), spin(0, 100, 100, "%", 1)
        self.add_field("&Rate", self.hertz)
        self.add_field("Pulse &energy", self.percent)
        self.add_field("Off &after", self.seconds)
        self.off.setText("Light off")

    def wish(self) -> tuple[str, Wish]:
        """Ask for light."""
        hertz, fraction, seconds = self.hertz.value(), self.percent.value() / 100, self.seconds.value()
        return (
            f"LIGHT at {hertz:g} Hz, {fraction:.0%}",
            lambda hand, offs: hand.light_on(hertz, fraction, seconds, offs),
        )

    def show_bench(self, facts: BenchFacts) -> None:
        """Take over what the light can do."""
        low, high = facts.ranges.get("light", (0.0, 0.0))
        self.hertz.setRange(max(low, 1e-3), high)
        self.hertz.setValue(min(10.0, high))
        self.seconds.setMaximum(3600)
        self.remark.setText(f"{low:g} to {high:g} Hz on this bench.")


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(LightCard, 700, 220)
