"""Transit time and trapping time: least squares of the drift-diffusion model through the electronics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from analysis.autocorrelation import correlation_time
from analysis.checked_arrays import FloatArray, finite_vector, matching_vector, positive_number
from analysis.transit_model import STEPS_A_TRANSIT, Electronics, recorded, transient

#: ln of the likelihood ratio, per effective sample, by which the knee must beat a decay without one.
KNEE_GAIN = 6.0
#: A misfit larger than this share of the height, and well above the noise, is no description.
MISFIT = 0.05
#: Samples that the fit uses at most; more are averaged in groups.
MOST_SAMPLES = 1200


@dataclass(frozen=True)
class TransitFit:
    """A fitted transient.

    Attributes
    ----------
    transit_time, transit_uncertainty
        s.
    trapping_rate, trapping_uncertainty
        1/tau, 1/s; not below zero.
    spread
        (s0/d)^2.
    height, baseline
        Initial current of the packet and the level it stands on, in the unit of the record.
    times, current, curve
        (n) what was fitted, and the best fit.
    noise, misfit
        Standard deviation of neighbouring samples and of the residuals.
    knee_gain
        ln of the likelihood ratio to the best decay without a knee, in effective samples.
    dof
        Effective number of independent samples minus the parameters.
    refusal
        Why no number is to be quoted; None when there is no reason.
    """

    transit_time: float
    transit_uncertainty: float
    trapping_rate: float
    trapping_uncertainty: float
    spread: float
    height: float
    baseline: float
    times: FloatArray
    current: FloatArray
    curve: FloatArray
    noise: float
    misfit: float
    knee_gain: float
    dof: float
    refusal: str | None

    @property
    def quantile(self) -> float:
        """Student's factor of a 95 % interval."""
        return float(special.stdtrit(self.dof, 0.975))


def fit_transit(
    times: npt.ArrayLike,
    current: npt.ArrayLike,
    bias: float,
    electronics: Electronics | None = None,
    temperature: float = 295.0,
) -> TransitFit:
    """Fit a transient with the drift-diffusion model.

    Height and baseline are solved for; transit time, trapping rate and the packet's spread beyond diffusion are
    searched from the point where the current has fallen by half. The covariance is enlarged by the integrated
    autocorrelation time of the residuals, for an amplifier's noise is not white.

    Parameters
    ----------
    times
        (n) equally spaced, s; at least 20.
    current
        (n) of either sign, any unit, ideally with some samples before the pulse.
    bias
        V.
    electronics
        Ideal when None.
    temperature
        K, for the diffusion by Einstein's relation.

    Raises
    ------
    ValueError
        If the arrays do not match, hold NaN, or the times do not rise evenly.
    """
    from scipy.optimize import least_squares

    at, signal = evenly_sampled(times, current)
    positive_number("bias", abs(bias))
    box = electronics or Electronics()
    at, signal = _thinned(at, signal)
    sign = 1.0 if signal[np.argmax(np.abs(signal - np.median(signal[:5])))] >= np.median(signal[:5]) else -1.0
    # Amperes are small numbers: unscaled, the search would stop where it starts.
    scale = max(float(np.ptp(signal)), 1e-300)
    y = sign * signal / scale
    noise = neighbour_noise(y)
    first = box.delay
    start = _half_time(at, y, first)
    span = float(at[-1]) - first
    step = float(at[1] - at[0])
    if start is None or span <= 4 * step:
        return _none(
            at, signal, noise * scale, "the transient does not rise above its noise and fall again in the record"
        )

    def shape(x: FloatArray) -> FloatArray:
        return transient(at, float(np.exp(x[0])), float(x[1] / np.exp(x[0])), bias, box, spread=float(x[2]),
                         temperature=temperature)  # fmt: skip

    def residuals(x: FloatArray) -> FloatArray:
        return _solved(shape(x), y)[1]

    bounds = ([np.log(2.0 * step), 0.0, 0.0], [np.log(3.0 * span), 30.0, 0.3])
    log_start = float(np.clip(np.log(start), bounds[0][0] + 0.01, bounds[1][0] - 0.01))
    tries = []
    for stretch, trapped in ((1.0, 0.2), (1.6, 1.5)):
        guess = [min(log_start + np.log(stretch), bounds[1][0] - 0.01), trapped, 1e-3]
        tries.append(
            least_squares(residuals, guess, bounds=bounds, x_scale=[0.05, 0.3, 0.01], max_nfev=60, ftol=1e-6, xtol=1e-5)
        )
        # A first try that leaves nothing but noise needs no second.
        if 2.0 * float(tries[-1].cost) < 1.5 * y.size * noise**2:
            break
    best = min(tries, key=lambda one: float(one.cost)).x
    (height, baseline), rest = _solved(shape(best), y)
    correlation = correlation_time(rest) if np.ptp(rest) > 0 else 1.0
    # A misfit is not to be mistaken for few independent samples: half of them at most are given up for it.
    effective = max(at.size / correlation, 8.0)
    dof = max(1.0, effective - 5.0)
    deviation = float(np.sqrt(np.sum(rest**2) / max(at.size - 5, 1)))
    covariance = _covariance(shape, best, height, deviation)
    if covariance is None:
        return _none(at, signal, noise * scale, "the model finds no packet in the transient")
    covariance = covariance * (at.size / effective)
    transit, trapped = float(np.exp(best[0])), float(best[1])
    rate_gradient = np.array([-trapped, 1.0, 0.0]) / transit
    gain = 0.5 * effective * np.log(_featureless(at, y, box, start) / max(float(rest @ rest), 1e-300))
    return TransitFit(
        transit,
        transit * float(np.sqrt(covariance[0, 0])),
        trapped / transit,
        float(np.sqrt(rate_gradient @ covariance @ rate_gradient)),
        float(best[2]),
        sign * scale * height,
        sign * scale * baseline,
        at,
        signal,
        sign * scale * (baseline + height * shape(best)),
        noise * scale,
        deviation * scale,
        float(gain),
        dof,
        _refusal(transit, trapped, span, step, height, noise, deviation, float(gain), float(covariance[0, 0])),
    )


