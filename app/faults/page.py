"""What the campaign found, as Markdown for the documentation: each part in a file of its own, which one page shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

from app.faults.cases import MOMENTS
from app.faults.finding import Finding
from app.faults.full_disk import Filled
from app.faults.hammer import THREADS, Hammered
from app.faults.kills import IN_TIME, Killed
from app.faults.replies import Tried
from app.faults.soak import Soaked

Rows = Iterable[Sequence[object]]


def table(headings: Sequence[str], rows: Rows) -> str:
    """Return a Markdown table."""
    lines = ["| " + " | ".join(headings) + " |", "|" + "---|" * len(headings)]
    lines += ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def write(folder: Path, part: str, command: str, body: str) -> Path:
    """Write one part of the page, with the command that made it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{part}.md"
    made = f"Made by `{command}` (xraybench {version('xraybench')})."
    path.write_text(f"{body.strip()}\n\n{made}\n", encoding="utf-8")
    return path


SAID = {
    "before": "before the run",
    "during": "during a point",
    "between": "between records",
    "shutdown": "in shutdown",
    "two": "two at once",
}


NEXT_RUN: dict[int | None, str] = {None: "not tried yet", 0: "completed"}


def cases_page(findings: Sequence[Finding]) -> str:
    """Tell what became of the cases: the totals, and by kind and moment, by procedure."""
    files = [one for one in findings if one.state != "refused"]
    unknown = [one for one in findings if one.said_unknown]
    count = len(findings)
    reached = [one for one in findings if one.tube_in_reach]
    held = [one for one in findings if not one.tube_in_reach]
    totals = [
        ("cases", count),
        ("of these with the beam on when it went wrong", sum(one.beam_was_on for one in findings)),
        ("beam on, and nobody said so", _with(findings, "bench: THE BEAM IS ON")),
        ("beam off, bias zero, light and heater off", f"{count - _with(findings, 'bench:')} of {count}"),
        ("run status right", f"{count - _with(findings, 'status:')} of {count}"),
        (
            "run file, or its recovered copy, readable and verified",
            f"{sum(one.file_verified for one in files)} of {len(files)}",
        ),
        ("refused before they began, no file written", count - len(files)),
        ("from a fault of beam or door to beam off", _longest([one.seconds_from_fault for one in reached])),
        ("from any other event to beam off", _longest([one.seconds_to_off for one in reached])),
        ("tube's line disturbed, or it refuses: to beam off", _longest([one.seconds_to_off for one in held])),
        ("the same, BEAM STATE UNKNOWN", len(unknown)),
        ("until its own watchdog switched such a tube off", _longest([one.by_watchdog for one in unknown])),
        ("numbers of completed runs that are others than undisturbed", _with(findings, "figures:")),
        ("next run on the same bench does not complete", _with(findings, "afterwards:")),
        ("threads left over", _with(findings, "threads:")),
        ("cases with anything wrong", sum(bool(one.problems) for one in findings)),
    ]
    kinds = sorted({str(fault.kind) for one in findings for fault in one.case.faults})
    by_kind = [
        (
            kind,
            *(_count([one for one in findings if one.case.moment == when and kind in _kinds(one)]) for when in MOMENTS),
        )
        for kind in kinds
    ]
    states = ("completed", "aborted", "failed", "interrupted", "refused")
    procedures = sorted({one.case.subject.procedure for one in findings})
    ended = Counter((one.case.subject.procedure, one.state) for one in findings)
    by_procedure = [(name, *(ended[name, state] for state in states)) for name in procedures]
    return "\n\n".join(
        (
            table(("Seeded faults", "result"), totals),
            "Cases by kind and moment (in brackets those with anything wrong):",
            table(("fault", *SAID.values()), by_kind),
            "How the runs ended:",
            table(("procedure", *states), by_procedure),
        )
    )


def _kinds(finding: Finding) -> set[str]:
    return {str(fault.kind) for fault in finding.case.faults}


def _count(findings: Sequence[Finding]) -> str:
    wrong = sum(bool(one.problems) for one in findings)
    return f"{len(findings)}" + (f" ({wrong})" if wrong else "")


