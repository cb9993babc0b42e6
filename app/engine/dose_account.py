"""How much dose the sample has had in a run."""

from __future__ import annotations

from collections import defaultdict


class DoseAccount:
    """Counts charge through the tube by voltage, and turns it into dose once a dose rate was read.

    The dose rate at a tube voltage is proportional to the tube current, so that every reading also tells what the
    charge before it has done.
    """

    def __init__(self) -> None:
        self._charge: dict[float, float] = defaultdict(float)
        self._dose_per_charge: dict[float, float] = {}

    def count(self, voltage_kv: float, current_ma: float, seconds: float) -> None:
        """Count charge; voltages within 1 kV count as the same."""
        self._charge[round(voltage_kv)] += current_ma * seconds

    def calibrate(self, voltage_kv: float, current_ma: float, dose_rate: float) -> None:
        """Take note of a reading, Gy/s."""
        if current_ma > 0 and dose_rate > 0:
            self._dose_per_charge[round(voltage_kv)] = dose_rate / current_ma

    @property
    def dose(self) -> float | None:
        """Gy so far; None until a dose rate was read. A voltage without a reading counts as the strongest one."""
        if not self._dose_per_charge:
            return None
        most = max(self._dose_per_charge.values())
        return sum(charge * self._dose_per_charge.get(voltage, most) for voltage, charge in self._charge.items())
