"""From transients to transit times and mobilities."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.figure import FigureOfMerit
from analysis.time_of_flight import BIAS_METHOD, BUILT_IN, TimeOfFlight, mobility_from_biases, time_of_flight
from analysis.transit_conditions import VACUUM_PERMITTIVITY, TransitConditions
from config.sample_file import Sample
from procedures.drawing import Curve, Drawing, Points
from procedures.run_data import Array, RunData

SIGNS = (("positive bias", 1.0), ("negative bias", -1.0))
DRAWN = 4
"""Transients of a polarity that are drawn."""
DRAWN_TRANSITS = 2.5
"""So many of the longest transit times of them are drawn."""
LIMITED = "the source meter limited the current: the bias is not the one that was set"


@dataclass(frozen=True)
class Transient:
    """A transient and what it tells."""

    bias: float
    """V"""
    times: Array
    """s after the light pulse"""
    current: Array
    """A, above what flows without light"""
    delay_uncertainty: float
    """s, by which the amplifier's bandwidth may move every transit time"""
    result: TimeOfFlight


def transients(data: RunData) -> list[Transient]:
    """Analyse the transient of each bias."""
    return list(_analysed(data))


def _analysed(data: RunData) -> Iterator[Transient]:
    sample, given = data.sample, data.parameters
    if sample is None:
        raise ValueError("the run file holds no sample")
    rows, delays = data["transients"], data.axes["transients"]["delay"]
    light_delay = float(given["light_delay"]) * 1e-6
    uncertain = float(given["bandwidth_uncertainty"]) / 100
    for row in np.flatnonzero(rows["light"] > 0):
        bias, bandwidth = float(rows["bias"][row]), float(rows["bandwidth"][row])
        times = delays - rows["trigger"][row] - light_delay
        pulse = data.settings.get("light", {}).get("pulse_duration_s")
        before = times < -2.0 * float(pulse or 0.0)
        current = rows["current"][row] - (rows["current"][row][before].mean() if before.any() else 0.0)
        charge = float(np.sum(current[times > 0])) * float(delays[1] - delays[0])
        result = time_of_flight(
            times,
            current,
            sample.thickness_m,
            bias,
            _conditions(data, sample, bias, float(rows["dark_current"][row]), charge, bandwidth),
            temperature=float(given["temperature"]),
            thickness_uncertainty=sample.thickness_uncertainty_um / sample.thickness_um,
            bandwidth_uncertainty=uncertain,
        )
        if rows["in_compliance"][row]:
            result = _refused(result)
        yield Transient(bias, times, current, uncertain / (2.0 * np.pi * bandwidth), result)


def _conditions(
    data: RunData, sample: Sample, bias: float, dark_current: float, charge: float, bandwidth: float
) -> TransitConditions:
    """Put together what is known of amplifier, circuit, light and sample."""
    given, area, epsilon = data.parameters, sample.area_m2, sample.relative_permittivity
    capacitance = None
    if area is not None and epsilon is not None:
        capacitance = VACUUM_PERMITTIVITY * epsilon * area / sample.thickness_m
    resistivity = None
    if area is not None and dark_current:
        resistivity = abs(bias / dark_current) * area / sample.thickness_m
    pulse = data.settings.get("light", {}).get("pulse_duration_s")
    return TransitConditions(
        bandwidth=bandwidth,
        rc=None if capacitance is None else float(given["load_resistance"]) * capacitance,
        built_in=sample.built_in_potential_v,
        drawn_charge=charge,
        capacitance=capacitance,
        light_depth=float(given["light_depth"]) * 1e-6 or None,
        resistivity=resistivity,
        relative_permittivity=epsilon,
        mu_tau=float(given["mu_tau"]) * 1e-4 or None,
        pulse_fwhm=None if pulse is None else float(pulse),
    )


def _refused(result: TimeOfFlight) -> TimeOfFlight:
    refused = {
        figure.name: FigureOfMerit.refused(figure.name, figure.unit, figure.method, LIMITED, at=figure.at)
        for figure in result.figures
    }
    transit, mobility, trapping, half, knee, dispersive, by_half, by_dispersive = refused.values()
    return TimeOfFlight(
        transit, mobility, trapping, half, knee, dispersive, by_half, by_dispersive, result.fit, result.bias
    )


def tof_figures(data: RunData) -> list[FigureOfMerit]:
    """Return the mobilities from all biases of a sign, then what each transient tells."""
    found = transients(data)
    if not found:
        return [FigureOfMerit.refused("mobility", "cm2/(V s)", BIAS_METHOD, "no transient was measured")]
    figures: list[FigureOfMerit] = []
    for _, sign in SIGNS:
        of_sign = [one for one in found if one.bias * sign > 0]
        if of_sign:
            figures += _over_biases(data, of_sign)
    for one in sorted(found, key=lambda transient: (transient.bias < 0, abs(transient.bias))):
        result = one.result
        figures += [
            result.transit_time,
            result.mobility.renamed("mobility_at_bias"),
            result.trapping_time,
            result.half_height,
            result.mobility_half_height,
            result.knee,
            result.dispersive,
        ]
    return figures


def _determined(found: Sequence[Transient]) -> list[Transient]:
    return [one for one in found if one.result.transit_time.determined]


