"""Mobility from the time of flight of carriers that light pulses make."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from analysis.figure import FigureOfMerit
from config.mistake import UserMistake
from drivers.bench import Bench
from drivers.roles import CurrentPreamp, Digitizer, PulsedLight, SourceMeter
from procedures.current_readout import GAIN_MODES
from procedures.drawing import Drawing
from procedures.parameters import FloatListParameter, FloatParameter, IntegerParameter, ListParameter
from procedures.procedure import Estimate, Procedure
from procedures.run import Run
from procedures.run_data import RunData
from procedures.streams import Stream, Waveform
from procedures.tof_analysis import tof_drawings, tof_figures
from procedures.transient_readout import LOOK_AVERAGES, TransientCurrent, TransientReadout, Window


class TimeOfFlight(Procedure):
    """Mobility: light pulses make carriers at one electrode, their current falls when they arrive at the other.

    At each bias a record without light, then the transient, averaged over pulses. Light is on only while transients are
    read; polarities are measured one after the other, from the largest bias down.
    """

    name = "tof"
    needs = (PulsedLight, SourceMeter, CurrentPreamp, Digitizer)
    needs_sample = ("thickness_um",)

    biases = FloatListParameter(
        "Biases", units="V", default="10, 20, 30, 40, -10, -20, -30, -40", minimum=-3000, maximum=3000,
        description="four or more of a sign for 1/t against V",
    )  # fmt: skip
    pulse_rate = FloatParameter("Pulse rate", units="Hz", default=100, minimum=0.001, maximum=1e6)
    pulse_energy = FloatParameter("Pulse energy", units="percent", default=100, minimum=0.1, maximum=100)
    averages = IntegerParameter("Averages", default=64, minimum=1, maximum=65_536, description="pulses a transient")
    record_length = FloatParameter("Record length", units="us", default=10, minimum=0.1, maximum=1e7)
    pre_trigger = FloatParameter(
        "Pre-trigger", units="us", default=1, minimum=0.001, maximum=1e6, description="of the record, before the pulse"
    )
    samples = IntegerParameter("Samples", default=1000, minimum=50, maximum=20_000, description="of a record")
    light_delay = FloatParameter(
        "Light delay", units="us", default=0, minimum=-1e6, maximum=1e6, description="of the light behind its trigger"
    )
    sensitivity = FloatParameter(
        "Sensitivity", units="A/V", default=0, minimum=0, maximum=1, description="of the preamplifier; 0: chosen"
    )
    lowest_bandwidth = FloatParameter(
        "Lowest bandwidth", units="kHz", default=1000, minimum=0.001, maximum=1e6,
        description="that a chosen sensitivity must have",
    )  # fmt: skip
    gain_mode = ListParameter("Gain mode", choices=GAIN_MODES, default="high bandwidth")
    bias_settling_time = FloatParameter("Bias settling time", units="s", default=5, minimum=0, maximum=36_000)
    compliance = FloatParameter("Compliance", units="uA", default=50.0, minimum=1e-6, maximum=1e6)
    load_resistance = FloatParameter(
        "Load resistance", units="ohm", default=50, minimum=0, maximum=1e12, description="in series with the sample"
    )
    light_depth = FloatParameter(
        "Light depth", units="um", default=0.5, minimum=0, maximum=1e5, description="in which the light is absorbed"
    )
    mu_tau = FloatParameter(
        "Mu-tau", units="cm2/V", default=0, minimum=0, maximum=1, description="where known from elsewhere; 0: not"
    )
    temperature = FloatParameter("Temperature", units="K", default=295, minimum=4, maximum=1500)
    bandwidth_uncertainty = FloatParameter(
        "Bandwidth uncertainty", units="percent", default=10, minimum=0, maximum=99, description="of the preamplifier's"
    )

    transients = Stream(
        "transients",
        "Current against time after light pulses",
        bias="V",
        field="V/cm",
        light="1",
        dark_current="A",
        in_compliance="1",
        averages="1",
        trigger="s",
        range="A/V",
        bandwidth="Hz",
        current=Waveform("A"),
        primary=("delay", "current"),
    )

    def _steps(self) -> list[float]:
        """Return the biases: one sign after the other, the largest first, for which the range is chosen."""
        return sorted(set(self.biases), key=lambda volts: (volts < 0, -abs(volts)))

    def _window(self) -> Window:
        return Window(self.record_length * 1e-6, int(self.samples), self.pre_trigger * 1e-6, self.pulse_rate)

    def estimate(self) -> Estimate:
        """Estimate from the parameters alone, with a ramp of 10 V/s."""
        steps = self._steps()
        ramps = float(np.sum(np.abs(np.diff([0.0, *steps, 0.0])))) / 10.0
        pulses = self.averages + 2 * LOOK_AVERAGES
        return Estimate(
            duration=ramps + len(steps) * (self.bias_settling_time + pulses / self.pulse_rate + 1.0),
            biases=tuple(steps),
            records=2 * len(steps),
            bytes_to_write=2 * len(steps) * self.samples * 8,
        )

    def check(self, bench: Bench) -> None:
        """Check that pulses, record and ranges fit together."""
        super().check(bench)
        if 0.0 in self.biases:
            raise UserMistake("biases: 0 V is among them, and carriers need a field: leave it out")
        low, high = bench.light.rate_limits
        if not low <= self.pulse_rate <= high:
            raise UserMistake(
                f"pulse_rate {self.pulse_rate:g} Hz is not within {low:g} to {high:g} Hz "
                f"(instruments.light.options.highest_rate_hz)"
            )
        if self.record_length * 1e-6 > 0.5 / self.pulse_rate:
            raise UserMistake(
                f"record_length {self.record_length:g} us is longer than half of the {1e6 / self.pulse_rate:g} us from "
                f"pulse to pulse: lower pulse_rate or shorten the record"
            )
        if self.pre_trigger > 0.5 * self.record_length or self.pre_trigger < 0.02 * self.record_length:
            raise UserMistake(
                f"pre_trigger {self.pre_trigger:g} us must be 2 to 50 % of record_length {self.record_length:g} us"
            )
        known = bench.preamp.sensitivities
        if self.sensitivity and not any(math.isclose(self.sensitivity, one, rel_tol=1e-6) for one in known):
            raise UserMistake(
                f"sensitivity {self.sensitivity:g} A/V is none of the amplifier's: {known[0]:g} to {known[-1]:g} A/V "
                f"in steps of 1, 2, 5; 0 chooses one"
            )
        if self.compliance * 1e-6 > bench.file.limits.compliance_a:
            raise UserMistake(
                f"compliance {self.compliance:g} uA is above the bench's limit of "
                f"{bench.file.limits.compliance_a * 1e6:g} uA (limits.compliance_a)"
            )

    def check_bias(self, bench: Bench, volts: float) -> None:
        """Check against the source meter."""
        bench.source_meter.check_bias(volts)

    def axes(self, bench: Bench) -> Mapping[str, npt.NDArray[np.float64]]:
        """Return the delays of a record's samples."""
        del bench
        return {"delay": np.arange(self.samples) * (self.record_length * 1e-6 / self.samples)}

    def measure(self, bench: Bench, run: Run) -> None:
        """Measure bias by bias."""
        source, light = bench.source_meter, bench.light
        if self.pulse_energy != 100.0 or light.energy_fraction != 1.0:
            light.set_energy_fraction(self.pulse_energy / 100)
        with contextlib.ExitStack() as everything:
            readout = TransientReadout(bench.preamp, bench.digitizer, run, self.gain_mode, self._window())
            everything.enter_context(source.bias(0.0, self.compliance * 1e-6))
            chosen = False
            for volts in run.progress(self._steps()):
                source.ramp_to(volts)
                run.wait(self.bias_settling_time)
                if not chosen:
                    with light.pulses(self.pulse_rate):
                        readout.choose_range(self.sensitivity or None, self.lowest_bandwidth * 1e3)
                    chosen = True
                dark = source.measure()
                if dark.in_compliance:
                    run.warn(f"{volts:g} V: the source meter limits the current to {self.compliance:g} uA")
                state = (volts, dark.current, dark.in_compliance)
                self._record(run, readout.read_unlit(), state, averages=0)
                with light.pulses(self.pulse_rate):
                    lit = readout.read(int(self.averages))
                self._record(run, lit, state, averages=int(self.averages))

    def _record(self, run: Run, seen: TransientCurrent, state: tuple[float, float, bool], averages: int) -> None:
        """Record a transient; of 0 averages: one without light."""
        assert self.sample is not None  # noqa: S101  (checked before anything was switched on)
        volts, dark_current, in_compliance = state
        run.record(
            self.transients,
            bias=volts,
            field=volts / (100.0 * self.sample.thickness_m),
            light=float(averages > 0),
            dark_current=dark_current,
            in_compliance=float(in_compliance),
            averages=float(averages),
            trigger=seen.trigger,
            range=seen.range,
            bandwidth=seen.bandwidth,
            current=seen.current,
        )

    def analyse(self, data: RunData) -> Sequence[FigureOfMerit]:
        """Find transit times and mobilities."""
        return tof_figures(data)

    def drawings(self, data: RunData) -> Sequence[Drawing]:
        """Draw the transients with their fits, and 1/t against bias."""
        return tof_drawings(data)
