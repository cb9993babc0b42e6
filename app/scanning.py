"""Finds what is connected to this computer: VISA resources, spectrometers on the USB, cameras behind GenTL or pylon."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

GENTL_PATH = "GENICAM_GENTL64_PATH"
"""GenTL 1.5, section 3.1.2: where producers say that they are"""

SPECTROMETER, CAMERA = frozenset({"spectrometer"}), frozenset({"camera"})


@dataclass(frozen=True)
class Found:
    """One thing that is connected, or why a kind could not be looked for."""

    resource: str
    description: str
    roles: frozenset[str] = frozenset()
    """That it can play; empty: any that is spoken to through VISA."""


@dataclass(frozen=True)
class Scan:
    """What a scan found."""

    found: Sequence[Found] = ()
    problems: Sequence[str] = ()
    """Why a kind could not be looked for, one line each."""

    def for_role(self, role: str) -> list[Found]:
        """Return what can play a role."""
        return [one for one in self.found if role in one.roles or (not one.roles and role != "camera")]


def scan(addresses: Iterable[str] = ()) -> Scan:
    """Look for everything; nothing is opened that would change an instrument.

    Parameters
    ----------
    addresses
        Further folders or files of GenTL producers.

    Returns
    -------
    Scan
        A kind that cannot be looked for is named in its `problems`.
    """
    found: dict[str, Found] = {}
    problems: list[str] = []
    producers = tuple(addresses)
    looks: tuple[tuple[str, Callable[[], list[Found]]], ...] = (
        ("VISA", _visa),
        ("Ocean Optics spectrometers", _spectrometers),
        ("GenTL cameras", lambda: _gentl(producers)),
        ("Basler cameras", _basler),
    )
    for what, look in looks:
        try:
            for one in look():
                found.setdefault(one.resource, one)
        except ImportError as error:
            problems.append(f"{what}: {error.name or error} is not installed")
        except Exception as error:  # drivers of makers raise whatever they like, and one kind must not hide the others
            problems.append(f"{what}: {type(error).__name__}: {' '.join(str(error).split())}")
    return Scan(tuple(found.values()), tuple(problems))


def _visa() -> list[Found]:
    import pyvisa

    found = []
    failures: list[Exception] = []
    for library in ("", "@py"):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of what pyvisa-py would find with further packages
                manager = pyvisa.ResourceManager(library)  # noqa: TID251  (it lists, and opens nothing)
                names = manager.list_resources("?*::INSTR") + manager.list_resources("?*::SOCKET")
        except (pyvisa.Error, OSError, ValueError) as error:
            failures.append(error)
            continue
        found += [Found(name, "VISA resource") for name in names]
    if len(failures) == 2:
        raise failures[0]
    return found


def _spectrometers() -> list[Found]:
    import seabreeze

    seabreeze.use("pyseabreeze")
    from seabreeze.spectrometers import list_devices

    return [
        Found(f"usb::{device.model}::{device.serial_number}", f"{device.model} spectrometer", SPECTROMETER)
        for device in list_devices()
    ]


def _gentl(addresses: Sequence[str]) -> list[Found]:
    folders = [part for part in os.environ.get(GENTL_PATH, "").split(os.pathsep) if part]
    files = [path for folder in (*folders, *addresses) for path in _producers(Path(folder))]
    if not files:
        return []
    from harvesters.core import Harvester

    found = []
    harvester = Harvester()
    try:
        for path in files:
            harvester.add_file(str(path), check_existence=True, check_validity=True)
            harvester.update()
            for info in harvester.device_info_list:
                serial = str(info.property_dict.get("serial_number", ""))
                name = f"{info.property_dict.get('vendor', '')} {info.property_dict.get('model', '')}".strip()
                found.append(Found(f"{path}::{serial}", name or "GenTL camera", CAMERA))
            harvester.remove_file(str(path))
    finally:
        harvester.reset()
    return found


def _producers(place: Path) -> list[Path]:
    return [place] if place.suffix == ".cti" else sorted(place.glob("*.cti"))


def _basler() -> list[Found]:
    from pypylon import pylon

    return [
        Found(info.GetSerialNumber(), f"Basler {info.GetModelName()}", CAMERA)
        for info in pylon.TlFactory.GetInstance().EnumerateDevices()
    ]


def main() -> None:
    """Print what is connected."""
    result = scan()
    for one in result.found:
        sys.stdout.write(f"{one.resource}\t{one.description}\n")
    for problem in result.problems:
        sys.stderr.write(f"{problem}\n")


if __name__ == "__main__":
    main()
