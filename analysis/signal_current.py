"""Signal of a detector from one beam-on reading between two dark ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.autocorrelation import SteadySignal, steady_signal
from analysis.checked_arrays import FloatArray, positive_number, relative_uncertainty
from analysis.figure import FigureOfMerit
from analysis.signal_points import Acquisition, SignalPoints

#: A/m2 in nA/cm2.
NANOAMPERE_PER_CM2 = 1e5


@dataclass(frozen=True)
class CurrentReading:
    """Current samples taken while beam and bias stood still.

    Parameters
    ----------
    time
        Middle of the record, s, on the clock of all readings.
    samples
        Equally spaced currents, A; at least 4.
    """

    time: float
    samples: npt.ArrayLike


@dataclass(frozen=True)
class SignalCurrent:
    """What the beam adds to the current of a detector.

    Attributes
    ----------
    density, uncertainty
        J_s, A/m2, with its sign, and its statistical standard uncertainty.
    noise, noise_dof
        J_n, A/m2: standard deviation of the samples under the beam, and its degrees of freedom.
    dark_density, dark_uncertainty
        Dark current density interpolated to the time of the signal, A/m2.
    dark_noise, dark_noise_dof
        A/m2: standard deviation of the dark samples, before and after pooled, and its degrees of freedom.
    count, effective_count
        Samples under the beam, and how many independent ones they are worth.
    warnings
        What to know.
    """

    density: float
    uncertainty: float
    noise: float
    noise_dof: float
    dark_density: float
    dark_uncertainty: float
    dark_noise: float
    dark_noise_dof: float
    count: int
    effective_count: float
    warnings: tuple[str, ...] = ()


def signal_current(
    before: CurrentReading, beam_on: CurrentReading, after: CurrentReading, area: float
) -> SignalCurrent:
    """Signal current density: beam-on current minus the dark current interpolated to its time.

    A dark current that drifts linearly between the two dark readings cancels exactly.

    Parameters
    ----------
    before, beam_on, after
        Readings in this order in time; dark, beam on, dark.
    area
        Electrode area, m2. Its uncertainty is systematic and enters with the sensitivity.

    Raises
    ------
    ValueError
        If the times are out of order, the area not positive, or a record too short or not finite.
    """
    if not before.time < beam_on.time < after.time:
        raise ValueError(
            f"times {before.time}, {beam_on.time}, {after.time}: the signal must lie between the two dark readings"
        )
    area = positive_number("area", area)
    first, signal, last = (_steady(name, reading) for name, reading in
                           (("before", before), ("beam_on", beam_on), ("after", after)))  # fmt: skip
    share = (beam_on.time - before.time) / (after.time - before.time)
    dark = (1.0 - share) * first.mean + share * last.mean
    dark_uncertainty = np.hypot((1.0 - share) * first.uncertainty, share * last.uncertainty)
    dark_noise, dark_dof = pooled_deviation(
        (first.deviation, last.deviation), (first.deviation_dof, last.deviation_dof)
    )
    warnings = []
    if signal.drifting:
        warnings.append("the current drifted while the beam was on: the drift counts as noise")
    if min(first.effective_count, signal.effective_count, last.effective_count) < 10:
        warnings.append("samples correlated over much of a record: fewer than ten independent ones")
    return SignalCurrent(
        density=(signal.mean - dark) / area,
        uncertainty=float(np.hypot(signal.uncertainty, dark_uncertainty)) / area,
        noise=signal.deviation / area,
        noise_dof=signal.deviation_dof,
        dark_density=dark / area,
        dark_uncertainty=float(dark_uncertainty) / area,
        dark_noise=dark_noise / area,
        dark_noise_dof=dark_dof,
        count=signal.count,
        effective_count=signal.effective_count,
        warnings=tuple(warnings),
    )


def signal_points(
    dose_rates: npt.ArrayLike,
    signals: list[SignalCurrent],
    dose_uncertainty: npt.ArrayLike | None = None,
    acquisition: Acquisition | None = None,
) -> SignalPoints:
    """`SignalPoints` of signals measured at the dose rates (Gy/s).

    Raises
    ------
    ValueError
        As `SignalPoints`.
    """
    return SignalPoints(
        dose_rate=np.asarray(dose_rates, dtype=np.float64),
        signal=np.array([one.density for one in signals]),
        signal_uncertainty=np.array([one.uncertainty for one in signals]),
        noise=np.array([one.noise for one in signals]),
        noise_dof=np.array([one.noise_dof for one in signals]),
        dose_uncertainty=None if dose_uncertainty is None else np.asarray(dose_uncertainty, dtype=np.float64),
        acquisition=acquisition or Acquisition(),
    )


def pooled_deviation(deviations: npt.ArrayLike, dofs: npt.ArrayLike) -> tuple[float, float]:
    """Pooled standard deviation of several records of one noise, and its degrees of freedom."""
    freedom = np.asarray(dofs, dtype=np.float64)
    variance = np.average(np.asarray(deviations, dtype=np.float64) ** 2, weights=freedom)
    return float(np.sqrt(variance)), float(freedom.sum())


def dark_current_density(
    dark_densities: npt.ArrayLike, uncertainties: npt.ArrayLike, area_uncertainty: float = 0.0
) -> FigureOfMerit:
    """Mean dark current density of the readings of a run, nA/cm2, with its sign.

    Parameters
    ----------
    dark_densities, uncertainties
        Of each dark reading, A/m2. Drift between readings counts: the uncertainty is the larger one of that of the
        weighted mean and that of the scatter.
    area_uncertainty
        Relative standard uncertainty of the electrode area.

    Raises
    ------
    ValueError
        If arrays are empty, do not match, or an uncertainty is negative or not finite.
    """
    from analysis.checked_arrays import finite_vector, standard_uncertainties

    relative = relative_uncertainty("area_uncertainty", area_uncertainty)
    densities: FloatArray = finite_vector("dark_densities", dark_densities)
    own = standard_uncertainties("uncertainties", uncertainties, densities)
    mean = float(densities.mean())
    stated = float(np.sqrt(np.sum(own**2))) / densities.size
    scatter = float(densities.std(ddof=1) / np.sqrt(densities.size)) if densities.size > 1 else 0.0
    drifted = bool(scatter > 3.0 * stated and densities.size > 1)
    return FigureOfMerit.normal(
        "dark_current_density",
        mean,
        "A/m2",
        "mean of the dark readings",
        statistical=max(stated, scatter),
        systematic=abs(mean) * relative,
        warnings=("the dark current drifted during the run: its uncertainty is the scatter of the readings",)
        if drifted
        else (),
        details={
            "readings": densities.size,
            "first_na_cm2": float(densities[0]) * NANOAMPERE_PER_CM2,
            "last_na_cm2": float(densities[-1]) * NANOAMPERE_PER_CM2,
        },
    ).scaled(NANOAMPERE_PER_CM2, "nA/cm2")


def _steady(name: str, reading: CurrentReading) -> SteadySignal:
    try:
        return steady_signal(reading.samples)
    except ValueError as mistake:
        raise ValueError(f"{name}: {mistake}") from mistake
