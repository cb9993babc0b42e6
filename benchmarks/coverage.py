"""How often the 95 % intervals hold the truth, end to end on simulated benches: it should be 90 to 99 % of the runs.

Run as ``python -m benchmarks.coverage [--seeds 200] [--workers 2]``; some minutes. Exit status 1 if a figure is
outside.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks._drawn_images import measure_images
from benchmarks._honest_runs import DESIGNS, Design, RunFailed, Scored, measure

LOWEST, HIGHEST = 0.90, 0.99
FIRST_SEED = 1


def main() -> int:
    """Measure, print the table and say whether all is as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="runs of each design")
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1), help="processes")
    parser.add_argument("--drawn", action="store_true", help="images only, of frames drawn without instruments: fast")
    parser.add_argument("--only", default="", help="a part of the designs' names, or several: hecht,tof")
    options = parser.parse_args()
    designs = [design for design in DESIGNS if any(part.strip() in design.name for part in options.only.split(","))]
    if options.drawn:
        designs = [design for design in designs if design.name.startswith("imaging")]
    if not designs:
        parser.error(f"no design's name holds '{options.only}': {', '.join(design.name for design in DESIGNS)}")
    console = Console(width=120, stderr=False)
    for design in designs:
        console.print(f"{design.name}: {design.preset}, but with {design.changes}", soft_wrap=True, highlight=False)
    console.print(
        "drawn per seed: calibrations of dosimeter, wavelengths, temperature; electrode area, thickness, black level\n",
        highlight=False,
    )
    started = time.monotonic()
    jobs = [(design, FIRST_SEED + number, options.drawn) for design in designs for number in range(options.seeds)]
    # forked workers would share what threads the parent has
    context = multiprocessing.get_context("spawn")
    scored: list[Scored] = []
    failed: list[str] = []
    with ProcessPoolExecutor(options.workers, mp_context=context, initializer=_one_thread) as workers:
        done = workers.map(_measure, jobs, chunksize=5)
        for found in track(done, "measuring", total=len(jobs), console=Console(stderr=True), transient=True):
            if isinstance(found, str):
                failed.append(found)
            else:
                scored += found
    table, honest = _table(designs, scored)
    console.print(table)
    for (design_name, figure, why), count in _refusals(scored):
        console.print(f"refused {count}: {figure}, {design_name}: {why}", soft_wrap=True, highlight=False)
    console.print(f"{len(jobs)} runs in {time.monotonic() - started:.0f} s", highlight=False)
    for failure in failed:
        console.print(f"failed: {failure}", soft_wrap=True, highlight=False)
    return 0 if honest and not failed else 1


def _one_thread() -> None:
    """Leave the cores to the other workers."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"


def _measure(job: tuple[Design, int, bool]) -> list[Scored] | str:
    """Measure, or say why it was not possible: hours of other runs are not lost to the one that fails."""
    design, seed, drawn = job
    try:
        return measure_images(design, seed) if drawn else measure(design, seed)
    except RunFailed as failure:
        return str(failure)
    except Exception as failure:
        # whatever it is: it is told, and the exit status says so
        return f"{design.name}, seed {seed}: {type(failure).__name__}: {failure}"


def clopper_pearson(successes: int, trials: int) -> tuple[float, float]:
    """Return the 95 % interval of a proportion (Clopper and Pearson, Biometrika 26, 404, 1934)."""
    from scipy.special import betaincinv

    low = 0.0 if successes == 0 else float(betaincinv(successes, trials - successes + 1, 0.025))
    high = 1.0 if successes == trials else float(betaincinv(successes + 1, trials - successes, 0.975))
    return low, high


def _table(designs: Iterable[Design], scored: list[Scored]) -> tuple[Table, bool]:
    table = Table("figure", "design", "covered", "%", "95 % interval", "refused", "bias/spread", "verdict 90..99 %")
    honest = True
    for design, figure in [(one, figure) for one in designs for figure in one.figures]:
        runs = [one for one in scored if (one.design, one.figure) == (design.name, figure)]
        given = [one for one in runs if one.interval is not None]
        refused = f"{len(runs) - len(given)}"
        if not given:
            # it has nothing to say there, and says so
            table.add_row(figure, design.name, "-", "-", "-", refused, "-", "refused")
            continue
        covered = sum(one.covered for one in given)
        share = covered / len(given)
        low, high = clopper_pearson(covered, len(given))
        good = LOWEST <= share <= HIGHEST
        honest &= good
        table.add_row(
            figure,
            design.name,
            f"{covered}/{len(given)}",
            f"{100 * share:.1f}",
            f"{100 * low:.1f}..{100 * high:.1f}",
            refused,
            f"{_bias(given):+.2f}",
            "good" if good else "TOO SELDOM" if share < LOWEST else "TOO OFTEN",
        )
    return table, honest


def _bias(given: list[Scored]) -> float:
    """Return the mean distance from the truth over the intervals' mean half width."""
    distance = np.array([(one.value or 0.0) - one.truth for one in given])
    half = np.array([0.5 * (one.interval[1] - one.interval[0]) for one in given if one.interval is not None])
    return float(distance.mean() / half.mean())


def _refusals(scored: list[Scored]) -> list[tuple[tuple[str, str, str], int]]:
    """Count why figures were refused, whatever the numbers in the reason are."""
    reasons = Counter((one.design, one.figure, re.sub(r"[\d.]*\d", "#", one.why)) for one in scored if one.why)
    return reasons.most_common(12)


if __name__ == "__main__":
    sys.exit(main())
