"""``xraybench export``: a run's images and numbers for programs that read no run files."""

from __future__ import annotations

import argparse
from pathlib import Path

from app.cli import arguments as shared
from app.cli.tables import path_text, print_json
from config.mistake import UserMistake
from storage.reader import open_run

_FORMATS = ("tiff", "csv")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("file", metavar="FILE", help="run file")
    parser.add_argument(
        "--format",
        choices=_FORMATS,
        help="images as 32-bit TIFF with the size of a pixel, or numbers and spectra with units (default: both)",
    )
    parser.add_argument("--out", metavar="DIR", help="folder, made if need be (default: the run file's)")
    shared.add_json(parser)


def main(given: argparse.Namespace) -> int:
    """Write, print what was written."""
    file = Path(given.file).expanduser()
    formats = (given.format,) if given.format else _FORMATS
    written: list[Path] = []
    with open_run(file) as run:
        images = any(len(c.shape) == 2 and s.rows for s in run.streams.values() for c in s.layout.columns)
        if given.format == "tiff" and not images:
            raise UserMistake(f"{file}: this run holds no images; its numbers go to --format csv")
        stem = _folder(given.out, file) / file.stem
        if "tiff" in formats and images:
            from storage.tiff import write_tiffs

            written += write_tiffs(run, stem)
    if "csv" in formats:
        from app.report.stream_tables import save_streams

        written += save_streams(file, stem)[0]
    if given.json:
        print_json({"written": [str(path) for path in written]})
    else:
        for path in written:
            print(path_text(path))  # noqa: T201
    return 0


def _folder(out: str | None, file: Path) -> Path:
    if out is None:
        return file.parent
    folder = Path(out).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise UserMistake(f"--out {folder}: no such folder can be made: {fault.strerror}") from fault
    return folder
