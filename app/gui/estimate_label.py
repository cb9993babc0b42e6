"""What a run will cost: time, records, file size, tube load, dose."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QLabel, QWidget

from app.gui.quantity_text import si_text, size_text, time_text
from app.gui.run_content import InBackground
from config.bench_file import Geometry, Limits
from procedures.procedure import Estimate

DOSE_SETTLES = 2_000
"""ms after the last change before the dose is calculated, which takes a second"""

Costs = tuple[Estimate, Geometry, Limits]


class EstimateLabel(QLabel):
    """Shows an estimate at once, and the dose as soon as it is calculated."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWordWrap(True)
        self._costs: Costs | None = None
        self._dose: tuple[Costs | None, float | None] = (None, None)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(DOSE_SETTLES)
        self._settle.timeout.connect(self.calculate)
        self._calculator = InBackground(self)
        self._calculator.done.connect(self._take_dose)
        self._calculator.failed.connect(lambda _: self._take_dose((self._costs, None)))

    def show_nothing(self) -> None:
        """Show that nothing can be estimated."""
        self._costs = None
        self._settle.stop()
        self.clear()

    def show_cost(self, estimate: Estimate, geometry: Geometry, limits: Limits) -> None:
        """Show what a run will cost on a bench."""
        self._costs = (estimate, geometry, limits)
        if estimate.operating_points and self._dose[0] != self._costs:
            self._settle.start()
        self._show()

    def calculate(self) -> None:
        """Calculate the dose, without keeping the window waiting."""
        costs = self._costs
        if costs is None:
            return

        def work() -> object:
            from app.dose_estimate import expected_dose

            return costs, expected_dose(costs[0], costs[1])

        self._calculator.start(work)

    def _take_dose(self, found: object) -> None:
        assert isinstance(found, tuple)  # noqa: S101  (of `calculate`)
        self._dose = found
        self._show()

    def _show(self) -> None:
        if self._costs is None:
            return
        cost, _, limits = self._costs
        parts = [f"<b>{time_text(cost.duration)}</b>, {cost.records} records, {size_text(cost.bytes_to_write)}"]
        if cost.operating_points:
            load = max(kv * ma for kv, ma in cost.operating_points)
            parts.append(
                f"beam on for {time_text(cost.beam_time)}, {cost.milliampere_seconds:.3g} mAs, "
                f"up to {load:.3g} W of {limits.tube_power_w:g} W"
            )
            parts.append(self._dose_text(limits.dose_per_run_gy))
        if cost.biases:
            parts.append(f"bias {', '.join(f'{volts:.4g}' for volts in cost.biases)} V")
        self.setText("Estimate: " + "<br>".join(parts))

    def _dose_text(self, budget: float) -> str:
        known, dose = self._dose
        if known != self._costs:
            return "dose is being calculated"
        if dose is None:
            return "dose unknown"
        above = dose > budget
        warning = f", <b>ABOVE THE BUDGET of {si_text(budget, 'Gy', 3)}</b>" if above else ""
        return f"dose about {si_text(dose, 'Gy', 3)}{warning}"


def _example() -> QWidget:
    from config.bench_file import Filter

    label = EstimateLabel()
    label.show_cost(
        Estimate(600.0, 120.0, 288.0, ((30.0, 2.4),), (-3.0,), 48, 120_000),
        Geometry(distance_m=0.262, filters=(Filter(material="Al", thickness_mm=0.4),)),
        Limits(),
    )
    return label


if __name__ == "__main__":
    from app.gui.alone import show_alone

    show_alone(_example, 400, 120)
