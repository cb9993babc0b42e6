"""``xraybench show``: what a run file holds."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from analysis.figure import FigureOfMerit
from app.cli import arguments as shared
from app.cli.tables import print_figures, print_json, print_table
from storage.reader import RunFile, open_run


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("file", metavar="FILE", help="run file")
    shared.add_json(parser)


def main(given: argparse.Namespace) -> int:
    """Show, return the exit status."""
    with open_run(Path(given.file).expanduser()) as file:
        document = describe(file)
    if given.json:
        print_json(document)
        return 0
    _print_header(document)
    units = document["units"]
    print_table(
        "Parameters",
        ("name", "value", "unit"),
        [(name, str(value), units.get(name) or "") for name, value in document["parameters"].items()],
    )
    print_table(
        "Streams",
        ("stream", "records", "columns"),
        [(name, str(stream["records"]), ", ".join(stream["columns"])) for name, stream in document["streams"].items()],
    )
    told = [entry for entry in document["journal"] if entry["level"] != "debug"]
    print_table(
        "Journal",
        ("time (s)", "level", "kind", "message"),
        [(f"{entry['time']:.3f}", entry["level"], entry["kind"], entry["message"]) for entry in told],
    )
    if document["figures"]:
        print_figures("Figures of merit", [FigureOfMerit.from_dict(figure) for figure in document["figures"]])
    return 0


def _print_header(document: Mapping[str, Any]) -> None:
    intact = {
        True: "yes",
        False: "NO: what it holds does not fit its digests",
        None: "not known: the run did not end in order (see xraybench recover)",
    }
    begun, ended = (_to_the_second(document[name]) for name in ("start_time", "end_time"))
    lines = {
        "file": document["run_file"],
        "status": document["status"],
        "begun": begun,
        "ended": ended,
        "uid": document["uid"],
        "intact": intact[document["intact"]],
    }
    print(document["title"])  # noqa: T201
    for name, text in lines.items():
        # a path that is folded cannot be copied
        print(f"  {name:<8}{text or '-'}")  # noqa: T201


def _to_the_second(moment: str | None) -> str:
    if not moment:
        return ""
    return datetime.fromisoformat(moment).isoformat(" ", timespec="seconds")


def describe(file: RunFile) -> dict[str, Any]:
    """Put what a run file holds, arrays aside, into a document."""
    verification = file.verify()
    return {
        "run_file": str(file.path),
        "title": file.title,
        "procedure": file.procedure,
        "status": file.status,
        "uid": file.uid,
        "start_time": file.start_time,
        "end_time": file.end_time,
        "intact": bool(verification) if verification.sealed else None,
        "parameters": {name: _plain(value) for name, (value, _) in file.parameters.items()},
        "units": {name: unit for name, (_, unit) in file.parameters.items()},
        "sample": _plain(file.sample),
        "geometry": _plain(file.geometry),
        "user": _plain(file.user),
        "instruments": _plain(file.instruments),
        "provenance": _plain(file.provenance),
        "streams": {
            name: {"records": stream.rows, "columns": dict(stream.units)} for name, stream in file.streams.items()
        },
        "journal": [dict(entry) for entry in file.journal],
        "figures": [dict(figure) for figure in file.figures],
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value != value:
        return None
    return value
