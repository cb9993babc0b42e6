"""``xraybench demo``: the main job on the simulated bench, start to finish."""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

from analysis.figure import FigureOfMerit
from app.cli import arguments as shared
from app.cli.interruption import in_a_thread, signals_end
from app.cli.progress import ProgressBar
from app.cli.tables import (
    Notes,
    at_column,
    at_text,
    path_text,
    print_columns,
    print_json,
    print_table,
    value_cell,
)
from app.engine.engine import Engine
from app.engine.events import State
from app.engine.operator import AlwaysYes
from app.engine.outcome import Outcome
from app.opening import open_simulated
from app.report.picture import save_pictures
from app.running import plan, request
from app.scoring import true_value

PRESETS = (
    ("rl-spectrum", "chen24-rl-spectrum"),
    ("rl-linearity", "chen24-rl-linearity"),
    ("sensitivity", "dong24-sensitivity"),
)

PUBLISHED: dict[tuple[str, str, float | None], str] = {
    ("rl-spectrum", "peak_wavelength", None): "526 nm",
    ("rl-spectrum", "fwhm", None): "21 nm",
    ("rl-linearity", "r2", None): "0.993",
    ("sensitivity", "sensitivity", -100.0): "13 700 uC/(Gy cm2)",
    ("sensitivity", "sensitivity", -300.0): "29 721.4 uC/(Gy cm2)",
    ("sensitivity", "lod_line", -100.0): "20.9 nGy/s",
    ("sensitivity", "s0_published", None): "9070.8 uC/(Gy cm2)",
    ("sensitivity", "normalized_sensitivity_published", -100.0): "1.515",
}
"""What the papers report, by procedure, figure and field."""

SHOWN = {
    "rl-spectrum": ("peak_wavelength", "fwhm"),
    "rl-linearity": ("slope", "r2", "exponent"),
    "sensitivity": (
        "sensitivity",
        "lod_interpolated",
        "lod_line",
        "lod_iupac",
        "lod_currie",
        "dark_current_density",
        "normalized_sensitivity",
        "normalized_sensitivity_published",
        "s0_published",
        "s0_spectral",
    ),
}


@dataclass(frozen=True)
class Row:
    """One figure of merit beside the truth and the paper's."""

    procedure: str
    figure: FigureOfMerit
    truth: float | None
    published: str

    @property
    def holds(self) -> bool | None:
        """Whether the 95 % interval holds the world's truth."""
        if self.truth is None or self.figure.interval is None:
            return None
        low, high = self.figure.interval
        return low <= self.truth <= high


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--out", metavar="DIR", default="demo", help="folder of run files and pictures (default: demo)")
    shared.add_simulation(parser)
    shared.add_json(parser)


def main(given: argparse.Namespace) -> int:
    """Check the bench, run, print the table."""
    started = time.monotonic()
    seed, speed = shared.seed(given), shared.speed(given) or "max"
    folder = Path(given.out).expanduser()
    outcomes: list[Outcome] = []
    rows: list[Row] = []
    pictures: list[Path] = []
    for procedure, preset in PRESETS:
        planned = plan(procedure, preset=preset)
        bench, served = open_simulated(
            planned.bench,
            sample=planned.sample.content if planned.sample else None,
            geometry=planned.geometry,
            seed=seed,
            speed=speed,
        )
        with bench, ProgressBar(f"{procedure} ({preset})", quiet=given.json) as bar:
            if procedure == PRESETS[0][0] and not given.json:
                _print_bench(bench.name, {role: str(one.identity) for role, one in bench.instruments.items()})
            engine = Engine(bench, AlwaysYes())
            engine.watch(bar)
            with signals_end(engine):
                asked = request(planned, folder=folder, seed=seed)
                outcome = in_a_thread(lambda engine=engine, asked=asked: engine.run(asked))  # type: ignore[misc]
            if planned.sample is not None:
                # the run may have put a reference in
                served.world.set_sample(planned.sample.content.model_dump())
            rows += [
                Row(
                    procedure,
                    figure,
                    true_value(served.world, procedure, figure, outcome.parameters),
                    _published(procedure, figure),
                )
                for figure in outcome.figures
                if figure.name in SHOWN[procedure]
            ]
        outcomes.append(outcome)
        if outcome.state is not State.COMPLETED or outcome.run_file is None:
            break
        pictures += save_pictures(outcome.run_file)
    _show(given.json, outcomes, rows, pictures, time.monotonic() - started)
    return max(outcome.exit_status for outcome in outcomes)


def _published(procedure: str, figure: FigureOfMerit) -> str:
    field = figure.at["field"][0] if "field" in figure.at else None
    return PUBLISHED.get((procedure, figure.name, field), "")


def _print_bench(name: str, identities: dict[str, str]) -> None:
    print_table(f"Bench {name}: everything is simulated", ("role", "identity"), list(identities.items()))


def _show(json: bool, outcomes: list[Outcome], rows: list[Row], pictures: list[Path], seconds: float) -> None:
    if json:
        print_json(
            {
                "runs": [outcome.as_dict() for outcome in outcomes],
                "table": [
                    {"procedure": row.procedure, "truth": row.truth, "published": row.published, "holds": row.holds}
                    | {"figure": row.figure.name, "at": at_text(row.figure), "value": row.figure.value}
                    | {"uncertainty": row.figure.uncertainty, "unit": row.figure.unit}
                    for row in rows
                ],
                "pictures": [str(picture) for picture in pictures],
            }
        )
        return
    for procedure, preset in PRESETS:
        shown = [row for row in rows if row.procedure == procedure]
        notes = Notes()
        at, conditions = at_column([row.figure for row in shown])
        columns = {
            "figure": [row.figure.name for row in shown],
            at: conditions,
            "world": ["" if row.truth is None else f"{row.truth:.5g}" for row in shown],
            "measured": [value_cell(row.figure) for row in shown],
            "95 %": [{True: "holds", False: "MISSES", None: ""}[row.holds] for row in shown],
            "paper": [row.published for row in shown],
            "note": [notes.marks(row.figure.warnings) for row in shown],
        }
        if shown:
            print_columns(f"{procedure} ({preset})", columns)
            notes.print()
    for outcome in outcomes:
        reason = f": {outcome.reason}" if outcome.reason else ""
        print(f"{outcome.procedure} {outcome.state}{reason}: {path_text(outcome.run_file)}")  # noqa: T201
    for picture in pictures:
        print(f"picture: {path_text(picture)}")  # noqa: T201
    print(f"{seconds:.0f} s")  # noqa: T201