def _with(findings: Sequence[Finding], about: str) -> int:
    return sum(any(problem.startswith(about) for problem in one.problems) for one in findings)


def kills_page(killed: Sequence[Killed], asked: int, next_run_status: int | None) -> str:
    """Tell what became of runs that were killed."""
    lit = [one for one in killed if one.beam_was_on]
    biased = [one for one in killed if one.bias_was_on]
    recorded = [one for one in killed if one.records]
    rows = [
        ("runs killed", f"{len(killed)} of {asked}"),
        ("of these with the beam on, with the bias on", f"{len(lit)}, {len(biased)}"),
        ("beam stayed on", sum(one.seconds_to_beam_off is None for one in killed)),
        (
            f"beam off within {IN_TIME:g} s",
            f"{sum((one.seconds_to_beam_off or 0) <= IN_TIME for one in lit)} of {len(lit)}",
        ),
        ("time to beam off", _longest([one.seconds_to_beam_off for one in lit])),
        ("bias stayed on", sum(one.seconds_to_bias_off is None for one in killed)),
        ("time to bias zero", _longest([one.seconds_to_bias_off for one in biased])),
        ("kills after which the supply kept a fault (reset)", sum(bool(one.fault_before) for one in killed)),
        ("runs with a process left over", sum(any("left over" in p for p in one.problems) for one in killed)),
        (
            "files recovered and verified, of runs with records",
            f"{sum(one.recovered for one in recorded)} of {len(recorded)}",
        ),
        ("records taken", sum(one.records for one in killed)),
        ("longest stretch of records lost", f"{max((one.seconds_lost for one in killed), default=0):.2f} s"),
        ("next run, after the last kill", NEXT_RUN.get(next_run_status, f"exit status {next_run_status}")),
        ("runs with anything wrong", sum(bool(one.problems) for one in killed)),
    ]
    return table(("SIGKILL", "result"), rows)


def _longest(seconds: Sequence[float | None]) -> str:
    known = sorted(one for one in seconds if one is not None)
    return f"at most {known[-1]:.2f} s, median {known[len(known) // 2]:.2f} s ({len(known)})" if known else "-"


def replies_page(tried: Sequence[Tried]) -> str:
    """Tell what became of replies that are none."""
    rows = [
        (
            one.family,
            one.replies,
            one.calls,
            one.returned,
            sum(one.errors.values()),
            f"{one.slowest:.1f} s",
            len(one.problems),
        )
        for one in sorted(tried, key=lambda one: one.family)
    ]
    headings = (
        "driver",
        "changed replies",
        "calls",
        "returned, and true",
        "refused by an error",
        "slowest call",
        "not noticed",
    )
    return table(headings, rows)


def hammer_page(hammered: Sequence[Hammered]) -> str:
    """Tell what became of drivers that several threads used at once."""
    rows = [
        (one.family, one.calls, one.refused, len(one.problems)) for one in sorted(hammered, key=lambda one: one.family)
    ]
    return table(("driver", f"calls by {THREADS} threads at once", "refused", "wrong answers"), rows)


def soak_page(soaked: Soaked) -> str:
    """Tell what a long queue left behind."""
    headings = ("simulated time", "runs", "memory", "threads", "handles", "other files")
    held = [
        (f"{one.hours:.1f} h", one.runs, f"{one.memory_mb:.0f} MB", one.threads, one.handles, one.other_files)
        for one in soaked.held
    ]
    ended = [(state, count) for state, count in sorted(soaked.ended.items())]
    ended.append(("anything wrong, or piled up", len(soaked.problems)))
    return "\n\n".join((table(("runs of the queue", "number"), ended), "What the process held:", table(headings, held)))


def disk_page(filled: Filled) -> str:
    """Tell what became of a run on a disk that filled up."""
    rows = [
        ("run", filled.state),
        ("messages that say so", filled.messages),
        ("records taken, readable afterwards", f"{filled.records}, {filled.kept}"),
        ("beam off, bias zero", "no" if any(" IS ON" in one for one in filled.problems) else "yes"),
    ]
    return table(("full disk", "result"), rows)
