"""How long a sample has been in the beam, and what dose it has had."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from drivers.roles import XrayTube


class Irradiation:
    """Counts time and dose under the beam; the dose rate is what the dosimeter said last, trapezoids between readings.

    Parameters
    ----------
    now
        The bench's clock, s.
    earlier_time, earlier_dose
        s and Gy that the sample has had before, in a run that this one goes on with.
    """

    def __init__(self, now: Callable[[], float], earlier_time: float = 0.0, earlier_dose: float = 0.0) -> None:
        self._now = now
        self._exposed = earlier_time
        self._dose = earlier_dose
        self._since: float | None = None
        self._counted = earlier_time
        self._rate: float | None = None

    @property
    def exposed(self) -> float:
        """S under the beam so far."""
        return self._exposed + (self._now() - self._since if self._since is not None else 0.0)

    @property
    def dose(self) -> float:
        """Gy until the last reading or the end of the last stretch."""
        return self._dose

    def reading(self, dose_rate: float) -> None:
        """Take note of a dose rate, Gy/s, read now."""
        before = dose_rate if self._rate is None else self._rate
        self._dose += 0.5 * (before + dose_rate) * (self.exposed - self._counted)
        self._counted = self.exposed
        self._rate = dose_rate

    @contextmanager
    def beam(self, tube: XrayTube, kilovolts: float, milliamps: float) -> Iterator[None]:
        """Have the beam on inside a ``with`` block, and count it."""
        with tube.beam(kilovolts, milliamps):
            self._since = self._now()
            try:
                yield
            finally:
                if self._rate is not None:
                    self.reading(self._rate)
                self._exposed, self._since = self.exposed, None
