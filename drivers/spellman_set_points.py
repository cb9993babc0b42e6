"""The set points of a Spellman supply: sent, read back, and raised no faster than they may."""

from __future__ import annotations

from collections.abc import Callable

from drivers.errors import TubeFault
from drivers.spellman_options import SpellmanOptions
from drivers.spellman_supply import FULL_COUNTS, XRVSupply

RAMP_STEP_S = 0.1


class SetPoints:
    """Voltage and current as the supply has them.

    Parameters
    ----------
    supply
        Asked at once for what is set now.
    options
        With the ramps.
    wait_in_ramp
        Waits so many seconds, and raises if the ramp must not go on.
    """

    def __init__(self, supply: XRVSupply, options: SpellmanOptions, wait_in_ramp: Callable[[float], None]) -> None:
        self._supply = supply
        self._options = options
        self._wait = wait_in_ramp
        self.voltage_kv = float(supply.voltage_setpoint) / 1e3
        self.current_ma = float(supply.current_setpoint) * 1e3

    @property
    def ramped(self) -> bool:
        """Whether anything is raised step by step."""
        return self._options.voltage_ramp_kv_per_s > 0 or self._options.current_ramp_ma_per_s > 0

    def program(self, voltage_kv: float, current_ma: float) -> None:
        """Set both at once.

        Raises
        ------
        TubeFault
            If one of them reads back otherwise.
        """
        # what goes down goes first, so that the power is never above the larger one of before and after
        current_first = current_ma < self.current_ma
        for is_current in (current_first, not current_first):
            if is_current:
                self._program_current(current_ma)
            else:
                self._program_voltage(voltage_kv)

    def program_start(self, voltage_kv: float, current_ma: float) -> None:
        """Set where the ramps to these values begin, before the high voltage is switched on."""
        self.program(
            0.0 if self._options.voltage_ramp_kv_per_s > 0 else voltage_kv,
            0.0 if self._options.current_ramp_ma_per_s > 0 else current_ma,
        )

    def ramp(self, voltage_kv: float, current_ma: float) -> None:
        """Raise voltage, then current, no faster than the options say; what goes down goes at once."""
        start_kv, start_ma = self.voltage_kv, self.current_ma
        self.program(min(start_kv, voltage_kv), min(start_ma, current_ma))
        for value in _steps(start_kv, voltage_kv, self._options.voltage_ramp_kv_per_s):
            self._program_voltage(value)
            self._wait(RAMP_STEP_S)
        for value in _steps(start_ma, current_ma, self._options.current_ramp_ma_per_s):
            self._program_current(value)
            self._wait(RAMP_STEP_S)
        self.program(voltage_kv, current_ma)

    def _program_voltage(self, voltage_kv: float) -> None:
        counts = round(voltage_kv / self._supply.full_scale_kv * FULL_COUNTS)
        self._supply.unscaled.voltage_setpoint = counts
        self._check_read_back("voltage", counts, self._supply.unscaled.voltage_setpoint)
        self.voltage_kv = voltage_kv

    def _program_current(self, current_ma: float) -> None:
        counts = round(current_ma / self._supply.full_scale_ma * FULL_COUNTS)
        self._supply.unscaled.current_setpoint = counts
        self._check_read_back("current", counts, self._supply.unscaled.current_setpoint)
        self.current_ma = current_ma

    def _check_read_back(self, quantity: str, sent: int, read: object) -> None:
        # what cannot be cast comes as text, and several fields as a list
        if not isinstance(read, int | float):
            raise self._supply.bad(f"the {quantity} read back is no number", repr(read))
        if read != sent:
            raise TubeFault(self._supply.name, f"was set to a {quantity} of {sent} counts and reads back {read:g}")


def _steps(start: float, end: float, rate: float) -> list[float]:
    """Return the values of a ramp upwards, without its start and its end."""
    if rate <= 0 or end <= start:
        return []
    step = rate * RAMP_STEP_S
    count = int((end - start) / step - 1e-9)
    return [start + step * (index + 1) for index in range(count)]
