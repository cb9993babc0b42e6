"""What goes wrong on the simulated bench, when, and for how long.

A fault is asked for (`Faults.add`), begins and ends on the bench's clock, and is consulted by whoever it concerns: the
world for what is physical (a door, an arc, a short circuit), the wire server for what happens to the bytes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sim_instruments.world.clock import Scheduled, SimulationClock


class FaultKind(StrEnum):
    """The kinds of fault; the value is the name that a bench file or a test uses."""

    DOOR_OPENED = "door-opened"
    """The interlock opens: high voltage off at once, and off it stays until it is switched on with the door closed."""
    ARC = "arc"
    """The tube arcs: high voltage off, latched as the supply's fault until it is cleared."""
    TUBE_FAULT = "tube-fault"
    """The supply trips on the fault named in `detail` (overvoltage, overcurrent, over temperature, ...)."""
    KV_OFF = "kv-off"
    """The tube voltage is `factor` times what was set, and the supply does not notice."""
    MA_OFF = "ma-off"
    """The tube current is `factor` times what was set, and the supply does not notice."""
    STUCK_BEAM = "stuck-beam"
    """The supply refuses to switch the high voltage off."""
    COMPLIANCE = "compliance"
    """The device is short-circuited (1 kilohm), so that a biased source meter goes into compliance."""
    PREAMP_OVERLOAD = "preamp-overload"
    """An extra current of ten times the preamplifier's full scale flows into its input."""
    DOSIMETER_OUT_OF_RANGE = "dosimeter-out-of-range"
    """The dosimeter's electrometer is overloaded in whatever range it is."""
    LOST_CONNECTION = "lost-connection"
    """The connection is closed, and refused while the fault is active."""
    SILENT = "silent"
    """Commands are read and not answered."""
    SLOW_REPLY = "slow-reply"
    """Replies are `seconds` late."""
    GARBAGE_REPLY = "garbage-reply"
    """Replies are bytes that mean nothing (`detail`, if given)."""
    TRUNCATED_REPLY = "truncated-reply"
    """Replies break off in the middle and lack their end."""
    INCOMPLETE_FRAME = "incomplete-frame"
    """Part of a camera's frame is lost on its way; the camera says so."""


@dataclass(frozen=True, eq=False)
class Fault:
    """One thing that goes wrong.

    Parameters
    ----------
    kind
        What.
    instrument
        The role whose instrument it concerns (``"tube"``, ``"source_meter"``); None: every one.
    at
        Moment on the bench's clock, s; None: now.
    duration
        How long, s; None: until it is cleared.
    count
        How many times it strikes (replies); None: as long as it is active.
    seconds
        Delay of a slow reply, s.
    detail
        The supply's name for a tube fault; the garbage.
    factor
        What is left of the tube's voltage or current.
    """

    kind: FaultKind
    instrument: str | None = None
    at: float | None = None
    duration: float | None = None
    count: int | None = None
    seconds: float = 0.0
    detail: str = ""
    factor: float = 0.8

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", FaultKind(self.kind))
        for name in ("duration", "seconds", "factor"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                msg = f"a fault's {name} must not be negative, not {value}"
                raise ValueError(msg)
        if self.count is not None and self.count < 1:
            msg = f"a fault strikes at least once, not {self.count} times"
            raise ValueError(msg)


FaultListener = Callable[[Fault, bool], None]


class Faults:
    """The faults of one bench, scheduled on its clock.

    Parameters
    ----------
    clock
        The bench's.
    """

    def __init__(self, clock: SimulationClock) -> None:
        self._clock = clock
        self._guard = threading.RLock()
        self._active: dict[Fault, int | None] = {}
        self._pending: dict[Fault, Scheduled] = {}
        self._ends: dict[Fault, Scheduled] = {}
        self._listeners: list[FaultListener] = []

    def add(self, fault: Fault) -> Fault:
        """Let the fault happen at its moment, or now if it has none or the moment is past."""
        if fault.at is None or fault.at <= self._clock.now():
            self._begin(fault)
        else:
            with self._guard:
                self._pending[fault] = self._clock.call_at(fault.at, lambda: self._begin(fault))
        return fault

    def active(self, kind: FaultKind | str, instrument: str | None = None) -> Fault | None:
        """Return the fault of this kind that concerns `instrument` now, or None. Does not count as a strike."""
        if not self._active:  # as nearly always, and every command on every wire asks
            return None
        kind = FaultKind(kind)
        with self._guard:
            for fault in self._active:
                if fault.kind == kind and (
                    instrument is None or fault.instrument is None or fault.instrument == instrument
                ):
                    return fault
        return None

    def strike(self, kind: FaultKind | str, instrument: str | None = None) -> Fault | None:
        """Return the active fault, as `active`, and count this as one of its strikes: after the last one it is over."""
        if not self._active:
            return None
        with self._guard:
            fault = self.active(kind, instrument)
            if fault is None:
                return None
            left = self._active[fault]
            if left is not None:
                self._active[fault] = left - 1
        if left is not None and left <= 1:
            self.clear(fault)
        return fault

    def all_active(self) -> list[Fault]:
        """Return the faults that are active now."""
        with self._guard:
            return list(self._active)

    def clear(self, fault: Fault | FaultKind | str | None = None) -> None:
        """End, or take off the schedule, one fault, all of one kind, or all."""
        with self._guard:
            concerned = [
                known
                for known in (*self._active, *self._pending)
                if fault is None or known is fault or (not isinstance(fault, Fault) and known.kind == FaultKind(fault))
            ]
            for known in concerned:
                pending = self._pending.pop(known, None)
                if pending is not None:
                    pending.cancel()
        for known in concerned:
            self._end(known)

    def on_change(self, listener: FaultListener) -> None:
        """Call ``listener(fault, began)`` at the moment a fault begins (True) or ends (False)."""
        with self._guard:
            self._listeners.append(listener)

    def _begin(self, fault: Fault) -> None:
        with self._guard:
            self._pending.pop(fault, None)
            if fault in self._active:
                return
            self._active[fault] = fault.count
            if fault.duration is not None:
                self._ends[fault] = self._clock.call_at(self._clock.now() + fault.duration, lambda: self._end(fault))
            listeners = list(self._listeners)
        for listener in listeners:
            listener(fault, True)

    def _end(self, fault: Fault) -> None:
        with self._guard:
            if fault not in self._active:
                return
            del self._active[fault]
            ending = self._ends.pop(fault, None)
            if ending is not None:
                ending.cancel()
            listeners = list(self._listeners)
        for listener in listeners:
            listener(fault, False)
