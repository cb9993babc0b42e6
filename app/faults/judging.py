"""What the simulated world, the run and its file say of a case, and whether anything is wrong."""

from __future__ import annotations

import math
from pathlib import Path

from app.engine.events import State
from app.engine.outcome import Outcome
from app.fault_injection import FaultInjection
from app.faults.cases import ON_THE_WIRE
from app.faults.finding import Finding
from app.faults.run_events import RunEvent, RunEvents, UnforeseenError
from drivers.bench import Bench
from drivers.errors import InstrumentError
from sim_instruments.faults import Fault, FaultKind
from sim_instruments.world.world import World
from storage.errors import RunFileError
from storage.reader import open_run
from storage.recovery import recover

ENDS_THE_BEAM = frozenset({FaultKind.DOOR_OPENED, FaultKind.ARC, FaultKind.TUBE_FAULT})
ENDS_THE_RUN = frozenset({RunEvent.STOP, RunEvent.CTRL_C, RunEvent.PROCEDURE_BUG})
"""Events after which the beam has to be off in time; a full disk is met at the next writing only."""
WATCHED = ENDS_THE_BEAM | {FaultKind.KV_OFF, FaultKind.MA_OFF}
"""Kinds for which the beam has to go off by themselves."""
IN_TIME = 0.5
"""s from the event to a beam that is off"""
WATCHDOG_PATIENCE = 15.0
"""s on the bench's clock in which the tube's own watchdog, of 10 s, switches off what cannot be reached"""


def lit(world: World, moment: float) -> bool:
    """Say whether the high voltage was on at a moment."""
    at = [segment for segment in world.tube.segments() if segment.start <= moment]
    return bool(at) and at[-1].voltage_to > 0


def off_after(world: World, moment: float) -> float | None:
    """Return when the high voltage was next off, s; None: it still is on."""
    if not lit(world, moment):
        return moment
    return next(
        (one.start for one in world.tube.segments() if one.start >= moment and one.voltage_to <= 0),
        None,
    )


def _holds_the_tube(fault: Fault) -> bool:
    """Say whether the tube cannot do as it is told."""
    return fault.kind is FaultKind.STUCK_BEAM or (fault.kind in ON_THE_WIRE and fault.instrument in (None, "tube"))


def judge_beam(
    world: World, bench: Bench, injection: FaultInjection, events: RunEvents, told: list[float], finding: Finding
) -> None:
    """Look whether the beam is off, how soon it was, and who said so where it is not.

    Parameters
    ----------
    told
        Moments at which something happened, or the program could know that it had, s on the bench's clock.
    """
    now = bench.clock.now()
    came = [(when, fault) for when, fault in injection.happened if when <= now]
    finding.beam_was_on = any(lit(world, when - 1e-9) for when, _ in [*came, *events.happened])
    finding.tube_in_reach = not any(_holds_the_tube(fault) for _, fault in came)
    if world.tube.high_voltage_on:
        finding.expect(finding.said_unknown, "bench: THE BEAM IS ON and nobody said so")
        if world.faults.active(FaultKind.STUCK_BEAM) is None:
            bench.clock.sleep(WATCHDOG_PATIENCE)
            off = off_after(world, now)
            finding.by_watchdog = None if off is None else off - now
            finding.expect(off is not None, "bench: THE BEAM IS ON and the tube's watchdog did not end it")
        return
    waits = [off - when for when in told if lit(world, when - 1e-9) and (off := off_after(world, when)) is not None]
    if waits:
        finding.seconds_to_off = max(waits)
        finding.expect(
            finding.seconds_to_off <= IN_TIME or not finding.tube_in_reach,
            f"time: off {finding.seconds_to_off:.2f} s after the event",
        )
    for when, fault in came:
        if fault.kind not in WATCHED or not lit(world, when - 1e-9) or fault.factor in (1.0,):
            continue
        off = off_after(world, when)
        lasted = math.inf if fault.duration is None else fault.duration
        if off is None or (fault.kind not in ENDS_THE_BEAM and (lasted < 1.0 or not told)):
            continue
        finding.seconds_from_fault = max(off - when, finding.seconds_from_fault or 0.0)


