"""The simulated world's truth beside what was measured on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from analysis.figure import FigureOfMerit
from procedures.imaging_sequence import MOST_DARKS

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
    finder = _CONDITIONS.get(procedure)
    name, conditions = (figure.name, {}) if finder is None else finder(world, figure, parameters)
    try:
        return float(world.truth(name, **conditions))
    except (KeyError, TypeError):
        return None


Question = tuple[str, dict[str, float]]
"""The world's name of a truth, and the conditions at which it is asked for."""


def _sensitivity(world: World, figure: FigureOfMerit, parameters: Mapping[str, Any]) -> Question:
    del world, parameters
    conditions: dict[str, float] = {}
    if "field" in figure.at:
        conditions["field"] = figure.at["field"][0]
    bandwidth = figure.details.get("bandwidth_hz")
    if figure.name.startswith("lod") and isinstance(bandwidth, float):
        conditions["bandwidth_hz"] = bandwidth
    return figure.name, conditions


def _rl_linearity(world: World, figure: FigureOfMerit, parameters: Mapping[str, Any]) -> Question:
    del world
    if figure.name != "slope":
        return figure.name, {}
    return "slope_nm", {
        "voltage_kv": float(parameters["tube_voltage"]),
        "wavelength_from": float(parameters["band_start"]),
        "wavelength_to": float(parameters["band_end"]),
    }


def _time_of_flight(world: World, figure: FigureOfMerit, parameters: Mapping[str, Any]) -> Question:
    del world, parameters
    bias = figure.at.get("bias", figure.at.get("from", (1.0, "V")))[0]
    name = {"mobility_at_bias": "mobility", "trapping_time": "lifetime"}.get(figure.name, figure.name)
    if name == "mobility":
        return name, {"polarity": bias}
    return name, {"voltage": bias} if name == "transit_time" else {}


def _activation_energy(world: World, figure: FigureOfMerit, parameters: Mapping[str, Any]) -> Question:
    del parameters
    if figure.name != "activation_energy" or "from" not in figure.at:
        return figure.name, {}
    low, high = figure.at["from"][0], figure.at["to"][0]
    middle = world.truth("breakpoint")
    # a line whose range has the greater part on one side of the breakpoint is about that side
    return "activation_energy" if high - middle > middle - low else "activation_energy_below", {}


def _stability(world: World, figure: FigureOfMerit, parameters: Mapping[str, Any]) -> Question:
    """Ask for what the dose since the first record has left: a scintillator fades with it."""
    rate = world.truth(
        "dose_rate", voltage_kv=float(parameters["tube_voltage"]), current_ma=float(parameters["tube_current"])
    )
    duration = figure.details.get("duration_s")
    if figure.name == "remaining" and isinstance(duration, float):
        return "remaining_percent", {"dose": rate * duration}
    if figure.name == "t95":
        return "t95", {"dose_rate": rate}
    # a photoconductor's slope or a spectrum's is another matter than light against dose rate
    return (figure.name, {}) if figure.name in ("peak_wavelength", "fwhm") else ("", {})


def _dark_current(world: World, figure: FigureOfMerit, parameters: Mapping[str, Any]) -> Question:
    del world
    duration = figure.details.get("duration_s")
    if figure.name != "dark_current_drift" or not isinstance(duration, float):
        return figure.name, {}
    first = (
        float(parameters["bias_settling_time"]) + float(parameters["first_interval"]) + float(parameters["left_out"])
    )
    return figure.name, {"field": float(parameters["field"]), "since": first, "duration": duration}


def _imaging(world: World, figure: FigureOfMerit, parameters: Mapping[str, Any]) -> Question:
    voltage = float(parameters["tube_voltage"])
    rate = world.truth("dose_rate", voltage_kv=voltage, current_ma=float(parameters["tube_current"]))
    exposure, frames = float(parameters["exposure_time"]), float(parameters["frames"])
    open_beam = {"voltage_kv": voltage, "dose": rate * exposure, "exposure_time": exposure}
    flat = {"flat_dose": rate * exposure, "flat_exposure_time": exposure, "flat_frames": frames}
    flat["dark_frames"] = min(frames, MOST_DARKS)
    frequency = {"line_pairs_per_mm": figure.at.get("frequency", (0.0, ""))[0]}
    time, averaged = figure.details.get("exposure_time"), figure.details.get("frames")
    own = {"exposure_time": time, "frames": averaged} if isinstance(time, float) and isinstance(averaged, float) else {}
    conditions: dict[str, dict[str, float]] = {
        "contrast": {"voltage_kv": voltage, **frequency},
        "limiting_resolution": {"voltage_kv": voltage, "threshold": float(parameters["contrast_threshold"])},
        "normalized_noise_power": {**open_beam, **frequency},
        "dqe": {**open_beam, **frequency},
        "snr": {
            "voltage_kv": voltage,
            "dose": rate * own.get("exposure_time", 0.0),
            "light": _light(world, figure),
            **own,
            **flat,
        },
        "dose_at_snr": {
            "voltage_kv": voltage,
            "dose_rate": rate,
            "criterion": float(parameters["snr_criterion"]),
            "frames": float(parameters["series_frames"]),
            "light": 1.0,
            **flat,
        },
    }
    return figure.name, conditions.get(figure.name, {})


def _light(world: World, figure: FigureOfMerit) -> float:
    """Return how much light the region of a figure gets, of a sensor that is read out as a whole."""
    place = [figure.details.get(name) for name in ("x", "y", "width", "height")]
    if not all(isinstance(one, int) for one in place):
        return 1.0
    x, y, width, height = (float(one) for one in place if isinstance(one, int))
    view = world.camera.view
    return world.camera.light_at((2 * x + width) / view.columns - 1.0, (2 * y + height) / view.rows - 1.0)


_CONDITIONS: Mapping[str, Callable[[World, FigureOfMerit, Mapping[str, Any]], Question]] = {
    "sensitivity": _sensitivity,
    "rl-linearity": _rl_linearity,
    "tof": _time_of_flight,
    "activation-energy": _activation_energy,
    "rl-stability": _stability,
    "operational-stability": _stability,
    "dark-current": _dark_current,
    "imaging": _imaging,
}
"""By procedure: what the world is asked for a figure."""
