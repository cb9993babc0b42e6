"""Signal and noise against dose rate: what sensitivity and limits of detection are worked out from."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from analysis.checked_arrays import FloatArray, finite_vector, matching_vector, standard_uncertainties


@dataclass(frozen=True)
class Acquisition:
    """How the samples were taken; a limit of detection means nothing without it.

    Parameters
    ----------
    bandwidth
        -3 dB bandwidth of the chain, Hz; None when unknown.
    sampling_rate
        Hz; None when unknown.
    samples
        Samples a point; None when it differs.
    """

    bandwidth: float | None = None
    sampling_rate: float | None = None
    samples: int | None = None

    def statement(self) -> str:
        """Sentence part that goes into a method."""
        parts = [
            "bandwidth not stated" if self.bandwidth is None else f"bandwidth {self.bandwidth:.4g} Hz",
            "sampling rate not stated" if self.sampling_rate is None else f"{self.sampling_rate:.4g} samples/s",
        ]
        if self.samples is not None:
            parts.append(f"N = {self.samples}")
        return ", ".join(parts)


@dataclass(frozen=True)
class SignalPoints:
    """Signals of a detector at several dose rates, each with its noise.

    Parameters
    ----------
    dose_rate
        (n) Gy/s.
    signal
        (n) dark-subtracted signal, A/m2 (or A); negative at negative bias. Its magnitude is used.
    signal_uncertainty
        (n) standard uncertainty of each signal, autocorrelation and dark reading included.
    noise
        (n) standard deviation of the samples at each dose rate, unit of `signal`.
    noise_dof
        (n) degrees of freedom of each noise: its relative uncertainty is 1/sqrt(2 dof).
    dose_uncertainty
        (n) random standard uncertainty of each dose rate, Gy/s; the calibration's is given apart.
    acquisition
        Bandwidth, sampling rate and N.

    Raises
    ------
    ValueError
        If arrays do not match, hold NaN, or a noise, a dose rate or a number of degrees of freedom is not positive.
    """

    dose_rate: FloatArray
    signal: FloatArray
    signal_uncertainty: FloatArray
    noise: FloatArray
    noise_dof: FloatArray
    dose_uncertainty: FloatArray | None = None
    acquisition: Acquisition = field(default_factory=Acquisition)

    def __post_init__(self) -> None:
        dose = finite_vector("dose_rate", self.dose_rate)
        if np.any(dose <= 0):
            raise ValueError("dose_rate holds a value that is not above zero")
        signal = matching_vector("signal", self.signal, dose, "dose_rate")
        noise = matching_vector("noise", self.noise, dose, "dose_rate")
        dof = matching_vector("noise_dof", np.broadcast_to(self.noise_dof, dose.shape), dose, "dose_rate")
        for name, values in (("noise", noise), ("noise_dof", dof)):
            if np.any(values <= 0):
                raise ValueError(f"{name} holds a value that is not above zero")
        spread = 0.0 if self.dose_uncertainty is None else self.dose_uncertainty
        object.__setattr__(self, "dose_rate", dose)
        object.__setattr__(self, "signal", signal)
        object.__setattr__(self, "noise", noise)
        object.__setattr__(self, "noise_dof", dof)
        own = standard_uncertainties("signal_uncertainty", self.signal_uncertainty, dose)
        object.__setattr__(self, "signal_uncertainty", own)
        object.__setattr__(self, "dose_uncertainty", standard_uncertainties("dose_uncertainty", spread, dose))

    @classmethod
    def of_white_noise(
        cls,
        dose_rate: npt.ArrayLike,
        signal: npt.ArrayLike,
        noise: npt.ArrayLike,
        count: int,
        acquisition: Acquisition | None = None,
    ) -> SignalPoints:
        """Points of `count` independent samples each, dark level known exactly: var(SNR) = (1 + SNR2/2)/N."""
        if count < 2:
            raise ValueError(f"count is {count}, at least 2 samples are needed")
        deviations = finite_vector("noise", noise)
        return cls(
            finite_vector("dose_rate", dose_rate),
            finite_vector("signal", signal),
            deviations / np.sqrt(count),
            deviations,
            np.full(deviations.size, count - 1.0),
            acquisition=acquisition or Acquisition(samples=count),
        )

    @property
    def magnitude(self) -> FloatArray:
        """Signal, positive where it has the sign of the strongest one."""
        strongest = self.signal[int(np.argmax(np.abs(self.signal)))]
        return self.signal if strongest >= 0 else -self.signal

    @property
    def signal_to_noise(self) -> FloatArray:
        """Signal over noise at each dose rate."""
        return self.magnitude / self.noise
