"""Mobility-lifetime product from the photocurrent against bias."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.checked_arrays import (
    FloatArray,
    finite_vector,
    matching_vector,
    positive_number,
    relative_uncertainty,
    standard_uncertainties,
)
from analysis.collection_fit import CollectionFit, fit_collection
from analysis.figure import Detail, FigureOfMerit
from analysis.hecht_models import MODELS, CollectionModel, ModelName
from analysis.profile_likelihood import Profile

#: J0 and mu tau are not separable below this collection efficiency at the largest bias (correlation -0.98 at 0.56).
SEPARABLE = 0.5
CM2_PER_M2 = 1e4
V_PER_CM = 1e-2
NANOAMPERE_PER_CM2 = 1e5
#: A model whose AICc is no more than this above another's is not excluded.
NOT_EXCLUDED = 4.0


@dataclass(frozen=True)
class HechtFit:
    """Photocurrent against bias, fitted with one model of charge collection.

    Attributes
    ----------
    model
        Which.
    mu_tau
        cm2/V; of the better carrier where there are two. Refused when the data cannot separate it from J0.
    j0
        Saturated photocurrent density, nA/cm2; refused likewise.
    j0_mu_tau
        Their product, nA/V, which the data give even then.
    surface_recombination
        s/mu, V/cm; None in models without.
    carrier_ratio
        Smaller mu tau over the larger one; None in models without.
    aicc
        Akaike's criterion, corrected for few points; None when there are too few for it.
    collection_efficiency
        At the largest bias.
    bias, current_density, curve
        (n) V and A/m2, with the signs they came with; the best fit.
    """

    model: ModelName
    mu_tau: FigureOfMerit
    j0: FigureOfMerit
    j0_mu_tau: FigureOfMerit
    surface_recombination: FigureOfMerit | None
    carrier_ratio: FigureOfMerit | None
    aicc: float | None
    collection_efficiency: float
    bias: FloatArray
    current_density: FloatArray
    curve: FloatArray

    @property
    def figures(self) -> tuple[FigureOfMerit, ...]:
        """All figures of the model."""
        further = (self.surface_recombination, self.carrier_ratio)
        return (self.mu_tau, self.j0, self.j0_mu_tau, *(one for one in further if one is not None))


def fit_hecht(
    bias: npt.ArrayLike,
    current_density: npt.ArrayLike,
    thickness: float,
    sigma: npt.ArrayLike | float | None = None,
    *,
    model: ModelName = "single-carrier",
    built_in: float = 0.0,
    thickness_uncertainty: float = 0.0,
    area_uncertainty: float = 0.0,
) -> HechtFit:
    """Fit a model of charge collection to the photocurrent, dark current subtracted.

    Parameters
    ----------
    bias
        (n) V, all of one sign; n at least the number of parameters plus one.
    current_density
        (n) photocurrent density, A/m2.
    thickness
        Electrode distance d, m.
    sigma
        Standard uncertainties, A/m2, one or one each; None when unknown. Scatter beyond them, constant or growing with
        the current, is estimated from the residuals in any case.
    model
        Where the carriers start and what becomes of them; `compare_hecht` tells which of them the data allow.
    built_in
        Built-in potential, V, added to the bias with its sign.
    thickness_uncertainty, area_uncertainty
        Relative standard uncertainties (systematic): of d, which enters mu tau twice, and of the area.

    Returns
    -------
    HechtFit
        Figures refused rather than wrong: when the collection efficiency at the largest bias is below 0.5, when the
        95 % interval is open, or when the biases are too few.

    Raises
    ------
    ValueError
        If the arrays do not match or hold NaN, the thickness is not positive, the biases have both signs or are
        cancelled by the built-in potential, or the model is unknown.

    References
    ----------
    K. Hecht, Z. Phys. 77 (1932) 235. A. Many, J. Phys. Chem. Solids 26 (1965) 575.
    """
    if model not in MODELS:
        raise ValueError(f"model {model!r} is unknown: there are {', '.join(MODELS)}")
    chosen = MODELS[model]
    volts = finite_vector("bias", bias)
    current = matching_vector("current_density", current_density, volts, "bias")
    stated = np.zeros_like(current) if sigma is None else standard_uncertainties("sigma", sigma, current) ** 2
    d = positive_number("thickness", thickness)
    relative_d = relative_uncertainty("thickness_uncertainty", thickness_uncertainty)
    relative_area = relative_uncertainty("area_uncertainty", area_uncertainty)
    if np.any(volts == 0) or np.any(volts > 0) == np.any(volts < 0):
        raise ValueError("bias holds zero or both signs: the two carriers are fitted one at a time")
    inner = (volts + built_in) * np.sign(volts)
    if np.any(inner <= 0):
        raise ValueError(f"built_in {built_in} V cancels a bias: no field is left at that point")
    settings = np.unique(volts).size
    if settings < chosen.parameters + 1:
        reason = (
            f"{settings} different biases cannot determine the {chosen.parameters} parameters of the {model} model: "
            f"at least {chosen.parameters + 1} are needed"
        )
        return _refused_fit(chosen, volts, current, reason)
    signal = current * np.sign(volts)
    if signal.sum() < 0:
        signal = -signal
    scale = float(np.max(np.abs(signal)))
    if scale == 0.0:
        return _refused_fit(chosen, volts, current, "the photocurrent is zero at every bias")
    largest = float(inner.max())
    fit = fit_collection(chosen, inner / largest, signal / scale, stated / scale**2)
    return _assembled(chosen, fit, volts, current, scale, largest, d, relative_d, relative_area)


def compare_hecht(
    bias: npt.ArrayLike,
    current_density: npt.ArrayLike,
    thickness: float,
    sigma: npt.ArrayLike | float | None = None,
    *,
    model: ModelName = "single-carrier",
    built_in: float = 0.0,
    thickness_uncertainty: float = 0.0,
    area_uncertainty: float = 0.0,
) -> tuple[HechtFit, dict[ModelName, HechtFit]]:
    """Fit all models; the one asked for is returned with warnings about those that the data do not exclude.

    Which model holds is a matter of where the radiation is absorbed, which the experimenter knows better than AICc:
    strongly absorbed light starts one carrier's journey at an electrode, X-rays make pairs in the bulk.

    Parameters
    ----------
    bias, current_density, thickness, sigma, built_in, thickness_uncertainty, area_uncertainty
        As `fit_hecht`.
    model
        The one to quote.

    Returns
    -------
    fit : HechtFit
        Of `model`, with the other models' AICc in the details of `mu_tau`.
    fits : dict
        All of them by name.

    Raises
    ------
    ValueError
        As `fit_hecht`.
    """
    fits = {
        name: fit_hecht(
            bias,
            current_density,
            thickness,
            sigma,
            model=name,
            built_in=built_in,
            thickness_uncertainty=thickness_uncertainty,
            area_uncertainty=area_uncertainty,
        )
        for name in dict.fromkeys((model, *MODELS))
    }
    asked = fits[model]
    warnings = [warning for name, other in fits.items() if name != model for warning in _model_warnings(asked, other)]
    criteria = {f"aicc_{name.replace('-', '_')}": one.aicc for name, one in fits.items()}
    mu_tau = asked.mu_tau.with_warnings(*warnings).with_details(**criteria)
    return HechtFit(**{**vars(asked), "mu_tau": mu_tau}), fits


def _model_warnings(asked: HechtFit, other: HechtFit) -> list[str]:
    if asked.aicc is None or other.aicc is None:
        return []
    difference = other.aicc - asked.aicc
    if difference > NOT_EXCLUDED:
        return []
    better = "describes the data better" if difference < -NOT_EXCLUDED else "is not excluded by the data"
    warning = f"{other.model} model {better} (AICc {difference:+.1f})"
    if other.mu_tau.value is not None:
        warning += f": mu tau would be {other.mu_tau} there"
    if other.model == "surface-recombination":
        warning += (
            "; ignoring s/mu = 30 V/cm brings 1e-3 cm2/V down to a third, larger mu tau to 0.03 to 0.2 of the truth"
        )
    elif other.model == "two-carrier" and asked.model == "single-carrier":
        warning += "; if the pairs are generated in the bulk, a single-carrier fit gives 1.5 to 1.7 times the truth"
    return [warning]


def _assembled(
    model: CollectionModel,
    fit: CollectionFit,
    volts: FloatArray,
    current: FloatArray,
    scale: float,
    largest: float,
    thickness: float,
    relative_d: float,
    relative_area: float,
) -> HechtFit:
    per_drift = thickness**2 / largest * CM2_PER_M2
    density = scale * NANOAMPERE_PER_CM2
    method = f"{model.formula}; profile likelihood, scatter beyond the stated one estimated"
    details: dict[str, Detail] = {
        "model": model.name,
        "collection_efficiency": fit.efficiency,
        "points": volts.size,
        "largest_bias_v": float(volts[np.argmax(np.abs(volts))]),
        "aicc": _aicc(fit, model, volts.size),
    }
    reason = _refusal(fit, per_drift)
    product = _figure("j0_mu_tau", fit.product, density * per_drift, "nA/V", method)
    product = product.with_systematic((product.value or 0.0) * float(np.hypot(2 * relative_d, relative_area)))
    if reason is not None:
        mu_tau = FigureOfMerit.refused("mu_tau", "cm2/V", method, reason, details=details)
        j0 = FigureOfMerit.refused("j0", "nA/cm2", method, reason, details=details)
    else:
        drift = fit.log_drift
        assert drift.low is not None and drift.high is not None and drift.uncertainty is not None  # noqa: S101, PT018  # _refusal
        value = per_drift * float(np.exp(drift.value))
        mu_tau = FigureOfMerit(
            "mu_tau",
            value,
            value * drift.uncertainty,
            (per_drift * float(np.exp(drift.low)), per_drift * float(np.exp(drift.high))),
            "cm2/V",
            method,
            statistical=value * drift.uncertainty,
            details=details,
        ).with_systematic(2.0 * relative_d * value)
        j0 = _figure("j0", fit.amplitude, density, "nA/cm2", method)
        j0 = j0.with_systematic((j0.value or 0.0) * relative_area)
    return HechtFit(
        model.name,
        mu_tau,
        j0,
        product,
        _surface_recombination(model, fit, largest, thickness, method),
        _carrier_ratio(model, fit, method),
        _aicc(fit, model, volts.size),
        fit.efficiency,
        volts,
        current,
        fit.curve * scale * (1.0 if np.sum(current) >= 0 else -1.0),
    )


def _refusal(fit: CollectionFit, per_drift: float) -> str | None:
    if fit.efficiency < SEPARABLE:
        return (
            f"collection efficiency at the largest bias is {fit.efficiency:.2f}, below {SEPARABLE}: J0 and mu tau are "
            "not separable, see j0_mu_tau; measure at larger bias"
        )
    drift = fit.log_drift
    if drift.high is None or drift.low is None:
        if drift.low is not None:
            bound = f"at least {per_drift * np.exp(drift.low):.2g} cm2/V"
            return (
                f"the photocurrent is saturated at every bias within its scatter: mu tau is {bound}; add lower biases"
            )
        return "the 95 % interval of mu tau is open: the data cannot separate it from J0, see j0_mu_tau"
    return None


def _figure(name: str, profile: Profile, factor: float, unit: str, method: str) -> FigureOfMerit:
    if profile.low is None or profile.high is None or profile.uncertainty is None:
        return FigureOfMerit.refused(name, unit, method, f"the 95 % interval of {name} is open")
    return FigureOfMerit(
        name,
        factor * profile.value,
        factor * profile.uncertainty,
        (factor * profile.low, factor * profile.high),
        unit,
        method,
        statistical=factor * profile.uncertainty,
    )


def _surface_recombination(
    model: CollectionModel, fit: CollectionFit, largest: float, thickness: float, method: str
) -> FigureOfMerit | None:
    if model.name != "surface-recombination" or fit.second is None:
        return None
    factor = largest / thickness * V_PER_CM
    low, high = fit.second.low or 0.0, fit.second.high
    if high is None or _refusal(fit, 1.0) is not None:
        reason = "the data leave s/mu open: mu tau, J0 and s/mu are not separable"
        return FigureOfMerit.refused("surface_recombination", "V/cm", method, reason)
    # Where the interval reaches zero its one-sigma part may be open there: a quarter of the 95 % one stands for it.
    spread = fit.second.uncertainty if fit.second.uncertainty is not None else 0.25 * (high - low)
    return FigureOfMerit(
        "surface_recombination",
        factor * fit.second.value,
        factor * spread,
        (factor * low, factor * high),
        "V/cm",
        method,
        ("compatible with no surface recombination",) if low == 0.0 else (),
        statistical=factor * spread,
    )


def _carrier_ratio(model: CollectionModel, fit: CollectionFit, method: str) -> FigureOfMerit | None:
    if model.name != "two-carrier-unequal" or fit.second is None:
        return None
    low, high = fit.second.low or 0.0, 1.0 if fit.second.high is None else fit.second.high
    if low == 0.0 and high == 1.0:
        return FigureOfMerit.refused("carrier_ratio", "1", method, "the data allow any ratio of the carriers' mu tau")
    spread = 0.25 * (high - low)
    return FigureOfMerit("carrier_ratio", fit.second.value, spread, (low, high), "1", method, statistical=spread)


def _aicc(fit: CollectionFit, model: CollectionModel, points: int) -> float | None:
    # One parameter more for the scatter.
    k = model.parameters + 1
    if points <= k + 1:
        return None
    return -2.0 * fit.log_likelihood + 2.0 * k + 2.0 * k * (k + 1.0) / (points - k - 1.0)


def _refused_fit(model: CollectionModel, volts: FloatArray, current: FloatArray, reason: str) -> HechtFit:
    method = f"{model.formula}; profile likelihood"
    figures = [
        FigureOfMerit.refused(name, unit, method, reason, details={"model": model.name, "points": volts.size})
        for name, unit in (("mu_tau", "cm2/V"), ("j0", "nA/cm2"), ("j0_mu_tau", "nA/V"))
    ]
    return HechtFit(
        model.name, figures[0], figures[1], figures[2], None, None, None, 0.0, volts, current, np.zeros_like(current)
    )
