"""One case: a run in which something goes wrong, and what the simulated world says became of the bench."""

from __future__ import annotations

import functools
import itertools
import math
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from analysis.figure import FigureOfMerit
from app.engine.engine import Engine, Request
from app.engine.events import State
from app.engine.outcome import Outcome
from app.fault_injection import FaultInjection
from app.faults.cases import ON_THE_WIRE, Case, cases
from app.faults.subjects import SUBJECTS, WORLD, Subject, campaign_bench
from app.opening import open_simulated
from app.running import with_world
from config.loading import sample_file
from config.mistake import UserMistake
from drivers.bench import Bench
from drivers.errors import InstrumentError
from procedures.registry import procedure_class
from sim_instruments.faults import Fault, FaultKind
from sim_instruments.served_bench import ServedBench
from sim_instruments.world.world import World
from storage.reader import open_run

ENERGISED = frozenset({"tube", "source_meter", "preamp", "light", "temperature_stage"})
"""Roles that can be left on."""
ENDS_THE_BEAM = frozenset({FaultKind.DOOR_OPENED, FaultKind.ARC, FaultKind.TUBE_FAULT})
LATE = frozenset({FaultKind.SILENT, FaultKind.SLOW_REPLY})
WATCHED = ENDS_THE_BEAM | {FaultKind.KV_OFF, FaultKind.MA_OFF}
"""Kinds for which the beam has to go off by themselves."""
IN_TIME = 0.5
"""s from the event to a beam that is off"""
WATCHDOG_PATIENCE = 15.0
"""s on the bench's clock in which the tube's own watchdog, of 10 s, switches off what cannot be reached"""
WRONG_BY = 6.0
"""Combined standard uncertainties from the undisturbed run at which a number counts as a wrong one"""
PATIENCE = 3.0
"""Real s for threads to end"""


@dataclass
class Finding:
    """What became of a case."""

    case: Case
    state: str = ""
    reason: str = ""
    happened: bool = False
    """Whether the fault came about: a run may be over before its moment."""
    beam_was_on: bool = False
    """When the first fault came."""
    seconds_to_off: float | None = None
    """From when the program could know of it to a beam that is off, s on the bench's clock."""
    seconds_from_fault: float | None = None
    """From a fault that takes or spoils the beam to a beam that is off, s."""
    said_unknown: bool = False
    by_watchdog: float | None = None
    """s until the tube's own watchdog switched off what could not be reached."""
    file_verified: bool = False
    problems: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON can hold: the case by its number."""
        content = {one.name: getattr(self, one.name) for one in fields(self)}
        return {**content, "case": self.case.number, "seed": self.case.seed}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Finding:
        """Read what `as_dict` made."""
        case = next(itertools.islice(cases(content.pop("seed")), content.pop("case"), None))
        return cls(case, **content)

    def expect(self, holds: bool, otherwise: str) -> None:
        """Note a problem, which begins with what it is about, unless it holds."""
        if not holds:
            self.problems.append(otherwise)


@contextmanager
def opened(subject: Subject, seed: int) -> Iterator[tuple[Bench, ServedBench]]:
    """Open the campaign's bench with the subject's sample in it, in virtual time."""
    sample = sample_file(subject.sample).content if subject.sample else None
    file = with_world(campaign_bench(), WORLD, "of the fault campaign")
    bench, served = open_simulated(file, sample=sample, seed=seed)
    try:
        yield bench, served
    finally:
        bench.close()


def run(engine: Engine, subject: Subject, folder: Path) -> Outcome:
    """Run a subject's procedure once."""
    procedure = procedure_class(subject.procedure)()
    procedure.set_values(subject.settings)
    sample = sample_file(subject.sample) if subject.sample else None
    return engine.run(Request(procedure, sample, folder=folder, seed=1))


