"""Published, true and measured side by side, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.figure import FigureOfMerit
from app.reproduction.measuring import Key, Measurement, key_of
from config.literature_file import Row

INSIDE, OUTSIDE, NOT_DETERMINED, NOT_COVERED, FAILED = "inside", "OUTSIDE", "not determined", "not covered", "FAILED"


@dataclass(frozen=True)
class Line:
    """One row of the table.

    Attributes
    ----------
    verdict
        `INSIDE`: the 95 % interval holds what is true in the simulated world, or, where the world has no such truth,
        what was published. `OUTSIDE` if not; else one of the other three.
    published_inside
        Whether the interval holds the published number as well; None where there is none.
    remark
        Why, and what a reader must know.
    """

    row: Row
    figure: FigureOfMerit | None
    truth: float | None
    verdict: str
    published_inside: bool | None
    remark: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for a document."""
        return {
            "paper": self.row.paper,
            "what": self.row.what,
            "published": self.row.published,
            "published_value": self.row.value,
            "world": self.truth,
            "figure": None if self.figure is None else self.figure.as_dict(),
            "verdict": self.verdict,
            "published_inside": self.published_inside,
            "loop": self.row.loop,
            "from": self.row.calculation or self.row.preset,
            "remark": self.remark,
        }


def lines(rows: Sequence[Row], measured: Mapping[Key, Measurement]) -> list[Line]:
    """Judge every row."""
    return [_line(row, measured) for row in rows]


def _line(row: Row, measured: Mapping[Key, Measurement]) -> Line:
    key = key_of(row)
    if key is None:
        return Line(row, None, None, NOT_COVERED, None, row.not_covered)
    measurement = measured[key]
    if measurement.fault:
        return Line(row, None, None, FAILED, None, measurement.fault)
    found = [(figure, truth) for figure, truth in measurement.figures if _matches(row, figure)]
    if not found:
        return Line(row, None, None, FAILED, None, f"the measurement gives no {row.figure} at this condition")
    figure, truth = found[0]
    remark = "; ".join(part for part in (row.note, *figure.warnings) if part)
    if figure.value is None:
        return Line(row, figure, truth, INSIDE if row.refused else NOT_DETERMINED, None, remark)
    if figure.interval is None:
        return Line(row, figure, truth, NOT_DETERMINED, None, f"no interval; {remark}")
    low, high = figure.interval
    published = None if row.value is None else low <= row.value + row.rounding and row.value - row.rounding <= high
    trend = (row.above is None or low > row.above) and (row.below is None or high < row.below)
    holds = published is not False if truth is None else low <= truth <= high
    inside = holds and trend
    return Line(row, figure, truth, INSIDE if inside else OUTSIDE, published, remark)


def _matches(row: Row, figure: FigureOfMerit) -> bool:
    return figure.name == row.figure and all(
        name in figure.at and abs(figure.at[name][0] - value) <= 0.01 * max(abs(value), 1.0)
        for name, value in row.at.items()
    )


def counts(found: Sequence[Line]) -> dict[str, int]:
    """Count the verdicts."""
    return {
        verdict: sum(line.verdict == verdict for line in found)
        for verdict in (INSIDE, OUTSIDE, NOT_DETERMINED, NOT_COVERED, FAILED)
    }
