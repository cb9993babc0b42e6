"""The X-ray tube's role."""

from __future__ import annotations

import logging
import math
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from drivers.duty_cycle import DutyCycle
from drivers.errors import BeamStateUnknown, InstrumentError, InterlockOpen, LimitExceeded, TubeFault
from drivers.roles.role import Role, exclusive
from drivers.tube_use import TubeUse

log = logging.getLogger(__name__)

MOST_UNANSWERED = 3
"""Tries to switch the beam off without a usable answer before that is said aloud; whoever calls tries again."""


@dataclass(frozen=True)
class TubeStatus:
    """What the tube says of itself, read in one go."""

    beam_on: bool
    interlock_closed: bool
    ready: bool
    voltage_kv: float
    current_ma: float
    faults: tuple[str, ...] = ()


class XrayTube(Role):
    """Makes X-rays of a set voltage and current, or none."""

    role = "tube"

    rise_timeout = 10.0
    """s in which the tube must reach its operating point after it was switched on."""
    off_timeout = 0.4
    """s in which the tube must confirm that the beam is off."""
    voltage_tolerance = 0.02
    """of the set voltage (at least 0.2 kV) within which it counts as reached."""
    current_tolerance = 0.03
    """of the set current (at least 0.2 % of full scale) within which it counts as reached."""

    _voltage_kv = 0.0
    _current_ma = 0.0
    _beam_expected = False
    _switched_on_at = 0.0
    _duty: DutyCycle | None = None

    use: TubeUse | None = None
    """What is known of this tube's past; None where nothing is written down (a simulated tube)."""

    @property
    def switched_on_at(self) -> float:
        """When the beam was last switched on, s on the bench's clock."""
        return self._switched_on_at

    @property
    def operating_point(self) -> tuple[float, float]:
        """Voltage, kV, and current, mA, as last set."""
        return self._voltage_kv, self._current_ma

    @property
    def beam_expected(self) -> bool:
        """Whether the beam has risen and was not told to go off since; what is, `status` says."""
        return self._beam_expected

    @property
    @abstractmethod
    def full_scale(self) -> tuple[float, float]:
        """The largest voltage, kV, and current, mA, that this tube can be set to."""

    @abstractmethod
    def status(self) -> TubeStatus:
        """Read status, faults and monitors from the tube."""

    @property
    def duty_left(self) -> float:
        """Beam time that the duty cycle still allows now, s; below zero when it was exceeded."""
        return self._duty_cycle.left(self.clock.now())

    @property
    def _duty_cycle(self) -> DutyCycle:
        if self._duty is None:
            self._duty = DutyCycle(self.limits.duty_cycle, self.limits.duty_window_s)
        return self._duty

    def idle_days(self, voltage_kv: float) -> float | None:
        """Return the days since this tube was last used at about this voltage; None where that is not known."""
        return None if self.use is None else self.use.idle_days(voltage_kv)

    def _take_note_of_use(self) -> None:
        if self.use is None:
            return
        try:
            self.use.record(self._voltage_kv)
        except OSError as error:
            log.warning("%s: its use cannot be written down: %s", self.name, error)

    def watch(self) -> TubeStatus:
        """Read what shows that the beam is as it was set, five times a second; may spare what `status` adds to that."""
        return self.status()

    def reset_faults(self) -> tuple[str, ...]:
        """Reset latched faults where the tube can be told to; return those that remain. The beam stays off."""
        return self.status().faults

    @abstractmethod
    def _send_operating_point(self, voltage_kv: float, current_ma: float) -> None:
        """Send both set values and read them back."""

    @abstractmethod
    def _send_high_voltage(self, on: bool) -> None:
        """Switch the high voltage."""

    def check_operating_point(self, voltage_kv: float, current_ma: float) -> None:
        """Check an operating point against the bench's limits and the tube's range; nothing is sent.

        Raises
        ------
        LimitExceeded
            If voltage, current or power is too high.
        ValueError
            If one of them is no number or negative.
        """
        for quantity, value in (("tube voltage", voltage_kv), ("tube current", current_ma)):
            if not math.isfinite(value) or value < 0:
                raise ValueError(f"{quantity} {value} is no value that a tube can be set to")
        limits = self.limits
        most_kv, most_ma = self.full_scale
        if voltage_kv > limits.tube_voltage_kv:
            raise LimitExceeded("tube voltage", voltage_kv, "kV", limits.tube_voltage_kv, "tube_voltage_kv")
        if current_ma > limits.tube_current_ma:
            raise LimitExceeded("tube current", current_ma, "mA", limits.tube_current_ma, "tube_current_ma")
        if voltage_kv * current_ma > limits.tube_power_w:
            raise LimitExceeded("tube power", voltage_kv * current_ma, "W", limits.tube_power_w, "tube_power_w")
        if voltage_kv > most_kv or current_ma > most_ma:
            raise LimitExceeded(
                f"with {voltage_kv:g} kV and {current_ma:g} mA the tube", voltage_kv, "kV", most_kv, "its own range"
            )

    @exclusive
    def set_operating_point(self, voltage_kv: float, current_ma: float) -> None:
        """Set voltage and current; the beam stays as it is, on or off.

        Raises
        ------
        LimitExceeded
            Before anything is sent.
        """
        self.check_operating_point(voltage_kv, current_ma)
        self._send_operating_point(voltage_kv, current_ma)
        self._voltage_kv, self._current_ma = voltage_kv, current_ma

    @exclusive
    def switch_on(self) -> TubeStatus:
        """Switch the beam on and wait until the tube reads back its operating point.

        Raises
        ------
        InterlockOpen
            If the interlock, read now, is open.
        TubeFault
            If the tube has a fault, or does not get there in `rise_timeout`.
        Inhibited
            If the bench was told to stop.
        """
        self.check_not_inhibited()
        self._check_may_switch_on()
        if self._voltage_kv <= 0 or self._current_ma <= 0:
            raise TubeFault(self.name, "no operating point is set")
        self._rest_for_duty_cycle()
        try:
            self._send_high_voltage(True)
            self._switched_on_at = self.clock.now()
            self._duty_cycle.switched(True, self._switched_on_at)
            risen = self._wait_until_risen()
            self._beam_expected = True
            self._take_note_of_use()
            return risen
        except BaseException:
            self.switch_off()
            raise

    def _check_may_switch_on(self) -> None:
        now = self.status()
        if not now.interlock_closed:
            raise InterlockOpen(self.name, "the interlock is open: close the door and try again")
        if now.faults:
            raise TubeFault(self.name, f"fault: {', '.join(now.faults)}")

    def _rest_for_duty_cycle(self) -> None:
        """Wait until a tenth of the allowed beam time is there again, where it is used up."""
        limits = self.limits
        if self.duty_left > 0:
            return
        while self.duty_left < 0.1 * limits.duty_cycle * limits.duty_window_s:
            self.wait(1.0)
        # the door may have been opened in the meantime
        self._check_may_switch_on()

    def _wait_until_risen(self) -> TubeStatus:
        started = self.clock.now()
        while True:
            self.check_not_inhibited()
            now = self.status()
            self._check_on(now, "the tube did not switch on")
            if self.at_operating_point(now):
                return now
            if self.clock.now() - started > self.rise_timeout:
                raise TubeFault(
                    self.name,
                    f"is at {now.voltage_kv:.2f} kV, {now.current_ma:.4f} mA and not at "
                    f"{self._voltage_kv:g} kV, {self._current_ma:g} mA after {self.rise_timeout:g} s",
                )
            self.wait(0.05)

    def _check_on(self, now: TubeStatus, otherwise: str) -> None:
        if not now.interlock_closed:
            raise InterlockOpen(self.name, "the interlock opened")
        if now.faults:
            raise TubeFault(self.name, f"fault: {', '.join(now.faults)}")
        if not now.beam_on:
            raise TubeFault(self.name, otherwise)

    def at_operating_point(self, now: TubeStatus) -> bool:
        """Say whether voltage and current are what they were set to."""
        most_kv, most_ma = self.full_scale
        near_kv = max(self.voltage_tolerance * self._voltage_kv, 0.002 * most_kv)
        near_ma = max(self.current_tolerance * self._current_ma, 0.002 * most_ma)
        return abs(now.voltage_kv - self._voltage_kv) <= near_kv and abs(now.current_ma - self._current_ma) <= near_ma

    @exclusive
    def switch_off(self) -> None:
        """Switch the beam off and confirm by read-back that it is.

        Raises
        ------
        BeamStateUnknown
            If the tube does not confirm within `off_timeout`, or cannot be reached.
        """
        if self._beam_expected:
            self._take_note_of_use()
        self._beam_expected = False
        started = self.clock.now()
        last: InstrumentError | None = None
        unanswered = 0
        while True:
            try:
                self._send_high_voltage(False)
                if not self.status().beam_on:
                    self._duty_cycle.switched(False, self.clock.now())
                    return
            except InstrumentError as error:
                last, unanswered = error, unanswered + 1
            # each of these has cost a timeout, which is real time and none of a virtual clock's
            if unanswered >= MOST_UNANSWERED or self.clock.now() - started > self.off_timeout:
                why = f": {last}" if last else ", the tube still reports high voltage"
                raise BeamStateUnknown(self.name, f"told to switch off and not confirmed{why}")
            self.clock.sleep(0.05)

    @contextmanager
    def beam(self, kilovolts: float, milliamps: float) -> Iterator[TubeStatus]:
        """Have the beam on inside a `with` block, and off after it whatever happens in it.

        Parameters
        ----------
        kilovolts, milliamps
            The operating point.

        Raises
        ------
        InterlockOpen, TubeFault
            Also at the end of the block, if the beam is no longer on then: what was measured in it is no measurement.
        Inhibited
            If the bench was told to stop.
        """
        self.set_operating_point(kilovolts, milliamps)
        try:
            yield self.switch_on()
            self.confirm_beam()
        finally:
            self.switch_off()

    @exclusive
    def confirm_beam(self) -> None:
        """Look whether a beam that was switched on still is; what was measured beside one that is not is nothing.

        Raises
        ------
        InterlockOpen, TubeFault
            If it is not.
        Inhibited
            If the bench was told to stop.
        """
        self.check_not_inhibited()
        if self._beam_expected:  # who has switched it off within the block knows
            self._check_on(self.watch(), "the beam went off by itself")

    def arm_watchdog(self, seconds: float) -> bool:
        """Let the tube's own watchdog switch off unless it is spoken to; False where it has none."""
        del seconds
        return False

    def make_safe(self) -> None:
        """Switch the beam off and set voltage and current to zero."""
        with self.lock:
            self.switch_off()
            self._send_operating_point(0.0, 0.0)
            self._voltage_kv = self._current_ma = 0.0
