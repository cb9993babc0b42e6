"""The direct detector: its dark current, its photocurrent and its noise."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim_instruments.faults import FaultKind, Faults
from sim_instruments.world.beam import Beam
from sim_instruments.world.bias import Bias
from sim_instruments.world.clock import SimulationClock
from sim_instruments.world.recursion import Lags, OrnsteinUhlenbeck
from sim_instruments.world.sample_truth import PhotoconductorTruth

Floats = NDArray[np.float64]
Times = NDArray[np.floating[Any]]

BOLTZMANN_OVER_CHARGE = 8.617333262e-5
"""V/K"""
READOUT_BAND_HZ = 100.0
"""The single-pole band in which the sample's noise is stated."""
SHORT_CIRCUIT_OHM = 1e3

CORRELATION_TIMES = np.array([0.005, 0.02, 0.06, 0.2])
"""s; together they make noise that grows towards low frequencies, as measured photoconductors' does."""
_OU_SHARE = np.array([0.05, 0.15, 0.35, 0.40])
_WHITE_SHARE = 0.05
_NOISE_WIDTH = math.pi / 2.0  # noise bandwidth of one pole over its -3 dB frequency
_NO_NEED_TO_CATCH_UP_S = 0.011
_MEAN_NODES, _MEAN_WEIGHTS = np.polynomial.legendre.leggauss(16)


def _pole_share(bandwidth_hz: float) -> Floats:
    """Share of each correlated component that one pole lets through."""
    lag = 1.0 / (2.0 * math.pi * bandwidth_hz)
    return CORRELATION_TIMES / (CORRELATION_TIMES + lag)


# variances of the components, such that all of them together are 1 in the stated band
_SCALE = 1.0 / (float(_OU_SHARE @ _pole_share(READOUT_BAND_HZ)) + _WHITE_SHARE)
_OU_VARIANCE = _OU_SHARE * _SCALE
_WHITE_PER_HZ = _WHITE_SHARE * _SCALE / (READOUT_BAND_HZ * _NOISE_WIDTH)


def collection_efficiency(field_v_cm: float, mu_tau_m2_per_v: float, thickness_m: float) -> float:
    """Hecht's efficiency x (1 - exp(-1/x)), x = mu tau F / d."""
    x = mu_tau_m2_per_v * abs(field_v_cm) * 100.0 / thickness_m
    return -x * math.expm1(-1.0 / x) if x > 0 else 0.0


