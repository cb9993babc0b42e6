"""The simulated world's truth beside what was measured on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from analysis.figure import FigureOfMerit

if TYPE_CHECKING:
    from sim_instruments.world.world import World


def true_value(world: World, procedure: str, figure: FigureOfMerit, parameters: Mapping[str, Any]) -> float | None:
    """Return what a figure of merit would be without noise; None where the world has no such truth.

    Parameters
    ----------
    world
        That was measured, with the run's last sample in it.
    procedure
        Name of the run's procedure.
    figure
        Measured.
    parameters
        Of the run.
    """
    conditions: dict[str, float] = {}
    if procedure == "sensitivity":
        if "field" in figure.at:
            conditions["field"] = figure.at["field"][0]
        bandwidth = figure.details.get("bandwidth_hz")
        if figure.name.startswith("lod") and isinstance(bandwidth, float):
            conditions["bandwidth_hz"] = bandwidth
    elif procedure == "rl-linearity" and figure.name == "slope":
        conditions = {
            "voltage_kv": float(parameters["tube_voltage"]),
            "wavelength_from": float(parameters["band_start"]),
            "wavelength_to": float(parameters["band_end"]),
        }
    name = {("rl-linearity", "slope"): "slope_nm"}.get((procedure, figure.name), figure.name)
    try:
        return float(world.truth(name, **conditions))
    except (KeyError, TypeError):
        return None
