"""Current against voltage, in the dark and under the beam, up and down."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence

import numpy as np

from analysis.figure import FigureOfMerit
from config.mistake import UserMistake
from drivers.bench import Bench
from drivers.errors import Overloaded
from drivers.roles import DoseRate, Dosimeter, SourceMeter, XrayTube
from procedures.drawing import Drawing, Points
from procedures.iv_analysis import iv_figures
from procedures.parameters import FloatListParameter, FloatParameter, IntegerParameter, ListParameter
from procedures.procedure import Estimate, Procedure
from procedures.run import Run
from procedures.run_data import RunData
from procedures.settling import read_until_settled
from procedures.streams import Scalar, Stream

ILLUMINATIONS = ("dark", "beam", "both")
DIRECTIONS = ("up and down", "up", "down")


class CurrentVoltage(Procedure):
    """Current against voltage: dark and under the beam, both polarities, up and down, each point once settled."""

    name = "iv"
    needs = (SourceMeter,)
    needs_sample = ("area_cm2",)
    tolerates = ("compliance",)

    voltages = FloatListParameter(
        "Voltages", units="V", default="-10:10:21", minimum=-3000, maximum=3000, description="FROM:TO:HOW MANY"
    )
    direction = ListParameter(
        "Direction", choices=DIRECTIONS, default="up and down", description="both show the hysteresis"
    )
    illumination = ListParameter("Illumination", choices=ILLUMINATIONS, default="dark")
    tube_voltage = FloatParameter(
        "Tube voltage", units="kV", default=50, minimum=5, maximum=450, group_by="illumination",
        group_condition=lambda choice: choice != "dark",
    )  # fmt: skip
    tube_current = FloatParameter(
        "Tube current", units="mA", default=0.5, minimum=1e-4, maximum=1000, group_by="illumination",
        group_condition=lambda choice: choice != "dark",
    )  # fmt: skip
    compliance = FloatParameter("Compliance", units="uA", default=50.0, minimum=1e-6, maximum=1e6)
    integration_cycles = FloatParameter(
        "Integration", units="", default=1.0, minimum=0.01, maximum=10, description="power line cycles a reading"
    )
    readings = IntegerParameter("Readings", default=10, minimum=4, maximum=10_000, description="of a block")
    reading_interval = FloatParameter("Reading interval", units="s", default=0.1, minimum=1e-3, maximum=60)
    settling_tolerance = FloatParameter(
        "Settling tolerance", units="percent", default=1.0, minimum=0.001, maximum=100,
        description="a change by less counts as settled",
    )  # fmt: skip
    settling_limit = FloatParameter(
        "Settling limit", units="s", default=60.0, minimum=0, maximum=36000, description="a point takes at most so long"
    )
    dose_time = FloatParameter("Dose time", units="s", default=2.0, minimum=0.1, maximum=600)

    curve = Stream(
        "curve",
        "Current against voltage",
        bias="V",
        current=Scalar("A", errors=True),
        density="nA/cm2",
        beam="1",
        direction="1",
        settled="1",
        in_compliance="1",
        waited="s",
        dose_rate=Scalar("Gy/s", errors=True),
        primary=("bias", "current"),
    )

    def _passes(self) -> list[tuple[bool, int]]:
        """Return illumination and direction of each pass."""
        lights = {"dark": (False,), "beam": (True,), "both": (False, True)}[self.illumination]
        ways = {"up": (1,), "down": (-1,), "up and down": (1, -1)}[self.direction]
        return [(light, way) for light in lights for way in ways]

    def estimate(self) -> Estimate:
        """Estimate from the parameters alone, with three blocks a point."""
        passes = self._passes()
        block = self.readings * self.reading_interval
        points = len(self.voltages) * len(passes)
        lit = len(self.voltages) * sum(1 for light, _ in passes if light)
        beam_time = lit * 3 * block
        return Estimate(
            duration=points * 3 * block + len(passes) * 5.0,
            beam_time=beam_time,
            milliampere_seconds=beam_time * self.tube_current,
            operating_points=((self.tube_voltage, self.tube_current),) if lit else (),
            biases=tuple(self.voltages),
            records=points,
            bytes_to_write=points * 90,
        )

    def check(self, bench: Bench) -> None:
        """Check limits, and that there is a beam where one is wanted."""
        if self.illumination != "dark":
            bench.get(XrayTube)
            bench.get(Dosimeter)
        if self.compliance * 1e-6 > bench.file.limits.compliance_a:
            raise UserMistake(
                f"compliance {self.compliance:g} uA is above the bench's limit of "
                f"{bench.file.limits.compliance_a * 1e6:g} uA (limits.compliance_a)"
            )
        super().check(bench)

    def check_bias(self, bench: Bench, volts: float) -> None:
        """Check against the source meter."""
        bench.source_meter.check_bias(volts)

    def measure(self, bench: Bench, run: Run) -> None:
        """Measure pass by pass."""
        source = bench.source_meter
        steps = [(light, way, volts) for light, way in self._passes() for volts in sorted(self.voltages)[::way]]
        present: tuple[bool, int] | None = None
        dose = DoseRate(0.0, 0.0, 0.0)
        with contextlib.ExitStack() as everything:
            everything.enter_context(source.bias(0.0, self.compliance * 1e-6))
            source.configure(self.compliance * 1e-6, self.integration_cycles)
            beam = everything.enter_context(contextlib.ExitStack())
            for light, way, volts in run.progress(steps):
                if present is None or present[0] != light:
                    beam.close()
                    dose = beam.enter_context(self._beam(bench, run)) if light else DoseRate(0.0, 0.0, 0.0)
                present = (light, way)
                source.ramp_to(volts)
                self._measure_point(bench, run, way, dose)

    @contextlib.contextmanager
    def _beam(self, bench: Bench, run: Run) -> Iterator[DoseRate]:
        with bench.tube.beam(kilovolts=self.tube_voltage, milliamps=self.tube_current):
            run.wait(1.0)
            yield bench.dosimeter.dose_rate(self.dose_time)

    def _measure_point(self, bench: Bench, run: Run, way: int, dose: DoseRate) -> None:
        assert self.sample is not None  # noqa: S101  (checked before anything was switched on)
        assert self.sample.area_m2 is not None  # noqa: S101
        source = bench.source_meter
        limited = False
        try:
            settling, waited = read_until_settled(
                lambda: source.currents(self.readings, self.reading_interval),
                bench.clock.now,
                self.settling_tolerance / 100,
                self.settling_limit,
            )
            current, error, is_settled = settling.mean, settling.uncertainty, settling.settled
        except Overloaded as overload:
            run.warn(f"{source.voltage:g} V: {overload}")
            limited, current, error, is_settled, waited = True, math.nan, math.nan, False, 0.0
        run.record(
            self.curve,
            bias=source.voltage,
            current=current,
            current_errors=error,
            density=current / (self.sample.area_m2 * 1e4) * 1e9,
            beam=float(dose.value > 0),
            direction=float(way),
            settled=float(is_settled),
            in_compliance=float(limited),
            waited=waited,
            dose_rate=dose.value,
            dose_rate_errors=dose.uncertainty,
        )

    def analyse(self, data: RunData) -> Sequence[FigureOfMerit]:
        """Find resistivity, rectification and hysteresis."""
        return iv_figures(data)

    def drawings(self, data: RunData) -> Sequence[Drawing]:
        """Draw the curves."""
        curve = data[self.curve]
        area = data.sample.area_cm2 if data.sample and data.sample.area_cm2 else math.nan
        drawn = []
        for beam, way in sorted(set(zip(curve["beam"].tolist(), curve["direction"].tolist(), strict=True))):
            rows = (curve["beam"] == beam) & (curve["direction"] == way) & np.isfinite(curve["current"])
            scale = 1e9 / area
            label = f"{'beam' if beam else 'dark'}, {'up' if way > 0 else 'down'}"
            drawn.append(
                Points(
                    curve["bias"][rows],
                    curve["current"][rows] * scale,
                    curve["current_errors"][rows] * scale,
                    label=label,
                )
            )
        return (
            Drawing(
                f"Current of {data.sample.name if data.sample else 'the sample'} against voltage",
                "Voltage (V)",
                "Current density (nA/cm2)",
                drawn,
                quoted=("resistivity", "rectification_ratio"),
            ),
        )
