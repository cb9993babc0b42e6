"""Waiting, with the bench safe, until what interrupted a run is over."""

from __future__ import annotations

from collections.abc import Callable

from app.engine.trips import Trip, TripKind
from config.bench_file import Policies
from drivers.bench import Bench
from drivers.errors import InstrumentError
from drivers.roles import XrayTube

LOOK_EVERY = 1.0
"""s on the bench's clock"""
REST = 10.0
"""s that the bench rests after a trip whose end cannot be seen: a tube that arced, a reading beyond its range"""

SEEN_TO_END = frozenset({TripKind.INTERLOCK, TripKind.SILENT})


class Recovery:
    """Waits until a bench that tripped may be used again.

    Parameters
    ----------
    bench
        Safe, and not inhibited, so that its clock can be waited on.
    policies
        Of its file.
    ask
        Asks the operator; None if nobody answers.
    """

    def __init__(self, bench: Bench, policies: Policies, ask: Callable[[str], bool | None]) -> None:
        self._bench = bench
        self._policies = policies
        self._ask = ask

    def wait(self, trip: Trip) -> str:
        """Wait until all is well and somebody says so.

        Returns
        -------
        str
            Empty if the run may go on, else why not.
        """
        clock, stop = self._bench.clock, self._bench.surroundings.stop
        rested = clock.now() + (0.0 if trip.kind in SEEN_TO_END else REST)
        deadline = clock.now() + self._policies.longest_pause_s
        while True:
            if not clock.sleep(LOOK_EVERY, stop):
                return "the run was told to end"
            wrong = self._wrong(trip) if clock.now() >= rested else "the bench rests"
            if not wrong:
                break
            if clock.now() > deadline:
                return f"{trip}; {wrong} still after {self._policies.longest_pause_s:g} s"
        if self._policies.resume == "automatically":
            return ""
        said = self._ask(f"The run was interrupted: {trip}. All is well again. Go on with the measurement?")
        if said is None:
            return f"{trip}; nobody answered whether to go on"
        return "" if said else f"{trip}; not to go on"

    def _wrong(self, trip: Trip) -> str:
        """Say what is not well yet; empty if all is."""
        unsafe = [step for step in self._bench.make_safe() if step.error is not None] if self._must_retry(trip) else []
        if unsafe:
            return f"{unsafe[0].role} is not safe: {unsafe[0].error}"
        if not self._bench.has(XrayTube):
            return ""
        tube = self._bench.tube
        try:
            now = tube.status()
            if now.beam_on:
                tube.switch_off()
            faults = tube.reset_faults() if now.faults else ()
        except InstrumentError as error:
            return str(error)
        if not now.interlock_closed:
            return "the interlock is open"
        return f"tube fault: {', '.join(faults)}" if faults else ""

    def _must_retry(self, trip: Trip) -> bool:
        return trip.kind is TripKind.SILENT or self._bench.left_unsafe
