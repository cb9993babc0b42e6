"""What measurements of a biased sample's current share: where the bias comes from, how the current is read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from config.mistake import UserMistake
from drivers.bench import Bench
from drivers.roles import CurrentPreamp, Digitizer, SourceMeter
from procedures.current_readout import (
    GAIN_MODES,
    LOWPASSES,
    READOUTS,
    CurrentReadout,
    CurrentWindow,
    PreampReadout,
    SourceMeterReadout,
)
from procedures.parameters import FloatParameter, IntegerParameter, ListParameter
from procedures.procedure import Procedure
from procedures.run import Run

BIAS_SOURCES = ("source meter", "preamp")


class BiasedSample(Procedure):
    """Base of the procedures that put a bias on a sample and read its current in windows."""

    readout = ListParameter("Readout", choices=READOUTS, default="preamp")
    bias_source = ListParameter("Bias source", choices=BIAS_SOURCES, default="source meter")
    gain_mode = ListParameter(
        "Gain mode", choices=GAIN_MODES, default="high bandwidth", group_by="readout", group_condition="preamp"
    )
    lowpass = ListParameter(
        "Lowpass",
        choices=LOWPASSES,
        units="Hz",
        default=100,
        group_by="readout",
        group_condition="preamp",
        description="of the preamplifier: the limit of detection goes with its root",
    )
    samples = IntegerParameter("Samples", default=200, minimum=16, maximum=100_000, description="of a reading")
    sample_interval = FloatParameter("Sample interval", units="s", default=0.1, minimum=1e-5, maximum=60)
    settling_time = FloatParameter(
        "Settling time", units="s", default=2.0, minimum=0, maximum=3600, description="after the beam went on or off"
    )
    bias_settling_time = FloatParameter(
        "Bias settling time", units="s", default=30.0, minimum=0, maximum=36000, description="after a new field"
    )
    compliance = FloatParameter("Compliance", units="uA", default=50.0, minimum=1e-6, maximum=1e6)
    integration_cycles = FloatParameter(
        "Integration", units="", default=1.0, minimum=0.01, maximum=10, description="power line cycles, source meter"
    )

    def bias_of(self, field: float) -> float:
        """Return the bias for a field, V/cm, across the sample's thickness."""
        if self.sample is None:
            raise UserMistake(f"{self.name} needs a sample: give --sample NAME or FILE (see xraybench samples)")
        return field * 100 * self.sample.thickness_m

    def check(self, bench: Bench) -> None:
        """Check instruments, limits and that the wanted readout is there."""
        if self.readout == "preamp":
            bench.get(CurrentPreamp)
            bench.get(Digitizer)
        if self.readout == "source meter":
            bench.get(SourceMeter)
            if self.bias_source != "source meter":
                raise UserMistake("readout = source meter needs bias_source = source meter")
            if self.compliance * 1e-6 > bench.file.limits.compliance_a:
                raise UserMistake(
                    f"compliance {self.compliance:g} uA is above the bench's limit of "
                    f"{bench.file.limits.compliance_a * 1e6:g} uA (limits.compliance_a)"
                )
        super().check(bench)

    def check_bias(self, bench: Bench, volts: float) -> None:
        """Check a bias against the limits of whoever gives it."""
        if self.bias_source == "preamp":
            bench.preamp.check_bias(volts)
        elif volts or self.readout == "source meter":
            bench.source_meter.check_bias(volts)

    def axes(self, bench: Bench) -> Mapping[str, npt.NDArray[np.float64]]:
        """Return the delays of a window's samples."""
        del bench
        return {"delay": np.arange(self.samples) * self.sample_interval}

    def current_readout(self, bench: Bench, run: Run) -> CurrentReadout:
        """Set up the way in which the current is read."""
        if self.readout == "preamp":
            return PreampReadout(bench.preamp, bench.digitizer, run, self.gain_mode, float(self.lowpass))
        return SourceMeterReadout(bench.source_meter)

    @contextlib.contextmanager
    def bias(self, bench: Bench, volts: float) -> Iterator[None]:
        """Have a bias on the sample inside a ``with`` block, from whoever is to give it."""
        if self.bias_source == "preamp":
            try:
                bench.preamp.set_bias(volts)
                yield
            finally:
                bench.preamp.set_bias(0.0)
        elif volts == 0.0 and self.readout == "preamp":
            # the preamplifier's virtual ground is the zero; a source meter's own offset would only disturb it
            yield
        else:
            source = bench.source_meter
            compliance = min(self.compliance * 1e-6, bench.file.limits.compliance_a)
            with source.bias(volts, compliance):
                source.configure(compliance, self.integration_cycles)
                yield

    def window(self, bench: Bench, readout: CurrentReadout) -> tuple[CurrentWindow, float]:
        """Read a window and say when its middle was, s on the bench's clock."""
        window = readout.read(self.samples, self.sample_interval)
        return window, bench.clock.now() - 0.5 * len(window.current) * window.interval
