"""Reading the current of a biased sample: through a preamplifier and a digitizer, or with the source meter itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from drivers.errors import Overloaded
from drivers.roles import CurrentPreamp, Digitizer, GainMode, SourceMeter
from procedures.run import Run

Array = npt.NDArray[np.float64]

READOUTS = ("preamp", "source meter")
GAIN_MODES: tuple[GainMode, ...] = ("low noise", "high bandwidth", "low drift")
LOWPASSES = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000)
"""Hz"""

LARGEST_OUTPUT = 0.6
"""of the preamplifier's overload voltage, which the mean reading may reach before a less sensitive range is taken"""

SMALLEST_OUTPUT = 0.05
"""of the overload voltage, below which a more sensitive range is taken"""

LOOK_TIME = 0.2
"""s of the quick look that decides on ranges"""

HEADROOM = 16.0
"""standard deviations of a quick look that a digitizer's range spans"""

TRIES = 8


@dataclass(frozen=True)
class CurrentWindow:
    """A steady stretch of current."""

    current: Array
    """(samples,) A"""
    interval: float
    """s from sample to sample"""
    bandwidth: float
    """Hz, -3 dB of what the samples are taken from; NaN where it is not known"""
    range: float
    """A/V of the preamplifier; NaN where the instrument chooses"""
    nulled: bool = False
    """Whether a steady current was taken off before: the level then means nothing, its changes do."""


class CurrentReadout(Protocol):
    """A way to read the current."""

    def null(self) -> bool:
        """Take off the steady current that flows now, where that can be done; return whether it was."""
        ...

    def settle(self) -> None:
        """Choose ranges for the current that flows now."""
        ...

    def read(self, samples: int, interval: float) -> CurrentWindow:
        """Read a window of current.

        Raises
        ------
        Overloaded
            If no range takes it.
        """
        ...


class PreampReadout:
    """Through a current preamplifier and a digitizer.

    Parameters
    ----------
    preamp, digitizer
        Of the bench.
    run
        For waiting and for the journal.
    gain_mode, lowpass
        Of the preamplifier; the corner in Hz.
    """

    def __init__(
        self, preamp: CurrentPreamp, digitizer: Digitizer, run: Run, gain_mode: GainMode, lowpass: float
    ) -> None:
        preamp.set_gain_mode(gain_mode)
        preamp.set_filter("6 dB lowpass", low=lowpass)
        self._preamp = preamp
        self._digitizer = digitizer
        self._run = run
        preamp.null_current(0.0)
        self._nulled = False
        self._centre = 0.0
        self._span = digitizer.ranges[1]

    def null(self) -> bool:
        """Take off the current that flows now at the preamplifier's input; what was taken off before is put back."""
        self._preamp.null_current(0.0)
        self._nulled = False
        self.settle()
        level = float(self._preamp.current(self._look()).mean())
        self._preamp.null_current(level)
        self._nulled = True
        self._run.wait(self._settling_time())
        return True

    def settle(self) -> None:
        """Choose the preamplifier's sensitivity and the digitizer's range."""
        for _ in range(len(self._preamp.sensitivities)):
            volts = self._look()
            level = float(np.abs(volts.mean()))
            limit = self._preamp.overload_voltage
            if self._preamp.overloaded(volts) or level > LARGEST_OUTPUT * limit:
                if not self._step(+1):
                    raise Overloaded(self._preamp.name, "the current is too large for the least sensitive range")
                self._preamp.clear_overload()
            elif level < SMALLEST_OUTPUT * limit and self._may_be_more_sensitive(volts):
                self._step(-1)
            else:
                return

    def _may_be_more_sensitive(self, volts: Array) -> bool:
        """Say whether the next range would hold what is seen, noise included."""
        position = self._preamp.sensitivities.index(self._preamp.sensitivity)
        if position == 0:
            return False
        ratio = self._preamp.sensitivity / self._preamp.sensitivities[position - 1]
        return float(np.abs(volts).max()) * ratio < LARGEST_OUTPUT * self._preamp.overload_voltage

    def _step(self, direction: int) -> bool:
        sensitivities = self._preamp.sensitivities
        position = sensitivities.index(self._preamp.sensitivity) + direction
        if not 0 <= position < len(sensitivities):
            return False
        self._preamp.set_sensitivity(sensitivities[position])
        self._run.wait(self._settling_time())
        return True

    def _settling_time(self) -> float:
        """Ten time constants of the pole that limits the bandwidth."""
        return 10.0 / (2 * np.pi * self._preamp.bandwidth)

    def _look(self) -> Array:
        """Look at the preamplifier's whole output range for a moment."""
        smallest, largest = self._digitizer.ranges
        whole = min(largest, max(smallest, 2.4 * self._preamp.overload_voltage))
        self._digitizer.set_range(whole)
        volts = self._digitizer.record(LOOK_TIME, 100).volts
        self._centre = float(volts.mean())
        self._span = max(HEADROOM * float(volts.std()), 1e-3 * whole, smallest)
        return volts

    def read(self, samples: int, interval: float) -> CurrentWindow:
        """Read a window, zoomed in on the level; zoomed out and repeated where that was too near."""
        self._look()
        for _ in range(TRIES):
            self._digitizer.set_range(min(self._span, self._digitizer.ranges[1]), self._centre)
            trace = self._digitizer.record(samples * interval, samples, averaging=False)
            if self._preamp.overloaded(trace.volts):
                said = f"overload at {self._preamp.sensitivity:g} A/V: the range is changed, the window repeated"
                self._run.notice("preamp_overload", said)
                self.settle()
                continue
            if not trace.clipped:
                return CurrentWindow(
                    self._preamp.current(trace.volts),
                    interval,
                    self._preamp.bandwidth,
                    self._preamp.sensitivity,
                    self._nulled,
                )
            self._span *= 4
            self._centre = float(np.median(trace.volts))
        raise Overloaded(self._preamp.name, f"the current does not stay within any range in {TRIES} tries")


class SourceMeterReadout:
    """With the source meter that also gives the bias.

    Parameters
    ----------
    source_meter
        Of the bench.
    """

    def __init__(self, source_meter: SourceMeter) -> None:
        self._source_meter = source_meter

    def null(self) -> bool:
        """Take nothing off: a source meter's range holds both."""
        return False

    def settle(self) -> None:
        """Let the instrument choose its range at its next reading."""

    def read(self, samples: int, interval: float) -> CurrentWindow:
        """Read a series of currents."""
        times, currents = self._source_meter.currents(samples, interval)
        spacing = float(np.mean(np.diff(times))) if samples > 1 else interval
        return CurrentWindow(currents, spacing, float("nan"), float("nan"))
