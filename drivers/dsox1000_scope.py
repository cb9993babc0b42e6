"""The commands of a Keysight DSOX1000 that a digitizer needs, as PyMeasure properties.

PyMeasure has a `KeysightDSOX1102G`; it fetches waveforms as text, waits for nothing, and its channels are not
PyMeasure's own, so that there is little in it to mend.
"""

from __future__ import annotations

from pymeasure.instruments import Instrument
from pymeasure.instruments.validators import strict_discrete_set, strict_range


class DSOX1000(Instrument):
    """A DSOX1000 with one channel in use, declared as PyMeasure does.

    Parameters
    ----------
    adapter
        `drivers.wire.Wire`.
    name
        How it is called.
    channel
        1 or 2.
    """

    def __init__(self, adapter: object, name: str, channel: int = 1) -> None:
        super().__init__(adapter, name, includeSCPI=False)
        self.channel = channel

    def _fill(self, command: str) -> str:
        return command.replace("CHAN<n>", f"CHAN{self.channel}")

    def write(self, command: str, **kwargs: object) -> None:
        """Write a command, in which ``CHAN<n>`` stands for the channel in use."""
        super().write(self._fill(command), **kwargs)

    vertical_range = Instrument.control(
        ":CHAN<n>:RANG?",
        ":CHAN<n>:RANG %.6g",
        """Control the voltage range of the whole screen in V (float strictly from 8 mV to 40 V).""",
        validator=strict_range,
        values=[8e-3, 40.0],
    )

    vertical_offset = Instrument.control(
        ":CHAN<n>:OFFS?",
        ":CHAN<n>:OFFS %.6g",
        """Control the voltage at the middle of the screen in V (float).""",
    )

    time_range = Instrument.control(
        ":TIM:RANG?",
        ":TIM:RANG %.9g",
        """Control the duration of the whole screen in s (float strictly from 50 ns to 500 s).""",
        validator=strict_range,
        values=[50e-9, 500.0],
    )

    time_position = Instrument.control(
        ":TIM:POS?",
        ":TIM:POS %.9g",
        """Control the time from the trigger to the middle of the screen in s (float strictly from -500 to 500).""",
        validator=strict_range,
        values=[-500.0, 500.0],
    )

    acquisition_type = Instrument.control(
        ":ACQ:TYPE?",
        ":ACQ:TYPE %s",
        """Control what is kept of the samples (str, strictly 'normal', 'average', 'high resolution' or 'peak').""",
        validator=strict_discrete_set,
        values={"normal": "NORM", "average": "AVER", "high resolution": "HRES", "peak": "PEAK"},
        map_values=True,
    )

    average_count = Instrument.control(
        ":ACQ:COUN?",
        ":ACQ:COUN %d",
        """Control how many acquisitions are averaged (int strictly from 2 to 65536).""",
        validator=strict_range,
        values=[2, 65536],
        cast=int,
    )

    operation_condition = Instrument.measurement(
        ":OPER:COND?",
        """Get the operation status condition register (int); bit 3 says that it is running.""",
        cast=int,
    )
