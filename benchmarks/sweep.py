"""A voltage sweep with current readings here, in a bare script and in other programs, with the same commands.

The instrument is a simulated Keithley 2450 without latency, in a process of its own; the contenders take turns, and the
ratios are medians of the ratios within a round. It is measured twice: on the simulated instrument, and on one that
answers without thinking, so that nearly all of the time is the software's.
Run with ``python -m benchmarks.sweep``.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path

from benchmarks._served import BY_HEART, BY_RULE, served_2450
from benchmarks._sweep_bare import BareSweep, Contender, Timing
from benchmarks._sweep_others import BlueskySweep, PyMeasureSweep, QCoDeSSweep
from benchmarks._sweep_ours import OurSweep
from benchmarks._verdicts import Verdicts, load

BARE, OURS, PYMEASURE, QCODES, BLUESKY, UNTUNED = (
    "bare pyvisa-py",
    "xraybench",
    "PyMeasure Worker",
    "QCoDeS",
    "Bluesky",
    "pyvisa-py untuned",
)
LARGEST_OVER_BARE, LARGEST_OVER_PYMEASURE = 3.0, 1.5
UNTUNED_POINTS = 10
SLOW_ROUNDS = 2
"""Of those that take seconds a sweep."""

Rounds = dict[str, list[tuple[Timing, Timing]]]
"""By contender: its sweep and the bare one of the same round."""


def rounds_on(address: str, points: int, rounds: int) -> Rounds:
    """Have everybody sweep in turn, after a warm-up."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        contenders: dict[str, Contender] = {
            BARE: BareSweep(address, points),
            OURS: OurSweep(address, folder, points),
            PYMEASURE: PyMeasureSweep(address, folder, points),
            QCODES: QCoDeSSweep(address, folder, points),
            BLUESKY: BlueskySweep(address, points),
            UNTUNED: BareSweep(address, UNTUNED_POINTS, tuned=False),
        }
        for contender in contenders.values():
            stack.enter_context(closing(contender))
            contender.run()
        found: Rounds = {name: [] for name in contenders}
        for number in range(rounds):
            bare = contenders[BARE].run()
            found[BARE].append((bare, bare))
            for name, contender in contenders.items():
                if name == BARE or (name in (BLUESKY, UNTUNED) and number >= SLOW_ROUNDS):
                    continue
                found[name].append((contender.run(), bare))
    return found


def ratio(found: Rounds, name: str, other: str = BARE, *, total: bool) -> float:
    """Return the median over the rounds of one contender's time over another's."""
    part = int(total)
    pairs = zip(found[name], found[other], strict=False)
    return statistics.median(mine[part] / theirs[part] for (mine, _), (theirs, _) in pairs)


def report(found: Rounds, points: int) -> None:
    """Print the table of one wire."""
    print(f"{'':<20}{'ms a point':>12}{'over bare':>12}{'total, ms':>12}{'over bare':>12}{'rounds':>8}")
    for name, timings in found.items():
        count = UNTUNED_POINTS if name == UNTUNED else points
        sweep = statistics.median(timing.sweep for timing, _ in timings) / count * 1e3
        total = statistics.median(timing.total for timing, _ in timings) * points / count * 1e3
        scale = points / count
        sweeps, totals = (ratio(found, name, total=part) * scale for part in (False, True))
        print(f"{name:<20}{sweep:>12.4f}{sweeps:>12.2f}{total:>12.1f}{totals:>12.2f}{len(timings):>8}")


def main() -> int:
    """Measure and print; return 1 if a figure is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    verdicts = Verdicts()
    for kind, title in ((BY_RULE, "simulated 2450"), (BY_HEART, "2450 that answers without thinking")):
        with served_2450(kind) as address:
            found = rounds_on(address, given.points, given.rounds)
        print(f"\n{given.points} points on the {title} ({load()}); total: with files made, written and closed")
        report(found, given.points)
        # on the quicker wire the disk would decide about the total
        for total in (False, True) if kind == BY_RULE else (False,):
            what = f"{title}, {'total' if total else 'sweep'}: ours over"
            verdicts.at_most(f"{what} bare", ratio(found, OURS, total=total), LARGEST_OVER_BARE)
            verdicts.at_most(f"{what} {PYMEASURE}", ratio(found, OURS, PYMEASURE, total=total), LARGEST_OVER_PYMEASURE)
            for other in (QCODES, BLUESKY):
                verdicts.at_most(f"{what} {other}", ratio(found, OURS, other, total=total), 1.0)
    return verdicts.conclude()


if __name__ == "__main__":
    sys.exit(main())
