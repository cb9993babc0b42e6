"""The base of every measurement."""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from pymeasure.experiment import Parameter
from pymeasure.experiment import Procedure as PyMeasureProcedure

from analysis.figure import FigureOfMerit
from config.mistake import UserMistake
from config.sample_file import Sample
from drivers.bench import Bench
from drivers.roles import Role, XrayTube
from procedures.drawing import Drawing, Points, quantity_with_unit
from procedures.parameters import checked_values
from procedures.run import Run, RunAborted
from procedures.run_data import RunData
from procedures.streams import Stream


@dataclass(frozen=True)
class Estimate:
    """What a run will cost, known before the beam is on."""

    duration: float
    """s"""
    beam_time: float = 0.0
    """s with the beam on"""
    milliampere_seconds: float = 0.0
    """Charge through the tube, mAs"""
    operating_points: tuple[tuple[float, float], ...] = ()
    """Every (kV, mA) that will be set."""
    biases: tuple[float, ...] = ()
    """Every bias that will be set, V."""
    records: int = 0
    bytes_to_write: int = 0


def check_warmed_up(bench: Bench, voltage_kv: float) -> None:
    """Check that the tube needs no warm-up before it is used at this voltage.

    Raises
    ------
    UserMistake
        If the bench file's ``[[warm_up]]`` says that it does; one line with the remedy.
    """
    rows, use = bench.file.warm_up, bench.tube.use
    if not rows or use is None:
        return
    idle = use.idle_days(voltage_kv)
    allowed = min(row.idle_days for row in rows)
    if idle is not None and idle < allowed:
        return
    past = "has no beam on record" if idle is None else f"had no beam for {idle:.3g} days"
    raise UserMistake(
        f"the tube {past} at {voltage_kv:g} kV or about it, and is to be warmed up after {allowed:g} days (warm_up in "
        f"the bench file): xraybench run tube-warm-up --bench {bench.name} --set tube_voltage={voltage_kv:g}"
    )


def _for_pint(unit: str) -> str:
    """Write a unit as PyMeasure wants it in a heading: it reads it with pint, and fails where it holds a space."""
    return "" if unit == "1" or " " in unit else f" ({re.sub(r'(?<=[a-zA-Z])(?=[0-9])', '**', unit)})"


