"""What is switched on by hand: watched as a run is, and off again after a set time."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from app.engine.dose_account import DoseAccount
from app.engine.events import Level, Noted
from app.engine.safety import PERIOD, SafetyMonitor
from app.engine.trips import Trip, policy_of
from config.mistake import UserMistake
from drivers.bench import Bench
from drivers.errors import Inhibited
from drivers.roles import Role, XrayTube

log = logging.getLogger(__name__)

LONGEST: Mapping[str, float] = {
    "tube": 3600.0,
    "source_meter": 12 * 3600.0,
    "preamp": 12 * 3600.0,
    "light": 3600.0,
    "temperature_stage": 12 * 3600.0,
}
"""s for which a role may be left on by hand; what shall be on for longer is a run's business."""


WATCHDOG = 10.0
"""s after which a tube that has a watchdog switches off by itself, as in a run"""

RAMP_PIECE, RAMP_PAUSE = 0.5, 0.05
"""s that a ramp goes on without looking whether it is still wanted, and s from one piece to the next"""


@dataclass(frozen=True)
class HandNews:
    """What is on by hand, and what it has cost."""

    left: Mapping[str, float] = field(default_factory=dict)
    """By role that is on, s on the bench's clock until it is switched off."""
    dose: float | None = None
    """Gy at the sample by hand; None until a dose rate was read."""


