"""Mobility-lifetime product from the photocurrent against bias."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import numpy as np

from analysis.figure import FigureOfMerit
from analysis.hecht import HechtFit, compare_hecht
from config.mistake import UserMistake
from drivers.bench import Bench
from procedures.drawing import Curve, Drawing, Points
from procedures.field_readings import field_readings
from procedures.lit_and_dark import LOOK_SAMPLES, LitAndDark
from procedures.parameters import FloatListParameter, FloatParameter, IntegerParameter, ListParameter
from procedures.procedure import Estimate
from procedures.run import Run
from procedures.run_data import Array, RunData
from procedures.streams import Scalar, Stream

MODELS = ("single-carrier", "surface-recombination", "two-carrier")
NANOAMPERE_PER_CM2 = 1e5


class Hecht(LitAndDark):
    """Mobility-lifetime product: photocurrent against bias at constant dose rate, dark current subtracted.

    At each field the current is read with the beam off, on and off again. Every signal is scaled to the mean dose rate
    of the run by the dosimeter's reading beside it, so that a drift of the tube is no slope in bias.
    """

    name = "hecht"

    fields = FloatListParameter(
        "Fields", units="V/cm", default="150:1600:12", minimum=-1e6, maximum=1e6, description="all of one sign"
    )
    tube_current = FloatParameter("Tube current", units="mA", default=0.5, minimum=1e-4, maximum=1000)
    visits = IntegerParameter(
        "Visits", default=1, minimum=1, maximum=100, description="readings with beam at each field"
    )
    model = ListParameter(
        "Model", choices=MODELS, default="single-carrier", description="quoted; the others are compared by AICc"
    )
    built_in_potential = FloatParameter(
        "Built-in potential", units="V", default=0, minimum=-5, maximum=5, description="added to the bias where known"
    )

    points = Stream(
        "points",
        "Photocurrent density against bias",
        bias="V",
        signal=Scalar("nA/cm2", errors=True),
        dose_rate=Scalar("Gy/s", errors=True),
        field="V/cm",
        primary=("bias", "signal"),
    )

    def estimate(self) -> Estimate:
        """Estimate from the parameters alone."""
        window = self.samples * self.sample_interval
        beam = self.settling_time + max(window, self.dose_time) + 1.0
        look = 2 * self.settling_time + LOOK_SAMPLES * self.sample_interval + 1.0
        fields, visits = len(self.fields), int(self.visits)
        beam_time = fields * (visits * beam + 2 * look)
        return Estimate(
            duration=fields * (self.bias_settling_time + 2 * window + visits * (window + self.settling_time))
            + beam_time,
            beam_time=beam_time,
            milliampere_seconds=beam_time * self.tube_current,
            operating_points=((self.tube_voltage, self.tube_current),),
            biases=tuple(self.bias_of(field) for field in self.fields) if self.sample else (),
            records=fields * (3 * visits + 2),
            bytes_to_write=fields * 2 * (visits + 1) * self.samples * 8,
        )

    def check(self, bench: Bench) -> None:
        """Check that the fields can be told apart as well."""
        if len({field > 0 for field in self.fields}) > 1 or 0.0 in self.fields:
            raise UserMistake("fields: must all be above zero, or all below")
        super().check(bench)

    def measure(self, bench: Bench, run: Run) -> None:
        """Measure from low to high field."""
        readout = self.current_readout(bench, run)
        with contextlib.ExitStack() as bias:
            for field in run.progress(sorted(set(self.fields), key=abs)):
                bias.close()
                bias.enter_context(self.bias(bench, self.bias_of(field)))
                run.wait(self.bias_settling_time)
                readout.settle()
                self.choose_range(bench, run, readout, field, self.tube_current)
                before = self.read_dark(bench, run, readout, field)
                for _ in range(self.visits):
                    lit, dose, _ = self.read_lit(bench, run, readout, field, self.tube_current)
                    after = self.read_dark(bench, run, readout, field)
                    signal, error = self.signal_density(before, lit, after)
                    run.record(
                        self.points,
                        bias=self.bias_of(field),
                        signal=signal,
                        signal_errors=error,
                        dose_rate=dose.value,
                        dose_rate_errors=dose.uncertainty,
                        field=field,
                    )
                    before = after

    def _signals(self, data: RunData) -> tuple[Array, Array, Array]:
        """Return bias, V, signal density, A/m2, and its uncertainty, scaled to the run's mean dose rate."""
        sample = data.sample
        if sample is None or sample.area_m2 is None:
            raise ValueError("the run file holds no sample with an area")
        rows = []
        for read in field_readings(data, sample.area_m2):
            for signal, rate, error in zip(read.signals, read.dose_rates, read.dose_errors, strict=True):
                rows.append((read.field * 100 * sample.thickness_m, signal.density, signal.uncertainty, rate, error))
        bias, density, uncertainty, rate, error = np.array(rows).T if rows else np.empty((5, 0))
        # an imported table need not tell the dose rate: it was constant then
        if not np.isfinite(rate).all():
            rate, error = np.ones_like(rate), np.zeros_like(error)
        scale = rate.mean() / rate if len(rate) else rate
        return bias, density * scale, np.hypot(uncertainty * scale, density * scale * error / np.maximum(rate, 1e-300))

    def _fit(self, data: RunData) -> tuple[HechtFit, dict[str, HechtFit]]:
        bias, signal, uncertainty = self._signals(data)
        sample = data.sample
        assert sample is not None  # noqa: S101  (`_signals` has looked)
        area = sample.area_uncertainty_cm2 / sample.area_cm2 if sample.area_cm2 else 0.0
        fit, others = compare_hecht(
            bias,
            signal,
            sample.thickness_m,
            uncertainty,
            model=self.model,
            built_in=self.built_in_potential,
            thickness_uncertainty=sample.thickness_uncertainty_um / sample.thickness_um,
            area_uncertainty=area,
        )
        return fit, {str(name): other for name, other in others.items()}

    def analyse(self, data: RunData) -> Sequence[FigureOfMerit]:
        """Fit the models of charge collection."""
        if len(self._signals(data)[0]) < 4:
            reason = f"{len(self._signals(data)[0])} photocurrents were measured: a fit needs at least 4"
            return [FigureOfMerit.refused("mu_tau", "cm2/V", "Hecht", reason)]
        return self._fit(data)[0].figures

    def drawings(self, data: RunData) -> Sequence[Drawing]:
        """Draw the photocurrent against bias with the fit."""
        bias, signal, uncertainty = self._signals(data)
        if not len(bias):
            return ()
        curves: list[Curve] = []
        if len(bias) >= 4:
            for name, fit in self._fit(data)[1].items():
                order = np.argsort(np.abs(fit.bias))
                curves.append(Curve(fit.bias[order], fit.curve[order] * NANOAMPERE_PER_CM2, label=name))
        return (
            Drawing(
                f"Photocurrent of {data.sample.name if data.sample else 'the sample'} against bias",
                "Bias (V)",
                "Signal current density (nA/cm2)",
                (Points(bias, signal * NANOAMPERE_PER_CM2, uncertainty * NANOAMPERE_PER_CM2),),
                curves,
                quoted=("mu_tau", "j0", "j0_mu_tau"),
            ),
        )
