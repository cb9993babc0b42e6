"""From currents at temperatures to activation energies."""

from __future__ import annotations

import math

import numpy as np

from analysis.activation_energy import METHOD, ActivationEnergy, activation_energy
from analysis.figure import FigureOfMerit
from procedures.drawing import Curve, Drawing, Points
from procedures.run_data import Array, RunData

HYSTERESIS = 0.02
"""Mean relative difference of the conductivities up and down that is worth a warning, if it is significant."""


class _Points:
    """Temperatures, K, conductivities and errors, S/m, of the points that count, and what is to be said of them."""

    def __init__(self, data: RunData) -> None:
        sample = data.sample
        if sample is None or sample.area_m2 is None:
            raise ValueError("the run file holds no sample with an area")
        rows = data["sweep"]
        unbiased = (rows["bias"] == 0) & np.isfinite(rows["current"])
        offset = float(rows["current"][unbiased].mean()) if unbiased.any() else 0.0
        offset_error = float(rows["current_errors"][unbiased].mean()) if unbiased.any() else 0.0
        biased = rows["bias"] != 0
        volts = np.where(biased, rows["bias"], 1.0)
        geometry = sample.thickness_m / sample.area_m2
        conductivity = (rows["current"] - offset) / volts * geometry
        errors = np.hypot(rows["current_errors"], offset_error) / np.abs(volts) * geometry
        limited = biased & (rows["in_compliance"] > 0)
        good = biased & ~limited & np.isfinite(conductivity)
        negative = good & (conductivity <= 0)
        kept = good & ~negative
        self.temperature: Array = rows["temperature"][kept]
        self.conductivity: Array = conductivity[kept]
        self.errors: Array = np.maximum(errors[kept], 1e-6 * conductivity[kept])
        self.direction: Array = rows["direction"][kept]
        self.warnings: list[str] = []
        for left_out, why in (
            (limited, "where the source meter limited the current"),
            (negative, "whose current is below the one at 0 V"),
        ):
            if left_out.any():
                self.warnings.append(f"{int(left_out.sum())} points are left out {why}")
        restless = kept & (rows["settled"] == 0)
        if restless.any():
            self.warnings.append(f"the current had not settled at {int(restless.sum())} of {int(kept.sum())} points")
        self.warnings += self._hysteresis()

    def _hysteresis(self) -> list[str]:
        """Compare up and down at the same temperatures."""
        up, down = self.direction > 0, self.direction < 0
        ratios = []
        for kelvin, conductivity in zip(self.temperature[up], self.conductivity[up], strict=True):
            same = np.flatnonzero(np.abs(self.temperature[down] - kelvin) < 0.5)
            if same.size:
                ratios.append(math.log(float(self.conductivity[down][same[0]]) / float(conductivity)))
        if len(ratios) < 3:
            return []
        mean, error = float(np.mean(ratios)), float(np.std(ratios, ddof=1)) / math.sqrt(len(ratios))
        if abs(mean) <= max(HYSTERESIS, 3.0 * error):
            return []
        text = f"the conductivity on the way down differs by {math.expm1(mean):+.1%} from that on the way up"
        return [f"{text}: heating changed the sample, or it had not settled"]


def _sensor_uncertainty(data: RunData) -> float:
    return data.calibration("temperature_stage", "sensor_uncertainty_k", 0.1)


def _fit(data: RunData, points: _Points) -> ActivationEnergy:
    uncertain = _sensor_uncertainty(data)
    # a sensor that is wrong by a constant dT turns 1/T, and with it the slope, by 2 dT / T
    scale = 2.0 * uncertain / float(points.temperature.mean())
    return activation_energy(points.temperature, points.conductivity, points.errors, scale)


def activation_figures(data: RunData) -> list[FigureOfMerit]:
    """Return activation energies, the highest temperatures first, and the breakpoint."""
    points = _Points(data)
    if len(points.temperature) < 3:
        reason = f"{len(points.temperature)} conductivities were measured: a line needs at least 3"
        return [
            FigureOfMerit.refused("activation_energy", "eV", METHOD, reason, warnings=tuple(points.warnings)),
        ]
    found = _fit(data, points)
    return [figure.with_warnings(*points.warnings) for figure in found.figures] + [
        found.breakpoint.with_systematic(_sensor_uncertainty(data))
    ]


def activation_drawings(data: RunData) -> list[Drawing]:
    """Draw ln(sigma T) against 1000/T, up and down, with the lines."""
    points = _Points(data)
    if not len(points.temperature):
        return []
    x = 1000.0 / points.temperature
    y = np.log(0.01 * points.conductivity * points.temperature)
    error = points.errors / points.conductivity
    drawn = [
        Points(x[rows], y[rows], error[rows], label=label)
        for way, label in ((1.0, "up"), (-1.0, "down"))
        if (rows := points.direction == way).any()
    ]
    curves = []
    if len(points.temperature) >= 3:
        order = np.argsort(x)
        curves.append(Curve(x[order], _fit(data, points).curve[order] + math.log(0.01), label="fit"))
    return [
        Drawing(
            f"Conductivity of {data.sample.name if data.sample else 'the sample'}",
            "1000/T (1/K)",
            "ln(sigma T) (sigma in S/cm, T in K)",
            drawn,
            curves,
            quoted=("activation_energy", "breakpoint"),
        )
    ]
