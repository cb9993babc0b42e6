"""Which drivers there are: ours by name, third parties' by entry point or as ``module:Class``."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import entry_points

from config.mistake import UserMistake, nearest
from drivers.roles.role import Role

ENTRY_POINTS = "xraybench.drivers"

SHIPPED: dict[str, tuple[str, str]] = {
    "spellman-xrv": ("tube", "drivers.spellman_xrv:SpellmanTube"),
    "ptw-unidos": ("dosimeter", "drivers.ptw_unidos:PtwUnidos"),
    "dose-table": ("dosimeter", "drivers.dose_table:DoseTable"),
    "ocean-optics": ("spectrometer", "drivers.ocean_optics:OceanOpticsSpectrometer"),
    "keithley-2400": ("source_meter", "drivers.keithley_2400:Keithley2400SourceMeter"),
    "keithley-2410": ("source_meter", "drivers.keithley_2400:Keithley2410SourceMeter"),
    "keithley-2450": ("source_meter", "drivers.keithley_2450:Keithley2450SourceMeter"),
    "sr570": ("preamp", "drivers.sr570:SR570Preamp"),
    "keysight-dsox1000": ("digitizer", "drivers.keysight_dsox1000:KeysightDSOX1000Digitizer"),
    "genicam": ("camera", "drivers.genicam:GenICamCamera"),
    "basler": ("camera", "drivers.basler:BaslerCamera"),
    "frame-stream": ("camera", "drivers.frame_stream:FrameStreamCamera"),
    "keysight-33500": ("light", "drivers.keysight_33500:Keysight33500Light"),
    "lakeshore-336": ("temperature_stage", "drivers.lakeshore_336:LakeShore336Stage"),
}
"""Driver name to role and class."""


_allowed: set[str] = set()


def named_as_code(name: str) -> bool:
    """Say whether a bench file that names this driver names code of its own: ``module:Class``, and none we know."""
    return ":" in name and name not in SHIPPED and name not in drivers()


def allow(names: Iterable[str]) -> None:
    """Let these ``module:Class`` be loaded from now on: the user trusts the file that names them."""
    _allowed.update(names)


@dataclass(frozen=True)
class DriverEntry:
    """One driver that a bench file can name."""

    name: str
    role: str
    """Empty where it is only known once the class is loaded."""
    target: str
    """``module:Class``"""
    package: str = "xraybench"


def drivers() -> dict[str, DriverEntry]:
    """List every driver by its name; nothing is imported."""
    found = {name: DriverEntry(name, role, target) for name, (role, target) in SHIPPED.items()}
    for point in entry_points(group=ENTRY_POINTS):
        found.setdefault(point.name, DriverEntry(point.name, "", point.value, point.dist.name if point.dist else "?"))
    return found


def driver_class(name: str, role: str) -> type[Role]:
    """Import the driver that a bench file names.

    Parameters
    ----------
    name
        A driver's name or ``module:Class``.
    role
        The role it must have.

    Raises
    ------
    UserMistake
        If there is none, it cannot be imported, it plays another role, or it is code that is not to be trusted.
    """
    # nobody replaces a shipped driver, and looking through every installed package takes 60 ms
    if name in SHIPPED:
        target = SHIPPED[name][1]
    elif name in (known := drivers()):
        target = known[name].target
    elif name in _allowed:
        target = name
    elif ":" in name:
        raise UserMistake(
            f"instruments.{role}.driver: '{name}' is code, and the bench file that names it is not trusted: look at "
            f"it, then xraybench benches --trust FILE"
        )
    else:
        right = [entry.name for entry in known.values() if entry.role in ("", role)]
        raise UserMistake(f"instruments.{role}.driver: no driver is named '{name}'; {nearest(name, right)}")
    module, _, attribute = target.partition(":")
    try:
        loaded = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise UserMistake(f"instruments.{role}.driver: '{name}' cannot be imported: {error}") from error
    if not (isinstance(loaded, type) and issubclass(loaded, Role)):
        raise UserMistake(f"instruments.{role}.driver: '{name}' is no driver class")
    if loaded.role != role:
        raise UserMistake(f"instruments.{role}.driver: '{name}' is a {loaded.role}, not a {role}")
    return loaded
