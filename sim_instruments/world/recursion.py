"""First-order recursions over arrays: the arithmetic of exponential relaxation at arbitrary times."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def first_order(decay: Floats, drive: Floats, before: Floats | float = 0.0) -> Floats:
    """Solve y[n] = decay[n] y[n-1] + drive[n] along the last axis.

    By doubling (Hillis and Steele, Comm. ACM 29, 1170, 1986): log2(n) passes over the arrays, exact for
    any decay between 0 and 1, where cumulative products would underflow.

    Parameters
    ----------
    decay, drive
        Same shape, (..., n).
    before
        y[-1], the value before the first; broadcasts over the leading axes.

    Returns
    -------
    ndarray
        y, shape (..., n).
    """
    product = np.array(decay, dtype=float)
    y = np.array(drive, dtype=float)
    if y.shape[-1] == 0:
        return y
    y[..., 0] += product[..., 0] * before
    shift = 1
    while shift < y.shape[-1]:
        y[..., shift:] += product[..., shift:] * y[..., :-shift]
        product[..., shift:] *= product[..., :-shift].copy()
        shift *= 2
    return y


class Lag:
    """A first-order lag that follows its input from one array of times to the next.

    Parameters
    ----------
    time_constant
        s.
    """

    def __init__(self, time_constant: float) -> None:
        self.time_constant = time_constant
        self._time: float | None = None
        self._input = 0.0
        self._output = 0.0

    def reset(self) -> None:
        """Forget the past: the next input is taken to have been there for ever."""
        self._time = None

    def follow(self, times: Floats, values: Floats) -> Floats:
        """Return the output at increasing `times` for an input that is linear between its values."""
        if times.size == 0:
            return values.copy()
        if self._time is None:
            self._time, self._input, self._output = float(times[0]), float(values[0]), float(values[0])
        steps = np.maximum(np.diff(times, prepend=self._time), 0.0) / self.time_constant
        previous = np.concatenate(([self._input], values[:-1]))
        decay = np.exp(-steps)
        # mean weight of the older end of a linear stretch: (1 - exp(-x))/x - exp(-x); by its series where x is small
        safe = np.where(steps > 1e-5, steps, 1.0)
        older = np.where(steps > 1e-5, -np.expm1(-safe) / safe - decay, steps / 2.0)
        y = first_order(decay, older * previous + (1.0 - decay - older) * values, self._output)
        self._time, self._input, self._output = float(times[-1]), float(values[-1]), float(y[-1])
        return y


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

    def sample(self, times: Floats) -> Floats:
        """Return each component at `times`, unit variance, shape (k, n); moments before the last ones repeat it."""
        if times.size == 0:
            return np.zeros((len(self._times), 0))
        start = float(times[0]) if self._last is None else self._last
        steps = np.maximum(np.diff(times, prepend=start), 0.0)
        x = steps / self._times
        decay = np.exp(-x)
        spread = np.sqrt(-np.expm1(-2.0 * x))
        y = first_order(decay, spread * self._random.standard_normal(decay.shape), self._state)
        self._last = max(start, float(times[-1]))
        self._state = y[:, -1]
        return y

    def mean(self, t_start: float, t_end: float) -> Floats:
        """Return each component's mean over a window that begins no earlier than the last moment, shape (k,).

        The mean and the value at the end of the window are drawn together from their exact joint distribution.
        """
        tau = self._times[:, 0]
        if self._last is not None:
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
