"""Sensitivity and limit of detection of a direct detector."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence

from analysis.figure import FigureOfMerit
from config.mistake import UserMistake
from drivers.bench import Bench
from procedures.current_readout import CurrentReadout, CurrentWindow
from procedures.drawing import Drawing
from procedures.lit_and_dark import LOOK_SAMPLES, LitAndDark
from procedures.parameters import FloatListParameter
from procedures.procedure import Estimate
from procedures.run import Run
from procedures.run_data import RunData
from procedures.sensitivity_analysis import sensitivity_drawings, sensitivity_figures
from procedures.streams import Scalar, Stream


class Sensitivity(LitAndDark):
    """Sensitivity and limit of detection: photocurrent against dose rate at one or more fields.

    At each field the beam goes on and off: the current is read with the beam off, on, off, on, ... so that every
    reading with beam lies between two without, and a drift of the dark current cancels.
    """

    name = "sensitivity"
    tube_currents = FloatListParameter(
        "Tube currents", units="mA", default="0.02:0.8:10", minimum=1e-4, maximum=1000, description="FROM:TO:HOW MANY"
    )
    fields = FloatListParameter(
        "Fields", units="V/cm", default="-100", minimum=-1e6, maximum=1e6, description="bias over thickness, signed"
    )
    points = Stream(
        "points",
        "Photocurrent density against dose rate",
        dose_rate=Scalar("Gy/s", errors=True),
        signal=Scalar("nA/cm2", errors=True),
        field="V/cm",
        tube_current="mA",
        primary=("dose_rate", "signal"),
    )

    def estimate(self) -> Estimate:
        """Estimate from the parameters alone."""
        window = self.samples * self.sample_interval
        beam = self.settling_time + max(window, self.dose_time) + 1.0
        look = 2 * self.settling_time + LOOK_SAMPLES * self.sample_interval + 1.0
        points = len(self.tube_currents) * len(self.fields)
        return Estimate(
            duration=points * (beam + self.settling_time + window)
            + len(self.fields) * (self.bias_settling_time + 2 * window + 2 * look),
            beam_time=points * beam + 2 * len(self.fields) * look,
            milliampere_seconds=len(self.fields)
            * (beam * sum(self.tube_currents) + 2 * look * max(self.tube_currents)),
            operating_points=tuple((self.tube_voltage, current) for current in self.tube_currents),
            biases=tuple(self.bias_of(field) for field in self.fields) if self.sample else (),
            records=3 * points + 2 * len(self.fields),
            bytes_to_write=2 * (points + len(self.fields)) * self.samples * 8,
        )

    def check(self, bench: Bench) -> None:
        """Check that no field stands there twice as well."""
        if any(self.fields.count(field) > 1 for field in self.fields):
            raise UserMistake("fields: a field stands there twice")
        super().check(bench)

    def measure(self, bench: Bench, run: Run) -> None:
        """Measure field by field, each from low to high dose rate."""
        steps = [(field, current) for field in self.fields for current in sorted(self.tube_currents)]
        readout = self.current_readout(bench, run)
        biased_at, before = math.nan, None
        with contextlib.ExitStack() as bias:
            for field, current in run.progress(steps):
                if field != biased_at:
                    bias.close()
                    bias.enter_context(self.bias(bench, self.bias_of(field)))
                    biased_at, before = field, None
                    run.wait(self.bias_settling_time)
                    readout.settle()
                    self.choose_range(bench, run, readout, field, max(self.tube_currents))
                if before is None:
                    before = self.read_dark(bench, run, readout, field)
                before = self._measure_point(bench, run, readout, field, current, before)

    def _measure_point(
        self, bench: Bench, run: Run, readout: CurrentReadout, field: float, current: float, before: CurrentWindow
    ) -> CurrentWindow:
        """Measure with beam and again without; return the reading without."""
        lit, dose, reached = self.read_lit(bench, run, readout, field, current)
        after = self.read_dark(bench, run, readout, field)
        signal, error = self.signal_density(before, lit, after)
        run.record(
            self.points,
            dose_rate=dose.value,
            dose_rate_errors=dose.uncertainty,
            signal=signal,
            signal_errors=error,
            field=field,
            tube_current=reached,
        )
        return after

    def analyse(self, data: RunData) -> Sequence[FigureOfMerit]:
        """Give, per field, sensitivity, limits of detection, linearity, dark current and theoretical sensitivity."""
        return sensitivity_figures(data)

    def drawings(self, data: RunData) -> Sequence[Drawing]:
        """Draw photocurrent density against dose rate, a fit a field."""
        return sensitivity_drawings(data)