def _over_biases(data: RunData, found: Sequence[Transient]) -> list[FigureOfMerit]:
    """Fit 1/t against bias for one polarity."""
    sample = data.sample
    assert sample is not None  # noqa: S101  (looked at before)
    good = _determined(found)
    times = np.array([one.result.transit_time.value for one in good], dtype=np.float64)
    spread = np.array([one.result.transit_time.statistical for one in good], dtype=np.float64)
    biases = np.array([one.bias for one in good])
    range_ = sorted((one.bias for one in good or found), key=abs)
    at = {"from": (range_[0], "V"), "to": (range_[-1], "V")}
    if not len(good):
        reasons = dict.fromkeys(one.result.transit_time.warnings[0] for one in found)
        reason = f"no bias gave a transit time: {'; '.join(reasons)}"
        return [FigureOfMerit.refused("mobility", "cm2/(V s)", BIAS_METHOD, reason, at=at)]
    relative = sample.thickness_uncertainty_um / sample.thickness_um

    def fit(moved: float) -> tuple[FigureOfMerit, FigureOfMerit]:
        return mobility_from_biases(biases, times + moved, spread, sample.thickness_m, thickness_uncertainty=relative)

    mobility, built_in = fit(0.0)
    # the amplifier's delay is the same at every bias, and no scatter about the line shows it
    later = fit(max(one.delay_uncertainty for one in good))[0]
    if mobility.value is not None and later.value is not None:
        mobility = mobility.with_systematic(abs(later.value - mobility.value))
    left_out = [f"{one.bias:g} V: {one.result.transit_time.warnings[0]}" for one in found if one not in good]
    warnings = [f"left out, {text}" for text in left_out] + _warnings_of_each_kind(good)
    mobility = mobility.with_warnings(*warnings).at_condition(**at)
    if sample.built_in_potential_v is not None and abs(sample.built_in_potential_v) > BUILT_IN:
        built_in = built_in.with_details(built_in_of_sample_v=sample.built_in_potential_v)
    return [mobility, built_in.at_condition(**at)]


def _warnings_of_each_kind(found: Sequence[Transient]) -> list[str]:
    """Return one warning of each kind, from the lowest bias that has it."""
    kinds: dict[str, str] = {}
    for one in sorted(found, key=lambda transient: abs(transient.bias)):
        for warning in one.result.transit_time.warnings:
            kinds.setdefault(re.sub(r"[\d.]+(e[-+]?\d+)?", "#", warning), f"at {one.bias:g} V: {warning}")
    return list(kinds.values())


def tof_drawings(data: RunData) -> list[Drawing]:
    """Draw 1/t against bias, and for each polarity some transients with their fits."""
    found = transients(data)
    name = data.sample.name if data.sample else "the sample"
    good = _determined(found)
    drawings = []
    if good:
        both = [(label, [one for one in good if one.bias * sign > 0]) for label, sign in SIGNS]
        drawings.append(
            Drawing(
                f"Transit through {name}",
                "Bias (V)",
                "Inverse transit time (1/us)",
                [_inverse(of_sign, label) for label, of_sign in both if of_sign],
                [line for _, of_sign in both if (line := _line(data, of_sign)) is not None],
                quoted=("mobility",),
            )
        )
    for _, sign in SIGNS:
        of_sign = sorted((one for one in found if one.bias * sign > 0), key=lambda one: abs(one.bias))
        if of_sign:
            drawings.append(_drawn_transients(of_sign, f"Light pulses on {name}"))
    return drawings


def _drawn_transients(found: Sequence[Transient], title: str) -> Drawing:
    """Draw transients of a few biases, from the smallest to the largest, for as long as anything happens."""
    picked = [found[index] for index in dict.fromkeys(np.linspace(0, len(found) - 1, DRAWN).round().astype(int))]
    good = _determined(picked)
    longest = max((one.result.transit_time.value or 0.0 for one in good), default=0.0)
    end = DRAWN_TRANSITS * longest if longest else np.inf

    def until(times: Array, current: Array) -> tuple[Array, Array]:
        kept = times <= end
        return times[kept] * 1e6, current[kept] * 1e6

    measured = [(one, *until(one.times, one.current)) for one in picked]
    fitted = [until(one.result.fit.times, one.result.fit.curve) for one in good]
    return Drawing(
        title,
        "Time after the pulse (us)",
        "Current (uA)",
        [Points(times, current, label=f"{one.bias:g} V", joined=True) for one, times, current in measured],
        [
            Curve(times, curve, label="" if number else "drift and diffusion")
            for number, (times, curve) in enumerate(fitted)
        ],
        quoted=("mobility",),
    )


def _inverse(found: Sequence[Transient], label: str) -> Points:
    times = np.array([one.result.transit_time.value for one in found], dtype=np.float64)
    errors = np.array([one.result.transit_time.uncertainty for one in found], dtype=np.float64)
    return Points(np.array([one.bias for one in found]), 1e-6 / times, 1e-6 * errors / times**2, label=label)


def _line(data: RunData, found: Sequence[Transient]) -> Curve | None:
    """Return the line through 1/t of one polarity, as its mobility and built-in potential say."""
    sample = data.sample
    if not found or sample is None:
        return None
    mobility, built_in = (*_over_biases(data, found), None)[:2]
    if mobility is None or built_in is None or mobility.value is None or built_in.value is None:
        return None
    volts = np.linspace(0.0, 1.05 * max(abs(one.bias) for one in found), 50)
    slope = 1e-6 * 1e-4 / sample.thickness_m**2
    line = slope * mobility.value * (volts + built_in.value)
    half = slope * 1.96 * (mobility.uncertainty or 0.0) * np.abs(volts + built_in.value)
    return Curve(np.sign(found[0].bias) * volts, line, line - half, line + half, label="slope mu/d2")
