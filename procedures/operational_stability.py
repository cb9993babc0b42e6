"""Signal of a biased detector over time under the beam, and dark current over time."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from analysis.figure import FigureOfMerit
from drivers.bench import Bench
from procedures.current_readout import CurrentReadout, CurrentWindow
from procedures.current_stability_analysis import operational_drawings, operational_figures
from procedures.drawing import Drawing
from procedures.irradiation import Irradiation
from procedures.lit_and_dark import LOOK_SAMPLES, LitAndDark
from procedures.parameters import FloatParameter
from procedures.procedure import Estimate
from procedures.run import Run
from procedures.run_data import RunData
from procedures.schedule import dense_then_sparse
from procedures.streams import Scalar, Stream


class OperationalStability(LitAndDark):
    """Signal under a steady beam over time and dose, with the beam off now and then for the dark current.

    A run that goes on with an earlier one is told what the sample has had by then (`earlier_time`, `earlier_dose`) and
    what its signal was at the very beginning (`initial_signal`).
    """

    name = "operational-stability"

    field = FloatParameter("Field", units="V/cm", default=-100, minimum=-1e6, maximum=1e6)
    tube_current = FloatParameter("Tube current", units="mA", default=1.0, minimum=1e-4, maximum=1000)
    duration = FloatParameter("Duration", units="min", default=60, minimum=0.1, maximum=60_000)
    first_interval = FloatParameter("First interval", units="s", default=30, minimum=1, maximum=3600)
    longest_interval = FloatParameter("Longest interval", units="s", default=300, minimum=1, maximum=36_000)
    dark_interval = FloatParameter(
        "Dark interval", units="s", default=600, minimum=10, maximum=360_000, description="between dark readings"
    )
    earlier_time = FloatParameter("Earlier time", units="min", default=0, minimum=0, maximum=1e6)
    earlier_dose = FloatParameter("Earlier dose", units="Gy", default=0, minimum=0, maximum=1e9)
    initial_signal = FloatParameter(
        "Initial signal", units="uC/(Gy cm2)", default=0, minimum=0, maximum=1e9, description="0: that of this run"
    )

    series = Stream(
        "series",
        "Sensitivity under a steady beam",
        elapsed="s",
        response=Scalar("uC/(Gy cm2)", errors=True),
        dose="Gy",
        dose_rate=Scalar("Gy/s", errors=True),
        primary=("dose", "response"),
    )

    def _moments(self) -> list[float]:
        return dense_then_sparse(self.duration * 60, self.first_interval, self.longest_interval)

    def estimate(self) -> Estimate:
        """Estimate from the parameters alone."""
        window = self.samples * self.sample_interval
        looks = 2 * (2 * self.settling_time + LOOK_SAMPLES * self.sample_interval + 1.0)
        beam_time = self.duration * 60 + window + looks
        darks = int(self.duration * 60 / self.dark_interval) + 2
        records = 2 * len(self._moments()) + darks
        return Estimate(
            duration=self.bias_settling_time + beam_time + (darks + 1) * (window + self.settling_time),
            beam_time=beam_time,
            milliampere_seconds=beam_time * self.tube_current,
            operating_points=((self.tube_voltage, self.tube_current),),
            biases=(self.bias_of(self.field),) if self.sample else (),
            records=records,
            bytes_to_write=records * self.samples * 8,
        )

    def measure(self, bench: Bench, run: Run) -> None:
        """Measure in stretches of beam between dark readings."""
        start = self.earlier_time * 60
        irradiation = run.keep("irradiation", lambda: Irradiation(bench.clock.now, start, self.earlier_dose))
        readout = self.current_readout(bench, run)
        with contextlib.ExitStack() as everything:
            everything.enter_context(self.bias(bench, self.bias_of(self.field)))
            run.wait(self.bias_settling_time)
            readout.settle()
            self.choose_range(bench, run, readout, self.field, self.tube_current)
            beam = everything.enter_context(contextlib.ExitStack())
            dark, dark_at = None, 0.0
            for moment in run.progress(self._moments()):
                if dark is None or irradiation.exposed - dark_at >= self.dark_interval:
                    beam.close()
                    run.wait(self.settling_time)
                    dark, dark_at = self.read_dark(bench, run, readout, self.field), irradiation.exposed
                    beam.enter_context(irradiation.beam(bench.tube, self.tube_voltage, self.tube_current))
                    run.wait(self.settling_time)
                run.wait(max(0.0, moment - (irradiation.exposed - start)))
                self._read(bench, run, readout, irradiation, dark)
            beam.close()
            run.wait(self.settling_time)
            self.read_dark(bench, run, readout, self.field)

    def _read(
        self, bench: Bench, run: Run, readout: CurrentReadout, irradiation: Irradiation, dark: CurrentWindow
    ) -> None:
        dose_rate = bench.dosimeter.dose_rate(self.dose_time)
        irradiation.reading(dose_rate.value)
        window, moment = self.window(bench, readout)
        self.record_window(run, self.field, window, moment, bench.tube.operating_point[1], dose_rate)
        signal, error = self.signal_density(dark, window, dark)
        # nA/cm2 over Gy/s is 1e-3 uC/(Gy cm2)
        scale = 1e-3 / dose_rate.value
        relative = dose_rate.uncertainty / dose_rate.value
        run.record(
            self.series,
            elapsed=irradiation.exposed,
            response=abs(signal) * scale,
            response_errors=(error**2 + (signal * relative) ** 2) ** 0.5 * scale,
            dose=irradiation.dose,
            dose_rate=dose_rate.value,
            dose_rate_errors=dose_rate.uncertainty,
        )

    def analyse(self, data: RunData) -> Sequence[FigureOfMerit]:
        """Find what is left of the signal, the time and the dose to 95 %, and the drift."""
        return operational_figures(data, float(self.initial_signal))

    def drawings(self, data: RunData) -> Sequence[Drawing]:
        """Draw the response over dose."""
        return operational_drawings(data)