def evenly_sampled(times: npt.ArrayLike, current: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Check times and current of a record.

    Raises
    ------
    ValueError
        If they do not match, hold NaN, are fewer than 20 or not evenly spaced.
    """
    at = finite_vector("times", times, 20)
    signal = matching_vector("current", current, at, "times")
    steps = np.diff(at)
    if np.any(steps <= 0) or np.ptp(steps) > 0.01 * steps.mean():
        raise ValueError("times are not evenly spaced and rising")
    return at, signal


def neighbour_noise(signal: FloatArray) -> float:
    """Estimate the standard deviation of the noise from second differences, blind to a smooth transient."""
    bends = np.abs(signal[:-2] - 2.0 * signal[1:-1] + signal[2:])
    return float(np.median(bends) / (0.6745 * np.sqrt(6.0)))


def _refusal(
    transit: float,
    trapped: float,
    span: float,
    step: float,
    height: float,
    noise: float,
    deviation: float,
    gain: float,
    log_variance: float,
) -> str | None:
    if height <= 0.0:
        return "the model finds no packet in the transient"
    if gain < KNEE_GAIN:
        return "no knee: a decay without a transit describes the transient as well"
    if transit > 0.98 * span:
        return f"the record ends at {span:.3g} s, before the carriers have arrived ({transit:.3g} s or later)"
    if transit < 4.0 * step:
        return f"the transit, {transit:.3g} s, takes fewer than four samples"
    if deviation > MISFIT * height * np.exp(-min(trapped, 1.0)) and deviation > 3.0 * noise:
        return "the drift-diffusion model does not describe the transient: see the dispersive estimate"
    if log_variance > 0.25**2:
        return "the transit time is uncertain by more than a quarter"
    return None


def _thinned(at: FloatArray, signal: FloatArray) -> tuple[FloatArray, FloatArray]:
    group = int(np.ceil(at.size / MOST_SAMPLES))
    if group == 1:
        return at, signal
    kept = at.size // group * group
    return at[:kept].reshape(-1, group).mean(axis=1), signal[:kept].reshape(-1, group).mean(axis=1)


def _half_time(at: FloatArray, y: FloatArray, first: float) -> float | None:
    """Time after the pulse at which the current has last fallen through half of its height."""
    after = at > first
    if after.sum() < 10:
        return None
    before = y[~after]
    tail = float(np.median(y[-max(3, y.size // 20) :]))
    level = float(np.median(before)) if before.size >= 3 else tail
    smooth = np.convolve(np.pad(y, 2, mode="edge"), np.full(5, 0.2), mode="valid")
    height = float(smooth[after].max()) - level
    if height <= 4.0 * neighbour_noise(y) / np.sqrt(5.0):
        return None
    above = np.flatnonzero(after & (smooth - level > 0.5 * height))
    return max(float(at[above[-1]]) - first, float(at[1] - at[0]) * 4)


def _solved(shape: FloatArray, y: FloatArray) -> tuple[tuple[float, float], FloatArray]:
    """Height and baseline, and what they leave."""
    centred, target = shape - shape.mean(), y - y.mean()
    power = float(centred @ centred)
    height = float(centred @ target) / power if power > 0 else 0.0
    return (height, float(y.mean() - height * shape.mean())), target - height * centred


def _covariance(
    shape: Callable[[FloatArray], FloatArray], best: FloatArray, height: float, deviation: float
) -> FloatArray | None:
    """Covariance of (ln transit, trapped, spread), height and baseline free beside them; None if one moves nothing."""
    base = shape(best)
    columns = []
    for index, move in enumerate((1e-3, 1e-3, 1e-4)):
        moved = best.copy()
        moved[index] += move
        columns.append(height * (shape(moved) - base) / move)
    design = np.stack([*columns, base, np.ones_like(base)], axis=1)
    scale = np.linalg.norm(design, axis=0)
    if np.any(scale == 0):
        return None
    inverse = np.linalg.pinv((design / scale).T @ (design / scale)) / np.outer(scale, scale)
    return np.asarray(inverse[:3, :3] * deviation**2, dtype=np.float64)


def _featureless(at: FloatArray, y: FloatArray, box: Electronics, start: float) -> float:
    """Residual sum of the best decay without a knee: stretched exponential, or power law that sets in late."""
    from scipy.optimize import least_squares

    def stretched(x: FloatArray) -> FloatArray:
        return _decay(at, box, start, lambda t: np.exp(-((t / np.exp(x[0])) ** x[1])))

    def power(x: FloatArray) -> FloatArray:
        return _decay(at, box, start, lambda t: (1.0 + t / np.exp(x[0])) ** -x[1])

    sums = [float(np.sum((y - y.mean()) ** 2))]
    laws: list[tuple[Callable[[FloatArray], FloatArray], tuple[float, float, float]]]
    laws = [(stretched, (0.15, 1.0, 0.9)), (power, (0.1, 8.0, 1.0))]
    for decay, limits in laws:

        def residuals(x: FloatArray, decay: Callable[[FloatArray], FloatArray] = decay) -> FloatArray:
            return _solved(decay(x), y)[1]

        solution = least_squares(
            residuals,
            [np.log(start), limits[2]],
            bounds=([np.log(start) - 7.0, limits[0]], [np.log(start) + 5.0, limits[1]]),
            max_nfev=30,
            ftol=1e-4,
            xtol=1e-3,
        )
        sums.append(2.0 * float(solution.cost))
    return min(sums)


def _decay(at: FloatArray, box: Electronics, start: float, law: Callable[[FloatArray], FloatArray]) -> FloatArray:
    def current(grid: FloatArray) -> FloatArray:
        return np.where(grid > 0, 1.0, np.where(grid == 0, 0.5, 0.0)) * law(np.maximum(grid, 0.0))

    return recorded(at, current, box, start / STEPS_A_TRANSIT)


def _none(at: FloatArray, signal: FloatArray, noise: float, reason: str) -> TransitFit:
    nothing = np.zeros_like(at)
    return TransitFit(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, at, signal, nothing, noise, noise, 0.0, 1.0, reason)
