"""``make faults``: try what can go wrong, print what came of it, and write it into the documentation."""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import os
import queue
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from app.faults import page
from app.faults.cases import cases
from app.faults.finding import Finding
from app.faults.full_disk import fill, small_disk
from app.faults.hammer import hammer_all
from app.faults.kills import Killed, arranged
from app.faults.replies import FAMILIES, Tried
from app.faults.soak import soak
from app.faults.trial import try_case

CASES = 650
DOCS = Path(__file__).parents[2] / "docs" / "faults"


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)  # noqa: T201


def kill(count: int, seed: int, folder: Path) -> int:
    """Kill so many runs; return how many had anything wrong."""
    chance = random.Random(seed)  # noqa: S311  (nothing secret)
    killed: list[Killed] = []
    command = f'make faults ARGS="--kills {count} --seed {seed}"'
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as runs, arranged(Path(runs)) as arrangement:
        for number in range(count):
            one = arrangement.run_and_kill(number, chance)
            killed.append(one)
            off, what = one.seconds_to_beam_off, "; ".join(one.problems) or "well"
            passed = time.monotonic() - began
            say(f"{passed:.0f} s: kill {number}: {one.records} records, beam off after {off} s; {what}")
            # of what takes long, nothing found so far may be lost
            page.write(folder, "kills", command, page.kills_page(killed, count, None))
        status = arrangement.run_to_its_end()
    text = page.kills_page(killed, count, status)
    page.write(folder, "kills", command, text)
    say(text)
    return sum(bool(one.problems) for one in killed) + (status != 0)


def try_cases(count: int, seed: int, jobs: int, folder: Path) -> int:
    """Try so many cases, in several processes; return in how many anything was wrong."""
    command = f'make faults ARGS="--cases {count} --seed {seed}"'
    began = time.monotonic()
    words = [["--cases", str(count), "--seed", str(seed), "--share", f"{job}/{jobs}"] for job in range(jobs)]
    findings: list[Finding] = []
    for line in in_processes("app.faults", words):
        findings.append(Finding.from_dict(json.loads(line)))
        if findings[-1].problems:
            say(f"{time.monotonic() - began:.0f} s: {told(findings[-1])}")
        if len(findings) % 20 == 0:
            say(f"{time.monotonic() - began:.0f} s: {len(findings)} of {count} cases tried")
            # of what takes long, nothing found so far may be lost
            page.write(folder, "cases", command, page.cases_page(findings))
    text = page.cases_page(findings)
    page.write(folder, "cases", command, text)
    say(text)
    return sum(bool(one.problems) for one in findings) + (count - len(findings))


def try_share(count: int, seed: int, share: str) -> int:
    """Try every n-th case, and print each finding as a line of JSON."""
    first, _, step = share.partition("/")
    for case in itertools.islice(cases(seed), int(first), count, int(step)):
        say(json.dumps(try_case(case).as_dict()))
    return 0


def try_replies(count: int, seed: int, folder: Path) -> int:
    """Tell every driver so many replies that are none; return how many times that was not noticed."""
    command = f'make faults ARGS="--replies {count} --seed {seed}"'
    tried: list[Tried] = []
    for line in in_processes("app.faults.replies", [[family, str(count), str(seed)] for family in FAMILIES]):
        tried.append(Tried.from_dict(json.loads(line)))
        one = tried[-1]
        say(f"{one.family}: {one.replies} replies, {one.calls} calls, {len(one.problems)} not noticed")
        for problem in one.problems:
            say(f"  {problem}")
        page.write(folder, "replies", command, page.replies_page(tried))
    say(page.replies_page(tried))
    return sum(len(one.problems) for one in tried) + len(FAMILIES) - len(tried)


def fill_disk(folder: Path) -> int:
    """Measure until a small disk is full; return how much was wrong."""
    with tempfile.TemporaryDirectory() as name:
        copies = Path(name) / "copies"
        copies.mkdir()
        with small_disk(Path(name) / "disk") as disk:
            filled = fill(disk, copies)
    text = page.disk_page(filled)
    page.write(folder, "disk", 'make faults ARGS="--disk"', text)
    say(text)
    return len(filled.problems)


