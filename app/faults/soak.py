"""A day and night of a queue of all procedures on one open bench, with random faults, to see what piles up."""

from __future__ import annotations

import gc
import os
import random
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from app.engine.engine import Engine, Request
from app.engine.events import State
from app.fault_injection import FaultInjection
from app.faults.cases import Case, cases
from app.faults.subjects import SUBJECTS
from app.faults.trial import opened
from config.loading import sample_file
from config.mistake import UserMistake
from drivers.bench import Bench
from drivers.errors import InstrumentError
from procedures.registry import procedure_class
from sim_instruments.faults import FaultKind
from sim_instruments.world.world import World
from storage.reader import open_run

LONGEST_REST = 180.0
"""s between two runs of the queue, on the bench's clock: the tube cools, somebody changes the sample"""
SETTLED_AFTER = 0.25
"""of the time, until every procedure has been run and every library that one of them needs is loaded"""
MORE_MEMORY = 0.08
"""of the memory after that, which counts as piling up"""
MORE_OF_EACH = 2
"""Threads or handles: the one or other may just be ending when they are counted."""
PRODUCTS = (".h5", ".toml")
"""Endings of run files, and of dose tables"""


@dataclass
class Held:
    """What the process holds at a moment."""

    hours: float
    """On the bench's clock."""
    runs: int
    memory_mb: float
    threads: int
    handles: int
    other_files: int
    """In the folder of the runs, besides run files and what a run is asked to make (dose tables)."""


@dataclass
class Soaked:
    """What came of the queue."""

    asked_hours: float
    held: list[Held] = field(default_factory=list)
    ended: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    @property
    def settled(self) -> list[Held]:
        """What was held once everything had been used for the first time."""
        return [one for one in self.held if one.hours >= SETTLED_AFTER * self.asked_hours]

    def judge(self) -> None:
        """Note what has piled up."""
        if len(self.settled) < 2:
            self.problems.append("too short to tell whether anything piles up")
            return
        first, last = self.settled[0], self.settled[-1]
        if last.memory_mb > (1.0 + MORE_MEMORY) * first.memory_mb:
            self.problems.append(f"memory: {first.memory_mb:.0f} MB became {last.memory_mb:.0f} MB")
        for name in ("threads", "handles", "other_files"):
            before, after = getattr(first, name), getattr(last, name)
            if after > before + MORE_OF_EACH:
                self.problems.append(f"{name.replace('_', ' ')}: {before} became {after}")


def soak(hours: float, seed: int, say: Callable[[str], None]) -> Soaked:
    """Run the queue for so many hours on the bench's clock, in virtual time.

    Parameters
    ----------
    hours
        On the bench's clock.
    seed
        Of order, faults and rests.
    say
        Told how it goes.
    """
    soaked = Soaked(hours)
    chance = random.Random(seed)  # noqa: S311  (nothing secret)
    every = max(0.1, hours / 24.0)
    # what happens to a run alone leaves nothing behind on a bench, and is tried by the cases
    planned = cases(seed, tuple(FaultKind))
    with tempfile.TemporaryDirectory() as name, opened(SUBJECTS[0], 1) as (bench, served):
        folder, began, due = Path(name), bench.clock.now(), 0.0
        injection = FaultInjection(served.world.faults, served.clock)
        engine = Engine(bench)
        engine.watch(injection.watch)
        runs = 0
        while True:
            passed = (bench.clock.now() - began) / 3600.0
            if passed >= due or passed >= hours:
                soaked.held.append(_held(folder, passed, runs))
                say(_told(soaked.held[-1]))
                due += every
            if passed >= hours:
                break
            case = next(planned)
            # one run in four is left alone: it must then be as good as the first
            _one_run(bench, engine, injection, case, folder, soaked, left_alone=chance.random() < 0.25)
            runs += 1
            _all_is_off(bench, served.world, injection, case, soaked)
            bench.clock.sleep(chance.uniform(0.0, LONGEST_REST))
    soaked.judge()
    return soaked


def _one_run(
    bench: Bench,
    engine: Engine,
    injection: FaultInjection,
    case: Case,
    folder: Path,
    soaked: Soaked,
    *,
    left_alone: bool,
) -> None:
    subject = case.subject
    sample = sample_file(subject.sample) if subject.sample else None
    if subject.sample:
        bench.place(subject.sample)
    procedure = procedure_class(subject.procedure)()
    procedure.set_values(subject.settings)
    if not left_alone:
        case.plan(injection)
    try:
        outcome = engine.run(Request(procedure, sample, folder=folder, seed=1))
    except (UserMistake, InstrumentError) as error:
        soaked.ended["refused"] += 1
        if left_alone:
            soaked.problems.append(f"{subject.procedure}, with nothing wrong, was refused: {error}")
        return
    soaked.ended[str(outcome.state)] += 1
    if left_alone and outcome.state is not State.COMPLETED:
        soaked.problems.append(f"{subject.procedure}, with nothing wrong, {outcome.state}: {outcome.reason}")
    assert outcome.run_file is not None  # noqa: S101  (a run that began has one)
    with open_run(outcome.run_file) as file:
        if file.status != str(outcome.state) or not file.verify():
            soaked.problems.append(f"{case}: its file says {file.status} and verifies: {file.verify()}")
    # a month of runs is not what the memory of the disk is tried with
    outcome.run_file.write_bytes(b"")


def _all_is_off(bench: Bench, world: World, injection: FaultInjection, case: Case, soaked: Soaked) -> None:
    injection.clear()
    injection.happened.clear()
    bench.release()
    soaked.problems += [f"{case}: {step.role}: {step.error}" for step in bench.make_safe() if step.error is not None]
    bench.tube.reset_faults()
    left = {
        "beam": world.tube.high_voltage_on,
        "bias": world.bias_v() != 0.0,
        "light": world.laser.firing,
        "heater": world.stage.heated,
    }
    soaked.problems += [f"{case}: the {what} is on" for what, on in left.items() if on]


def _held(folder: Path, hours: float, runs: int) -> Held:
    gc.collect()
    process = psutil.Process(os.getpid())
    if sys.platform == "win32":
        handles = process.num_handles()
    else:
        handles = process.num_fds()
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix not in PRODUCTS]
    return Held(hours, runs, process.memory_info().rss / 1e6, threading.active_count(), handles, len(files))


def _told(one: Held) -> str:
    return (
        f"{one.hours:.1f} h, {one.runs} runs: {one.memory_mb:.0f} MB, {one.threads} threads, {one.handles} handles, "
        f"{one.other_files} other files"
    )