@functools.cache
def undisturbed(procedure: str) -> Mapping[tuple[str, str], FigureOfMerit]:
    """Return the figures of a subject's run in which nothing goes wrong.

    Raises
    ------
    RuntimeError
        If it does not complete.
    """
    subject = next(one for one in SUBJECTS if one.procedure == procedure)
    with tempfile.TemporaryDirectory() as folder, opened(subject, 1) as (bench, _):
        outcome = run(Engine(bench), subject, Path(folder))
    if outcome.state is not State.COMPLETED:
        raise RuntimeError(f"{procedure} does not complete although nothing goes wrong: {outcome.reason}")
    return {(figure.name, str(figure.at)): figure for figure in outcome.figures}


def try_case(case: Case) -> Finding:
    """Try one case and judge it."""
    finding = Finding(case)
    before = set(threading.enumerate())
    with tempfile.TemporaryDirectory() as folder:
        with opened(case.subject, 1) as (bench, served):
            _run_disturbed(case, bench, served, Path(folder), finding)
        _judge_threads(before, finding)
    return finding


def _run_disturbed(case: Case, bench: Bench, served: ServedBench, folder: Path, finding: Finding) -> None:
    world = served.world
    injection = FaultInjection(world.faults, served.clock)
    engine = Engine(bench)
    engine.watch(injection.watch)
    told: list[float] = []
    inhibit = bench.inhibit

    def noted_inhibit() -> None:
        told.append(bench.clock.now())
        inhibit()

    bench.inhibit = noted_inhibit  # type: ignore[method-assign]
    met = _note_meetings(served)
    case.plan(injection)
    outcome = None
    try:
        outcome = run(engine, case.subject, folder)
    except (UserMistake, InstrumentError) as error:
        # refused before it began
        finding.state, finding.reason = "refused", str(error)
        finding.expect(not list(folder.rglob("*.h5")), "file: a run that was refused left a file")
    finding.happened = any(when <= bench.clock.now() for when, _ in injection.happened)
    if outcome is not None:
        finding.state, finding.reason = str(outcome.state), outcome.reason
        finding.said_unknown = outcome.beam_unknown
    ended = outcome is None or outcome.state is not State.COMPLETED
    _judge_beam(world, bench, injection, [*told, *met.values()] if ended else [], finding)
    _judge_unsaid(world, outcome, finding)
    if outcome is not None:
        _judge_state(outcome, injection, world, finding)
        _judge_file(outcome, finding)
        _judge_figures(case, outcome, finding)
    _judge_recovery(world, bench, engine, injection, folder, finding)


def _note_meetings(served: ServedBench) -> dict[Fault, float]:
    """Write down when each fault of a line was first met: the moment from which the program could know.

    That an answer does not come can be known only when it was waited for in vain: then the moment at which the bench
    was told to stop is the one that counts.
    """
    met: dict[Fault, float] = {}
    faults = served.world.faults
    active = faults.active

    def noted(kind: FaultKind | str, instrument: str | None = None) -> Fault | None:
        fault = active(kind, instrument)
        if fault is not None and fault.kind in ON_THE_WIRE - LATE:
            met.setdefault(fault, served.clock.now())
        return fault

    faults.active = noted  # type: ignore[method-assign]
    return met


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


def _judge_beam(world: World, bench: Bench, injection: FaultInjection, told: list[float], finding: Finding) -> None:
    now = bench.clock.now()
    came = [(when, fault) for when, fault in injection.happened if when <= now]
    finding.beam_was_on = any(lit(world, when - 1e-9) for when, _ in came)
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
        out_of_reach = any(f.instrument in (None, "tube") and f.kind in ON_THE_WIRE for _, f in came)
        held = out_of_reach or any(f.kind is FaultKind.STUCK_BEAM for _, f in came)
        finding.expect(
            finding.seconds_to_off <= IN_TIME or held, f"time: off {finding.seconds_to_off:.2f} s after the event"
        )
    for when, fault in came:
        if fault.kind not in WATCHED or not lit(world, when - 1e-9) or fault.factor in (1.0,):
            continue
        off = off_after(world, when)
        lasted = math.inf if fault.duration is None else fault.duration
        if off is None or (fault.kind not in ENDS_THE_BEAM and (lasted < 1.0 or not told)):
            continue
        finding.seconds_from_fault = max(off - when, finding.seconds_from_fault or 0.0)


