"""What a report says about a run: all of it from the run file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from analysis.figure import FigureOfMerit
from app.report.picture import drawings_of
from app.report.sections import Chapter, Plots, Section, Table, Text
from config.mistake import UserMistake
from storage.reader import RunFile, open_run

MOST_EVENTS = 500
"""Of the journal; the file has them all."""


def chapter(path: Path) -> Chapter:
    """Tell everything that a reviewer asks of a run.

    Raises
    ------
    UserMistake
        If it is no run file.
    """
    with open_run(path) as file:
        figures = [FigureOfMerit.from_dict(figure) for figure in file.figures]
        sections: list[Section] = [
            figures_table(figures),
            _plots(file, figures),
            budget_table(figures),
            Table("Sample", ("property", "value"), _pairs(file.sample)),
            _settings(file),
            _instruments(file),
            Table("Geometry", ("property", "value"), _pairs(file.geometry)),
            *_notes(file),
            _journal(file),
            _provenance(file),
            *_texts(file),
        ]
        return Chapter(
            file.title,
            (
                f"{file.procedure}, {file.status}, begun {_moment(file.start_time)}"
                + (f", ended {_moment(file.end_time)}" if file.end_time else ""),
                f"operator {file.user.get('name') or 'not named'}; run {file.uid}; file {file.path.name}",
                *([f"tags: {', '.join(file.tags)}"] if file.tags else []),
            ),
            _warnings(file),
            [section for section in sections if not isinstance(section, Table) or section.rows],
        )


def figures_table(figures: Sequence[FigureOfMerit]) -> Table:
    """List figures of merit with method, interval and warnings."""
    return Table(
        "Figures of merit",
        ("figure", "at", "value ± standard uncertainty", "95 % interval", "method", "warnings"),
        [
            (
                figure.name,
                at_text(figure),
                "not determined" if figure.value is None else str(figure),
                "" if figure.interval is None else f"{figure.interval[0]:.5g} to {figure.interval[1]:.5g}",
                figure.method,
                "; ".join(figure.warnings),
            )
            for figure in figures
        ],
    )


def budget_table(figures: Sequence[FigureOfMerit]) -> Table:
    """List what the uncertainty of each figure consists of (types A and B of the GUM)."""
    rows = []
    for figure in figures:
        if figure.value is None or figure.uncertainty is None:
            continue
        named = {
            name.removesuffix("_uncertainty").replace("_", " "): detail
            for name, detail in figure.details.items()
            if name in ("dose_calibration_uncertainty", "area_uncertainty") and isinstance(detail, float)
        }
        rows.append(
            (
                figure.name,
                at_text(figure),
                _share(figure.statistical, figure),
                _share(figure.systematic, figure),
                "; ".join(f"{name} {100 * relative:.2g} %" for name, relative in named.items()),
                f"{figure.uncertainty:.3g} {_unit(figure)}".strip() + _relative(figure.uncertainty, figure.value),
            )
        )
    return Table(
        "Uncertainty budget",
        (
            "figure",
            "at",
            "statistical (type A)",
            "systematic (type B)",
            "of it, relative",
            "combined standard uncertainty",
        ),
        rows,
        "Standard uncertainties; in brackets the share of the combined variance. Both parts add in quadrature.",
    )


def at_text(figure: FigureOfMerit) -> str:
    """Say the conditions of a figure."""
    return ", ".join(f"{name} {value:g} {unit}" for name, (value, unit) in figure.at.items())


def _share(part: float | None, figure: FigureOfMerit) -> str:
    if part is None or figure.uncertainty is None:
        return "not told apart"
    share = f" ({100 * (part / figure.uncertainty) ** 2:.0f} %)" if figure.uncertainty else ""
    return f"{part:.3g}{share}"


def _relative(part: float, value: float) -> str:
    return f" = {100 * part / abs(value):.2g} %" if value else ""


def _unit(figure: FigureOfMerit) -> str:
    return "" if figure.unit == "1" else figure.unit


def _warnings(file: RunFile) -> list[str]:
    found = []
    if file.provenance.get("simulated"):
        found.append("Measured on the simulated bench: these are no properties of a real sample.")
    if file.status != "completed":
        found.append(f"This run was not completed: its status is '{file.status}'.")
    intact = file.verify()
    if not intact:
        what = ", ".join((*intact.damaged, *intact.missing, *intact.unknown)) or "it was never sealed"
        found.append(f"The file does not hold what was written into it: {what}.")
    return found


def _plots(file: RunFile, figures: Sequence[FigureOfMerit]) -> Section:
    try:
        return Plots("Plots", drawings_of(file), figures)
    except (UserMistake, KeyError, ValueError, IndexError) as reason:
        # a run of a procedure that is not installed here, or one that ended before it had anything to draw
        return Text("Plots", f"could not be drawn: {reason}")


def _settings(file: RunFile) -> Table:
    rows = [(name, value_text(value), unit or "") for name, (value, unit) in file.parameters.items()]
    return Table("Settings", ("parameter", "value", "unit"), rows)


def _instruments(file: RunFile) -> Table:
    rows = []
    for role, one in file.instruments.items():
        if isinstance(one, Mapping):
            identity = one.get("identity")
            said = " ".join(str(part) for part in identity.values() if part) if isinstance(identity, Mapping) else ""
            rows.append((role, said, str(one.get("driver") or ""), _inline(one.get("settings")),
                         _inline(one.get("calibration"))))  # fmt: skip
    bench = str(file.provenance.get("bench") or "")
    return Table(f"Bench {bench}", ("role", "instrument", "driver", "settings at the start", "calibration"), rows)


def _notes(file: RunFile) -> list[Section]:
    return [Text(f"Note by {note.author}, {_moment(note.date)}", note.text) for note in file.notes]


def _journal(file: RunFile) -> Table:
    told = [event for event in file.journal if event.get("level") != "debug"]
    rows = [
        (_seconds(event.get("time")), *(str(event.get(name, "")) for name in ("level", "kind", "message")))
        for event in told[:MOST_EVENTS]
    ]
    left = len(told) - len(rows)
    note = f"{left} further events are in the run file." if left > 0 else ""
    marks = [{"warning": "bad", "error": "bad"}.get(row[1], "") for row in rows]
    return Table("Journal", ("time (s)", "level", "kind", "message"), rows, note, marks)


def _provenance(file: RunFile) -> Table:
    kept = {name: value for name, value in file.provenance.items() if name not in ("bench_file", "sample_file")}
    return Table("Provenance", ("what", "value"), _pairs(kept))


def _texts(file: RunFile) -> list[Section]:
    found: list[Section] = []
    for name, heading in (("bench_file", "Bench file"), ("sample_file", "Sample file")):
        text = str(file.provenance.get(name) or "")
        if text:
            found.append(Text(heading, text))
    return found


def _pairs(values: Mapping[str, object]) -> list[tuple[str, str]]:
    return [(name, value_text(value)) for name, value in values.items() if value not in (None, "", [], {})]


def _inline(values: object) -> str:
    if not isinstance(values, Mapping):
        return ""
    return "; ".join(f"{name} {value_text(value)}" for name, value in values.items() if value not in (None, "", [], {}))


def value_text(value: Any) -> str:
    """Say a value of a run file."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, list) and all(isinstance(item, int | float) for item in value):
        return ", ".join(value_text(item) for item in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _seconds(time: object) -> str:
    return f"{time:.3f}" if isinstance(time, int | float) and math.isfinite(time) else ""


def _moment(text: str) -> str:
    try:
        return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M:%S %Z")
    except ValueError:
        return text
