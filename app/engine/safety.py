"""Watches the bench while a run has it, and says so when something is not as it must be."""

from __future__ import annotations

from collections.abc import Callable

from app.engine.dose_account import DoseAccount
from app.engine.steady_tube import ASKED_EVERY, SteadyTube
from app.engine.trips import Trip, TripKind, tube_fault
from drivers.bench import Bench
from drivers.errors import InstrumentError
from drivers.roles import Role, SourceMeter, TubeStatus, XrayTube

PERIOD = 0.2
"""s on the bench's clock from one look to the next"""

IDLE_LOOKS = 5
"""Every so many looks the tube is asked although no beam is expected."""

LOST_LOOKS = 2
"""So many looks in a row must be off tolerance or unanswered before the run is tripped: an arc that the supply
quenches by itself within one look is its own business."""


TOLERANCE, COMPLIANCE = "tolerance", "compliance"
"""What bad looks are counted of, besides the instruments that did not answer."""


class SafetyMonitor:
    """Looks at the tube and at the source that holds a bias five times a second.

    What cannot be asked without disturbing the measurement (dosimeter, spectrometer, digitizer, camera, preamplifier)
    is judged by each of its readings: those come to the run as errors and as flags of what is recorded.

    Parameters
    ----------
    bench
        That is watched.
    account
        Which counts the dose.
    trip
        Told once what is wrong; from the clock's thread, so it must return soon. It says whether the run goes on all
        the same.
    """

    def __init__(self, bench: Bench, account: DoseAccount, trip: Callable[[Trip], bool]) -> None:
        self._bench = bench
        self._account = account
        self._trip = trip
        self._tube = bench.tube if bench.has(XrayTube) else None
        self._steady = SteadyTube(bench)
        self._source = bench.source_meter if bench.has(SourceMeter) else None
        self._looks = 0
        self._bad_looks: dict[str, int] = {}
        self._noted: set[TripKind] = set()
        self._last: float | None = None
        self._at_rest = False
        self._source_state: tuple[int | None, float] | None = None
        self._source_asked = 0.0
        watched = self._tube is not None or self._source is not None
        self._scheduled = bench.clock.every(PERIOD, self.look) if watched else None

    def stop(self) -> None:
        """Look no more."""
        if self._scheduled is not None:
            self._scheduled.cancel()

    def rest(self) -> None:
        """Say nothing more of what is wrong, until `begin_again`: the run knows."""
        self._at_rest = True

    def begin_again(self) -> None:
        """Watch as at the beginning."""
        self._bad_looks.clear()
        self._last = None
        self._at_rest = False

    def look(self) -> None:
        """Look once; an instrument that is being talked to is left alone."""
        self._looks += 1
        if not self._at_rest:
            self._look_at_tube()
        if not self._at_rest:
            self._look_at_source()

    def confirm_beam(self) -> None:
        """Look at the tube now, before a point is recorded that needs its beam."""
        tube = self._tube
        if tube is None or self._at_rest or not tube.beam_expected:
            return
        with tube.lock:
            for _ in range(LOST_LOOKS):
                self._ask(tube, lambda: self._judge(tube, tube.watch(), expected=tube.beam_expected))
                # what a look in passing may let pass once, a point may not
                if not self._bad_looks.keys() & {tube.role, TOLERANCE}:
                    return

    def _look_at_tube(self) -> None:
        tube = self._tube
        if tube is None:
            return
        if not tube.beam_expected and self._looks % IDLE_LOOKS:
            self._last = None
            return
        if not tube.lock.acquire(blocking=False):
            return
        try:
            self._ask(tube, lambda: self._judge(tube, self._steady.watch(tube), expected=tube.beam_expected))
        finally:
            tube.lock.release()

    def _look_at_source(self) -> None:
        source = self._source
        if source is None or not source.output_on or self._is_steady(source):
            return
        if not source.lock.acquire(blocking=False):
            return
        try:
            self._ask(source, lambda: self._judge_source(source))
        finally:
            source.lock.release()

    def _is_steady(self, source: SourceMeter) -> bool:
        """Say whether nothing has changed since the last answer: see `SteadyTube`, and for how long that holds."""
        changes, now = self._bench.tube_changes, self._bench.clock.now()
        state = (changes, source.voltage)
        well = not self._bad_looks.keys() & {source.role, COMPLIANCE}
        if changes is not None and well and state == self._source_state and now - self._source_asked < ASKED_EVERY:
            return True
        self._source_state, self._source_asked = state, now
        return False

    def _ask(self, instrument: Role, look: Callable[[], None]) -> None:
        try:
            look()
        except InstrumentError as error:
            if self._again(instrument.role):
                self._say(Trip(TripKind.SILENT, f"the {instrument.role} cannot be read: {error}", instrument.role))
        except Exception as error:
            # a watcher that dies without a word would be worse than any fault
            if self._again(instrument.role):
                self._say(Trip(TripKind.SILENT, f"the {instrument.role} cannot be watched: {error}", instrument.role))
        else:
            self._bad_looks.pop(instrument.role, None)

    def _again(self, what: str) -> bool:
        """Count a bad look; say whether that is enough of them in a row."""
        self._bad_looks[what] = self._bad_looks.get(what, 0) + 1
        return self._bad_looks[what] >= LOST_LOOKS

    def _judge_source(self, source: SourceMeter) -> None:
        if not source.output_on or not source.in_compliance():
            self._bad_looks.pop(COMPLIANCE, None)
            self._noted.discard(TripKind.COMPLIANCE)
        elif self._again(COMPLIANCE):
            said = f"the source is in compliance at {source.voltage:g} V"
            self._say(Trip(TripKind.COMPLIANCE, said, "source_meter"))

    def _judge(self, tube: XrayTube, now: TubeStatus, *, expected: bool) -> None:
        if now.beam_on:
            self._count(tube, now)
        else:
            self._last = None
        if not expected:
            if now.beam_on:
                self._say(Trip(TripKind.TUBE_FAULT, "the beam is on although nobody wants it", "tube"))
            return
        if not now.interlock_closed:
            self._say(Trip(TripKind.INTERLOCK, "the interlock opened", "tube"))
        elif now.faults:
            self._say(tube_fault(f"tube fault: {', '.join(now.faults)}"))
        elif tube.duty_left < 0:
            limits = self._bench.file.limits
            said = f"the beam was on for {limits.duty_cycle:.0%} of {limits.duty_window_s:g} s (limits.duty_cycle)"
            self._say(Trip(TripKind.DUTY_CYCLE, said, "tube"))
        elif not now.beam_on:
            self._say(Trip(TripKind.TUBE_FAULT, "the beam went off by itself", "tube"))
        elif tube.at_operating_point(now):
            self._bad_looks.pop(TOLERANCE, None)
            self._noted.discard(TripKind.OFF_TOLERANCE)
        elif self._again(TOLERANCE):
            voltage, current = tube.operating_point
            self._say(
                Trip(
                    TripKind.OFF_TOLERANCE,
                    f"the tube is at {now.voltage_kv:.2f} kV, {now.current_ma:.4f} mA and not at "
                    f"{voltage:g} kV, {current:g} mA",
                    "tube",
                )
            )

    def _count(self, tube: XrayTube, now: TubeStatus) -> None:
        time = self._bench.clock.now()
        # what passed before the first look counts as well: rather too much than too little
        since = tube.switched_on_at if self._last is None else max(self._last, tube.switched_on_at)
        self._account.count(now.voltage_kv, now.current_ma, time - since)
        self._last = time
        dose = self._account.dose
        budget = self._bench.file.limits.dose_per_run_gy
        if dose is not None and dose > budget:
            said = f"the dose budget of {budget:g} Gy a run is used up (limits.dose_per_run_gy)"
            self._say(Trip(TripKind.DOSE_BUDGET, said))

    def _say(self, trip: Trip) -> None:
        if self._at_rest or trip.kind in self._noted:
            return
        if self._trip(trip):
            self._noted.add(trip.kind)
        else:
            self._at_rest = True