def _judge_unsaid(world: World, outcome: Outcome | None, finding: Finding) -> None:
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


def _judge_state(outcome: Outcome, injection: FaultInjection, world: World, finding: Finding) -> None:
    unknown_for_a_reason = any(
        fault.kind is FaultKind.STUCK_BEAM or (fault.kind in ON_THE_WIRE and fault.instrument in (None, "tube"))
        for _, fault in injection.happened
    )
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
    if not any(when <= outcome.duration for when, _ in injection.happened):
        finding.expect(outcome.state is State.COMPLETED, f"status: {outcome.state} before anything went wrong")
    if outcome.state is State.FAILED and not outcome.beam_unknown:
        # a fault of the bench is an error of an instrument; anything else is ours
        unsafe = any(note.kind == "unsafe" for note in outcome.notes)
        finding.expect(
            unsafe or isinstance(outcome.error, InstrumentError), f"status: failed by {type(outcome.error).__name__}"
        )


def _judge_file(outcome: Outcome, finding: Finding) -> None:
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


def _judge_figures(case: Case, outcome: Outcome, finding: Finding) -> None:
    """Look whether a run that says all is well has the numbers of one in which all was well."""
    if outcome.state is not State.COMPLETED or not all(fault.kind in ON_THE_WIRE for fault in case.faults):
        return
    expected = undisturbed(case.subject.procedure)
    for figure in outcome.figures:
        other = expected.get((figure.name, str(figure.at)))
        if other is None or None in (figure.value, other.value, figure.uncertainty, other.uncertainty):
            continue
        apart = abs(figure.value - other.value)  # type: ignore[operator]
        allowed = WRONG_BY * math.hypot(figure.uncertainty, other.uncertainty)  # type: ignore[arg-type]
        finding.expect(
            apart <= allowed + 1e-9 * abs(other.value),  # type: ignore[arg-type]
            f"figures: {figure.name} is {figure.value:.6g}, and {other.value:.6g} where nothing goes wrong",
        )


def _judge_recovery(
    world: World, bench: Bench, engine: Engine, injection: FaultInjection, folder: Path, finding: Finding
) -> None:
    """End what goes wrong: everything can be switched off, and the bench used again."""
    injection.clear()
    bench.release()
    for step in bench.make_safe():
        finding.expect(step.error is None, f"bench: {step.role} cannot be made safe afterwards: {step.error}")
    finding.expect(not world.tube.high_voltage_on, "bench: THE BEAM IS ON after all")
    finding.expect(world.tube.programmed_voltage_kv == 0.0, "bench: the tube's set voltage is not zero")
    finding.expect(world.bias_v() == 0.0, f"bench: the bias is {world.bias_v():g} V")
    finding.expect(not world.laser.firing, "bench: the light is on")
    finding.expect(not world.stage.heated, "bench: the heater is on")
    if finding.case.number % 4 == 0:
        bench.tube.reset_faults()
        subject = next(one for one in SUBJECTS if one.procedure == "tube-warm-up")
        try:
            again = run(engine, subject, folder)
        except Exception as error:
            finding.problems.append(f"afterwards: the next run does not begin: {error}")
        else:
            finding.expect(again.state is State.COMPLETED, f"afterwards: the next run is {again.state}: {again.reason}")


def _judge_threads(before: set[threading.Thread], finding: Finding) -> None:
    deadline = time.monotonic() + PATIENCE
    left = [thread for thread in threading.enumerate() if thread not in before]
    for thread in left:
        thread.join(max(0.0, deadline - time.monotonic()))
    over = sorted(thread.name for thread in left if thread.is_alive())
    finding.expect(not over, f"threads: left over: {', '.join(over)}")
