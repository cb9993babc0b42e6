"""Which procedures and presets there are."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from pydantic import Field

from config.bench_file import Geometry, Table
from config.loading import read, user_folder
from config.mistake import UserMistake, nearest
from procedures.procedure import Procedure

ENTRY_POINTS = "xraybench.procedures"

SHIPPED = {
    "dose-calibration": "procedures.dose_calibration:DoseCalibration",
    "tube-warm-up": "procedures.tube_warm_up:TubeWarmUp",
    "rl-spectrum": "procedures.rl_spectrum:RLSpectrum",
    "rl-linearity": "procedures.rl_linearity:RLLinearity",
    "sensitivity": "procedures.sensitivity:Sensitivity",
    "hecht": "procedures.hecht:Hecht",
    "iv": "procedures.iv:CurrentVoltage",
    "dark-current": "procedures.dark_current:DarkCurrent",
    "operational-stability": "procedures.operational_stability:OperationalStability",
    "rl-stability": "procedures.rl_stability:RLStability",
    "imaging": "procedures.imaging:Imaging",
    "tof": "procedures.tof:TimeOfFlight",
    "activation-energy": "procedures.activation_energy:ActivationEnergy",
}
"""Name to ``module:Class``."""

ANALYSES = {
    "decay": "procedures.elsewhere.decay:Decay",
    "tauc": "procedures.elsewhere.tauc:Tauc",
    "mott-schottky": "procedures.elsewhere.mott_schottky:CapacitanceVoltage",
    "light-yield": "procedures.elsewhere.light_yield:LightYield",
    "plqy": "procedures.elsewhere.plqy:QuantumYield",
    "stability": "procedures.elsewhere.stability:Stability",
    "slanted-edge": "procedures.elsewhere.frames:EdgeFrames",
    "line-pairs": "procedures.elsewhere.frames:LinePairFrames",
}
"""Of data from elsewhere: they have no bench, and are not offered for a run."""

PRESETS = Path(__file__).parent / "presets"


class PresetFile(Table):
    """Settings of a measurement that somebody published."""

    title: str = Field(min_length=1)
    procedure: str = Field(min_length=1)
    source: str = ""
    sample: str = Field("", description="name of a sample file")
    geometry: Geometry | None = None
    world: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="of a simulated bench, per part of the world, parameters besides the bench's"
    )
    parameters: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True)
class Preset:
    """A preset by its name."""

    name: str
    content: PresetFile
    path: Path = field(compare=False)


def procedures() -> dict[str, str]:
    """List every procedure: name to ``module:Class``; nothing is imported."""
    third_parties = {point.name: point.value for point in entry_points(group=ENTRY_POINTS)}
    return {**third_parties, **SHIPPED}


def procedure_class(name: str) -> type[Procedure]:
    """Import a procedure.

    Raises
    ------
    UserMistake
        If there is none of this name; the message names the nearest.
    """
    # nobody replaces a shipped procedure, and looking through every installed package takes 60 ms
    known = next((shelf for shelf in (SHIPPED, ANALYSES) if name in shelf), None) or procedures()
    if name not in known:
        raise UserMistake(f"no procedure is named '{name}': {nearest(name, known)}")
    module, _, attribute = known[name].partition(":")
    try:
        loaded = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise UserMistake(f"procedure '{name}' cannot be imported: {error}") from error
    if not (isinstance(loaded, type) and issubclass(loaded, Procedure)):
        raise UserMistake(f"procedure '{name}': {known[name]} is no Procedure")
    return loaded


def preset_files() -> dict[str, Path]:
    """List every preset file by name; the user's own hide shipped ones of the same name."""
    found: dict[str, Path] = {}
    for folder in (PRESETS, user_folder() / "presets"):
        found |= {path.stem: path for path in sorted(folder.glob("*.toml"))}
    return found


def preset(name: str, procedure: str | None = None) -> Preset:
    """Read a preset.

    Parameters
    ----------
    name
        Of the preset.
    procedure
        That it must be for.

    Raises
    ------
    UserMistake
        If there is none of this name, its file is wrong, or it is for another procedure.
    """
    known = preset_files()
    if name not in known:
        raise UserMistake(f"no preset is named '{name}': {nearest(name, known)}")
    content = read(known[name], PresetFile).content
    if procedure is not None and content.procedure != procedure:
        fitting = [one for one, path in known.items() if read(path, PresetFile).content.procedure == procedure]
        raise UserMistake(
            f"preset '{name}' is for {content.procedure}, not for {procedure}, which has {', '.join(fitting) or 'none'}"
        )
    return Preset(name, content, known[name])
