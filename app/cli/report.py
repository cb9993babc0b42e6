"""``xraybench report``: runs as one page for a reader, as figures for a journal, as tables for other programs."""

from __future__ import annotations

import argparse
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from app.cli import arguments as shared
from app.cli.tables import path_text, print_json
from app.report.run_chapter import chapter
from app.report.sections import Report
from config.mistake import UserMistake

_FORMATS = ("html", "pdf")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="run file; several make one page")
    parser.add_argument("--format", choices=_FORMATS, help="default: that of --out, or html")
    parser.add_argument("--out", metavar="FILE", help="the page (default: beside the first run file)")
    parser.add_argument(
        "--figures",
        nargs="?",
        const="png,svg,pdf",
        metavar="FORMATS",
        help="also write each plot in a journal column's size: png,svg,pdf",
    )
    parser.add_argument("--width", type=float, default=8.5, metavar="CM", help="of the column (default: 8.5)")
    parser.add_argument("--csv", action="store_true", help="also write every stream as CSV")
    shared.add_json(parser)


def main(given: argparse.Namespace) -> int:
    """Write, print what was written."""
    files = [Path(name).expanduser() for name in given.files]
    out = _out(given, files)
    formats = tuple((given.figures or "").lower().split(",")) if given.figures else ()
    _check(formats, given.width)
    title = f"Report of {len(files)} runs" if len(files) > 1 else "Report of a run"
    footer = (
        f"xraybench {version('xraybench')}, {datetime.now().astimezone():%Y-%m-%d %H:%M %Z}, from the run files alone"
    )
    report = Report(title, [chapter(path) for path in files], footer)
    _write(report, out)
    written, left_out = [out], []
    for path in files:
        if formats:
            from app.report.column_figures import save_column_figures

            written += save_column_figures(path, formats, given.width, out.with_name(path.stem))
        if given.csv:
            from app.report.stream_tables import save_streams

            tables, images = save_streams(path, out.with_name(path.stem))
            written += tables
            left_out += [f"{path.name}: {image}" for image in images]
    if given.json:
        print_json({"written": [str(path) for path in written], "left_out": left_out})
        return 0
    for path in written:
        print(path_text(path))  # noqa: T201
    for image in left_out:
        print(f"images are no table and stay in the run file: {image}")  # noqa: T201
    return 0


def _out(given: argparse.Namespace, files: list[Path]) -> Path:
    if given.out is None:
        return files[0].with_name(f"{files[0].stem}-report.{given.format or 'html'}")
    out = Path(given.out).expanduser()
    kind = given.format or out.suffix.lower().removeprefix(".")
    if out.suffix.lower() not in (f".{kind}", ".htm" if kind == "html" else ".pdf") or kind not in _FORMATS:
        raise UserMistake(f"--out {out}: must end in .{given.format or 'html or .pdf'}")
    return out


def _check(formats: tuple[str, ...], width: float) -> None:
    unknown = sorted(set(formats) - {"png", "svg", "pdf"})
    if unknown:
        raise UserMistake(f"--figures {unknown[0]}: must be some of png,svg,pdf")
    if not 3 <= width <= 30:
        raise UserMistake(f"--width {width:g}: must be 3 to 30 cm")


def _write(report: Report, out: Path) -> None:
    try:
        if out.suffix.lower() == ".pdf":
            from app.report.pdf import write_pdf

            write_pdf(report, out)
            return
        from app.report.page import html

        out.write_text(html(report), encoding="utf-8")
    except OSError as error:
        raise UserMistake(f"{out} cannot be written: {error.strerror or error}") from error
