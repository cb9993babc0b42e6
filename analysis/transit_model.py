"""Current of a packet of carriers that drifts, spreads and is trapped, as an amplifier shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from analysis.checked_arrays import FloatArray, finite_vector, positive_number

#: k/q, V/K (CODATA 2018, exact).
BOLTZMANN_OVER_CHARGE = 8.617333262145e-5
#: A Gaussian's full width at half maximum over its standard deviation.
FWHM_OVER_SIGMA = 2.0 * np.sqrt(2.0 * np.log(2.0))
#: Steps of the grid the model is computed on: that many a transit and a time constant, and at most so many in all.
STEPS_A_TRANSIT = 160
STEPS_A_POLE = 10
MOST_STEPS = 12_000


@dataclass(frozen=True)
class Electronics:
    """What stands between the sample's current and the record.

    Parameters
    ----------
    bandwidth
        -3 dB bandwidth of the amplifier, Hz, one pole; None for an ideal one.
    rc
        Time constant of the sample's capacitance and the resistance in series, s.
    pulse_fwhm
        Width of the (Gaussian) light pulse, s.
    delay
        Time of the light pulse's middle on the record's time axis, s.

    Raises
    ------
    ValueError
        If the bandwidth is not positive or a time is negative or not finite.
    """

    bandwidth: float | None = None
    rc: float = 0.0
    pulse_fwhm: float = 0.0
    delay: float = 0.0

    def __post_init__(self) -> None:
        if self.bandwidth is not None:
            positive_number("bandwidth", self.bandwidth)
        for name in ("rc", "pulse_fwhm"):
            if not 0.0 <= getattr(self, name) < np.inf:
                raise ValueError(f"{name} is {getattr(self, name)} s, it must be zero or above and finite")
        if not np.isfinite(self.delay):
            raise ValueError(f"delay is {self.delay} s, it must be finite")

    @property
    def poles(self) -> tuple[float, ...]:
        """Time constants, s, of amplifier and RC, as far as there are any."""
        amplifier = 0.0 if self.bandwidth is None else 1.0 / (2.0 * np.pi * self.bandwidth)
        return tuple(pole for pole in (amplifier, self.rc) if pole > 0.0)


def thermal_voltage(temperature: float) -> float:
    """KT/q in V at `temperature` in K."""
    return BOLTZMANN_OVER_CHARGE * positive_number("temperature", temperature)


def packet_current(
    times: npt.ArrayLike, transit_time: float, trapping_rate: float, spread: float, diffusion: float
) -> FloatArray:
    """Compute the current before any electronics, 1 at its start.

    i = 1/2 erfc((v t - d)/(sqrt2 sigma)) exp(-t/tau), sigma^2 = 2 D t + s0^2, all lengths in thicknesses.

    Parameters
    ----------
    times
        (n) s after the light pulse; the current is zero before.
    transit_time
        d/v, s.
    trapping_rate
        1/tau, 1/s.
    spread
        (s0/d)^2, what the packet's width is beyond diffusion.
    diffusion
        2 (kT/q)/V, the variance that diffusion has added after one transit (Einstein's relation), in d^2.
    """
    after = np.asarray(times, dtype=np.float64)
    drifted = np.maximum(after, 0.0) / transit_time
    width = np.sqrt(2.0 * np.maximum(diffusion * drifted + spread, 1e-10))
    inside = 0.5 * special.erfc((drifted - 1.0) / width) * np.exp(-np.maximum(after, 0.0) * trapping_rate)
    return np.where(after > 0.0, inside, np.where(after == 0.0, 0.5 * inside, 0.0))


def transient(
    times: npt.ArrayLike,
    transit_time: float,
    trapping_rate: float,
    bias: float,
    electronics: Electronics | None = None,
    *,
    spread: float = 0.0,
    temperature: float = 295.0,
) -> FloatArray:
    """Compute the recorded current: the packet, whose initial current is 1, through pulse, RC and amplifier.

    Parameters
    ----------
    times
        (n) rising, s, on the record's axis.
    transit_time, trapping_rate, spread
        As `packet_current`.
    bias
        V; its sign does not matter.
    electronics
        Ideal when None.
    temperature
        K.

    Raises
    ------
    ValueError
        If a quantity is not positive where it has to be.
    """
    at = finite_vector("times", times, 2)
    positive_number("transit_time", transit_time)
    diffusion = 2.0 * thermal_voltage(temperature) / positive_number("bias", abs(bias))
    box = electronics or Electronics()
    return recorded(
        at,
        lambda grid: packet_current(grid, transit_time, trapping_rate, spread, diffusion),
        box,
        transit_time / STEPS_A_TRANSIT,
    )


def recorded(
    times: FloatArray, current: Callable[[FloatArray], FloatArray], electronics: Electronics, step: float
) -> FloatArray:
    """Record of a current that starts with the light pulse, at `times`.

    Each pole is followed exactly for a current that is straight between the steps of the grid.

    Parameters
    ----------
    times
        (n) s, on the record's axis.
    current
        Gives the current at times after the light pulse, zero before.
    electronics
        What it passes.
    step
        Largest step of the grid, s.
    """
    from scipy.ndimage import gaussian_filter1d
    from scipy.signal import lfilter

    pulse = electronics.pulse_fwhm / FWHM_OVER_SIGMA
    end = float(times[-1]) - electronics.delay
    if end <= 0.0:
        return np.zeros_like(times)
    step = min([step, *(pole / STEPS_A_POLE for pole in electronics.poles)])
    step = max(step, end / MOST_STEPS)
    before = int(np.ceil(5.0 * pulse / step)) + 1
    grid = np.asarray((np.arange(int(np.ceil(end / step)) + before + 2) - before) * step, dtype=np.float64)
    values = np.asarray(current(grid), dtype=np.float64)
    if pulse > 0.2 * step:
        values = gaussian_filter1d(values, pulse / step, mode="nearest", truncate=6.0)
    for pole in electronics.poles:
        decay = np.exp(-step / pole)
        held = -np.expm1(-step / pole) * pole / step
        values = lfilter([1.0 - held, held - decay], [1.0, -decay], values)
    at = times - electronics.delay
    return np.asarray(np.interp(at, grid, values, left=0.0), dtype=np.float64)
