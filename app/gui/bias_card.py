"""A bias by hand: from the source meter, or from the preamplifier."""

from __future__ import annotations

from PySide6.QtWidgets import QComboBox, QGroupBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.gui.hand_card import HandCard, Wish, spin
from app.gui.orders import BenchFacts
from app.gui.quantity_text import si_text
from drivers.bench import Bench

ON_FOR = 600.0
"""s"""


class SourceCard(HandCard):
    """Voltage and compliance of the source meter; the voltage is ramped."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("source_meter", ON_FOR, parent)
        self.volts, self.compliance = spin(0, 0, 0, "V", 3), spin(0, 0, 0, "µA", 4)
        self.add_field("&Bias", self.volts)
        self.add_field("C&ompliance", self.compliance)
        self.add_field("Off &after", self.seconds)

    def wish(self) -> tuple[str, Wish]:
        """Ask for a bias."""
        volts, compliance, seconds = self.volts.value(), self.compliance.value() * 1e-6, self.seconds.value()
        return (
            f"{volts:g} V, at most {si_text(compliance, 'A')}",
            lambda hand, offs: hand.bias_on(volts, compliance, seconds, offs),
        )

    def show_bench(self, facts: BenchFacts) -> None:
        """Take over the bench's limits."""
        self.volts.setRange(*facts.ranges.get("source_meter", (0.0, 0.0)))
        self.compliance.setRange(1e-4, facts.limits.compliance_a * 1e6)
        self.compliance.setValue(min(10.0, self.compliance.maximum()))
        self.remark.setText(
            f"Ramped at {facts.limits.bias_ramp_v_per_s:g} V/s. Limits of the bench: {facts.limits.bias_v:g} V, "
            f"{si_text(facts.limits.compliance_a, 'A')}. To change the compliance, switch off before."
        )


class PreampCard(HandCard):
    """Sensitivity and bias of the current preamplifier."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("preamp", ON_FOR, parent)
        self.sensitivity = QComboBox()
        self.sensitivity.setAccessibleName("Sensitivity")
        self.sensitivity.setMaximumWidth(170)
        self.set_sensitivity = QPushButton("Set")
        self.set_sensitivity.setProperty("role", "small")
        self.set_sensitivity.clicked.connect(self._set_sensitivity)
        row = QHBoxLayout()
        row.addWidget(self.sensitivity)
        row.addWidget(self.set_sensitivity)
        row.addStretch(1)
        self.volts = spin(0, 0, 0, "V", 3)
        label = QLabel("Se&nsitivity")
        label.setBuddy(self.sensitivity)
        self.form.addRow(label, row)
        self.add_field("B&ias", self.volts)
        self.add_field("Off a&fter", self.seconds)

    def wish(self) -> tuple[str, Wish]:
        """Ask for a bias."""
        volts, seconds = self.volts.value(), self.seconds.value()
        return f"{volts:g} V", lambda hand, offs: hand.preamp_bias_on(volts, seconds, offs)

    def show_bench(self, facts: BenchFacts) -> None:
        """Take over the instrument's sensitivities and the bench's limits."""
        self.sensitivity.clear()
        for one in facts.sensitivities:
            self.sensitivity.addItem(si_text(one, "A/V"), one)
        self.sensitivity.setCurrentIndex(len(facts.sensitivities) - 1)
        self.volts.setRange(*facts.ranges.get("preamp", (0.0, 0.0)))
        self.remark.setText(f"Ramped at {facts.limits.bias_ramp_v_per_s:g} V/s.")

    def _set_sensitivity(self) -> None:
        wanted = self.sensitivity.currentData()

        def adjust(bench: Bench) -> None:
            bench.preamp.set_sensitivity(wanted)

        self.adjust_wanted.emit("preamplifier's sensitivity", adjust)


class BiasCard(QWidget):
    """Source meter and preamplifier beside each other."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.source, self.preamp = SourceCard(), PreampCard()
        self.boxes: dict[str, QGroupBox] = {}
        row = QHBoxLayout(self)
        for title, card in (("Source meter", self.source), ("Preamplifier", self.preamp)):
            box = QGroupBox(title)
            inside = QVBoxLayout(box)
            inside.setContentsMargins(0, 0, 0, 0)
            inside.addWidget(card)
            row.addWidget(box, 1)
            self.boxes[card.role] = box


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(BiasCard, 900, 260)