class ByHand:
    """Switches on what a hand asks for, with the protection that a run has.

    The safety monitor looks at the tube as in a run: interlock, faults, operating point, dose budget. Besides, nothing
    stays on for longer than was said when it was switched on. The guardian belongs to the bench, not to a run.

    Parameters
    ----------
    bench
        Open.
    stop
        Makes the whole bench safe, and returns at once: it is called from the clock's thread with the reason.
    note
        Told what was done, for the journal; from any thread, so it must return at once.
    """

    def __init__(
        self, bench: Bench, stop: Callable[[str], None], note: Callable[[Noted], None] = lambda _: None
    ) -> None:
        self._bench = bench
        self._stop = stop
        self._note = note
        self._guard = threading.Lock()
        self._started = bench.clock.now()
        self._deadlines: dict[str, float] = {}
        self._offs: dict[str, int] = {}
        self._account = DoseAccount()
        self._monitor: SafetyMonitor | None = None
        self._timer = bench.clock.every(PERIOD, self.look)

    @property
    def active(self) -> bool:
        """Whether something is on by hand."""
        return bool(self._deadlines)

    @property
    def news(self) -> HandNews:
        """What is on, and the dose."""
        now = self._bench.clock.now()
        with self._guard:
            left = {role: max(0.0, until - now) for role, until in self._deadlines.items()}
        return HandNews(left, self._account.dose)

    def offs(self, role: str) -> int:
        """Count how often a role was switched off; what was asked for before the last time is not switched on."""
        return self._offs.get(role, 0)

    def beam_on(self, voltage_kv: float, current_ma: float, seconds: float, offs: int | None = None) -> None:
        """Switch the beam on, for `seconds` at most.

        Parameters
        ----------
        voltage_kv, current_ma
            The operating point. A beam that is on already goes off and comes back with it.
        seconds
            On the bench's clock.
        offs
            What `offs` said when it was asked for; None: now.

        Raises
        ------
        UserMistake
            If a limit is exceeded, or the dose budget is used up; nothing is sent.
        InstrumentError
            If the tube does not do it: then it is off.
        """
        from procedures.procedure import check_warmed_up

        tube = self._bench.tube
        tube.check_operating_point(voltage_kv, current_ma)
        dose, budget = self._account.dose, self._bench.file.limits.dose_per_run_gy
        if dose is not None and dose >= budget:
            raise UserMistake(
                f"the sample has had {dose:.3g} Gy by hand, the budget is {budget:g} Gy (limits.dose_per_run_gy): "
                f"count anew when another one is in the beam"
            )
        check_warmed_up(self._bench, voltage_kv)
        limits = self._bench.file.limits
        if tube.duty_left <= 0:
            # a run waits; a hand that says Off while the tube rests must not see a beam afterwards
            raise UserMistake(
                f"the beam was on for {limits.duty_cycle:.0%} of {limits.duty_window_s:g} s (limits.duty_cycle): "
                f"let the tube rest, and try again"
            )
        self._check_time("tube", seconds)
        tube.arm_watchdog(WATCHDOG)

        def switch_on(check: Callable[[], None]) -> None:
            with tube.lock:
                check()
                if tube.beam_expected:
                    tube.switch_off()
                tube.set_operating_point(voltage_kv, current_ma)
                tube.switch_on()

        self._energise("tube", seconds, offs, switch_on, f"beam at {voltage_kv:g} kV, {current_ma:g} mA")

    def bias_on(self, volts: float, compliance: float, seconds: float, offs: int | None = None) -> None:
        """Put a bias on the sample through the source meter, ramped, for `seconds` at most.

        Parameters, errors
            As `beam_on`; V and A. With the output on already, the compliance stays as it is.
        """
        source = self._bench.source_meter
        source.check_bias(volts)

        def switch_on(check: Callable[[], None]) -> None:
            with source.lock:
                check()
                if not source.output_on:
                    source.configure(compliance)
                    source.switch_on()
            self._ramp(source, lambda: source.voltage, source.ramp_to, volts, check)

        self._energise("source_meter", seconds, offs, switch_on, f"bias {volts:g} V, compliance {compliance:g} A")

    def preamp_bias_on(self, volts: float, seconds: float, offs: int | None = None) -> None:
        """Put a bias on the preamplifier's input, ramped, for `seconds` at most; parameters and errors as `beam_on`."""
        preamp = self._bench.preamp
        preamp.check_bias(volts)

        def switch_on(check: Callable[[], None]) -> None:
            self._ramp(preamp, lambda: preamp.bias, preamp.set_bias, volts, check)

        self._energise("preamp", seconds, offs, switch_on, f"preamplifier's bias {volts:g} V")

    def light_on(self, hertz: float, fraction: float, seconds: float, offs: int | None = None) -> None:
        """Fire light pulses regularly for `seconds` at most; parameters and errors as `beam_on`."""
        light = self._bench.light

        def switch_on(check: Callable[[], None]) -> None:
            with light.lock:
                check()
                if fraction != light.energy_fraction:
                    light.set_energy_fraction(fraction)
                light.set_rate(hertz)
                light.switch_on()

        self._energise("light", seconds, offs, switch_on, f"light pulses at {hertz:g} Hz, energy {fraction:.0%}")

    def temperature_on(
        self, kelvin: float, rate_k_per_min: float | None, seconds: float, offs: int | None = None
    ) -> None:
        """Bring the sample to a temperature and hold it for `seconds` at most; parameters and errors as `beam_on`."""
        stage = self._bench.temperature_stage

        def switch_on(check: Callable[[], None]) -> None:
            with stage.lock:
                check()
                stage.set_temperature(kelvin, rate_k_per_min)

        self._energise("temperature_stage", seconds, offs, switch_on, f"temperature {kelvin:g} K")

    def _ramp(
        self,
        instrument: Role,
        bias: Callable[[], float],
        go: Callable[[float], None],
        volts: float,
        check: Callable[[], None],
    ) -> None:
        """Go to a bias in short pieces: who wants it off must not have to wait for its end."""
        piece = self._bench.file.limits.bias_ramp_v_per_s * RAMP_PIECE
        while True:
            with instrument.lock:
                check()
                difference = volts - bias()
                go(volts if abs(difference) <= piece else bias() + math.copysign(piece, difference))
            if bias() == volts:
                return
            instrument.wait(RAMP_PAUSE)

    def off(self, role: str) -> None:
        """Switch one role off, in any thread.

        Raises
        ------
        InstrumentError
            If it does not confirm: then the whole bench was told to be safe.
        """
        self._offs[role] = self.offs(role) + 1
        try:
            self._bench.instruments[role].make_safe()
        except Exception as error:
            self._stop(f"{role} could not be switched off by hand: {error}")
            raise
        with self._guard:
            was_on = self._deadlines.pop(role, None)
        if was_on is not None:
            self._say("info", f"{role.replace('_', ' ')} off")

    def count_anew(self) -> None:
        """Forget the dose: another sample is in the beam.

        Raises
        ------
        UserMistake
            While the beam is on.
        """
        if "tube" in self._deadlines:
            raise UserMistake("the dose cannot be counted anew while the beam is on: switch it off first")
        self._drop_monitor()
        self._account = DoseAccount()
        self._say("info", "the dose by hand is counted anew")

    def take_dose_rate(self, dose_rate: float) -> None:
        """Take note of a dose rate that was read while the beam is on, Gy/s."""
        tube = self._bench.tube if self._bench.has(XrayTube) else None
        if tube is not None and tube.beam_expected:
            self._account.calibrate(*tube.operating_point, dose_rate)

    def end(self) -> None:
        """Switch off what is on, and watch no more: a run begins, or the bench is closed.

        Raises
        ------
        InstrumentError
            If something does not confirm that it is off; the whole bench was told to be safe.
        """
        self._timer.cancel()
        self._drop_monitor()
        with self._guard:
            roles = list(self._deadlines)
        for role in roles:
            self.off(role)

    def stopped(self) -> None:
        """Take note that the whole bench is made safe by somebody else."""
        with self._guard:
            self._offs = {role: count + 1 for role, count in {**dict.fromkeys(LONGEST, 0), **self._offs}.items()}
            self._deadlines.clear()
        self._drop_monitor()

    def _drop_monitor(self) -> None:
        monitor, self._monitor = self._monitor, None
        if monitor is not None:
            monitor.stop()

    def look(self) -> None:
        """End what has been on for its time."""
        now = self._bench.clock.now()
        with self._guard:
            over = [role for role, until in self._deadlines.items() if now >= until]
        if over:
            names = ", ".join(role.replace("_", " ") for role in over)
            self._say("warning", f"{names}: the time set by hand is over")
            self._halt(f"{names}: the time set by hand is over")

    def _energise(
        self,
        role: str,
        seconds: float,
        offs: int | None,
        switch_on: Callable[[Callable[[], None]], None],
        what: str,
    ) -> None:
        self._check_time(role, seconds)
        instrument = self._bench.instruments[role]
        asked = self.offs(role) if offs is None else offs

        def check() -> None:
            instrument.check_not_inhibited()
            if asked != self.offs(role):
                raise Inhibited(instrument.name, "was switched off since it was asked for")

        check()
        if self._monitor is None:
            self._monitor = SafetyMonitor(self._bench, self._account, self._trip)
        with self._guard:
            # before it is on: what hangs on its way is ended as well
            self._deadlines[role] = self._bench.clock.now() + seconds
        try:
            switch_on(check)
        except BaseException as error:
            self.off(role)
            self._say("warning" if isinstance(error, Inhibited) else "error", f"{what}: {error}")
            raise
        with self._guard:
            if role in self._deadlines:
                self._deadlines[role] = self._bench.clock.now() + seconds
        self._say("info", f"{what}, for {seconds:g} s at most")

    def _check_time(self, role: str, seconds: float) -> None:
        longest = LONGEST[role]
        if not 0 < seconds <= longest:
            raise UserMistake(f"{role} by hand for {seconds:g} s: must be above 0 and at most {longest:g} s")

    def _trip(self, trip: Trip) -> bool:
        """Obey the bench file's policy; a pause is none for a hand, and ends it."""
        if policy_of(self._bench.file.policies, trip.kind) == "note":
            self._say("warning", trip.message)
            return True
        self._say("error", trip.message)
        self._halt(trip.message)
        return False

    def _halt(self, reason: str) -> None:
        self.stopped()
        self._stop(reason)

    def _say(self, level: Level, message: str) -> None:
        log.log({"info": logging.INFO, "warning": logging.WARNING}.get(level, logging.ERROR), "by hand: %s", message)
        self._note(Noted(self._bench.clock.now() - self._started, level, "by hand", message))
