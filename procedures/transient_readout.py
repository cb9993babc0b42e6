"""Reading the current that light pulses drive through a sample: preamplifier, digitizer, triggered and averaged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivers.errors import Overloaded
from drivers.roles import CurrentPreamp, Digitizer, GainMode, Trace
from procedures.run import Run
from procedures.run_data import Array

LOOK_AVERAGES = 8
"""of the quick looks that decide on ranges"""
LARGEST_OUTPUT = 0.6
"""of the preamplifier's overload voltage, which a transient may reach before a less sensitive range is taken"""
MARGIN = 1.5
"""How much wider than the transient the digitizer's range is."""
TRIES = 8


@dataclass(frozen=True)
class Window:
    """When and how often a transient is recorded."""

    duration: float
    """s"""
    samples: int
    before: float
    """s of it that lie before the trigger"""
    rate: float
    """of the light, Hz"""


@dataclass(frozen=True)
class TransientCurrent:
    """A current against time around the trigger, averaged over pulses."""

    current: Array
    """(samples,) A"""
    trigger: float
    """s from the middle of the first sample's interval to the trigger"""
    range: float
    """A/V"""
    bandwidth: float
    """of the preamplifier, -3 dB, Hz"""


class TransientReadout:
    """Through a current preamplifier without filter and a digitizer that the light's trigger starts.

    Parameters
    ----------
    preamp, digitizer
        Of the bench.
    run
        For the journal.
    gain_mode
        Of the preamplifier.
    window
        Of a record.
    """

    def __init__(
        self, preamp: CurrentPreamp, digitizer: Digitizer, run: Run, gain_mode: GainMode, window: Window
    ) -> None:
        preamp.set_gain_mode(gain_mode)
        preamp.set_filter("none")
        preamp.null_current(0.0)
        self._preamp = preamp
        self._digitizer = digitizer
        self._run = run
        self._window = window
        self._centre, self._span = 0.0, digitizer.ranges[1]

    def choose_range(self, wanted: float | None, lowest_bandwidth: float) -> None:
        """Choose the preamplifier's sensitivity for the transients that come now.

        Parameters
        ----------
        wanted
            A/V; None: the most sensitive range that holds the transient and is quick enough.
        lowest_bandwidth
            Hz
        """
        if wanted is not None:
            self._preamp.set_sensitivity(wanted)
            return
        *others, least = self._preamp.sensitivities
        self._preamp.set_sensitivity(least)
        peak = float(np.abs(self._preamp.current(self._look().volts)).max())
        for sensitivity in others:
            if peak <= LARGEST_OUTPUT * self._preamp.overload_voltage * sensitivity:
                self._preamp.set_sensitivity(sensitivity)
                if self._preamp.bandwidth >= lowest_bandwidth:
                    return
        self._preamp.set_sensitivity(least)

    def read(self, averages: int) -> TransientCurrent:
        """Read the transient that comes now, averaged over pulses.

        Raises
        ------
        Overloaded
            If no range takes it.
        """
        self._fit_range(self._look())
        for _ in range(TRIES):
            trace = self._record(averages)
            if self._preamp.overloaded(trace.volts):
                self._less_sensitive()
                self._fit_range(self._look())
            elif trace.clipped:
                self._span = min(2.0 * self._span, self._digitizer.ranges[1])
                self._digitizer.set_range(self._span, self._centre)
            else:
                return self._current(trace)
        raise Overloaded(self._preamp.name, f"the transient does not stay within any range in {TRIES} tries")

    def read_unlit(self) -> TransientCurrent:
        """Read a record of the same length with the light off, which nothing triggers."""
        self._whole_range()
        seen = self._digitizer.record(self._window.duration, self._window.samples).volts
        self._centre = float(seen.mean())
        self._span = max(16.0 * float(seen.std()), self._digitizer.ranges[0])
        for _ in range(TRIES):
            self._digitizer.set_range(self._span, self._centre)
            trace = self._digitizer.record(self._window.duration, self._window.samples)
            if not trace.clipped:
                return self._current(trace)
            self._span = min(2.0 * self._span, self._digitizer.ranges[1])
        raise Overloaded(self._preamp.name, f"the dark current does not stay within any range in {TRIES} tries")

    def _current(self, trace: Trace) -> TransientCurrent:
        # a sample is the mean over its interval, whose beginning the digitizer states
        middle = float(trace.times[0]) + 0.5 * self._window.duration / self._window.samples
        return TransientCurrent(
            self._preamp.current(trace.volts), -middle, self._preamp.sensitivity, self._preamp.bandwidth
        )

    def _less_sensitive(self) -> None:
        sensitivities = self._preamp.sensitivities
        position = sensitivities.index(self._preamp.sensitivity) + 1
        if position == len(sensitivities):
            raise Overloaded(self._preamp.name, "the transient is too large for the least sensitive range")
        self._run.warn(f"overload at {self._preamp.sensitivity:g} A/V: the range is changed, the record repeated")
        self._preamp.set_sensitivity(sensitivities[position])
        self._preamp.clear_overload()

    def _fit_range(self, seen: Trace) -> None:
        low, high = float(seen.volts.min()), float(seen.volts.max())
        self._centre = 0.5 * (low + high)
        self._span = min(max(MARGIN * (high - low), self._digitizer.ranges[0]), self._digitizer.ranges[1])
        self._digitizer.set_range(self._span, self._centre)

    def _record(self, averages: int) -> Trace:
        window = self._window
        return self._digitizer.record_triggered(
            window.duration,
            window.samples,
            averages,
            window.before,
            timeout=10.0 + 3.0 * averages / window.rate,
        )

    def _look(self) -> Trace:
        """Look at the preamplifier's whole output range."""
        self._whole_range()
        return self._record(LOOK_AVERAGES)

    def _whole_range(self) -> None:
        smallest, largest = self._digitizer.ranges
        self._digitizer.set_range(min(largest, max(smallest, 2.4 * self._preamp.overload_voltage)))
