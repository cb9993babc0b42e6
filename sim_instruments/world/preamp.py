"""The current preamplifier: from the sample's current to a voltage.

After the Stanford Research SR570's manual (specifications: gain, bandwidth and noise of each sensitivity).
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sim_instruments.faults import FaultKind, Faults
from sim_instruments.world.clock import SimulationClock
from sim_instruments.world.recursion import Lags, white_noise_gain

Floats = NDArray[np.float64]
Times = NDArray[np.floating[Any]]
GainMode = Literal["low_noise", "high_bandwidth", "low_drift"]
FilterType = Literal["6dB_highpass", "12dB_highpass", "6dB_bandpass", "6dB_lowpass", "12dB_lowpass", "none"]

OUTPUT_LIMIT_V = 5.0

_FORGOTTEN = 5.0
"""Time constants after which a pole knows nothing of what was before."""

# sensitivity A/V: (-3 dB bandwidth in high-bandwidth mode, in low-noise mode, Hz; noise likewise, A/sqrt(Hz))
SPECIFICATIONS: dict[float, tuple[float, float, float, float]] = {
    1e-3: (1e6, 1e6, 150e-12, 150e-12),
    1e-4: (1e6, 5e5, 100e-12, 60e-12),
    1e-5: (8e5, 2e5, 60e-12, 2e-12),
    1e-6: (2e5, 2e4, 2e-12, 600e-15),
    1e-7: (2e4, 2e3, 600e-15, 100e-15),
    1e-8: (2e3, 200.0, 100e-15, 60e-15),
    1e-9: (200.0, 15.0, 60e-15, 10e-15),
    1e-10: (100.0, 10.0, 10e-15, 5e-15),
    1e-11: (20.0, 10.0, 10e-15, 5e-15),
    1e-12: (10.0, 10.0, 5e-15, 5e-15),
}
"""Editable, from memory of the manual's table. Sensitivities in between have the next smaller decade's."""


class PreampPhysics:
    """A transimpedance amplifier with filters and an input offset; its wire sets the attributes.

    Parameters
    ----------
    device_current
        ``device_current(times, noise_bandwidth_hz)``: the current into the input, A.
    set_bias
        Called with the bias at the input, V, whenever it changes.
    clock
        The bench's.
    random
        Its own stream.
    faults
        The bench's.
    lock
        The world's.
    """

    def __init__(
        self,
        device_current: Callable[[Floats, float], Floats],
        set_bias: Callable[[float], None],
        clock: SimulationClock,
        random: np.random.Generator,
        faults: Faults,
        lock: threading.RLock | None = None,
    ) -> None:
        self._device_current = device_current
        self._set_bias = set_bias
        self._clock = clock
        self._random = random
        self._faults = faults
        self._lock = lock or threading.RLock()
        self.sensitivity = 1e-6
        """A/V."""
        self.gain_mode: GainMode = "low_noise"
        self.filter_type: FilterType = "none"
        self.lowpass_hz = 1e6
        """-3 dB frequency of the low-pass filter, Hz."""
        self.highpass_hz = 0.03
        """-3 dB frequency of the high-pass filter, Hz."""
        self.input_offset_current = 0.0
        """A; zero when the offset is off."""
        self.invert = False
        self.blanked = False
        """Whether the front end is cut off: the output is zero."""
        self.overloaded = False
        """Whether the last output was clipped."""
        self._bias_v = 0.0
        self._lags: list[Lags] = []
        self._poles: tuple[float, ...] = ()
        self._last: float | None = None

    @property
    def bias_v(self) -> float:
        """Bias at the input, V; zero when it is off."""
        return self._bias_v

    @bias_v.setter
    def bias_v(self, volts: float) -> None:
        if not abs(volts) <= OUTPUT_LIMIT_V:
            msg = f"the preamplifier's bias must be within +-5 V, not {volts} V"
            raise ValueError(msg)
        with self._lock:
            self._bias_v = volts
            self._set_bias(volts)

    def bandwidth_hz(self) -> float:
        """Return the -3 dB bandwidth at this sensitivity and gain mode, Hz, filters apart."""
        fast, quiet, _, _ = self._specification()
        return fast if self.gain_mode == "high_bandwidth" else quiet

    def lowpass_poles_hz(self) -> tuple[float, ...]:
        """Return all poles that limit the band from above, Hz: the amplifier's and the filter's."""
        count = {"6dB_lowpass": 1, "12dB_lowpass": 2, "6dB_bandpass": 1}.get(self.filter_type, 0)
        return (self.bandwidth_hz(), *[self.lowpass_hz] * count)

    def reset_filter(self) -> None:
        """Forget the filters' past, as the instrument's filter reset does."""
        with self._lock:
            self._poles = ()

    def output_voltage(self, t: Times | float | None = None) -> Floats:
        """Return the output, V, at moments that increase from call to call; shape of `t`.

        The amplifier clips at +-5 V before its filters, and again at its output; `overloaded` says whether it did.
        """
        with self._lock:
            times = np.asarray(self._clock.now() if t is None else t, dtype=float)
            flat = np.atleast_1d(times)
            if flat.size == 0:
                return times.copy()
            self._follow_settings()
            lag = 1.0 / (2.0 * math.pi * min(self.lowpass_poles_hz()))
            start = -math.inf if self._last is None else self._last
            step = float(np.median(np.diff(flat))) if flat.size > 1 else float(flat[0]) - start
            # white noise in the raw samples, such that behind the slowest pole it has that pole's noise bandwidth
            band = 1.0 / (4.0 * lag * white_noise_gain(abs(step), lag))
            current = self._device_current(flat, band) + self.input_offset_current
            noise = self._input_noise() * math.sqrt(band) * self._random.standard_normal(flat.shape)
            if flat[0] - start > _FORGOTTEN * lag:
                # what the poles hold after a time in which nobody looked is one sample: it has passed them already
                noise[0] *= math.sqrt(1.0 / (4.0 * lag * band))
            current = current + noise
            if self._faults.active(FaultKind.PREAMP_OVERLOAD):
                current = current + 10.0 * OUTPUT_LIMIT_V * self.sensitivity
            if self.blanked:
                current = np.zeros(flat.shape)
            volts = self._amplified(flat, current)
            self._last = float(flat[-1])
            return volts.reshape(times.shape)

    def _amplified(self, times: Floats, current: Floats) -> Floats:
        volts = self._lags[0].follow(times, current / self.sensitivity * (-1.0 if self.invert else 1.0))[0]
        clipped = np.clip(volts, -OUTPUT_LIMIT_V, OUTPUT_LIMIT_V)
        over = bool(np.any(clipped != volts))
        highpasses = {"6dB_highpass": 1, "12dB_highpass": 2, "6dB_bandpass": 1}.get(self.filter_type, 0)
        for lag in self._lags[1 : 1 + highpasses]:
            clipped = clipped - lag.follow(times, clipped)[0]
        for lag in self._lags[1 + highpasses :]:
            clipped = lag.follow(times, clipped)[0]
        output: Floats = np.clip(clipped, -OUTPUT_LIMIT_V, OUTPUT_LIMIT_V)
        self.overloaded = over or bool(np.any(output != clipped))
        return output

    def _follow_settings(self) -> None:
        highpasses = {"6dB_highpass": 1, "12dB_highpass": 2, "6dB_bandpass": 1}.get(self.filter_type, 0)
        front, *lowpasses = self.lowpass_poles_hz()
        poles = (front, *[self.highpass_hz] * highpasses, *lowpasses)
        if poles != self._poles:
            self._poles = poles
            self._lags = [Lags(1.0 / (2.0 * math.pi * pole)) for pole in poles]

    def _specification(self) -> tuple[float, float, float, float]:
        if not (math.isfinite(self.sensitivity) and self.sensitivity > 0):
            msg = f"the preamplifier's sensitivity must be positive, not {self.sensitivity} A/V"
            raise ValueError(msg)
        decade = 10.0 ** math.floor(math.log10(self.sensitivity) + 1e-9)
        nearest = min(SPECIFICATIONS, key=lambda known: abs(math.log(known / decade)))
        return SPECIFICATIONS[nearest]

    def _input_noise(self) -> float:
        _, _, fast, quiet = self._specification()
        return fast if self.gain_mode == "high_bandwidth" else quiet