def soak_for(hours: float, seed: int, folder: Path) -> int:
    """Run a queue of all procedures with random faults on one bench; return how much was wrong or has piled up."""
    soaked = soak(hours, seed, say)
    text = page.soak_page(soaked)
    page.write(folder, "soak", f'make faults ARGS="--soak {hours:g} --seed {seed}"', text)
    say(text)
    for problem in soaked.problems:
        say(problem)
    return len(soaked.problems)


def hammer_drivers(seconds: float, folder: Path) -> int:
    """Have several threads use each driver at once; return how many answers were wrong."""
    hammered = hammer_all(seconds)
    text = page.hammer_page(hammered)
    page.write(folder, "hammer", f'make faults ARGS="--hammer {seconds:g}"', text)
    say(text)
    return sum(len(one.problems) for one in hammered)


def in_processes(module: str, orders: Sequence[Sequence[str]]) -> Iterator[str]:
    """Run a module of the campaign in several processes at once, and return their lines as they come."""
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def listen(process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None  # noqa: S101  (asked for below)
        with process:
            for line in process.stdout:
                lines.put(line)
        lines.put(None)

    for words in orders:
        process = subprocess.Popen(  # noqa: S603  (our own module)
            [sys.executable, "-W", "ignore", "-m", module, *words], stdout=subprocess.PIPE, text=True
        )
        threading.Thread(target=listen, args=(process,), daemon=True).start()
    left = len(orders)
    while left:
        line = lines.get()
        if line is None:
            left -= 1
        else:
            yield line


def try_one(number: int, seed: int) -> int:
    """Try one case again, and tell all about it."""
    finding = try_case(next(itertools.islice(cases(seed), number, None)))
    say(told(finding))
    return len(finding.problems)


def told(finding: Finding) -> str:
    """Tell in a few lines what became of a case, and how to try it again."""
    what = "; ".join(finding.problems) or "well"
    return (
        f"case {finding.case.number}: {finding.case}\n  {finding.state}: {finding.reason or 'as planned'}\n  {what}\n"
        f"  again: {finding.case.replay}"
    )


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="make faults ARGS=", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers")
    parser.add_argument("--cases", type=int, default=None, metavar="N", help="try N cases (650, unless told otherwise)")
    parser.add_argument("--case", type=int, default=None, metavar="NUMBER", help="try this case alone, again")
    parser.add_argument("--kills", type=int, default=0, metavar="N", help="kill N runs with SIGKILL")
    parser.add_argument("--replies", type=int, default=0, metavar="N", help="tell every driver N replies that are none")
    parser.add_argument("--hammer", type=float, default=0.0, metavar="S", help="use each driver from 4 threads for S s")
    parser.add_argument(
        "--soak", type=float, default=0.0, metavar="H", help="run a queue of all procedures for H simulated hours"
    )
    parser.add_argument("--disk", action="store_true", help="fill a small disk (root on Linux)")
    parser.add_argument("--jobs", type=int, default=max(2, os.cpu_count() or 2), help="processes that try cases")
    parser.add_argument("--share", default="", help=argparse.SUPPRESS)
    parser.add_argument("--docs", type=Path, default=DOCS, help="folder that the tables are written into")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Do what was asked; 1 if anything was wrong."""
    given = parse(words)
    # each fault is logged at length where it is met: here what counts is what became of it
    logging.disable(logging.CRITICAL)
    if given.case is not None:
        return 1 if try_one(given.case, given.seed) else 0
    if given.share:
        return try_share(given.cases, given.seed, given.share)
    wrong = 0
    nothing_else = not (given.kills or given.replies or given.hammer or given.disk or given.soak)
    count = given.cases if given.cases is not None else CASES if nothing_else else 0
    if count:
        wrong += try_cases(count, given.seed, given.jobs, given.docs)
    if given.replies:
        wrong += try_replies(given.replies, given.seed, given.docs)
    if given.hammer:
        wrong += hammer_drivers(given.hammer, given.docs)
    if given.soak:
        wrong += soak_for(given.soak, given.seed, given.docs)
    if given.disk:
        wrong += fill_disk(given.docs)
    if given.kills:
        wrong += kill(given.kills, given.seed, given.docs)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
