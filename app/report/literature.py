"""A detector among published ones: sensitivity against limit of detection, mu tau against resistivity."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.figure import FigureOfMerit
from app.report.picture import PLAIN_TEXT
from config.literature_file import Detector
from config.mistake import UserMistake
from storage.reader import open_run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LIMITS = ("lod_interpolated", "lod_iupac", "lod_line", "lod_currie")
"""Limits of detection, the one that is taken first."""

_NEW, _PUBLISHED = "#c8501e", {"Tie23": "#1f5fa8"}
_OTHERS = "#2f8f4e"


@dataclass(frozen=True)
class Measured:
    """A detector that was measured here, at one field.

    Attributes
    ----------
    sensitivity, lod
        At the same field; uC/(Gy cm2), nGy/s.
    mu_tau, resistivity
        cm2/V, ohm cm; from other runs of the same sample.
    tube_voltage_kv
        Of the sensitivity's run.
    """

    name: str
    at: str
    tube_voltage_kv: float | None
    sensitivity: FigureOfMerit | None = None
    lod: FigureOfMerit | None = None
    mu_tau: FigureOfMerit | None = None
    resistivity: FigureOfMerit | None = None


@dataclass(frozen=True)
class _Point:
    x: float
    y: float
    x_error: float
    y_error: float
    colour: str
    label: str
    key: str


def measured_detectors(paths: Sequence[Path]) -> list[Measured]:
    """Put together what run files say of their samples.

    Raises
    ------
    UserMistake
        If a file has none of the four figures.
    """
    found: list[Measured] = []
    materials: dict[str, dict[str, FigureOfMerit]] = {}
    for path in paths:
        with open_run(path) as file:
            simulated = " (simulated)" if file.provenance.get("simulated") else ""
            name = f"{file.sample.get('name') or path.stem}{simulated}"
            figures = [FigureOfMerit.from_dict(figure) for figure in file.figures]
            voltage = file.parameters.get("tube_voltage", (None, None))[0]
        determined = [figure for figure in figures if figure.determined]
        own = {figure.name: figure for figure in determined if figure.name in ("mu_tau", "resistivity")}
        materials.setdefault(name, {}).update(own)
        sensitive = [figure for figure in determined if figure.name == "sensitivity"]
        for figure in sensitive:
            limits = [one for limit in LIMITS for one in determined if (one.name, one.at) == (limit, figure.at)]
            at = ", ".join(f"{value:g} {unit}" for value, unit in figure.at.values())
            kilovolts = float(voltage) if isinstance(voltage, int | float) else None
            found.append(Measured(name, at, kilovolts, figure, limits[0] if limits else None))
        if not own and not sensitive:
            raise UserMistake(f"{path}: has no sensitivity, mu_tau or resistivity to place among published detectors")
    found += [Measured(name, "", None) for name in materials if name not in {one.name for one in found}]
    return [
        Measured(one.name, one.at, one.tube_voltage_kv, one.sensitivity, one.lod, *_both(materials[one.name]))
        for one in found
    ]


def _both(material: Mapping[str, FigureOfMerit]) -> tuple[FigureOfMerit | None, FigureOfMerit | None]:
    return material.get("mu_tau"), material.get("resistivity")


def voltage_text(kilovolts: float | None) -> str:
    """Say a tube voltage, or that it is not known."""
    return "kV not stated" if kilovolts is None else f"{kilovolts:g} kV"


def draw(detectors: Sequence[Detector], measured: Sequence[Measured]) -> Figure:
    """Draw both maps; each point has a number, whose detector and tube voltage stand beside the map."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(PLAIN_TEXT):
        page = Figure(figsize=(11.0, 12.0), layout="constrained")
        upper, lower = page.subplots(2, 1)
        _map(upper, _sensitivities(detectors, measured))
        upper.set_xlabel("Limit of detection (nGy/s)")
        upper.set_ylabel("Sensitivity (uC/(Gy cm2))")
        upper.set_title("Sensitivities at different tube voltages and fields are not comparable")
        _map(lower, _transport(detectors, measured))
        lower.set_xlabel("Resistivity (ohm cm)")
        lower.set_ylabel("Mobility-lifetime product of electrons (cm2/V)")
    return page


def _sensitivities(detectors: Sequence[Detector], measured: Sequence[Measured]) -> list[_Point]:
    points = []
    for one in detectors:
        if one.sensitivity is not None and one.lod_ngy_s is not None:
            field = "" if one.field_v_cm is None else f", {one.field_v_cm:g} V/cm"
            key = f"{_name(one)}: {voltage_text(one.tube_voltage_kv)}{field}"
            points.append(_Point(one.lod_ngy_s, one.sensitivity, 0.0, 0.0, _colour(one), "", key))
    for new in measured:
        if new.sensitivity is not None and new.lod is not None:
            key = f"{new.name}, this work: {voltage_text(new.tube_voltage_kv)}, {new.at}, {new.lod.name}"
            points.append(_new_point(new.lod, new.sensitivity, voltage_text(new.tube_voltage_kv), key))
    return points


def _transport(detectors: Sequence[Detector], measured: Sequence[Measured]) -> list[_Point]:
    points = [
        _Point(one.resistivity_ohm_cm, one.mu_tau_electrons, 0.0, 0.0, _colour(one), "", _name(one))
        for one in detectors
        if one.resistivity_ohm_cm is not None and one.mu_tau_electrons is not None
    ]
    seen = set()
    for new in measured:
        if new.mu_tau is not None and new.resistivity is not None and new.name not in seen:
            seen.add(new.name)
            points.append(_new_point(new.resistivity, new.mu_tau, "", f"{new.name}, this work"))
    return points


def _new_point(x: FigureOfMerit, y: FigureOfMerit, label: str, key: str) -> _Point:
    return _Point(x.value or 0.0, y.value or 0.0, x.uncertainty or 0.0, y.uncertainty or 0.0, _NEW, label, key)


def _map(axes: Axes, points: Sequence[_Point]) -> None:
    drawable = [point for point in points if point.x > 0 and point.y > 0]
    for number, point in enumerate(drawable, start=1):
        new = point.colour == _NEW
        axes.errorbar(
            point.x,
            point.y,
            xerr=_within(point.x, point.x_error),
            yerr=_within(point.y, point.y_error),
            fmt="*" if new else "o",
            markersize=13 if new else 6,
            capsize=2,
            color=point.colour,
            label=f"{number}  {point.key}",
            zorder=3 if new else 2,
        )
        axes.annotate(
            f"{number} {point.label}".strip(), (point.x, point.y), (5, 4), textcoords="offset points", fontsize=7
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.grid(alpha=0.25)
    if drawable:
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=7, markerscale=0.6)


def _within(value: float, error: float) -> list[list[float]]:
    """Error bars that a logarithmic axis can show."""
    return [[min(error, 0.95 * value)], [error if math.isfinite(error) else 0.0]]


def _name(one: Detector) -> str:
    form = {"single crystal": " SC", "polycrystal": " PC", "film": " film", "": ""}[one.form]
    return f"{one.name}{form} ({one.paper}{', ' + one.original if one.original else ''})"


def _colour(one: Detector) -> str:
    return _PUBLISHED.get(one.paper, _OTHERS)
