"""Counts what can change what a tube says of itself, so that nobody has to ask it while nothing has."""

from __future__ import annotations

from sim_instruments.faults import Fault, Faults
from sim_instruments.world.tube import TubePhysics


class TubeChanges:
    """How often the supply was told something or did something by itself, and faults began or ended.

    Parameters
    ----------
    tube
        Whose supply.
    faults
        Of the bench: whatever they concern, the answer of a tube may be among it.
    """

    def __init__(self, tube: TubePhysics, faults: Faults) -> None:
        self._faults = faults
        self._count = 0
        tube.on_change(lambda _: self._one_more())
        faults.on_change(self._suffer)

    def _one_more(self) -> None:
        self._count += 1

    def _suffer(self, fault: Fault, began: bool) -> None:
        del fault, began
        self._one_more()

    def __call__(self) -> int | None:
        """Return the count; None while any fault is active, when only the tube itself can say."""
        return None if self._faults.all_active() else self._count
