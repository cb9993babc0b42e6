"""What the XRV supply knows of itself: filament, warning time, watchdog, power limit, faults."""

from __future__ import annotations

from typing import Any

FAULT_BITS = {
    "filamentselect": 0,
    "overtemperatureapproach": 1,
    "overvoltage": 2,
    "undervoltage": 3,
    "overcurrent": 4,
    "undercurrent": 5,
    "overtemperature": 6,
    "anodeovertemperature": 6,
    "cathodeovertemperature": 7,
    "inverter": 8,
    "filamentfeedback": 10,
    "filament": 10,
    "arc": 11,
    "anodearc": 11,
    "cathodearc": 12,
    "cable": 13,
    "acline": 15,
    "dcrail": 17,
    "watchdog": 21,
    "boardovertemperature": 22,
    "overpower": 23,
    "voltagedifference": 24,
    "currentdifference": 25,
    "inverternotready": 26,
}
"""The faults' names, letters only, and their places in the answer to command 68."""
FAULT_COUNT = 27
_ANY_OTHER = 8

EMISSION_TIME_S = 3.0
"""High voltage without emission for so long is a fault (undercurrent)."""


def fault_bit(name: str) -> int:
    """Return the place of a fault of the world's in the answer to command 68."""
    letters = "".join(letter for letter in name.lower() if letter.isalpha())
    return FAULT_BITS.get(letters.removesuffix("fault"), _ANY_OTHER)


class SupplyState:
    """The supply between its wire and the world's tube.

    Parameters
    ----------
    world
        The bench's.
    power_limit_w, watchdog_s, filament_warm_up_s, pre_warning_s
        As for the wire.
    """

    def __init__(
        self, world: Any, power_limit_w: float, watchdog_s: float, filament_warm_up_s: float, pre_warning_s: float
    ) -> None:
        self._world = world
        self.tube = world.tube
        self.power_limits_w = (power_limit_w, power_limit_w)
        """Of the large and the small filament, W."""
        self.watchdog_s = watchdog_s
        self.pre_warning_s = pre_warning_s
        self.local = False
        self.large_filament = False
        self._warm_up = filament_warm_up_s
        self._voltage_kv = 0.0
        self._current_ma = 0.0
        self._filament_since: float | None = None
        self._warning_since: float | None = None
        self._last_message = world.clock.now()
        self._watching = False
        self._on_since: float | None = None
        self._awaited = 0
        self._seconds_on = 0.0

    # --- filament

    @property
    def filament_enabled(self) -> bool:
        """Whether the filament is heated."""
        return self._filament_since is not None

    @property
    def filament_hot(self) -> bool:
        """Whether it emits."""
        return self._filament_since is not None and self._now() >= self._filament_since + self._warm_up - 1e-9

    def enable_filament(self, on: bool) -> None:
        """Heat the filament, or let it cool."""
        if on and self._filament_since is None:
            self._filament_since = self._now()
            self._at(self._warm_up, self._apply)
        elif not on:
            self._filament_since = None
        self._apply()
        if not on and self.tube.high_voltage_on:
            self._await_emission()

    # --- operating point

    def set_voltage_kv(self, voltage_kv: float) -> None:
        """Set what is applied while the high voltage is on."""
        self._voltage_kv = voltage_kv
        self._apply()

    def set_current_ma(self, current_ma: float) -> None:
        """Set what flows while the high voltage is on and the filament hot."""
        self._current_ma = current_ma
        self._apply()

    def set_power_limits(self, large_w: float, small_w: float) -> None:
        """Set the power, W, above which the supply trips, for either filament."""
        self.power_limits_w = (float(large_w), float(small_w))
        self._apply()

    def _apply(self) -> None:
        emitted = self._current_ma if self.filament_hot else 0.0
        if self.tube.programmed_voltage_kv != self._voltage_kv:
            self.tube.set_voltage_kv(self._voltage_kv)
        if self.tube.programmed_current_ma != emitted:
            self.tube.set_current_ma(emitted)
        if (
            self.tube.high_voltage_on
            and self._voltage_kv * emitted > self.power_limits_w[0 if self.large_filament else 1]
        ):
            self.tube.trip("overpower")

    # --- high voltage

    @property
    def warning(self) -> bool:
        """Whether the X-ray lamp is on and the high voltage about to come."""
        return self._warning_since is not None

    def switch_on(self) -> bool:
        """Switch the high voltage on, after the warning time; False where the supply refuses."""
        if self.tube.faults == frozenset({"interlock"}) and self.tube.interlock_closed:
            self.tube.clear_faults()
        if not self.tube.interlock_closed or self.tube.faults:
            return False
        if self.tube.high_voltage_on or self.warning:
            return True
        if self.pre_warning_s > 0:
            started = self._warning_since = self._now()
            self._at(self.pre_warning_s, lambda: self._end_warning(started))
            return True
        return self._energise()

    def _end_warning(self, started: float) -> None:
        if self._warning_since == started:
            self._warning_since = None
            self._energise()

    def _energise(self) -> bool:
        if not self.tube.switch_on():
            return False
        self._on_since = self._now()
        self._apply()
        self._await_emission()
        self._watch()
        return True

    def switch_off(self) -> None:
        """Switch the high voltage off."""
        self._warning_since = None
        self.tube.switch_off()
        self._count_hours()

    def _await_emission(self) -> None:
        self._awaited += 1
        this = self._awaited
        self._at(EMISSION_TIME_S, lambda: self._check_emission(this))

    def _check_emission(self, of: int) -> None:
        # it may have gone off and on again since, and not be hot yet
        if of == self._awaited and self.tube.high_voltage_on and self._current_ma > 0 and not self.filament_hot:
            self.tube.trip("undercurrent")

    # --- watchdog

    def sign_of_life(self) -> None:
        """Take note that a message arrived."""
        self._last_message = self._now()

    def _watch(self) -> None:
        if self.watchdog_s > 0 and not self._watching:
            self._watching = True
            self._at(self.watchdog_s, self._look)

    def _look(self) -> None:
        self._watching = False
        if not self.tube.high_voltage_on:
            return
        silent = self._now() - self._last_message
        if silent >= self.watchdog_s - 1e-9:
            self.tube.trip("watchdog")
        else:
            self._watching = True
            self._at(self.watchdog_s - silent, self._look)

    # --- hours

    def hours_on(self) -> float:
        """Hours with high voltage since the counter was reset."""
        self._count_hours()
        return self._seconds_on / 3600

    def reset_hours(self) -> None:
        """Begin counting anew."""
        self._count_hours()
        self._seconds_on = 0.0

    def _count_hours(self) -> None:
        if self._on_since is None:
            return
        now = self._now()
        self._seconds_on += now - self._on_since
        self._on_since = now if self.tube.high_voltage_on else None

    # --- time

    def _now(self) -> float:
        return float(self._world.clock.now())

    def _at(self, later: float, action: Any) -> None:
        def locked() -> None:
            with self._world.lock:
                action()

        self._world.clock.call_at(self._now() + later, locked)
