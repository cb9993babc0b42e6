"""Reading the current of a biased sample with the beam off, on and off again, so that a drift cancels."""

from __future__ import annotations

import math

import numpy as np

from drivers.bench import Bench
from drivers.roles import DoseRate, Dosimeter, XrayTube
from procedures.biased_sample import BiasedSample
from procedures.current_readout import CurrentReadout, CurrentWindow
from procedures.parameters import FloatParameter, ListParameter
from procedures.run import Run
from procedures.streams import Scalar, Stream, Waveform

NULLING = ("when large", "always", "never")
LOOK_SAMPLES = 16
LARGE_DARK = 3.0
"""times the largest signal, from which on a dark current is taken off"""


class LitAndDark(BiasedSample):
    """Base of the procedures that compare the current with beam to the current without."""

    needs = (XrayTube, Dosimeter)
    needs_sample = ("area_cm2",)

    tube_voltage = FloatParameter("Tube voltage", units="kV", default=50, minimum=5, maximum=450)
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

    def choose_range(self, bench: Bench, run: Run, readout: CurrentReadout, field: float, brightest: float) -> None:
        """Choose one range for the whole field, at its largest tube current, mA, and take off a large dark current.

        What flows in the dark is read before it is taken off: only then does its level mean something.
        """
        dark = self.read_dark(bench, run, readout, field)
        lit = self._look(bench, run, readout, brightest)
        if self.null_dark_current == "never":
            return
        level, signal = abs(float(dark.current.mean())), abs(float(lit.current.mean() - dark.current.mean()))
        if self.null_dark_current == "always" or level > LARGE_DARK * signal:
            if readout.null():
                run.note(f"dark current of {level:.3g} A taken off at the preamplifier's input")
            self._look(bench, run, readout, brightest)

    def _look(self, bench: Bench, run: Run, readout: CurrentReadout, tube_current: float) -> CurrentWindow:
        with bench.tube.beam(kilovolts=self.tube_voltage, milliamps=tube_current):
            run.wait(self.settling_time)
            readout.settle()
            seen = readout.read(LOOK_SAMPLES, self.sample_interval)
        run.wait(self.settling_time)
        return seen

    def read_dark(self, bench: Bench, run: Run, readout: CurrentReadout, field: float) -> CurrentWindow:
        """Read and record a window without beam."""
        window, moment = self.window(bench, readout)
        self.record_window(run, field, window, moment, 0.0, DoseRate(0.0, 0.0, 0.0))
        return window

    def record_window(
        self,
        run: Run,
        field: float,
        window: CurrentWindow,
        moment: float,
        tube_current: float,
        dose: DoseRate,
    ) -> None:
        """Record a window; the tube current in mA, 0 without beam."""
        run.record(
            self.windows,
            beam=float(tube_current > 0),
            field=field,
            bias=self.bias_of(field),
            tube_current=tube_current,
            dose_rate=dose.value,
            dose_rate_errors=dose.uncertainty,
            mean=float(window.current.mean()),
            noise=float(window.current.std(ddof=1)),
            moment=moment,
            interval=window.interval,
            bandwidth=window.bandwidth,
            range=window.range,
            nulled=float(window.nulled),
            current=window.current,
        )

    def read_lit(
        self, bench: Bench, run: Run, readout: CurrentReadout, field: float, tube_current: float
    ) -> tuple[CurrentWindow, DoseRate, float]:
        """Read and record a window with beam; the dose rate and the tube current that was reached come along."""
        with bench.tube.beam(kilovolts=self.tube_voltage, milliamps=tube_current) as reached:
            run.wait(self.settling_time)
            dose = bench.dosimeter.dose_rate(self.dose_time)
            window, moment = self.window(bench, readout)
            self.record_window(run, field, window, moment, reached.current_ma, dose)
        run.wait(self.settling_time)
        return window, dose, reached.current_ma

    def signal_density(self, before: CurrentWindow, lit: CurrentWindow, after: CurrentWindow) -> tuple[float, float]:
        """Return what the beam adds to the current density and its error, nA/cm2, for a live plot.

        The analysis starts from the windows and knows their correlation.
        """
        assert self.sample is not None  # noqa: S101  (checked before the beam was on)
        assert self.sample.area_m2 is not None  # noqa: S101
        density = 1e9 / (self.sample.area_m2 * 1e4)
        signal = lit.current.mean() - 0.5 * (before.current.mean() + after.current.mean())
        variances = [float(np.var(window.current, ddof=1)) / len(window.current) for window in (before, lit, after)]
        return float(signal) * density, math.sqrt(variances[1] + 0.25 * (variances[0] + variances[2])) * density
