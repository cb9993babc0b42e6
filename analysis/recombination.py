"""Radiative and non-radiative rates from a lifetime and a quantum yield."""

from __future__ import annotations

import numpy as np

from analysis.checked_arrays import positive_number
from analysis.figure import NORMAL_95, FigureOfMerit

AMPLITUDE = "k_r = PLQY / tau, k_nr = (1 - PLQY) / tau, amplitude-weighted lifetime"
PUBLISHED = "k_r = PLQY / tau, k_nr = (1 - PLQY) / tau, intensity-weighted lifetime, as published"


def recombination_rates(
    lifetime: FigureOfMerit, quantum_yield: float, quantum_yield_uncertainty: float = 0.0, *, published: bool = False
) -> tuple[FigureOfMerit, FigureOfMerit]:
    """Rates of radiative and non-radiative recombination, 1/s.

    Emitters that share their radiative rate give PLQY = k_r sum(A tau)/sum(A): the lifetime that belongs to a quantum
    yield is the amplitude-weighted one. Papers often take the intensity-weighted one, which is longer and makes both
    rates too low; that is offered by name.

    Parameters
    ----------
    lifetime
        In ns.
    quantum_yield, quantum_yield_uncertainty
        0 to 1, and its standard uncertainty.
    published
        Whether the lifetime is intensity-weighted, as in Chen24; the figures' names then end in ``_published``.

    Returns
    -------
    k_r, k_nr : FigureOfMerit
        Refused where there is no lifetime.

    Raises
    ------
    ValueError
        If the yield is not between 0 and 1 or its uncertainty negative.

    References
    ----------
    A. Sillen, Y. Engelborghs, Photochem. Photobiol. 67 (1998) 475.
    """
    if not 0.0 < quantum_yield <= 1.0:
        raise ValueError(f"quantum_yield is {quantum_yield}, it must lie above 0 and at most at 1")
    if not quantum_yield_uncertainty >= 0.0:
        raise ValueError(f"quantum_yield_uncertainty is {quantum_yield_uncertainty}, it cannot be negative")
    names = tuple(f"{name}_published" if published else name for name in ("k_r", "k_nr"))
    method = PUBLISHED if published else AMPLITUDE
    if lifetime.value is None:
        radiative, other = (FigureOfMerit.refused(name, "1/s", method, lifetime.warnings[0]) for name in names)
        return radiative, other
    tau = positive_number("lifetime", lifetime.value) * 1e-9
    spread = (lifetime.uncertainty or 0.0) / lifetime.value
    warnings = lifetime.warnings
    if quantum_yield_uncertainty == 0.0:
        warnings += ("the quantum yield counts as exact: its uncertainty was not given",)

    def rate(name: str, share: float) -> FigureOfMerit:
        value = share / tau
        statistical, systematic = value * spread, quantum_yield_uncertainty / tau
        error = float(np.hypot(statistical, systematic))
        ends = (max(0.0, value - NORMAL_95 * error), value + NORMAL_95 * error)
        return FigureOfMerit(
            name, value, error, ends, "1/s", method, warnings, statistical=statistical, systematic=systematic
        )

    return rate(names[0], quantum_yield), rate(names[1], 1.0 - quantum_yield)
