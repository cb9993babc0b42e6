"""Runs what a published result needs on the simulated bench, each measurement once, in processes of their own."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.figure import FigureOfMerit
from config.literature_file import Row
from config.mistake import UserMistake

Key = tuple[str, str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True)
class Measurement:
    """What came of one measurement.

    Attributes
    ----------
    figures
        Each with the world's truth, or None where the world has none for it.
    fault
        Why there are none; empty where there are.
    run_file
        None for a calculation.
    """

    figures: tuple[tuple[FigureOfMerit, float | None], ...]
    fault: str = ""
    run_file: Path | None = None
    seconds: float = 0.0


def key_of(row: Row) -> Key | None:
    """Tell which measurement a row needs; rows of the same key share it."""
    if row.not_covered:
        return None
    settings = tuple(sorted((name, repr(value)) for name, value in row.settings.items()))
    return row.calculation or row.preset, row.sample, settings


def measure_all(
    rows: Iterable[Row], folder: Path, seed: int, jobs: int, progress: Callable[[int, int], None]
) -> dict[Key, Measurement]:
    """Measure whatever rows need.

    Parameters
    ----------
    rows
        To be reproduced.
    folder
        Of the run files.
    seed
        Of the simulated world.
    jobs
        Processes at a time.
    progress
        Told how many of how many measurements are done.
    """
    wanted: dict[Key, Row] = {}
    for row in rows:
        key = key_of(row)
        if key is not None:
            wanted.setdefault(key, row)
    found: dict[Key, Measurement] = {}
    # spawned: a forked process would inherit threads and sockets
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting = {pool.submit(measure, row.model_dump(), str(folder), seed): key for key, row in wanted.items()}
        progress(0, len(waiting))
        for done in as_completed(waiting):
            try:
                found[waiting[done]] = done.result()
            except BrokenProcessPool as error:
                found[waiting[done]] = Measurement((), f"its process ended: {error}")
            progress(len(found), len(waiting))
    return found


def measure(row: Mapping[str, Any], folder: str, seed: int) -> Measurement:
    """Measure what one row needs; what goes wrong is told and ends nothing else."""
    from app.reproduction.calculations import CALCULATIONS

    given = Row.model_validate(dict(row))
    started = time.monotonic()
    try:
        if given.calculation:
            if given.calculation not in CALCULATIONS:
                return Measurement((), f"no calculation is named '{given.calculation}'")
            return Measurement(tuple(CALCULATIONS[given.calculation](dict(given.settings), seed)))
        figures, path = _run(given, Path(folder), seed)
    except UserMistake as mistake:
        return Measurement((), str(mistake))
    except Exception as error:
        return Measurement((), f"{type(error).__name__}: {error}")
    return Measurement(tuple(figures), "", path, time.monotonic() - started)


def _run(row: Row, folder: Path, seed: int) -> tuple[Sequence[tuple[FigureOfMerit, float | None]], Path | None]:
    from app.engine.engine import Engine
    from app.engine.events import State
    from app.engine.operator import AlwaysYes
    from app.opening import open_simulated
    from app.running import plan, request
    from app.scoring import true_value
    from procedures.registry import preset

    procedure = preset(row.preset).content.procedure
    planned = plan(procedure, preset=row.preset, settings=row.settings, sample=row.sample or None)
    sample = planned.sample.content if planned.sample else None
    bench, served = open_simulated(planned.bench, sample=sample, geometry=planned.geometry, seed=seed, speed="max")
    with bench:
        outcome = Engine(bench, AlwaysYes()).run(request(planned, folder=folder, seed=seed))
        if outcome.state is not State.COMPLETED:
            raise UserMistake(f"the run {outcome.state}: {outcome.reason}")
        if sample is not None:
            # the run may have put a reference in
            served.world.set_sample(sample.model_dump())
        figures = [
            (figure, true_value(served.world, procedure, figure, outcome.parameters)) for figure in outcome.figures
        ]
    return figures, outcome.run_file
