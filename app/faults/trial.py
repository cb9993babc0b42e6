"""One case: a run in which something goes wrong on the simulated bench."""

from __future__ import annotations

import functools
import math
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from analysis.figure import FigureOfMerit
from app.engine.engine import Engine, Request
from app.engine.events import State
from app.engine.outcome import Outcome
from app.fault_injection import FaultInjection
from app.faults.cases import ON_THE_WIRE, Case
from app.faults.finding import Finding
from app.faults.judging import ENDS_THE_RUN, judge_beam, judge_file, judge_state, judge_unsaid
from app.faults.run_events import RunEvent, RunEvents
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

LATE = frozenset({FaultKind.SILENT, FaultKind.SLOW_REPLY})
"""Kinds of which nobody can know before an answer was waited for in vain."""
WRONG_BY = 6.0
"""Combined standard uncertainties from the undisturbed run at which a number counts as a wrong one"""
PATIENCE = 3.0
"""Real s for threads to end"""


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


def prepared(subject: Subject, folder: Path) -> Request:
    """Return a run of a subject's procedure."""
    procedure = procedure_class(subject.procedure)()
    procedure.set_values(subject.settings)
    sample = sample_file(subject.sample) if subject.sample else None
    return Request(procedure, sample, folder=folder, seed=1)


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
        outcome = Engine(bench).run(prepared(subject, Path(folder)))
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
    request = prepared(case.subject, folder)
    events = RunEvents(engine, request.procedure, served.clock)
    # after the events, which must know by then what the run is doing
    engine.watch(injection.watch)
    told: list[float] = []
    inhibit = bench.inhibit

    def noted_inhibit() -> None:
        told.append(bench.clock.now())
        inhibit()

    bench.inhibit = noted_inhibit  # type: ignore[method-assign]
    met = _note_meetings(served)
    case.plan(injection, events)
    outcome = None
    try:
        outcome = engine.run(request)
    except (UserMistake, InstrumentError) as error:
        # refused before it began
        finding.state, finding.reason = "refused", str(error)
        finding.expect(not list(folder.rglob("*.h5")), "file: a run that was refused left a file")
    except KeyboardInterrupt:
        finding.state, finding.reason = "interrupted", "Ctrl-C while the bench was made safe"
        finding.expect(RunEvent.CTRL_C in events.kinds, "status: interrupted by nobody")
    finally:
        events.end()
    finding.happened = bool(events.happened) or any(when <= bench.clock.now() for when, _ in injection.happened)
    if outcome is not None:
        finding.state, finding.reason = str(outcome.state), outcome.reason
        finding.said_unknown = outcome.beam_unknown
    ended = outcome is None or outcome.state is not State.COMPLETED
    ending = [when for when, event in events.happened if event in ENDS_THE_RUN]
    judge_beam(world, bench, injection, events, [*told, *met.values(), *ending] if ended else [], finding)
    judge_unsaid(world, outcome, finding)
    if outcome is not None:
        judge_state(outcome, injection, events, world, finding)
    judge_file(outcome, folder, events, finding)
    if outcome is not None:
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


def _judge_figures(case: Case, outcome: Outcome, finding: Finding) -> None:
    """Look whether a run that says all is well has the numbers of one in which all was well."""
    harmless = ON_THE_WIRE | {RunEvent.PAUSE}
    if outcome.state is not State.COMPLETED or not all(fault.kind in harmless for fault in case.faults):
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
            again = engine.run(prepared(subject, folder))
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
