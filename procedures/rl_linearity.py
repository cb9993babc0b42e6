"""Integrated radioluminescence against dose rate, at constant tube voltage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from analysis.figure import FigureOfMerit
from drivers.bench import Bench
from drivers.roles import Dosimeter, Spectrometer, XrayTube
from procedures.beam_sweep import ORDERS, ordered
from procedures.drawing import Drawing, Points, line_curve
from procedures.exposure import suitable_integration_time
from procedures.parameters import BooleanParameter, FloatListParameter, FloatParameter, IntegerParameter, ListParameter
from procedures.procedure import Estimate, Procedure
from procedures.rl_analysis import (
    FEWEST_POINTS,
    INTENSITY_UNIT,
    LinearityPoints,
    Optics,
    band_within,
    in_band,
    linearity_figures,
    linearity_points,
    net_rate,
)
from procedures.run import Run
from procedures.run_data import RunData
from procedures.streams import Scalar, Spectrum, Stream


class RLLinearity(Procedure):
    """Integrated radioluminescence against dose rate, at constant tube voltage.

    The tube current is varied; at each the dosimeter and the spectrometer are read. Dark spectra are taken with the
    beam off at the beginning of each pass. Every current is visited several times, so that the scatter is known and a
    lack of fit can be told from it.
    """

    name = "rl-linearity"
    needs = (XrayTube, Dosimeter, Spectrometer)

    tube_voltage = FloatParameter("Tube voltage", units="kV", default=30, minimum=5, maximum=450)
    tube_currents = FloatListParameter(
        "Tube currents", units="mA", default="0.2:2.4:12", minimum=1e-4, maximum=1000, description="FROM:TO:HOW MANY"
    )
    repeats = IntegerParameter("Repeats", default=4, minimum=1, maximum=1000, description="visits to each current")
    order = ListParameter("Order", choices=ORDERS, default="up and down")
    settling_time = FloatParameter("Settling time", units="s", default=1.0, minimum=0, maximum=3600)
    dose_time = FloatParameter(
        "Dose time", units="s", default=1.0, minimum=0.1, maximum=600, description="of a dosimeter reading"
    )
    automatic_exposure = BooleanParameter(
        "Automatic exposure", default=True, description="choose the integration time at the largest current"
    )
    integration_time = FloatParameter(
        "Integration time", units="s", default=0.5, minimum=1e-3, maximum=60, description="first guess if automatic"
    )
    averages = IntegerParameter("Averages", default=3, minimum=1, maximum=1000, description="exposures a point")
    band_start = FloatParameter("Band start", units="nm", default=0, minimum=0, maximum=5000)
    band_end = FloatParameter("Band end", units="nm", default=5000, minimum=0, maximum=5000)

    sweep = Stream(
        "sweep",
        "Radioluminescence against dose rate",
        dose_rate=Scalar("Gy/s", errors=True),
        intensity=Scalar("count nm/s", errors=True),
        tube_current="mA",
        integration_time="s",
        saturated="1",
        counts=Spectrum("count"),
        primary=("dose_rate", "intensity"),
    )
    dark = Stream(
        "dark",
        "Spectra without beam",
        integration_time="s",
        counts=Spectrum("count"),
        primary=("wavelength", "counts"),
    )

    def estimate(self) -> Estimate:
        """Estimate from the parameters alone."""
        points = len(self.tube_currents) * self.repeats
        exposure = self.integration_time * (self.averages + 1)
        beam = self.settling_time + self.dose_time + exposure + 0.5
        charge = beam * self.repeats * sum(self.tube_currents)
        return Estimate(
            duration=points * (beam + 0.5) + self.repeats * exposure,
            beam_time=points * beam,
            milliampere_seconds=charge,
            operating_points=tuple((self.tube_voltage, current) for current in self.tube_currents),
            records=points,
            bytes_to_write=points * 2048 * 16,
        )

    def axes(self, bench: Bench) -> Mapping[str, npt.NDArray[np.float64]]:
        """Ask the spectrometer for its wavelengths."""
        return {"wavelength": bench.spectrometer.wavelengths_nm()}

    def measure(self, bench: Bench, run: Run) -> None:
        """Measure."""
        wavelengths = bench.spectrometer.wavelengths_nm()
        band = band_within(wavelengths, self.band_start, self.band_end)
        optics = Optics.of(wavelengths, bench.spectrometer.calibration())
        exposure_time = self._exposure_time(bench, run)
        dark = None
        for step, current in enumerate(run.progress(ordered(self.tube_currents, self.repeats, self.order))):
            if step % len(self.tube_currents) == 0 or dark is None:
                dark = bench.spectrometer.spectrum(exposure_time, self.averages).counts
                run.record(self.dark, integration_time=exposure_time, counts=dark)
            with bench.tube.beam(kilovolts=self.tube_voltage, milliamps=current) as reached:
                run.wait(self.settling_time)
                dose = bench.dosimeter.dose_rate(self.dose_time)
                light = bench.spectrometer.spectrum(exposure_time, self.averages)
                rate = net_rate(optics, light.counts, dark, exposure_time, band)
                run.record(
                    self.sweep,
                    dose_rate=dose.value,
                    dose_rate_errors=dose.uncertainty,
                    intensity=rate.value,
                    intensity_errors=rate.uncertainty,
                    tube_current=reached.current_ma,
                    integration_time=exposure_time,
                    saturated=float(bool(light.saturated[in_band(wavelengths, band)].any())),
                    counts=light.counts,
                )

    def _exposure_time(self, bench: Bench, run: Run) -> float:
        if not self.automatic_exposure:
            return float(self.integration_time)
        with bench.tube.beam(kilovolts=self.tube_voltage, milliamps=max(self.tube_currents)):
            run.wait(self.settling_time)
            found = suitable_integration_time(bench.spectrometer, self.integration_time)
        run.note(f"integration time {found:.4g} s")
        return found

    def _points(self, data: RunData) -> LinearityPoints:
        wavelengths = data.axes["sweep"]["wavelength"]
        band = band_within(wavelengths, self.band_start, self.band_end)
        return linearity_points(data[self.sweep], data[self.dark], Optics.of_run(data, "sweep"), band)

    def analyse(self, data: RunData) -> Sequence[FigureOfMerit]:
        """Fit line and power law."""
        return linearity_figures(self._points(data), data.calibration("dosimeter", "relative_uncertainty", 0.0))

    def drawings(self, data: RunData) -> Sequence[Drawing]:
        """Draw intensity against dose rate with the line."""
        points = self._points(data)
        if not len(points.dose_rate):
            return ()
        # one unit whatever the rates: runs with others are laid over one another
        unit, scale = "mGy/s", 1e3
        curves = (line_curve(points.fit, scale),) if len(np.unique(points.setting)) >= FEWEST_POINTS else ()
        measured = Points(points.dose_rate * scale, points.intensity, points.intensity_error, points.dose_error * scale)
        name = data.sample.name if data.sample else "the sample"
        return (
            Drawing(
                f"Radioluminescence of {name} at {self.tube_voltage:g} kV",
                f"Dose rate ({unit})",
                f"Integrated radioluminescence ({INTENSITY_UNIT})",
                (measured,),
                curves,
                quoted=("slope", "r2", "exponent"),
            ),
        )
