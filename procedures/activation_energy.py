"""Activation energy of the dark conductivity."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Sequence

from analysis.figure import FigureOfMerit
from config.mistake import UserMistake
from drivers.bench import Bench
from drivers.errors import Overloaded
from drivers.roles import PulsedLight, SourceMeter, TemperatureStage
from procedures.activation_energy_analysis import activation_drawings, activation_figures
from procedures.drawing import Drawing
from procedures.iv import DIRECTIONS
from procedures.parameters import FloatListParameter, FloatParameter, IntegerParameter, ListParameter
from procedures.procedure import Estimate, Procedure
from procedures.run import Run
from procedures.run_data import RunData
from procedures.settling import read_until_settled
from procedures.streams import Scalar, Stream

SETTLING_GUESS = 120.0
"""s that a stage takes to come to rest at a new temperature; for the estimate only"""
KELVIN_PER_SECOND = 0.2
"""Likewise, at which it gets there."""


class ActivationEnergy(Procedure):
    """Activation energy: dark conductivity against temperature, up and down, each point once both have settled.

    The bias stays on from the first temperature to the last; before it the current at 0 V is read, which is the
    instrument's own and is subtracted. The heater is off afterwards, whatever happens.
    """

    name = "activation-energy"
    needs = (TemperatureStage, SourceMeter)
    needs_sample = ("area_cm2",)

    temperatures = FloatListParameter(
        "Temperatures", units="K", default="300:350:11", minimum=4, maximum=1500,
        description="eight or more for a breakpoint",
    )  # fmt: skip
    direction = ListParameter(
        "Direction", choices=DIRECTIONS, default="up and down", description="both show what heating has changed"
    )
    bias = FloatParameter("Bias", units="V", default=3, minimum=-3000, maximum=3000)
    compliance = FloatParameter("Compliance", units="uA", default=50.0, minimum=1e-6, maximum=1e6)
    integration_cycles = FloatParameter(
        "Integration", units="", default=1.0, minimum=0.01, maximum=10, description="power line cycles a reading"
    )
    ramp_rate = FloatParameter(
        "Ramp rate", units="K/min", default=10, minimum=0, maximum=1000, description="0: the set point jumps"
    )
    temperature_tolerance = FloatParameter(
        "Temperature tolerance", units="K", default=0.05, minimum=0.001, maximum=10, description="about the set point"
    )
    stable_for = FloatParameter("Stable for", units="s", default=60, minimum=1, maximum=36_000)
    temperature_limit = FloatParameter(
        "Temperature limit", units="s", default=3600, minimum=1, maximum=360_000,
        description="a temperature takes at most so long",
    )  # fmt: skip
    readings = IntegerParameter("Readings", default=10, minimum=4, maximum=10_000, description="of a block")
    reading_interval = FloatParameter("Reading interval", units="s", default=0.1, minimum=1e-3, maximum=60)
    settling_tolerance = FloatParameter(
        "Settling tolerance", units="percent", default=1.0, minimum=0.001, maximum=100,
        description="a change of the current by less counts as settled",
    )  # fmt: skip
    settling_limit = FloatParameter(
        "Settling limit", units="s", default=60.0, minimum=0, maximum=36000, description="of the current, a point"
    )

    sweep = Stream(
        "sweep",
        "Dark conductivity against temperature",
        temperature=Scalar("K", errors=True),
        conductivity=Scalar("S/cm", errors=True),
        current=Scalar("A", errors=True),
        bias="V",
        direction="1",
        settled="1",
        in_compliance="1",
        waited="s",
        primary=("temperature", "conductivity"),
    )

    def _steps(self) -> list[tuple[int, float]]:
        """Return direction and temperature of each point."""
        ways = {"up": (1,), "down": (-1,), "up and down": (1, -1)}[self.direction]
        return [(way, kelvin) for way in ways for kelvin in sorted(set(self.temperatures))[::way]]

    def estimate(self) -> Estimate:
        """Estimate from the parameters alone, with three blocks of current a point."""
        steps = self._steps()
        way = sum(abs(after[1] - before[1]) for before, after in itertools.pairwise(steps))
        rate = min(KELVIN_PER_SECOND, self.ramp_rate / 60 or KELVIN_PER_SECOND)
        point = SETTLING_GUESS + self.stable_for + 3 * self.readings * self.reading_interval
        return Estimate(
            duration=way / rate + len(steps) * point + SETTLING_GUESS,
            biases=(0.0, self.bias),
            records=len(steps) + 1,
            bytes_to_write=(len(steps) + 1) * 90,
        )

    def check(self, bench: Bench) -> None:
        """Check that stage and source meter may go where they shall."""
        super().check(bench)
        for kelvin in self.temperatures:
            bench.temperature_stage.check_temperature(kelvin)
        if self.bias == 0:
            raise UserMistake("bias = 0 V: without a bias no current tells the conductivity; give one")
        if self.compliance * 1e-6 > bench.file.limits.compliance_a:
            raise UserMistake(
                f"compliance {self.compliance:g} uA is above the bench's limit of "
                f"{bench.file.limits.compliance_a * 1e6:g} uA (limits.compliance_a)"
            )

    def check_bias(self, bench: Bench, volts: float) -> None:
        """Check against the source meter."""
        bench.source_meter.check_bias(volts)

    def measure(self, bench: Bench, run: Run) -> None:
        """Measure temperature by temperature."""
        stage, source = bench.temperature_stage, bench.source_meter
        if bench.has(PulsedLight):
            bench.light.switch_off()
        with contextlib.ExitStack() as everything:
            everything.callback(stage.make_safe)
            everything.enter_context(source.bias(0.0, self.compliance * 1e-6))
            source.configure(self.compliance * 1e-6, self.integration_cycles)
            kelvin = stage.temperature()
            self._record(bench, run, 0, (kelvin, kelvin))
            biased = False
            for way, wanted in run.progress(self._steps()):
                stage.set_temperature(wanted, self.ramp_rate or None)
                kelvin = stage.settle(self.temperature_tolerance, self.stable_for, self.temperature_limit)
                if not biased:
                    source.ramp_to(self.bias)
                    biased = True
                self._record(bench, run, way, (kelvin, wanted))

    def _record(self, bench: Bench, run: Run, way: int, temperature: tuple[float, float]) -> None:
        """Read the current until it has settled, and record it with the temperature before and after."""
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
            run.warn(f"{temperature[1]:g} K: {overload}")
            limited, current, error, is_settled, waited = True, math.nan, math.nan, False, 0.0
        before, after = temperature[0], bench.temperature_stage.temperature()
        # V over A and m: S/m; S/cm is a hundred of them
        volts = source.voltage
        conductance = 0.01 * self.sample.thickness_m / self.sample.area_m2 / volts if volts else math.nan
        run.record(
            self.sweep,
            temperature=0.5 * (before + after),
            temperature_errors=0.5 * abs(after - before),
            conductivity=current * conductance,
            conductivity_errors=abs(error * conductance),
            current=current,
            current_errors=error,
            bias=volts,
            direction=float(way),
            settled=float(is_settled),
            in_compliance=float(limited),
            waited=waited,
        )

    def analyse(self, data: RunData) -> Sequence[FigureOfMerit]:
        """Find the activation energies and the breakpoint between them."""
        return activation_figures(data)

    def drawings(self, data: RunData) -> Sequence[Drawing]:
        """Draw ln(sigma T) against 1/T."""
        return activation_drawings(data)