class PhotoconductorPhysics:
    """A photoconductor under bias and beam.

    J = S(F) D + F/rho, with S = S0 beta eta(F) G(F). The efficiency eta is Hecht's, at the built-in field where the
    bias's is smaller. The gain G grows linearly from its value without bias to the one at the reference field and is
    constant beyond; both are such that the sample's two sensitivities are met. The photocurrent's sign is the bias's,
    and negative without.

    Parameters
    ----------
    truth
        What is true of the sample.
    beam, bias
        What it is exposed to.
    clock
        The bench's.
    random
        Its own stream.
    faults
        The bench's.
    lock
        The world's.
    ripple
        Relative standard deviation that the tube's ripple leaves in the photocurrent.
    temperature
        Of the sample at moments, K; None: always the one at which its resistivity is stated.
    """

    def __init__(
        self,
        truth: PhotoconductorTruth,
        beam: Beam,
        bias: Bias,
        clock: SimulationClock,
        random: np.random.Generator,
        faults: Faults,
        lock: threading.RLock | None = None,
        ripple: float = 0.0,
        temperature: Callable[[Floats], Floats] | None = None,
    ) -> None:
        self.truth = truth
        self._temperature = temperature
        self._beam = beam
        self._bias = bias
        self._clock = clock
        self._random = random
        self._faults = faults
        self._lock = lock or threading.RLock()
        self._ripple = ripple
        self._lags = Lags(truth.response_time_s, truth.slow_time_s)
        self._noise = OrnsteinUhlenbeck(np.append(CORRELATION_TIMES, truth.response_time_s), random)
        self._area_cm2 = truth.area_m2 * 1e4
        self._thickness_cm = truth.thickness_m * 100.0
        self._built_in_field = truth.built_in_potential_v / self._thickness_cm
        self._last = clock.now()
        start = np.array([self._last])
        self._lags.follow(start, self._beam.dose_rate(start))
        self.gain_at_0v = truth.sensitivity_at_0v / self._collected(0.0)
        self.gain_at_reference = truth.sensitivity / self._collected(truth.reference_field_v_cm)

    # --- closed forms

    def gain(self, field_v_cm: float) -> float:
        """Return the photoconductive gain G at a field, V/cm."""
        share = min(abs(field_v_cm) / self.truth.reference_field_v_cm, 1.0)
        return self.gain_at_0v + (self.gain_at_reference - self.gain_at_0v) * share

    def sensitivity(self, field_v_cm: float) -> float:
        """Return S at a field, V/cm, in uC/(Gy cm2); positive."""
        return self._collected(field_v_cm) * self.gain(field_v_cm)

    def dark_current_density(self, field_v_cm: float) -> float:
        """Return the settled dark current density at a field, V/cm, in A/cm2; it has the field's sign."""
        return field_v_cm / self.truth.resistivity_ohm_cm

    def relative_conductivity(self, temperature_k: Floats | float) -> Floats:
        """Return the dark conductivity at temperatures, K, relative to the one at the reference temperature.

        sigma T is two exponentials of 1/T that meet at the breakpoint.
        """
        t = self.truth
        inverse = 1.0 / np.asarray(temperature_k, dtype=float)

        def exponent(at: Floats) -> Floats:
            away = (at - 1.0 / t.breakpoint_k) / BOLTZMANN_OVER_CHARGE
            return np.where(away <= 0.0, -t.activation_energy_ev * away, -t.activation_energy_below_ev * away)

        if t.activation_energy_ev == t.activation_energy_below_ev == 0.0:
            return np.ones(inverse.shape)
        reference = np.asarray(1.0 / t.reference_temperature_k)
        return np.asarray(np.exp(exponent(inverse) - exponent(reference)) * inverse / reference)

    def _conductivity(self, times: Floats) -> Floats | float:
        if self._temperature is None or self.truth.activation_energy_ev == self.truth.activation_energy_below_ev == 0.0:
            return 1.0
        return self.relative_conductivity(self._temperature(times))

    def noise_density(
        self, field_v_cm: float, bandwidth_hz: float = READOUT_BAND_HZ, integration_time: float | None = None
    ) -> float:
        """Return J_n, the standard deviation of the current density in the dark, A/cm2.

        Parameters
        ----------
        field_v_cm
            V/cm.
        bandwidth_hz
            -3 dB frequency of a single pole before the reading.
        integration_time
            s; if given, each reading is a mean over it instead.
        """
        amplitude = float(self._noise_amplitude(np.array([field_v_cm]))[0])
        if integration_time is None:
            variance = float(_OU_VARIANCE @ _pole_share(bandwidth_hz)) + _WHITE_PER_HZ * bandwidth_hz * _NOISE_WIDTH
        else:
            x = integration_time / CORRELATION_TIMES
            variance = float(_OU_VARIANCE @ ((2.0 / x**2) * (x + np.expm1(-x)))) + _WHITE_PER_HZ / (
                2.0 * integration_time
            )
        return amplitude * math.sqrt(variance)

    def field_v_cm(self, volts: float) -> float:
        """Return the bias's field, V/cm."""
        return volts / self._thickness_cm

    # --- what flows

    def noiseless_current(self, t: Times | float | None = None) -> Floats:
        """Return the settled response to the beam of each moment plus the dark current, A; shape of `t`."""
        with self._lock:
            times = np.asarray(self._clock.now() if t is None else t, dtype=float)
            flat = np.atleast_1d(times)
            current = self._expected(flat, self._beam.dose_rate(flat), self._bias.volts(flat))
            return current.reshape(times.shape)

    def current(self, t: Times | float | None = None, noise_bandwidth_hz: float | None = None) -> Floats:
        """Return the current, A, at moments that increase from call to call; shape of `t`.

        Parameters
        ----------
        t
            s; now if not given. Moments before the last ones asked for get what flowed then, with noise of their own.
        noise_bandwidth_hz
            Band over which the white noise is taken; that of a single pole at `READOUT_BAND_HZ` if not given.
        """
        with self._lock:
            times = np.asarray(self._clock.now() if t is None else t, dtype=float)
            flat = np.atleast_1d(times)
            if flat.size == 0:
                return times.copy()
            volts = self._bias.volts(flat)
            current = self._expected(flat, self._response(flat), volts)
            band = READOUT_BAND_HZ * _NOISE_WIDTH if noise_bandwidth_hz is None else noise_bandwidth_hz
            white = math.sqrt(_WHITE_PER_HZ * band) * self._random.standard_normal(flat.shape)
            noise = self._noise.sample(flat)
            current = current + self._noise_current(flat, volts, noise, white, current)
            return current.reshape(times.shape)

    def mean_current(self, integration_time: float, t_end: float | None = None) -> float:
        """Return the mean current, A, over a window that ends at `t_end` (now), as an integrating meter reads it."""
        if not integration_time > 0:
            msg = f"the integration time must be positive, not {integration_time} s"
            raise ValueError(msg)
        with self._lock:
            end = self._clock.now() if t_end is None else t_end
            start = end - integration_time
            times = start + 0.5 * integration_time * (1.0 + _MEAN_NODES)
            volts = self._bias.volts(times)
            expected = float(self._expected(times, self._response(times), volts) @ _MEAN_WEIGHTS) / 2.0
            white = math.sqrt(_WHITE_PER_HZ / (2.0 * integration_time)) * self._random.standard_normal(1)
            noise = self._noise.mean(start, end)[:, None]
            middle = np.array([float(volts @ _MEAN_WEIGHTS) / 2.0])
            moment = np.array([0.5 * (start + end)])
            return expected + float(self._noise_current(moment, middle, noise, white, np.array([expected]))[0])

    def _collected(self, field_v_cm: float) -> float:
        """S over G: what is collected without gain, uC/(Gy cm2)."""
        t = self.truth
        field = max(abs(field_v_cm), self._built_in_field)
        return (
            t.theoretical_sensitivity
            * t.absorbed_fraction
            * collection_efficiency(field, t.mu_tau_m2_per_v, t.thickness_m)
        )

    def _expected(self, times: Floats, dose_rate: Floats, volts: Floats) -> Floats:
        fields = volts / self._thickness_cm
        dark = (fields / self.truth.resistivity_ohm_cm + self._drift(times)) * self._conductivity(times)
        if np.all(volts == volts[0]):
            photo: Floats | float = self.sensitivity(float(fields[0])) * (1.0 if volts[0] > 0 else -1.0)
        else:
            photo = np.array([self.sensitivity(field) for field in fields]) * np.where(volts > 0, 1.0, -1.0)
        current: Floats = (dark + 1e-6 * photo * dose_rate) * self._area_cm2
        if self._faults.active(FaultKind.COMPLIANCE):
            current = current + volts / SHORT_CIRCUIT_OHM
        return current

    def _drift(self, times: Floats) -> Floats:
        """Excess of the dark current density after changes of bias: each decays as a stretched exponential."""
        t = self.truth
        if t.dark_drift == 0.0:
            return np.zeros(times.shape)
        moments, steps = self._bias.steps()
        elapsed = times[:, None] - moments
        decay = np.exp(-((np.maximum(elapsed, 0.0) / t.dark_drift_time_s) ** t.dark_drift_stretch)) * (elapsed >= 0)
        drift: Floats = decay @ (steps * (t.dark_drift / (self._thickness_cm * t.resistivity_ohm_cm)))
        return drift

    def _response(self, times: Floats) -> Floats:
        """Dose rate as the photocurrent follows it, Gy/s."""
        start, end = self._last, float(times[0])
        lags = self._lags
        if end < start:
            # somebody looks back: follow the past once more, from before anything slow in it began
            lags = Lags(self.truth.response_time_s, self.truth.slow_time_s)
            start = end - 8.0 * self.truth.slow_time_s
            lags.follow(np.array([start]), self._beam.dose_rate(np.array([start])))
        if end > start + _NO_NEED_TO_CATCH_UP_S:
            # the time in which nobody looked: fine after every change of the beam, coarse elsewhere
            after = np.array([0.0, 0.01, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.5, 0.8, 1.5, 3.0, 10.0])
            changes = np.array([start, *self._beam.changes(start, end)])
            grid = np.unique((changes[:, None] + after).ravel())
            grid = np.append(grid[(grid > start) & (grid < end)], end)
            lags.follow(grid, self._beam.dose_rate(grid))
        fast, slow = lags.follow(times, self._beam.dose_rate(times))
        if times[-1] >= self._last:
            self._lags, self._last = lags, float(times[-1])
        response: Floats = (1.0 - self.truth.slow_fraction) * fast + self.truth.slow_fraction * slow
        return response

    def _noise_amplitude(self, fields: Floats) -> Floats:
        """J_n in the stated band, A/cm2: what is there without bias, and a part that grows with the field."""
        t = self.truth
        rest, full = t.noise_density_at_0v_na_cm2, t.noise_density_na_cm2
        growth = (full**2 - rest**2) / t.reference_field_v_cm**2
        return 1e-9 * np.sqrt(rest**2 + growth * fields**2)

    def _noise_current(self, times: Floats, volts: Floats, noise: Floats, white: Floats, current: Floats) -> Floats:
        amplitude = self._noise_amplitude(volts / self._thickness_cm) * self._area_cm2
        own = amplitude * (np.sqrt(_OU_VARIANCE) @ noise[:-1] + white)
        dark = volts / self._thickness_cm / self.truth.resistivity_ohm_cm * self._area_cm2 * self._conductivity(times)
        result: Floats = own + self._ripple * (current - dark) * noise[-1]
        return result
