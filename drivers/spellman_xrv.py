"""An X-ray tube on a Spellman XRV high-voltage supply."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import ClassVar

from config.mistake import UserMistake
from drivers.clock import Scheduled
from drivers.errors import BeamStateUnknown, ConnectionLost, InstrumentError, TubeFault, WrongInstrument
from drivers.roles import DriverOptions, Identity, Surroundings, TubeStatus, XrayTube, exclusive
from drivers.spellman_options import SpellmanOptions
from drivers.spellman_set_points import SetPoints
from drivers.spellman_supply import ETX, FAULT_NAMES, FULL_COUNTS, ErrorCode, Refused, StatusCode, XRVSupply
from drivers.who_answers import who_answers
from drivers.wire import Wire

log = logging.getLogger(__name__)

MONITOR_OVERRANGE = 1.2
"""Full scale of the monitors' converter over the rated one."""
SETTLING_READINGS = 20
"""After which a reading that still changes is noise."""
_INTERLOCKS = StatusCode.INTERLOCK_1_CLOSED | StatusCode.INTERLOCK_2_CLOSED | StatusCode.INTERNAL_INTERLOCK_CLOSED
_WELL = _INTERLOCKS | StatusCode.HV_ENABLED


class SpellmanTube(XrayTube):
    """An X-ray tube on a Spellman XRV, or another supply of the family with its command set.

    Connecting changes nothing in the supply. The beam counts as on while the supply says that the high voltage is
    enabled or X-rays are imminent, and as long as its voltage monitor is above 2 % of full scale.

    The XRV's watchdog has no command of its own (see `sim_instruments.wire.spellman_xrv` for the source): its time is
    one of the supply's user settings. Where one is set, `arm_watchdog` keeps talking to the supply from then on, so
    that the supply switches off by itself once this program no longer does.

    Parameters
    ----------
    resource
        VISA address, ``TCPIP::host::50001::SOCKET`` or ``ASRL...::INSTR``.
    options
        See `SpellmanOptions`.
    surroundings
        Of the bench.

    Raises
    ------
    ConnectionLost
        If nobody is at the address.
    WrongInstrument
        If it is no XRV.
    """

    Options: ClassVar[type[DriverOptions]] = SpellmanOptions
    options: SpellmanOptions

    off_timeout = 3.0
    """s; the charge of the cable has to flow off through the tube."""

    def __init__(
        self, resource: str, options: DriverOptions | None = None, surroundings: Surroundings | None = None
    ) -> None:
        super().__init__(resource, options, surroundings)
        self._keep_alive: Scheduled | None = None
        self._feeding_period: float | None = None
        self._filament_on = False
        self._wire = Wire(
            resource,
            self.name,
            self.options.timeout_s,
            asrl={"baud_rate": self.options.baud_rate},
            read_termination=ETX,
            write_termination=ETX,
        )
        try:
            self.supply = XRVSupply(self._wire, self.name, self.options.query_delay_s, self.clock.sleep)
            self._identity = self._identify()
            self._set_points = SetPoints(self.supply, self.options, self._wait_in_ramp)
        except BaseException as error:
            self._wire.close()
            if not isinstance(error, InstrumentError) or isinstance(error, WrongInstrument):
                raise
            found = who_answers(resource)
            if found is None and isinstance(error, ConnectionLost):
                raise
            raise WrongInstrument(
                self.name, f"is no Spellman XRV but {found or 'something else'}", error.command, error.reply
            ) from error

    def _identify(self) -> Identity:
        model = str(self.supply.model)
        if self.options.model_part not in model:
            raise WrongInstrument(
                self.name,
                f"is a Spellman '{model}' and no '{self.options.model_part}' (options.model_part)",
                "26",
                model,
            )
        answer = self.supply.dsp
        if not isinstance(answer, list) or len(answer) != 2:
            raise self.supply.bad("the answer is not part number and version", repr(answer))
        part, version = answer
        return Identity("Spellman", model, firmware=f"{part} {version:g}" if isinstance(version, float) else str(part))

    @property
    def identity(self) -> Identity:
        """Who answered when the connection was opened."""
        return self._identity

    @property
    def full_scale(self) -> tuple[float, float]:
        """The supply's full scale as it reports it, kV and mA."""
        return self.supply.full_scale_kv, self.supply.full_scale_ma

    def settings(self) -> Mapping[str, float | str | bool]:
        """Return set points, full scale and ramps; nothing is asked for."""
        return {
            "voltage_kv": self._set_points.voltage_kv,
            "current_ma": self._set_points.current_ma,
            "full_scale_kv": self.supply.full_scale_kv,
            "full_scale_ma": self.supply.full_scale_ma,
            "voltage_ramp_kv_per_s": self.options.voltage_ramp_kv_per_s,
            "current_ramp_ma_per_s": self.options.current_ramp_ma_per_s,
            "filament_enabled": self._filament_on,
            "watchdog_fed": self._keep_alive is not None,
        }

    def check_operating_point(self, voltage_kv: float, current_ma: float) -> None:
        """Check an operating point against limits, range and the supply's resolution; nothing is sent.

        Raises
        ------
        LimitExceeded
            If voltage, current or power is too high.
        UserMistake
            If the nearest value that can be set is more than a tenth away.
        ValueError
            If one of them is no number or negative.
        """
        super().check_operating_point(voltage_kv, current_ma)
        for quantity, value, unit, full in (
            ("voltage", voltage_kv, "kV", self.full_scale[0]),
            ("current", current_ma, "mA", self.full_scale[1]),
        ):
            step = full / FULL_COUNTS
            if abs(round(value / step) * step - value) > 0.1 * value:
                raise UserMistake(
                    f"tube {quantity} {value:g} {unit} cannot be set: the supply's step is {step:.3g} {unit} "
                    f"(4095 to {full:g} {unit}); take a larger value"
                )

    @exclusive
    def status(self) -> TubeStatus:
        """Read status, faults and monitors from the supply."""
        return self._status(spare=False)

    @exclusive
    def watch(self) -> TubeStatus:
        """Read status and monitors; the faults by name only where the status says that something is wrong."""
        return self._status(spare=True)

    def _status(self, *, spare: bool) -> TubeStatus:
        bits = self.supply.status
        well = bits & _WELL == _WELL and not bits & StatusCode.POWER_SUPPLY_FAULT
        faults = ErrorCode(0) if spare and well else self.supply.errors
        monitor = self.supply.analog_monitor
        voltage_kv, current_ma = monitor["voltage"] / 1e3, monitor["current"] * 1e3
        names = [name for bit, name in FAULT_NAMES.items() if bit & faults] if faults else []
        if not names and bits & StatusCode.POWER_SUPPLY_FAULT:
            names = ["fault without a name"]
        self._filament_on = bool(bits & StatusCode.FILAMENT_ENABLED)
        energised = bits & (StatusCode.HV_ENABLED | StatusCode.XRAYS_EMINENT)
        return TubeStatus(
            beam_on=bool(energised) or voltage_kv > 0.02 * self.full_scale[0],
            interlock_closed=bits & _INTERLOCKS == _INTERLOCKS,
            ready=bool(bits & StatusCode.POWER_SUPPLY_READY) and not bits & StatusCode.LOCAL_MODE,
            voltage_kv=voltage_kv,
            current_ma=current_ma,
            faults=tuple(names),
        )

    def at_operating_point(self, now: TubeStatus) -> bool:
        """Say whether voltage and current are what they were set to, to the tolerance or two counts of the monitors.

        What was set is the wanted value rounded to the supply's step: at a small current that difference and one count
        of the monitor's noise are already 1.5 counts. A fixed part of full scale would take half the current for the
        whole where the set point is small.
        """
        return all(
            abs(read - round(wanted / full * FULL_COUNTS) * full / FULL_COUNTS)
            <= max(tolerance * wanted, 2.0 * MONITOR_OVERRANGE * full / FULL_COUNTS)
            for read, wanted, tolerance, full in (
                (now.voltage_kv, self._voltage_kv, self.voltage_tolerance, self.full_scale[0]),
                (now.current_ma, self._current_ma, self.current_tolerance, self.full_scale[1]),
            )
        )

    def _wait_until_risen(self) -> TubeStatus:
        """Wait until voltage and current are within their tolerance and rise no more."""
        last = super()._wait_until_risen()
        counts = [1.5 * MONITOR_OVERRANGE * full / FULL_COUNTS for full in self.full_scale]
        for _ in range(SETTLING_READINGS):
            self.wait(0.1)
            now = super()._wait_until_risen()
            change = (now.voltage_kv - last.voltage_kv, now.current_ma - last.current_ma)
            if abs(change[0]) <= counts[0] and abs(change[1]) <= counts[1]:
                return now
            last = now
        return last

    @exclusive
    def reset_faults(self) -> tuple[str, ...]:
        """Reset the supply's latched faults; return those that remain. The beam stays off."""
        self.supply.reset_errors()
        return self.status().faults

    # --- operating point

    def _send_operating_point(self, voltage_kv: float, current_ma: float) -> None:
        ramp_now = self._set_points.ramped and self.supply.output_enabled
        send = self._set_points.ramp if ramp_now else self._set_points.program
        try:
            send(voltage_kv, current_ma)
        except Refused:
            if not self._take_remote():
                raise
            send(voltage_kv, current_ma)

    # --- high voltage

    def _send_high_voltage(self, on: bool) -> None:
        if not on:
            self._send_off()
            return
        self._begin_feeding()
        self._take_remote()
        if not self._filament_on:
            self.supply.filament.enabled = True
            self.wait(self.options.filament_warm_up_s)
        target = (self._voltage_kv, self._current_ma)
        if self._set_points.ramped:
            self._set_points.program_start(*target)
        self.supply.output_enabled = True
        if self._set_points.ramped:
            self._set_points.ramp(*target)

    def _wait_in_ramp(self, seconds: float) -> None:
        self.wait(seconds)
        now = self.status()
        if now.faults:
            raise TubeFault(self.name, f"fault in the ramp: {', '.join(now.faults)}")
        if not now.beam_on:
            raise TubeFault(self.name, "the high voltage went off in the ramp")

    def _send_off(self) -> None:
        try:
            self.supply.output_enabled = False
        except Refused:
            # in local mode it refuses; what counts is whether there is high voltage
            if self.supply.output_enabled:
                raise

    def _take_remote(self) -> bool:
        """Take control from the panel where the options allow it; return False if it was not there.

        Raises
        ------
        TubeFault
            If the supply is in local mode and is to stay there, or does.
        """
        if not self.supply.status & StatusCode.LOCAL_MODE:
            return False
        if not self.options.take_remote:
            raise TubeFault(
                self.name, "is in local mode: switch it to remote at its panel, or set options.take_remote = true"
            )
        self.supply.remote_enabled = True
        if self.supply.status & StatusCode.LOCAL_MODE:
            raise TubeFault(self.name, "stays in local mode although told to be remote")
        return True

    # --- safety

    @exclusive
    def arm_watchdog(self, seconds: float) -> bool:
        """Feed the supply's watchdog from now on, three times in its time, so that it trips once this program is gone.

        Parameters
        ----------
        seconds
            After which the beam should go off. The supply's own setting is what counts; a longer one is logged.

        Returns
        -------
        bool
            False where the supply has no watchdog set.
        """
        period = float(self.supply.configuration["watchdog_timer"])
        if period <= 0:
            return False
        if period > seconds:
            log.warning("%s: its watchdog is set to %g s, not %g s", self.name, period, seconds)
        self._feeding_period = period / 3
        self._begin_feeding()
        return True

    def _begin_feeding(self) -> None:
        if self._keep_alive is None and self._feeding_period is not None:
            self._keep_alive = self.clock.every(self._feeding_period, self._feed)

    def _stop_feeding(self) -> None:
        if self._keep_alive is not None:
            self._keep_alive.cancel()
            self._keep_alive = None

    def _feed(self) -> None:
        # whoever holds the lock talks to the supply, or waits with the high voltage off; waiting here for one who
        # waits for the clock would stop a virtual clock
        if not self.lock.acquire(blocking=False):
            return
        try:
            if self._keep_alive is not None:
                _ = self.supply.unscaled.voltage_setpoint
        except InstrumentError as error:
            log.warning("%s: its watchdog could not be fed (%s)", self.name, error)
        finally:
            self.lock.release()

    @exclusive
    def switch_off(self) -> None:
        """Switch the beam off and confirm by read-back that it is; where nothing confirms it, leave it to the watchdog.

        Raises
        ------
        BeamStateUnknown
            If the supply does not confirm.
        """
        try:
            super().switch_off()
        except BeamStateUnknown:
            # nobody may keep a supply alive that does not go off
            self._stop_feeding()
            raise

    def make_safe(self) -> None:
        """Switch the beam off, set voltage and current to zero and let the filament cool.

        Raises
        ------
        BeamStateUnknown
            If the supply does not confirm that the beam is off.
        InstrumentError
            If it is off, and what comes after failed twice.
        """
        with self.lock:
            self.switch_off()
            self._voltage_kv = self._current_ma = 0.0
            try:
                self._rest()
            except ConnectionLost:
                self._rest()

    def _rest(self) -> None:
        if self.supply.status & StatusCode.LOCAL_MODE:
            log.warning("%s is in local mode: its set points and filament are left to its panel", self.name)
            return
        self._set_points.program(0.0, 0.0)
        if not self.options.keep_filament:
            self.supply.filament.enabled = False
            self._filament_on = False

    def close(self) -> None:
        """Close the connection; leaves the supply as it is. Any number of times."""
        with self.lock:
            self._stop_feeding()
            self._wire.close()
