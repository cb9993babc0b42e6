"""Faults at the moments of a run: before it, during and between records, while the bench is made safe.

For tests of procedures (the pytest fixture ``faults``) and for campaigns of faults. What can go wrong is
`sim_instruments.faults.FaultKind`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from app.engine.events import Event, Recorded, State, StateChanged
from sim_instruments.faults import Fault, FaultKind, Faults
from sim_instruments.world.clock import SimulationClock

AFTER_A_RECORD = 0.25
"""s after a record, where the next point is being measured already"""

Action = Callable[[], None]
Kind = FaultKind | str | Action


@dataclass
class FaultInjection:
    """Plans faults of a simulated bench by what a run does; give `watch` to the engine that runs it.

    Every method takes a kind, by name or as `FaultKind`, and further fields of `Fault` (``instrument="dosimeter"``,
    ``duration=3.0``, ``count=1``, ``seconds=0.5``, ...). Those that go by what the run does also take something to
    do in place of a kind: ``lambda: engine.abort("STOP")``. Records count from 1, over all streams.

    Parameters
    ----------
    faults
        Of the bench.
    clock
        Of the bench.

    Examples
    --------
    >>> def test_my_procedure_survives_a_silent_dosimeter(simulated_bench, faults):  # doctest: +SKIP
    ...     faults.during_point(3, "silent", instrument="dosimeter", duration=2.0)
    ...     outcome = simulated_bench.run(MyProcedure())
    ...     assert not simulated_bench.world.tube.high_voltage_on
    """

    faults: Faults
    clock: SimulationClock
    happened: list[tuple[float, Fault]] = field(default_factory=list)
    """When each planned fault was set off, s on the bench's clock; one set off for a moment to come has that moment."""
    _records: int = 0
    _by_record: list[tuple[int, float | None, Fault | Action]] = field(default_factory=list)
    _by_state: list[tuple[State, Fault | Action]] = field(default_factory=list)

    def now(self, kind: FaultKind | str, **more: Any) -> Fault:
        """Let it happen now: before the run."""
        return self._add(Fault(FaultKind(kind), **more))

    def after(self, seconds: float, kind: FaultKind | str, **more: Any) -> Fault:
        """Let it happen so many seconds from now on the bench's clock, whatever the run is doing then."""
        return self._add(Fault(FaultKind(kind), at=self.clock.now() + seconds, **more))

    def in_preparation(self, kind: Kind, **more: Any) -> None:
        """Let it happen when the run begins, before its file is made."""
        self._by_state.append((State.PREPARING, _what(kind, more)))

    def between_records(self, record: int, kind: Kind, **more: Any) -> None:
        """Let it happen as soon as that record is written, before anything else is done."""
        self._by_record.append((record, None, _what(kind, more)))

    def during_point(self, record: int, kind: Kind, delay: float = AFTER_A_RECORD, **more: Any) -> None:
        """Let it happen while what becomes that record is measured: `delay` s after the record before it.

        Parameters
        ----------
        record
            1: that long after the run has begun.
        """
        self._by_record.append((max(0, record - 1), delay, _what(kind, more)))

    def in_shutdown(self, kind: Kind, **more: Any) -> None:
        """Let it happen when the measurement is over and the bench is about to be made safe."""
        self._by_state.append((State.FINISHING, _what(kind, more)))

    def in_pause(self, kind: Kind, **more: Any) -> None:
        """Let it happen when the run is paused."""
        self._by_state.append((State.PAUSED, _what(kind, more)))

    def clear(self) -> None:
        """Plan nothing, and end what is active."""
        self._by_record.clear()
        self._by_state.clear()
        self.faults.clear()

    def watch(self, event: Event) -> None:
        """Follow a run: an engine's watcher."""
        if isinstance(event, Recorded):
            self._records += 1
            self._after_record(self._records)
        elif isinstance(event, StateChanged):
            if event.state is State.PREPARING:
                self._records = 0
            if event.state is State.RUNNING and self._records == 0:
                self._after_record(0)
            for state, what in tuple(self._by_state):
                if state is event.state:
                    self._by_state.remove((state, what))
                    self._set_off(what, None)

    def _after_record(self, number: int) -> None:
        for record, delay, what in tuple(self._by_record):
            if record == number:
                self._by_record.remove((record, delay, what))
                self._set_off(what, delay)

    def _set_off(self, what: Fault | Action, delay: float | None) -> None:
        if isinstance(what, Fault):
            self._add(what if delay is None else replace(what, at=self.clock.now() + delay))
        elif delay is None:
            what()
        else:
            self.clock.call_at(self.clock.now() + delay, what)

    def _add(self, fault: Fault) -> Fault:
        self.happened.append((self.clock.now() if fault.at is None else fault.at, fault))
        return self.faults.add(fault)


def _what(kind: Kind, more: dict[str, Any]) -> Fault | Action:
    return Fault(FaultKind(kind), **more) if isinstance(kind, str) else kind