def judge_unsaid(world: World, outcome: Outcome | None, finding: Finding) -> None:
    """Compare what is still on with what the run says is."""
    said = " ".join(note.message for note in outcome.notes if note.kind == "unsafe") if outcome else finding.reason
    left = {
        "source_meter": world.bias_v() != 0.0,
        "light": world.laser.firing,
        "temperature_stage": world.stage.heated,
    }
    for role, on in left.items():
        named = role in said or (role == "source_meter" and "preamp" in said)
        finding.expect(not on or named, f"bench: {role} IS ON and nobody said so")
        finding.expect(
            not on or finding.state in ("failed", "refused"),
            f"status: {role} is on after a run that is {finding.state}",
        )


def judge_state(outcome: Outcome, injection: FaultInjection, events: RunEvents, world: World, finding: Finding) -> None:
    """Look whether the run ended as it must after what happened, and says why."""
    unknown_for_a_reason = any(_holds_the_tube(fault) for _, fault in injection.happened)
    finding.expect(
        not outcome.beam_unknown or outcome.state is State.FAILED, "status: the beam is unknown in a run that ended"
    )
    finding.expect(not outcome.beam_unknown or unknown_for_a_reason, "status: the beam is unknown without a reason")
    if outcome.state is State.COMPLETED:
        finding.expect(not outcome.tripped, "status: tripped and completed")
        for when, fault in injection.happened:
            taken = fault.kind in ENDS_THE_BEAM and lit(world, when - 1e-9) and when < outcome.duration
            finding.expect(not taken, f"status: completed although the beam went off by {fault.kind}")
    else:
        finding.expect(bool(outcome.reason), f"status: {outcome.state} without a reason")
        finding.expect(bool(outcome.notes), f"status: {outcome.state} and the journal has no word of it")
    for event in sorted(events.kinds & ENDS_THE_RUN):
        finding.expect(outcome.state is not State.COMPLETED, f"status: completed in spite of {event}")
    if not any(when <= outcome.duration for when, _ in injection.happened) and not events.kinds - {RunEvent.PAUSE}:
        finding.expect(outcome.state is State.COMPLETED, f"status: {outcome.state} before anything went wrong")
    if outcome.state is State.FAILED and not outcome.beam_unknown:
        # a fault of the bench is an error of an instrument; what the campaign did is its own; anything else is ours
        expected: tuple[type[BaseException], ...] = (InstrumentError,)
        if RunEvent.PROCEDURE_BUG in events.kinds:
            expected += (UnforeseenError,)
        if RunEvent.DISK_FULL in events.kinds:
            expected += (RunFileError,)
        unsafe = any(note.kind == "unsafe" for note in outcome.notes)
        finding.expect(
            unsafe or isinstance(outcome.error, expected), f"status: failed by {type(outcome.error).__name__}"
        )


def judge_file(outcome: Outcome | None, folder: Path, events: RunEvents, finding: Finding) -> None:
    """Look whether the file opens and holds what was recorded; where it could not be sealed, its recovered copy."""
    if finding.state == "refused":
        return
    if outcome is None or (RunEvent.DISK_FULL in events.kinds and outcome.state is State.FAILED):
        _judge_recovered(outcome, folder, finding)
        return
    if outcome.run_file is None:
        finding.problems.append("file: no run file")
        return
    try:
        with open_run(outcome.run_file) as file:
            finding.expect(file.status == str(outcome.state), f"status: the file says {file.status}")
            rows = sum(stream.rows for stream in file.streams.values())
            finding.expect(rows == outcome.records, f"file: {rows} rows of {outcome.records} records")
            kinds = {event.get("kind") for event in file.journal}
            finding.expect(
                "begin" in kinds and bool(kinds & {"safe", "unsafe"}), f"file: journal of {sorted(map(str, kinds))}"
            )
            finding.file_verified = bool(file.verify())
            finding.expect(finding.file_verified, "file: does not verify")
    except Exception as error:
        finding.problems.append(f"file: cannot be read: {type(error).__name__}: {error}")


def _judge_recovered(outcome: Outcome | None, folder: Path, finding: Finding) -> None:
    try:
        (path,) = folder.rglob("*.h5")
        with open_run(recover(path)) as file:
            rows = sum(stream.rows for stream in file.streams.values())
            finding.expect(outcome is None or rows <= outcome.records, f"file: {rows} rows, more than were recorded")
            finding.expect(file.status != State.COMPLETED, "status: the file says completed")
            finding.file_verified = bool(file.verify())
            finding.expect(finding.file_verified, "file: does not verify")
    except Exception as error:
        finding.problems.append(f"file: cannot be recovered: {type(error).__name__}: {error}")
