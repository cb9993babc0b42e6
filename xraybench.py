"""The door for scripts.

Examples
--------
Run a procedure on the simulated bench, look at its figures and at its data::

    import xraybench

    outcome = xraybench.run("rl-linearity", preset="chen24-rl-linearity", seed=1, out="runs")
    for figure in outcome.figures:
        print(figure)
    with xraybench.open_run(outcome.run_file) as file:
        spectra = file.streams["sweep"]["counts"]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.figure import FigureOfMerit
from config.mistake import UserMistake
from drivers.bench import Bench
from procedures.procedure import Procedure
from storage.reader import RunFile, open_run

if TYPE_CHECKING:
    from app.engine.operator import Operator
    from app.engine.outcome import Outcome
    from app.opening import Speed

__all__ = [
    "Bench",
    "FigureOfMerit",
    "Procedure",
    "RunFile",
    "UserMistake",
    "analyse",
    "open_bench",
    "open_run",
    "run",
]


def open_bench(bench: str | Path = "sim", *, seed: int | None = None, speed: Speed | None = None) -> Bench:
    """Open a bench by the name or path of its file; use it in a ``with`` block.

    Parameters
    ----------
    bench
        Name or path.
    seed, speed
        Of a simulated bench.
    """
    from app.opening import open_bench as opening

    return opening(bench, seed=seed, speed=speed)


def run(
    procedure: str,
    *,
    preset: str | None = None,
    settings: Mapping[str, Any] | None = None,
    bench: str | Path = "sim",
    sample: str | Path | None = None,
    out: str | Path | None = None,
    seed: int | None = None,
    speed: Speed | None = None,
    operator: Operator | None = None,
) -> Outcome:
    """Run a procedure into a run file, as ``xraybench run`` does.

    Parameters
    ----------
    procedure, preset, bench, sample
        By name; bench and sample also by path.
    settings
        Parameters by name: numbers, or text with units.
    out
        Folder of the run file.
    seed, speed
        Of a simulated bench.
    operator
        Who answers questions; nobody by default, so that a question ends the run.

    Returns
    -------
    Outcome
        Status, figures of merit, run file; also of a run that failed.

    Raises
    ------
    UserMistake
        If the run cannot begin as asked.
    """
    from app.engine.operator import Nobody
    from app.running import opened, plan, request

    planned = plan(
        procedure,
        preset=preset,
        settings=settings,
        bench=str(bench),
        sample=None if sample is None else str(sample),
    )
    asked = request(planned, folder=None if out is None else Path(out), seed=seed)
    with opened(planned, seed=seed, speed=speed, operator=operator or Nobody()) as engine:
        return engine.run(asked)


def analyse(run_file: str | Path, options: Mapping[str, Any] | None = None) -> Sequence[FigureOfMerit]:
    """Analyse a run again, from its file alone.

    Parameters
    ----------
    run_file
        Path.
    options
        Parameters of the procedure to analyse with instead of the run's own.
    """
    from app.engine.reading import analyse_path

    return analyse_path(Path(run_file), options)
