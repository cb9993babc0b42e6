"""Small procedures that hold the beam on, for tests of the engine."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.figure import FigureOfMerit
from drivers.bench import Bench
from drivers.roles import Dosimeter, XrayTube
from procedures.parameters import FloatParameter, IntegerParameter
from procedures.procedure import Estimate, Procedure
from procedures.run import Run
from procedures.run_data import RunData
from procedures.streams import Scalar, Stream


class HoldBeam(Procedure):
    """Hold the beam and record the dose rate once a step."""

    name = "hold-beam"
    needs = (XrayTube, Dosimeter)

    tube_voltage = FloatParameter("Tube voltage", units="kV", default=30, minimum=5, maximum=160)
    tube_current = FloatParameter("Tube current", units="mA", default=1, minimum=0.01, maximum=10)
    steps = IntegerParameter("Steps", default=5, minimum=1, maximum=1_000_000)
    step_time = FloatParameter("Step time", units="s", default=1.0, minimum=0, maximum=100)

    doses = Stream("doses", dose_rate=Scalar("Gy/s", errors=True), step="1", primary=("time", "dose_rate"))

    def estimate(self) -> Estimate:
        """Estimate."""
        return Estimate(
            self.steps * self.step_time, operating_points=((self.tube_voltage, self.tube_current),), records=self.steps
        )

    def measure(self, bench: Bench, run: Run) -> None:
        """Hold, record, and let a test step in."""
        with bench.tube.beam(self.tube_voltage, self.tube_current):
            for step in run.progress(range(self.steps)):
                dose = bench.dosimeter.dose_rate(0.2)
                run.record(self.doses, dose_rate=dose.value, dose_rate_errors=dose.uncertainty, step=float(step))
                self.in_beam(bench, run, step)
                run.wait(self.step_time)

    def in_beam(self, bench: Bench, run: Run, step: int) -> None:
        """Do what a test wants done while the beam is on."""

    def analyse(self, data: RunData) -> Sequence[FigureOfMerit]:
        """Return the mean dose rate."""
        rates = data[self.doses]["dose_rate"]
        return [FigureOfMerit.normal("dose_rate", float(rates.mean()), "Gy/s", "mean", statistical=float(rates.std()))]
