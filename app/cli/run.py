"""``xraybench run``: one procedure into one run file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from app.cli import arguments as shared
from app.cli.interruption import in_a_thread, signals_end
from app.cli.progress import ProgressBar, time_text
from app.cli.tables import path_text, print_figures, print_json
from app.cli.terminal_operator import operator
from app.cli.trusting import confirm_trust
from app.engine.events import State
from app.engine.outcome import Outcome
from app.running import opened, plan, request


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("procedure", metavar="PROCEDURE", help="its name: see xraybench procedures")
    parser.add_argument("--preset", metavar="P", help="published settings: see xraybench presets")
    shared.add_set(parser)
    shared.add_bench(parser)
    parser.add_argument("--sample", metavar="NAME|FILE", help="sample file; the preset's if not given")
    parser.add_argument("--out", metavar="DIR", help="folder of the run file; the bench file's if not given")
    shared.add_simulation(parser)
    parser.add_argument("--yes", action="store_true", help="every question to the operator is answered with yes")
    shared.add_json(parser)


def main(given: argparse.Namespace) -> int:
    """Run, print, return the exit status."""
    planned = plan(
        given.procedure,
        preset=given.preset,
        settings=shared.settings(given),
        bench=given.bench,
        sample=given.sample,
    )
    confirm_trust(planned.bench)
    seed, speed = shared.seed(given), shared.speed(given)
    who = operator(given.yes, planned.bench.content.simulated)
    asked = request(planned, folder=Path(given.out).expanduser() if given.out else None, seed=seed)
    with (
        opened(planned, seed=seed, speed=speed, operator=who) as engine,
        ProgressBar(planned.procedure.name, quiet=given.json) as bar,
        signals_end(engine),
    ):
        engine.watch(bar)
        outcome = in_a_thread(lambda: engine.run(asked))
    if given.json:
        print_json(outcome.as_dict())
    else:
        show_outcome(outcome)
    return outcome.exit_status


def show_outcome(outcome: Outcome) -> None:
    """Print figures and where the run file is; what went wrong goes to stderr."""
    if outcome.figures:
        print_figures(f"{outcome.procedure}: {outcome.state}", outcome.figures)
    if outcome.state is not State.COMPLETED:
        print(f"xraybench: {outcome.procedure} {outcome.state}: {outcome.reason}", file=sys.stderr)  # noqa: T201
    done = f"{outcome.state} after {time_text(outcome.duration)} with {outcome.records} records"
    print(f"{done}: {path_text(outcome.run_file)}")  # noqa: T201
    for path in outcome.products:
        print(f"for other measurements: {path_text(path)}")  # noqa: T201
