"""First-order recursions over arrays: the arithmetic of exponential relaxation at arbitrary times."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Times = NDArray[np.floating[Any]]


def steps_between(times: Times, before: float) -> Floats:
    """Return the times between successive moments, the first one counted from `before`; never negative."""
    steps = np.empty(times.shape)
    steps[0] = times[0] - before
    np.subtract(times[1:], times[:-1], out=steps[1:])
    return np.maximum(steps, 0.0, out=steps)


def is_even(steps: Floats) -> bool:
    """Say whether all steps but the first are the same, to the rounding of the moments they come from."""
    rest = steps[1:]
    return rest.size > 0 and float(rest.max() - rest.min()) <= 1e-6 * float(rest.max())


def first_order(decay: Floats, drive: Floats, before: Floats | float = 0.0, *, even: bool = False) -> Floats:
    """Solve y[n] = decay[n] y[n-1] + drive[n] along the last axis.

    By doubling (Hillis and Steele, Comm. ACM 29, 1170, 1986): log2(n) passes over the arrays, exact for
    any decay between 0 and 1, where cumulative products would underflow.

    Parameters
    ----------
    decay, drive
        Same shape, (..., n).
    before
        y[-1], the value before the first; broadcasts over the leading axes.
    even
        Whether all decays but the first are the same along the last axis: quicker.

    Returns
    -------
    ndarray
        y, shape (..., n).
    """
    y = np.array(drive, dtype=float)
    size = y.shape[-1]
    if size == 0:
        return y
    y[..., 0] += decay[..., 0] * before
    shift = 1
    if even:
        factor = decay[..., 1:2]
        while shift < size:
            y[..., shift:] += factor * y[..., :-shift]
            factor = factor * factor
            shift *= 2
        return y
    product = np.array(decay, dtype=float)
    while shift < size:
        y[..., shift:] += product[..., shift:] * y[..., :-shift]
        product[..., shift:] *= product[..., :-shift].copy()
        shift *= 2
    return y


class Lags:
    """First-order lags that follow one input from one array of times to the next.

    Parameters
    ----------
    *time_constants
        s.
    """

    def __init__(self, *time_constants: float) -> None:
        self._time_constants = np.array(time_constants, dtype=float)[:, None]
        self._time: float | None = None
        self._input = 0.0
        self._output = np.zeros(len(time_constants))

    def follow(self, times: Times, values: Times) -> Floats:
        """Return the outputs at increasing `times` for an input that is linear between its values.

        Parameters
        ----------
        times, values
            Shape (n,). Before the first time ever given the input is taken to have been constant, and likewise
            before a time that lies before the last one.

        Returns
        -------
        ndarray
            Shape (k, n), one row a time constant.
        """
        if times.size == 0:
            return np.zeros((len(self._time_constants), 0))
        if self._time is None or times[0] < self._time:
            self._time, self._input = float(times[0]), float(values[0])
            self._output[:] = values[0]
        steps = steps_between(times, self._time)
        x = steps / self._time_constants
        previous = np.empty(values.shape)
        previous[0] = self._input
        previous[1:] = values[:-1]
        risen = -np.expm1(-x)
        # mean weight of the older end of a linear stretch: (1 - exp(-x))/x - exp(-x); by its series where x is small
        safe = np.maximum(x, 1e-5)
        older = np.where(x > 1e-5, risen / safe - 1.0 + risen, 0.5 * x)
        y = first_order(1.0 - risen, older * previous + (risen - older) * values, self._output, even=is_even(steps))
        self._time, self._input, self._output = float(times[-1]), float(values[-1]), y[:, -1].copy()
        return y


def white_noise_gain(step: float, time_constant: float) -> float:
    """Return the variance behind a lag (`Lags`) of white noise of unit variance that is sampled every `step` s."""
    x = max(step / time_constant, 1e-9)
    risen = -math.expm1(-x)
    older = risen / x - 1.0 + risen if x > 1e-5 else 0.5 * x
    newer, decay = risen - older, 1.0 - risen
    return (newer**2 + older**2 + 2.0 * decay * newer * older) / (risen * (1.0 + decay))


class OrnsteinUhlenbeck:
    """Stationary noise with exponential correlations, sampled exactly at increasing times.

    Parameters
    ----------
    correlation_times
        s, shape (k,).
    random
        Where the noise comes from.
    """

    def __init__(self, correlation_times: Floats, random: np.random.Generator) -> None:
        self._times = np.asarray(correlation_times, dtype=float)[:, None]
        self._random = random
        self._last: float | None = None
        self._state = random.standard_normal(len(self._times))

    def sample(self, times: Times) -> Floats:
        """Return each component at increasing `times`, unit variance, shape (k, n).

        It goes on from the last moment; a time before that gets noise of its own, with the same statistics.
        """
        if times.size == 0:
            return np.zeros((len(self._times), 0))
        start = self._start_at(float(times[0]))
        steps = steps_between(times, start)
        even = is_even(steps)
        # where all steps are the same, two of them stand for all
        x = (steps[:2] if even else steps) / self._times
        decay, spread = np.exp(-x), np.sqrt(-np.expm1(-2.0 * x))
        drive = self._random.standard_normal((len(self._times), times.size))
        drive[:, :1] *= spread[:, :1]
        drive[:, 1:] *= spread[:, 1:]
        y = first_order(decay, drive, self._state, even=even)
        self._last = float(times[-1])
        self._state = y[:, -1].copy()
        return y

    def mean(self, t_start: float, t_end: float) -> Floats:
        """Return each component's mean over a window, shape (k,).

        The mean and the value at the end of the window are drawn together from their exact joint distribution.
        """
        tau = self._times[:, 0]
        if self._last is not None and t_end > self._last:
            t_start = max(t_start, self._last)
        if not t_end > t_start:
            return self._state.copy()
        self.sample(np.array([t_start]))
        x = (t_end - t_start) / tau
        decay = np.exp(-x)
        gain = -np.expm1(-x) / x
        end_variance = -np.expm1(-2.0 * x)
        # Gillespie, Phys. Rev. E 54, 2084 (1996), eq. 2.9, for the integral divided by the window
        mean_variance = np.maximum((2.0 / x**2) * (x - 2.0 * -np.expm1(-x) + 0.5 * end_variance), 0.0)
        covariance = np.expm1(-x) ** 2 / x
        z = self._random.standard_normal((2, len(tau)))
        end = decay * self._state + np.sqrt(end_variance) * z[0]
        slope = covariance / end_variance
        rest = np.sqrt(np.maximum(mean_variance - slope * covariance, 0.0))
        mean: Floats = gain * self._state + slope * np.sqrt(end_variance) * z[0] + rest * z[1]
        self._state = end
        self._last = t_end
        return mean

    def _start_at(self, t: float) -> float:
        if self._last is None or t < self._last:
            self._state = self._random.standard_normal(len(self._times))
            return t
        return self._last
