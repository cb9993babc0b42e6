"""Watches the bench while a run has it, and ends the run when something is not as it must be."""

from __future__ import annotations

from collections.abc import Callable

from app.engine.dose_account import DoseAccount
from drivers.bench import Bench
from drivers.errors import InstrumentError
from drivers.roles import TubeStatus, XrayTube

PERIOD = 0.2
"""s on the bench's clock from one look to the next"""

IDLE_LOOKS = 5
"""Every so many looks the tube is asked although no beam is expected."""

LOST_LOOKS = 2
"""So many looks in a row must be off tolerance or unanswered before the run is tripped: an arc that the supply
quenches by itself within one look is its own business."""


class SafetyMonitor:
    """Looks at the tube five times a second.

    Parameters
    ----------
    bench
        That is watched.
    account
        Which counts the dose.
    trip
        Called once with what is wrong; from the clock's thread, so it must return soon.
    """

    def __init__(self, bench: Bench, account: DoseAccount, trip: Callable[[str], None]) -> None:
        self._bench = bench
        self._account = account
        self._trip = trip
        self._tube = bench.tube if bench.has(XrayTube) else None
        self._looks = 0
        self._bad_looks = 0
        self._last: float | None = None
        self._scheduled = bench.clock.every(PERIOD, self.look) if self._tube is not None else None
        self.tripped: str | None = None

    def stop(self) -> None:
        """Look no more."""
        if self._scheduled is not None:
            self._scheduled.cancel()

    def look(self) -> None:
        """Look once; an instrument that is being talked to is left alone."""
        tube = self._tube
        if tube is None or self.tripped is not None:
            return
        self._looks += 1
        expected = tube.beam_expected
        if not expected and self._looks % IDLE_LOOKS:
            self._last = None
            return
        if not tube.lock.acquire(blocking=False):
            return
        try:
            expected = tube.beam_expected
            self._judge(tube, tube.status(), expected)
        except InstrumentError as error:
            self._bad_looks += 1
            if self._bad_looks >= LOST_LOOKS:
                self._say(f"the tube cannot be read: {error}")
        finally:
            tube.lock.release()

    def _judge(self, tube: XrayTube, now: TubeStatus, expected: bool) -> None:
        if now.beam_on:
            self._count(tube, now)
        else:
            self._last = None
        if not expected:
            if now.beam_on:
                self._say("the beam is on although nobody wants it")
            return
        if not now.interlock_closed:
            self._say("the interlock opened")
        elif now.faults:
            self._say(f"tube fault: {', '.join(now.faults)}")
        elif not now.beam_on:
            self._say("the beam went off by itself")
        elif not tube.at_operating_point(now):
            self._bad_looks += 1
            if self._bad_looks >= LOST_LOOKS:
                voltage, current = tube.operating_point
                self._say(
                    f"the tube is at {now.voltage_kv:.2f} kV, {now.current_ma:.4f} mA and not at "
                    f"{voltage:g} kV, {current:g} mA"
                )
        else:
            self._bad_looks = 0

    def _count(self, tube: XrayTube, now: TubeStatus) -> None:
        time = self._bench.clock.now()
        # what passed before the first look counts as well: rather too much than too little
        since = tube.switched_on_at if self._last is None else max(self._last, tube.switched_on_at)
        self._account.count(now.voltage_kv, now.current_ma, time - since)
        self._last = time
        dose = self._account.dose
        budget = self._bench.file.limits.dose_per_run_gy
        if dose is not None and dose > budget:
            self._say(f"the dose budget of {budget:g} Gy a run is used up (limits.dose_per_run_gy)")

    def _say(self, what: str) -> None:
        if self.tripped is None:
            self.tripped = what
            self._trip(what)
