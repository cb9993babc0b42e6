"""Figures of merit of several runs side by side: which differ, which have a mean, which must not be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.comparison import Compared, Difference, differences, weighted_mean
from analysis.figure import FigureOfMerit
from config.mistake import UserMistake
from storage.reader import RunFile, open_run

WITHOUT_BEAM = frozenset({"dark_current_density", "activation_energy", "built_in_potential"})
"""Figures that no tube voltage has a part in."""

MEASURING = frozenset({"dosimeter", "spectrometer", "source_meter", "preamp", "digitizer", "camera"})
"""Roles whose calibration enters figures of merit."""

Key = tuple[str, tuple[tuple[str, tuple[float, str]], ...]]


@dataclass(frozen=True)
class ComparedRun:
    """What a comparison needs to know of a run."""

    letter: str
    path: Path
    procedure: str
    start_time: str
    status: str
    sample: Mapping[str, object]
    instruments: Mapping[str, object]
    """Identity and calibration, by role, whose calibration a figure can depend on; what read the current."""
    conditions: Mapping[str, str]
    """What figures depend on besides the sample: tube voltage, filters, light, as text."""
    figures: Mapping[Key, FigureOfMerit]

    @property
    def sample_name(self) -> str:
        """Name of the sample."""
        return str(self.sample.get("name") or "")


@dataclass(frozen=True)
class Row:
    """One figure of merit at one condition, of all runs.

    Attributes
    ----------
    figures
        As many as there are runs; None where a run has no such figure.
    refusal
        Why the runs are not compared; empty where they are.
    pairs
        Differences of each two.
    means
        Letters of the runs of one sample, by one procedure, and their mean.
    """

    name: str
    at: Mapping[str, tuple[float, str]]
    figures: tuple[FigureOfMerit | None, ...]
    refusal: str
    pairs: tuple[Difference, ...] = ()
    means: tuple[tuple[str, FigureOfMerit], ...] = ()


@dataclass(frozen=True)
class Comparison:
    """Several runs and their figures."""

    runs: tuple[ComparedRun, ...]
    rows: tuple[Row, ...]


def compare(paths: Sequence[Path], only: Sequence[str] = ()) -> Comparison:
    """Compare run files.

    Parameters
    ----------
    paths
        At least two.
    only
        Names of the figures; all that two runs have where it is empty.

    Raises
    ------
    UserMistake
        If there is nothing to be compared, or everything was measured at different conditions.
    """
    if len(paths) < 2:
        raise UserMistake("compare needs at least two run files")
    runs = []
    for number, path in enumerate(paths):
        with open_run(path) as file:
            runs.append(_run(_letters(number), file))
    twice = sorted({str(run.path) for run in runs if [one.path for one in runs].count(run.path) > 1})
    if twice:
        raise UserMistake(f"{twice[0]} stands there twice: a run does not confirm itself")
    rows = []
    for key in dict.fromkeys(key for run in runs for key in run.figures):
        figures = tuple(run.figures.get(key) for run in runs)
        if sum(figure is not None for figure in figures) > 1 and (not only or key[0] in only):
            rows.append(_row(runs, key, figures))
    if not rows:
        wanted = f"named {', '.join(only)} " if only else ""
        raise UserMistake(f"no two of these runs have a figure of merit {wanted}in common, at the same condition")
    if all(row.refusal for row in rows):
        raise UserMistake(f"these runs cannot be compared: {rows[0].refusal}")
    return Comparison(tuple(runs), tuple(rows))


def _run(letter: str, file: RunFile) -> ComparedRun:
    figures: dict[Key, FigureOfMerit] = {}
    for record in file.figures:
        figure = FigureOfMerit.from_dict(record)
        figures.setdefault((figure.name, tuple(sorted(figure.at.items()))), figure)
    return ComparedRun(
        letter,
        file.path,
        file.procedure,
        file.start_time,
        file.status,
        {name: value for name, value in file.sample.items() if name not in ("description", "source")},
        _instruments(file),
        _conditions(file),
        figures,
    )


def _instruments(file: RunFile) -> dict[str, object]:
    found: dict[str, object] = {
        role: {name: one.get(name) for name in ("identity", "calibration")}
        for role, one in file.instruments.items()
        if role in MEASURING and isinstance(one, Mapping)
    }
    return found | {name: file.parameters[name][0] for name in ("readout", "bias_source") if name in file.parameters}


def _conditions(file: RunFile) -> dict[str, str]:
    found: dict[str, str] = {}
    dark = file.parameters.get("illumination", ("",))[0] == "dark"
    for name in ("tube_voltage", "illumination", "temperature", "wavelength"):
        if name in file.parameters and not (dark and name == "tube_voltage"):
            value, unit = file.parameters[name]
            found[name] = f"{value:g} {unit or ''}".strip() if isinstance(value, int | float) else str(value)
    if "tube_voltage" in found:
        filters = file.geometry.get("filters")
        found["filters"] = " + ".join(_filter_text(one) for one in filters) if isinstance(filters, list) else ""
    return found


def _filter_text(filtered: Any) -> str:
    if not isinstance(filtered, Mapping):
        return str(filtered)
    return f"{filtered.get('thickness_mm')} mm {filtered.get('material')}"


def _letters(number: int) -> str:
    return chr(ord("A") + number) if number < 26 else f"{_letters(number // 26 - 1)}{_letters(number % 26)}"


def _row(runs: Sequence[ComparedRun], key: Key, figures: tuple[FigureOfMerit | None, ...]) -> Row:
    name, at = key
    those = [(run, figure) for run, figure in zip(runs, figures, strict=True) if figure is not None]
    refusal = _refusal(name, those)
    if refusal:
        return Row(name, dict(at), figures, refusal)
    compared = [None if figure is None else Compared.of(figure) for figure in figures]
    shared = [[_shared(one, other, key) for other in runs] for one in runs]
    return Row(name, dict(at), figures, "", tuple(differences(compared, shared)), _means(those))


def _means(those: Sequence[tuple[ComparedRun, FigureOfMerit]]) -> tuple[tuple[str, FigureOfMerit], ...]:
    groups: list[list[tuple[ComparedRun, FigureOfMerit]]] = []
    for run, figure in those:
        for group in groups:
            first = group[0][0]
            if run.sample and (run.sample, run.procedure) == (first.sample, first.procedure):
                group.append((run, figure))
                break
        else:
            groups.append([(run, figure)])
    return tuple(
        (", ".join(run.letter for run, _ in group), weighted_mean([figure for _, figure in group]))
        for group in groups
        if len(group) > 1
    )


def _refusal(name: str, those: Sequence[tuple[ComparedRun, FigureOfMerit]]) -> str:
    for what in ("unit", "method"):
        found = {str(getattr(figure, what)): run.letter for run, figure in reversed(those) if figure.determined}
        if len(found) > 1:
            (one, first), (other, second) = sorted(found.items(), key=lambda pair: pair[1])[:2]
            return f"{name}: {what} of {first} is '{one}', of {second} '{other}'"
    if name in WITHOUT_BEAM:
        return ""
    for condition in dict.fromkeys(one for run, _ in those for one in run.conditions):
        found = {run.conditions.get(condition, "none"): run.letter for run, _ in reversed(those)}
        if len(found) > 1:
            (one, first), (other, second) = sorted(found.items(), key=lambda pair: pair[1])[:2]
            return f"{name}: {condition.replace('_', ' ')} of {first} is {one}, of {second} {other}"
    return ""


def _shared(one: ComparedRun, other: ComparedRun, key: Key) -> float:
    """Part of the systematic uncertainty of a figure that the other run's has as well, in the figure's unit.

    The same instruments on the same sample share all of it: calibration, area, thickness. The same instruments on
    another sample share what the analysis lists as the dose calibration. Anything else counts as independent.
    """
    figure = one.figures.get(key)
    if figure is None or figure.value is None or figure.systematic is None or key not in other.figures:
        return 0.0
    if not one.instruments or one.instruments != other.instruments:
        return 0.0
    if one.sample and one.sample == other.sample:
        return figure.systematic
    relative = figure.details.get("dose_calibration_uncertainty")
    return abs(figure.value) * relative if isinstance(relative, float) else 0.0
