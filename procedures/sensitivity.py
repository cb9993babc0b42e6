"""Sensitivity and limit of detection of a direct detector."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence

import numpy as np

from analysis.figure import FigureOfMerit
from config.mistake import UserMistake
from drivers.bench import Bench
from drivers.roles import Dosimeter, XrayTube
from procedures.biased_sample import BiasedSample
from procedures.current_readout import CurrentReadout, CurrentWindow
from procedures.drawing import Drawing
from procedures.parameters import FloatListParameter, FloatParameter, ListParameter
from procedures.procedure import Estimate
from procedures.run import Run
from procedures.run_data import RunData
from procedures.sensitivity_analysis import sensitivity_drawings, sensitivity_figures
from procedures.streams import Scalar, Stream, Waveform

NULLING = ("when large", "always", "never")
LOOK_SAMPLES = 16
LARGE_DARK = 3.0
"""times the largest signal, from which on a dark current is taken off"""


class Sensitivity(BiasedSample):
    """Sensitivity and limit of detection: photocurrent against dose rate at one or more fields.

    At each field the beam goes on and off: the current is read with the beam off, on, off, on, ... so that every
    reading with beam lies between two without, and a drift of the dark current cancels.
    """

    name = "sensitivity"
    needs = (XrayTube, Dosimeter)
    needs_sample = ("area_cm2",)

    tube_voltage = FloatParameter("Tube voltage", units="kV", default=50, minimum=5, maximum=450)
    tube_currents = FloatListParameter(
        "Tube currents", units="mA", default="0.02:0.8:10", minimum=1e-4, maximum=1000, description="FROM:TO:HOW MANY"
    )
    fields = FloatListParameter(
        "Fields", units="V/cm", default="-100", minimum=-1e6, maximum=1e6, description="bias over thickness, signed"
    )
    null_dark_current = ListParameter(
        "Null dark current",
        choices=NULLING,
        default="when large",
        group_by="readout",
        group_condition="preamp",
        description="take the dark current off at the preamplifier's input, for a more sensitive range",
    )
    dose_time = FloatParameter(
        "Dose time", units="s", default=5.0, minimum=0.1, maximum=600, description="of a dosimeter reading"
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
    windows = Stream(
        "windows",
        "Current read with and without beam",
        beam="1",
        field="V/cm",
        bias="V",
        tube_current="mA",
        dose_rate=Scalar("Gy/s", errors=True),
        mean="A",
        noise="A",
        moment="s",
        interval="s",
        bandwidth="Hz",
        range="A/V",
        nulled="1",
        current=Waveform("A"),
        primary=("moment", "mean"),
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
                    self._choose_range(bench, run, readout, field)
                if before is None:
                    before = self._read_dark(bench, run, readout, field)
                before = self._measure_point(bench, run, readout, field, current, before)

    def _choose_range(self, bench: Bench, run: Run, readout: CurrentReadout, field: float) -> None:
        """Choose one range for the whole field, at its largest dose rate, and take off a dark current that is large.

        What flows in the dark is read before it is taken off: only then does its level mean something.
        """
        dark = self._read_dark(bench, run, readout, field)
        lit = self._look_at_brightest(bench, run, readout)
        if self.null_dark_current == "never":
            return
        level, signal = abs(float(dark.current.mean())), abs(float(lit.current.mean() - dark.current.mean()))
        if self.null_dark_current == "always" or level > LARGE_DARK * signal:
            if readout.null():
                run.note(f"dark current of {level:.3g} A taken off at the preamplifier's input")
            self._look_at_brightest(bench, run, readout)

    def _look_at_brightest(self, bench: Bench, run: Run, readout: CurrentReadout) -> CurrentWindow:
        with bench.tube.beam(kilovolts=self.tube_voltage, milliamps=max(self.tube_currents)):
            run.wait(self.settling_time)
            readout.settle()
            seen = readout.read(LOOK_SAMPLES, self.sample_interval)
        run.wait(self.settling_time)
        return seen

    def _measure_point(
        self, bench: Bench, run: Run, readout: CurrentReadout, field: float, current: float, before: CurrentWindow
    ) -> CurrentWindow:
        """Measure with beam and again without; return the reading without."""
        with bench.tube.beam(kilovolts=self.tube_voltage, milliamps=current) as reached:
            run.wait(self.settling_time)
            dose = bench.dosimeter.dose_rate(self.dose_time)
            lit, moment = self.window(bench, readout)
            self._record_window(run, field, lit, moment, reached.current_ma, dose.value, dose.uncertainty)
        run.wait(self.settling_time)
        after = self._read_dark(bench, run, readout, field)
        self._record_point(run, field, reached.current_ma, (dose.value, dose.uncertainty), (before, lit, after))
        return after

    def _read_dark(self, bench: Bench, run: Run, readout: CurrentReadout, field: float) -> CurrentWindow:
        window, moment = self.window(bench, readout)
        self._record_window(run, field, window, moment, 0.0, 0.0, 0.0)
        return window

    def _record_window(
        self,
        run: Run,
        field: float,
        window: CurrentWindow,
        moment: float,
        tube_current: float,
        dose_rate: float,
        dose_rate_errors: float,
    ) -> None:
        run.record(
            self.windows,
            beam=float(tube_current > 0),
            field=field,
            bias=self.bias_of(field),
            tube_current=tube_current,
            dose_rate=dose_rate,
            dose_rate_errors=dose_rate_errors,
            mean=float(window.current.mean()),
            noise=float(window.current.std(ddof=1)),
            moment=moment,
            interval=window.interval,
            bandwidth=window.bandwidth,
            range=window.range,
            nulled=float(window.nulled),
            current=window.current,
        )

    def _record_point(
        self,
        run: Run,
        field: float,
        tube_current: float,
        dose: tuple[float, float],
        windows: tuple[CurrentWindow, CurrentWindow, CurrentWindow],
    ) -> None:
        """Record what the live plot shows; the analysis starts from the windows."""
        assert self.sample is not None  # noqa: S101  (checked before the beam was on)
        assert self.sample.area_m2 is not None  # noqa: S101
        before, lit, after = windows
        density = 1e9 / (self.sample.area_m2 * 1e4)
        signal = lit.current.mean() - 0.5 * (before.current.mean() + after.current.mean())
        variances = [float(np.var(window.current, ddof=1)) / len(window.current) for window in windows]
        error = math.sqrt(variances[1] + 0.25 * (variances[0] + variances[2]))
        run.record(
            self.points,
            dose_rate=dose[0],
            dose_rate_errors=dose[1],
            signal=float(signal) * density,
            signal_errors=error * density,
            field=field,
            tube_current=tube_current,
        )

    def analyse(self, data: RunData) -> Sequence[FigureOfMerit]:
        """Give, per field, sensitivity, limits of detection, linearity, dark current and theoretical sensitivity."""
        return sensitivity_figures(data)

    def drawings(self, data: RunData) -> Sequence[Drawing]:
        """Draw photocurrent density against dose rate, a fit a field."""
        return sensitivity_drawings(data)
