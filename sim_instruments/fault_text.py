"""Faults as a user writes them: ``KIND[=VALUE][@SECONDS][+DURATION][:ROLE]``."""

from __future__ import annotations

import math
import re
from collections.abc import Collection

from config.bench_file import ROLES
from config.mistake import UserMistake, nearest
from sim_instruments.faults import Fault, FaultKind

FORM = "KIND[=VALUE][@SECONDS][+DURATION][:ROLE]"

ON_A_LINE = frozenset(
    {
        FaultKind.LOST_CONNECTION,
        FaultKind.SILENT,
        FaultKind.SLOW_REPLY,
        FaultKind.GARBAGE_REPLY,
        FaultKind.TRUNCATED_REPLY,
    }
)
"""Kinds that concern the connection to the instrument of a role, or to all where none is named."""

DESCRIPTIONS: dict[FaultKind, str] = {
    FaultKind.DOOR_OPENED: "the interlock opens: high voltage off, until it is switched on again with the door closed",
    FaultKind.ARC: "the tube arcs: high voltage off, latched until it is reset",
    FaultKind.TUBE_FAULT: "the supply trips on a fault: VALUE names it (overcurrent)",
    FaultKind.KV_OFF: "the tube voltage is VALUE (0.8) times what was set",
    FaultKind.MA_OFF: "the tube current is VALUE (0.8) times what was set",
    FaultKind.STUCK_BEAM: "the supply refuses to switch off",
    FaultKind.COMPLIANCE: "the sample is short-circuited: the source meter limits the current",
    FaultKind.PREAMP_OVERLOAD: "ten times the preamplifier's full scale flows into it",
    FaultKind.DOSIMETER_OUT_OF_RANGE: "the dosimeter is overloaded in every range",
    FaultKind.LOST_CONNECTION: "the connection is cut, and refused as long as the fault lasts",
    FaultKind.SILENT: "commands are read and not answered",
    FaultKind.SLOW_REPLY: "replies are VALUE (1) seconds late",
    FaultKind.GARBAGE_REPLY: "replies mean nothing; VALUE instead, if given",
    FaultKind.TRUNCATED_REPLY: "replies break off in the middle",
    FaultKind.INCOMPLETE_FRAME: "part of a camera's frame is lost",
}
"""Every kind, in one line."""

_WRITTEN = re.compile(
    r"(?P<kind>[a-z-]+)(=(?P<value>[^@+:]+))?(@(?P<at>[^@+:]+))?(\+(?P<duration>[^@+:]+))?(:(?P<role>\w+))?"
)


def parse_fault(text: str, now: float = 0.0, roles: Collection[str] = ROLES) -> Fault:
    """Read a fault.

    Parameters
    ----------
    text
        ``door-opened@5+20``: 5 s from `now` on, for 20 s. ``slow-reply=0.5:tube``: from now on, the tube's replies
        come half a second late.
    now
        From which its moment counts, s on the bench's clock.
    roles
        That the bench has.

    Raises
    ------
    UserMistake
        One line that says what is wrong.
    """
    found = _WRITTEN.fullmatch(text.strip())
    if found is None:
        raise UserMistake(f"fault '{text}': must be {FORM}, such as door-opened@5 or silent@3+10:dosimeter")
    name, role = found["kind"], found["role"]
    if name not in set(FaultKind):
        raise UserMistake(f"fault '{text}': no fault is named '{name}'; {nearest(name, FaultKind)}")
    kind = FaultKind(name)
    if role is not None and kind not in ON_A_LINE:
        raise UserMistake(f"fault '{text}': {kind} concerns no line, so that it takes no role: leave ':{role}' away")
    if role is not None and role not in roles:
        raise UserMistake(f"fault '{text}': no instrument here is '{role}'; {nearest(role, roles)}")
    at = now + _number(text, found["at"], "the moment") if found["at"] is not None else None
    duration = _number(text, found["duration"], "the duration") if found["duration"] is not None else None
    value = found["value"]
    return Fault(
        kind,
        role,
        at=at,
        duration=duration,
        seconds=_number(text, value or "1", "the delay") if kind is FaultKind.SLOW_REPLY else 0.0,
        detail=value or "" if kind in (FaultKind.TUBE_FAULT, FaultKind.GARBAGE_REPLY) else "",
        factor=_number(text, value or "0.8", "the factor") if kind in (FaultKind.KV_OFF, FaultKind.MA_OFF) else 0.8,
    )


def _number(text: str, given: str, what: str) -> float:
    try:
        number = float(given)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise UserMistake(f"fault '{text}': {what} '{given}' must be a number of seconds (or a factor), not negative")
    return number