class Procedure(PyMeasureProcedure):
    """A measurement: what it can be told, what it records, how it measures, which analysis it calls.

    A subclass declares PyMeasure parameters and `Stream` attributes, and writes `measure` and `analyse`.
    """

    name: ClassVar[str] = ""
    """As the command names it."""
    needs: ClassVar[tuple[type[Role], ...]] = ()
    """The roles it cannot do without."""
    needs_sample: ClassVar[tuple[str, ...]] = ()
    """Fields of the sample file that the analysis cannot do without."""

    tolerates: ClassVar[tuple[str, ...]] = ()
    """Policies of the bench file that are only noted here, because what they watch is part of the measurement."""

    warms_up: ClassVar[bool] = False
    """Whether it may switch on a tube that was idle for long."""

    sample: Sample | None = None
    bench: Bench | None = None
    """Only for PyMeasure's own `Worker`, which knows no bench."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.DATA_COLUMNS = [heading for columns in cls.headings().values() for heading in columns.values()]

    @classmethod
    def streams(cls) -> tuple[Stream, ...]:
        """Return the declared streams; the first is the main one."""
        found: dict[str, Stream] = {}
        # a procedure's own before those of its base: what is special about it is what it is looked at for
        for base in cls.__mro__:
            for value in vars(base).values():
                if isinstance(value, Stream):
                    found.setdefault(value.name, value)
        return tuple(found.values())

    @classmethod
    def headings(cls) -> dict[str, dict[str, str]]:
        """Return, by stream and scalar column, the heading under which PyMeasure knows it."""
        return {
            stream.name: {
                name: f"{stream.name} {name}{_for_pint(unit)}" for name, unit in {"time": "s", **stream.scalars}.items()
            }
            for stream in cls.streams()
        }

    @classmethod
    def declared_parameters(cls) -> dict[str, Parameter]:
        """Return the parameters by name, in the order of their declaration."""
        found: dict[str, Parameter] = {}
        for base in reversed(cls.__mro__):
            found |= {name: value for name, value in vars(base).items() if isinstance(value, Parameter)}
        return found

    @classmethod
    def description(cls) -> str:
        """Return the first line of the docstring."""
        return (inspect.getdoc(cls) or "").partition("\n")[0]

    def set_values(self, given: Mapping[str, Any], where: str = "--set") -> None:
        """Set parameters from what a user gives.

        Raises
        ------
        UserMistake
            One line that names parameter, value and what is allowed.
        """
        for name, value in checked_values(self.name, self.declared_parameters(), given, where).items():
            setattr(self, name, value)

    def values(self) -> dict[str, Any]:
        """Return the parameters' values by name."""
        return {name: getattr(self, name) for name in self.declared_parameters()}

    def units(self) -> dict[str, str]:
        """Return the parameters' units by name, empty where they have none."""
        return {name: getattr(given, "units", None) or "" for name, given in self.declared_parameters().items()}

    def check(self, bench: Bench) -> None:
        """Check everything that can be checked before anything is switched on.

        Raises
        ------
        UserMistake
            If a role, a sample or a property of it is missing, or a value is beyond the bench's limits.
        """
        for role in self.needs:
            bench.get(role)
        for field in self.needs_sample:
            if self.sample is None:
                raise UserMistake(f"{self.name} needs a sample: give --sample NAME or FILE (see xraybench samples)")
            if getattr(self.sample, field) is None:
                raise UserMistake(f"{self.name} needs {field}, which the file of sample '{self.sample.name}' lacks")
        estimate = self.estimate()
        if estimate.operating_points:
            tube = bench.get(XrayTube)
            for kilovolts, milliamps in estimate.operating_points:
                tube.check_operating_point(kilovolts, milliamps)
            if not self.warms_up:
                check_warmed_up(bench, max(kilovolts for kilovolts, _ in estimate.operating_points))
        for volts in estimate.biases:
            self.check_bias(bench, volts)

    def check_bias(self, bench: Bench, volts: float) -> None:
        """Check a bias before anything is switched on; for procedures that set one."""
        del bench, volts

    def estimate(self) -> Estimate:
        """Estimate time, dose and size from the parameters alone."""
        raise NotImplementedError

    def axes(self, bench: Bench) -> Mapping[str, npt.NDArray[np.float64]]:
        """Return the axes of spectra, waveforms and images, by name; asked before the beam is on."""
        del bench
        return {}

    def measure(self, bench: Bench, run: Run) -> None:
        """Measure: record into the streams."""
        raise NotImplementedError

    def analyse(self, data: RunData) -> Sequence[FigureOfMerit]:
        """Turn records into figures of merit; the same data always gives the same figures."""
        raise NotImplementedError

    def drawings(self, data: RunData) -> Sequence[Drawing]:
        """Return what the run looks like; the same in a window, in a report, in a picture."""
        main = self.streams()[0]
        columns = data[main]
        x, y = main.primary
        if x not in columns or y not in columns or columns[y].ndim != 1:
            return ()
        errors = columns.get(f"{y}_errors")
        units = {"time": "s", **main.scalars}
        return (
            Drawing(
                main.title,
                quantity_with_unit(x, units[x]),
                quantity_with_unit(y, units[y]),
                (Points(columns[x], columns[y], errors, columns.get(f"{x}_errors")),),
            ),
        )

    def products(self, data: RunData, stem: Path) -> Sequence[Path]:
        """Write files that other measurements use, named after the run file; return what was written."""
        del data, stem
        return ()

    # What follows makes every procedure run under PyMeasure's own Worker as well.

    def startup(self) -> None:
        """Check that a bench was given and that everything on it fits."""
        if self.bench is None:
            raise UserMistake(f"{self.name}: set its `bench` before PyMeasure's Worker runs it")
        self.check(self.bench)

    def execute(self) -> None:
        """Measure on `bench`, sending scalar columns to PyMeasure."""
        from procedures.pymeasure_run import PyMeasureRun

        assert self.bench is not None  # noqa: S101  (startup has checked it)
        # the Worker knows by itself that it was stopped
        with contextlib.suppress(RunAborted):
            self.measure(self.bench, PyMeasureRun(self, self.bench))

    def shutdown(self) -> None:
        """Make the bench safe."""
        if self.bench is not None:
            self.bench.make_safe()
