"""From a user's words to a run: what the command, the script and the window all do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.engine.engine import Engine, Request
from app.engine.guardian import Guardian
from app.engine.operator import Operator
from app.opening import Speed, open_bench
from app.trust import require_trust
from config.bench_file import BenchFile, Geometry
from config.loading import Loaded, bench_file, sample_file
from config.mistake import UserMistake
from config.sample_file import Sample
from procedures.procedure import Procedure
from procedures.registry import preset as read_preset
from procedures.registry import procedure_class


@dataclass(frozen=True)
class Plan:
    """A run that has been checked as far as it can be without the bench."""

    procedure: Procedure
    sample: Loaded[Sample] | None
    bench: Loaded[BenchFile]
    geometry: Geometry | None
    """That the preset wants, where it differs from the bench file's."""
    preset: str = ""


def plan(
    procedure: str,
    *,
    preset: str | None = None,
    settings: Mapping[str, Any] | None = None,
    bench: str = "sim",
    sample: str | None = None,
) -> Plan:
    """Put a run together from names.

    Raises
    ------
    UserMistake
        If one of them does not exist or does not fit.
    """
    chosen = procedure_class(procedure)()
    content = read_preset(preset, procedure).content if preset else None
    if content is not None:
        chosen.set_values(content.parameters, f"preset {preset}")
    chosen.set_values(settings or {})
    name = sample or (content.sample if content else "")
    file = bench_file(bench)
    wanted = content.geometry if content else None
    geometry = wanted if wanted is not None and wanted != file.content.geometry else None
    loaded = sample_file(name) if name else None
    if content is not None and content.world:
        file = with_world(file, content.world, f"preset {preset}")
    chosen.sample = loaded.content if loaded else None
    return Plan(chosen, loaded, file, geometry, preset or "")


def with_world(file: Loaded[BenchFile], world: Mapping[str, Mapping[str, Any]], whose: str) -> Loaded[BenchFile]:
    """Simulate what a preset's paper measured with; a real bench has what it has.

    Parameters
    ----------
    file
        Of the bench.
    world
        Per part of the world, parameters besides the bench file's.
    whose
        They are, for the text that the run file keeps.
    """
    simulation = file.content.simulation
    if simulation is None:
        return file
    merged = {part: {**simulation.world.get(part, {}), **given} for part, given in world.items()}
    changed = simulation.model_copy(update={"world": {**simulation.world, **merged}})
    # the run file keeps this text as what was simulated
    said = [
        f"# {whose}: simulation.world.{part}.{name} = {value!r}"
        for part, given in world.items()
        for name, value in given.items()
    ]
    content = file.content.model_copy(update={"simulation": changed})
    return replace(file, content=content, text="\n".join([file.text.rstrip("\n"), *said, ""]))


@contextmanager
def opened(plan: Plan, *, seed: int | None, speed: Speed | None, operator: Operator) -> Iterator[Engine]:
    """Open the bench of a plan, with the sample and the geometry of the plan in it.

    Raises
    ------
    UserMistake
        If the operator does not confirm a geometry that is not the bench file's.
    """
    file = plan.bench.content
    if plan.geometry is not None and not file.simulated:
        question = f"The preset wants {plan.geometry}; the bench file says {file.geometry}. Is it set up so?"
        if not operator.confirm(question):
            raise UserMistake(
                f"preset {plan.preset} is for {plan.geometry}, the bench has {file.geometry}: set it up and confirm "
                f"(--yes), or write it into the bench file"
            )
    sample = plan.sample.content if plan.sample else None
    require_trust(plan.bench)
    guardian = None if file.simulated else Guardian(file, {role: one.resource for role, one in file.entries.items()})
    bench = None
    try:
        with open_bench(
            plan.bench, sample=sample, geometry=plan.geometry, seed=seed, speed=speed, what=plan.procedure.name
        ) as bench:
            if guardian is not None:
                guardian.wait_until_ready()
            yield Engine(bench, operator)
    finally:
        if guardian is not None:
            if bench is not None and bench.left_unsafe:
                guardian.take_over()
            else:
                guardian.stand_down()


def request(plan: Plan, *, folder: Path | None, seed: int | None) -> Request:
    """Make the engine's request of a plan."""
    simulation = plan.bench.content.simulation
    used = seed if seed is not None else simulation.seed if simulation else None
    return Request(plan.procedure, plan.sample, plan.preset, folder, used, plan.bench.text)
