"""What must hold for a transit time to be one, and what to warn of where it does not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

VACUUM_PERMITTIVITY = 8.8541878128e-12
RISE_TIME_BANDWIDTH = 0.35


@dataclass(frozen=True)
class TransitConditions:
    """Circumstances of a time-of-flight measurement, as far as they are known; None where they are not.

    Parameters
    ----------
    bandwidth
        -3 dB bandwidth of the amplifier, Hz.
    rc
        RC time constant of the sample and its circuit, s.
    built_in
        Built-in potential, V.
    drawn_charge
        Charge that one pulse moves, C.
    capacitance
        Of the sample, F.
    light_depth
        Depth in which the light is absorbed, m.
    resistivity
        Ohm m.
    relative_permittivity
        Of the sample.
    mu_tau
        Mobility-lifetime product from another measurement, m2/V.
    pulse_fwhm
        Width of the light pulse, s.
    """

    bandwidth: float | None = None
    rc: float | None = None
    built_in: float | None = None
    drawn_charge: float | None = None
    capacitance: float | None = None
    light_depth: float | None = None
    resistivity: float | None = None
    relative_permittivity: float | None = None
    mu_tau: float | None = None
    pulse_fwhm: float | None = None

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            signed = name in ("built_in", "drawn_charge")
            if value is not None and not (np.isfinite(value) and (signed or value >= 0)):
                raise ValueError(f"{name} is {value}, it must be a finite number{'' if signed else ', zero or above'}")


def too_slow(conditions: TransitConditions, transit_time: float) -> str | None:
    """Why the electronics forbid a number; None when they do not."""
    if conditions.bandwidth is None or conditions.bandwidth == 0.0:
        return None
    rise = RISE_TIME_BANDWIDTH / conditions.bandwidth
    if rise > transit_time:
        return (
            f"the amplifier's rise time 0.35/BW = {rise:.3g} s is longer than the transit of {transit_time:.3g} s: "
            "choose a lower gain (larger bandwidth) or a lower bias"
        )
    return None


def transit_warnings(
    conditions: TransitConditions,
    transit_time: float,
    thickness: float,
    bias: float,
    trapping_time: float | None = None,
) -> tuple[str, ...]:
    """List what may falsify a transit time.

    Parameters
    ----------
    conditions
        What is known.
    transit_time
        s.
    thickness
        m.
    bias
        V.
    trapping_time
        As fitted, s; that of `conditions.mu_tau` is looked at as well.
    """
    warnings = []
    known = conditions
    if known.bandwidth and RISE_TIME_BANDWIDTH / known.bandwidth > transit_time / 5.0:
        rise = RISE_TIME_BANDWIDTH / known.bandwidth
        warnings.append(f"amplifier slow: 0.35/BW = {rise:.3g} s is more than a fifth of the transit")
    if known.rc is not None and known.rc > transit_time / 10.0:
        warnings.append(f"RC = {known.rc:.3g} s is more than a tenth of the transit")
    if known.pulse_fwhm is not None and known.pulse_fwhm > transit_time / 10.0:
        warnings.append(f"light pulse of {known.pulse_fwhm:.3g} s is longer than a tenth of the transit")
    traps = [] if trapping_time is None else [(trapping_time, "fitted")]
    if known.mu_tau is not None:
        traps.append((known.mu_tau * transit_time * abs(bias) / thickness**2, "from mu tau"))
    warnings += [
        f"trapping-limited: tau = {tau:.3g} s ({source}) is less than the transit of {transit_time:.3g} s"
        for tau, source in traps
        if tau < transit_time
    ]
    if known.built_in is not None and abs(known.built_in) > 0.1:
        warnings.append(
            f"built-in potential {known.built_in:.2g} V is more than 0.1 V ({abs(known.built_in / bias):.0%} of the "
            "bias): take the mobility from 1/t against V"
        )
    if known.drawn_charge is not None and known.capacitance is not None:
        allowed = 0.1 * known.capacitance * abs(bias)
        if abs(known.drawn_charge) > allowed:
            warnings.append(
                f"drawn charge {abs(known.drawn_charge):.2g} C is more than a tenth of C V = {10 * allowed:.2g} C: "
                "the packet disturbs its own field, use less light"
            )
    if known.light_depth is not None and known.light_depth > thickness / 10.0:
        warnings.append(f"light reaches {known.light_depth:.2g} m deep, more than a tenth of the thickness")
    if known.resistivity is not None and known.relative_permittivity is not None:
        relaxation = known.resistivity * known.relative_permittivity * VACUUM_PERMITTIVITY
        if relaxation < 10.0 * transit_time:
            warnings.append(
                f"dielectric relaxation rho eps = {relaxation:.2g} s is less than ten transits: the field redistributes"
            )
    return tuple(warnings)
