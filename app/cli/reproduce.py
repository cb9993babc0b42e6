"""``xraybench reproduce``: the published results, measured again on the simulated bench."""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from app.cli import arguments as shared
from app.cli.file_progress import FileProgress
from app.cli.tables import condition_text, path_text, print_json, print_table, value_text
from app.reproduction.measuring import measure_all
from app.reproduction.verdicts import FAILED, INSIDE, NOT_COVERED, NOT_DETERMINED, OUTSIDE, Line, counts, lines
from config.literature_file import Row, reproduction
from config.mistake import UserMistake, nearest

COLUMNS = ("what", "paper", "world", "measured", "95 % interval", "verdict", "from", "remark")

_CLOSED = (
    "(closed): the world's parameter was set from this very number; the row then shows that instruments, drivers, "
    "procedure and analysis return what is there. inside: the 95 % interval holds the world's truth or, where the "
    "world has none, the published number; (paper): it holds the published number as well."
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("paper", nargs="?", metavar="PAPER", help="only this one: Chen24, He23, Ma21, Tie23 or Dong24")
    parser.add_argument("--out", metavar="DIR", help="keep the run files there")
    parser.add_argument("--html", metavar="FILE", help="write the table as a page")
    parser.add_argument("--seed", metavar="N", help="of the simulated world's random numbers (default: 1)")
    parser.add_argument("--jobs", type=int, metavar="N", help="measurements at a time (default: one a processor)")
    shared.add_json(parser)


def main(given: argparse.Namespace) -> int:
    """Measure, judge, print; 1 where a row is outside its interval, not determined or failed."""
    started = time.monotonic()
    seed = shared.seed(given)
    rows = _rows(given.paper)
    jobs = given.jobs if given.jobs is not None else (os.cpu_count() or 1)
    if jobs < 1:
        raise UserMistake(f"--jobs {jobs}: must be at least 1")
    page = Path(given.html).expanduser() if given.html else None
    if page is not None and (page.suffix.lower() not in (".html", ".htm") or not page.parent.is_dir()):
        raise UserMistake(f"--html {page}: must end in .html, in a folder that exists")
    with _folder(given.out) as folder, FileProgress("measuring", quiet=given.json) as bar:
        found = lines(rows, measure_all(rows, folder, 1 if seed is None else seed, jobs, bar))
    seconds = time.monotonic() - started
    if page is not None:
        _write_page(found, page, seconds)
    summary = counts(found)
    if given.json:
        document = {"rows": [line.as_dict() for line in found], "counts": summary, "duration_s": round(seconds, 1)}
        print_json(document)
    else:
        _print(found, seconds)
        if page is not None:
            print(f"page: {path_text(page)}")  # noqa: T201
    return 1 if summary[OUTSIDE] or summary[FAILED] or summary[NOT_DETERMINED] else 0


def _rows(paper: str | None) -> Sequence[Row]:
    rows = reproduction().content.rows
    if paper is None:
        return rows
    chosen = [row for row in rows if row.paper.casefold() == paper.casefold()]
    if not chosen:
        raise UserMistake(f"no paper is named '{paper}'; {nearest(paper, {row.paper for row in rows})}")
    return chosen


@contextlib.contextmanager
def _folder(out: str | None) -> Iterator[Path]:
    if out is not None:
        yield Path(out).expanduser()
        return
    with tempfile.TemporaryDirectory(prefix="xraybench-") as temporary:
        yield Path(temporary)


def cells(line: Line) -> tuple[str, ...]:
    """Say a row in words."""
    closed = {"closed": " (closed)", "open": "", "": ""}[line.row.loop]
    also = ""
    if line.verdict == INSIDE and line.published_inside is not None:
        also = " (paper)" if line.published_inside else ", the paper's number is not"
    measured, interval = "", ""
    if line.figure is not None:
        at = (
            "".join(f" at {condition_text(*condition)}" for condition in line.figure.at.values()) if line.row.at else ""
        )
        measured = f"{line.figure.name}{at}: {value_text(line.figure)}"
        if line.figure.interval is not None:
            interval = f"{line.figure.interval[0]:.4g} to {line.figure.interval[1]:.4g}"
    source = line.row.calculation and f"computed data: {line.row.calculation}"
    return (
        line.row.what,
        line.row.published,
        "" if line.truth is None else f"{line.truth:.5g}{closed}",
        measured,
        interval,
        f"{line.verdict}{also}",
        source or " ".join(part for part in (line.row.preset, line.row.sample) if part),
        line.remark,
    )


def _print(found: Sequence[Line], seconds: float) -> None:
    for paper in dict.fromkeys(line.row.paper for line in found):
        rows = []
        for line in found:
            if line.row.paper == paper:
                what, published, world, measured, interval, verdict, _, remark = cells(line)
                short = remark if line.verdict != INSIDE else line.row.note
                rows.append((what, published, world, measured, interval, verdict, short))
        print_table(paper, ("what", "paper", "world", "measured", "95 % interval", "verdict", "remark"), rows)
    print(_CLOSED)  # noqa: T201
    print(f"{_summary(found)}; {seconds:.0f} s")  # noqa: T201


def _summary(found: Sequence[Line]) -> str:
    return ", ".join(f"{number} {verdict}" for verdict, number in counts(found).items())


def _write_page(found: Sequence[Line], path: Path, seconds: float) -> None:
    from importlib.metadata import version

    from app.report.page import html
    from app.report.sections import Chapter, Report, Table

    marks = {INSIDE: "good", NOT_COVERED: "", OUTSIDE: "bad", NOT_DETERMINED: "bad", FAILED: "bad"}
    chapters = []
    for paper in dict.fromkeys(line.row.paper for line in found):
        those = [line for line in found if line.row.paper == paper]
        table = Table("Results", COLUMNS, [cells(line) for line in those], "", [marks[line.verdict] for line in those])
        chapters.append(Chapter(paper, [_summary(those)], [], [table]))
    footer = f"xraybench {version('xraybench')}; {_summary(found)}; {seconds:.0f} s. {_CLOSED}"
    try:
        path.write_text(html(Report("Published results, measured on the simulated bench", chapters, footer)), "utf-8")
    except OSError as error:
        raise UserMistake(f"{path} cannot be written: {error.strerror}") from error
