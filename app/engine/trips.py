"""What can go wrong on a bench while a run has it, by kind: each kind has a policy in the bench file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from config.bench_file import Policies
from drivers.errors import ConnectionLost, InterlockOpen, Overloaded, Saturated, TubeFault


class TripKind(StrEnum):
    """The kinds, named as in the bench file's ``[policies]``."""

    INTERLOCK = "interlock"
    ARC = "arc"
    TUBE_FAULT = "tube_fault"
    OFF_TOLERANCE = "off_tolerance"
    SILENT = "silent"
    COMPLIANCE = "compliance"
    PREAMP_OVERLOAD = "preamp_overload"
    DETECTOR = "detector"
    DOSIMETER = "dosimeter"
    DUTY_CYCLE = "duty_cycle"
    DOSE_BUDGET = "dose_budget"


LEAVES_NUMBERS_IN_DOUBT = frozenset({TripKind.OFF_TOLERANCE, TripKind.COMPLIANCE})
"""Kinds after which, where they are only noted, every figure of the run carries a warning. The others are recorded
beside the number (a saturated pixel) or repeated (an overloaded window)."""

_OVERLOADED = {
    "source_meter": TripKind.COMPLIANCE,
    "preamp": TripKind.PREAMP_OVERLOAD,
    "dosimeter": TripKind.DOSIMETER,
}


@dataclass(frozen=True)
class Trip:
    """Something that is not as it must be."""

    kind: TripKind
    message: str
    role: str = ""
    """Of the instrument that it concerns, where that is known."""

    def __str__(self) -> str:
        """Say it in one line."""
        return self.message


def policy_of(policies: Policies, kind: TripKind) -> str:
    """Return "abort", "pause" or "note"."""
    return str(getattr(policies, kind))


def tube_fault(message: str) -> Trip:
    """Return the trip for a fault of the tube: an arc, or another."""
    return Trip(TripKind.ARC if " arc" in f" {message.lower()}" else TripKind.TUBE_FAULT, message, "tube")


def trip_of(error: BaseException | None) -> Trip | None:
    """Say which trip an error of the measurement is: the same event counts the same, whoever sees it first.

    Returns
    -------
    Trip or None
        None for what is a failure of the program, of a driver or of the disk, and no event on the bench.
    """
    match error:
        case InterlockOpen():
            return Trip(TripKind.INTERLOCK, str(error), "tube")
        case TubeFault():
            return tube_fault(str(error))
        case ConnectionLost():
            return Trip(TripKind.SILENT, str(error), _role(error.instrument))
        case Overloaded() | Saturated():
            role = _role(error.instrument)
            return Trip(_OVERLOADED.get(role, TripKind.DETECTOR), str(error), role)
    return None


def _role(instrument: str) -> str:
    """Return the role of an instrument as errors name it: ``role at address``."""
    return instrument.partition(" at ")[0]
