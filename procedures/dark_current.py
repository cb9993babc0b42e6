"""Dark current of a biased detector over time."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.autocorrelation import steady_signal
from analysis.figure import FigureOfMerit
from config.mistake import UserMistake
from drivers.bench import Bench
from procedures.biased_sample import BiasedSample
from procedures.current_stability_analysis import drift_figures
from procedures.parameters import FloatParameter
from procedures.procedure import Estimate
from procedures.run import Run
from procedures.run_data import RunData
from procedures.schedule import dense_then_sparse
from procedures.streams import Scalar, Stream


class DarkCurrent(BiasedSample):
    """Dark current over time at a constant field: often at first, seldom later; its drift over field and time."""

    name = "dark-current"
    needs_sample = ("area_cm2",)

    field = FloatParameter("Field", units="V/cm", default=-100, minimum=-1e6, maximum=1e6)
    duration = FloatParameter("Duration", units="min", default=60, minimum=0.1, maximum=60_000)
    first_interval = FloatParameter("First interval", units="s", default=5, minimum=1, maximum=3600)
    longest_interval = FloatParameter("Longest interval", units="s", default=60, minimum=1, maximum=36_000)
    left_out = FloatParameter(
        "Left out", units="s", default=0, minimum=0, maximum=1e6, description="from the start of the record"
    )

    drift = Stream(
        "drift",
        "Dark current over time",
        elapsed="s",
        density=Scalar("nA/cm2", errors=True),
        noise="nA/cm2",
        range="A/V",
        primary=("elapsed", "density"),
    )

    def _moments(self) -> list[float]:
        return dense_then_sparse(self.duration * 60, self.first_interval, self.longest_interval)

    def estimate(self) -> Estimate:
        """Estimate from the parameters alone."""
        records = len(self._moments())
        return Estimate(
            duration=self.bias_settling_time + self.duration * 60 + self.samples * self.sample_interval,
            biases=(self.bias_of(self.field),) if self.sample else (),
            records=records,
            bytes_to_write=records * 48,
        )

    def check(self, bench: Bench) -> None:
        """Check that there is a field as well."""
        if self.field == 0:
            raise UserMistake("field = 0 V/cm: the drift of a dark current refers to a field; give one")
        super().check(bench)

    def measure(self, bench: Bench, run: Run) -> None:
        """Read again and again."""
        assert self.sample is not None  # noqa: S101  (checked before anything was switched on)
        assert self.sample.area_m2 is not None  # noqa: S101
        density = 1e9 / (self.sample.area_m2 * 1e4)
        readout = self.current_readout(bench, run)
        with self.bias(bench, self.bias_of(self.field)):
            run.wait(self.bias_settling_time)
            readout.settle()
            started = bench.clock.now()
            for moment in run.progress(self._moments()):
                run.wait(max(0.0, moment - (bench.clock.now() - started)))
                window, middle = self.window(bench, readout)
                level = steady_signal(window.current)
                run.record(
                    self.drift,
                    elapsed=middle - started,
                    density=level.mean * density,
                    density_errors=level.uncertainty * density,
                    noise=level.deviation * density,
                    range=window.range,
                )

    def analyse(self, data: RunData) -> Sequence[FigureOfMerit]:
        """Find the drift."""
        return drift_figures(data, float(self.field), float(self.left_out))
