"""The temperature stage by hand."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from app.gui.hand_card import HandCard, Wish, spin
from app.gui.orders import BenchFacts

ON_FOR = 3600.0
"""s"""

AS_FAST_AS_IT_CAN = 0.0
"""K/min"""


class TemperatureCard(HandCard):
    """Set point and rate; off means that the heater is off."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("temperature_stage", ON_FOR, parent)
        self.kelvin, self.rate = spin(0, 0, 0, "K", 2), spin(0, 100, 5, "K/min", 1)
        self.rate.setSpecialValueText("as fast as it can")
        self.add_field("&Temperature", self.kelvin)
        self.add_field("&Rate", self.rate)
        self.add_field("Off &after", self.seconds)
        self.off.setText("Heater off")

    def wish(self) -> tuple[str, Wish]:
        """Ask for a temperature."""
        kelvin, rate, seconds = self.kelvin.value(), self.rate.value(), self.seconds.value()
        ramp = None if rate == AS_FAST_AS_IT_CAN else rate
        return f"{kelvin:g} K", lambda hand, offs: hand.temperature_on(kelvin, ramp, seconds, offs)

    def show_bench(self, facts: BenchFacts) -> None:
        """Take over what the stage may do."""
        low, high = facts.ranges.get("temperature_stage", (0.0, 0.0))
        self.kelvin.setRange(low, high)
        self.kelvin.setValue(min(max(300.0, low), high))
        self.remark.setText(f"{low:g} to {high:g} K on this bench (instruments.temperature_stage.options).")


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(TemperatureCard, 700, 220)
