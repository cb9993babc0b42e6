"""Radioluminescence over time under the beam."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from analysis.figure import FigureOfMerit
from drivers.bench import Bench
from drivers.roles import Dosimeter, Spectrometer, XrayTube
from procedures.drawing import Drawing
from procedures.elsewhere.tabulated_light import has_no_spectra, light_drawings, light_figures
from procedures.exposure import suitable_integration_time
from procedures.irradiation import Irradiation
from procedures.parameters import BooleanParameter, FloatParameter, IntegerParameter
from procedures.procedure import Estimate, Procedure
from procedures.rl_analysis import Optics, band_within, in_band, net_rate
from procedures.rl_stability_analysis import stability_drawings, stability_figures
from procedures.run import Run
from procedures.run_data import RunData
from procedures.schedule import dense_then_sparse
from procedures.streams import Scalar, Spectrum, Stream

Array = npt.NDArray[np.float64]


class RLStability(Procedure):
    """Radioluminescence over time: light over the dose monitor's reading, peak, width and colour, under a steady beam.

    Spectra are taken often at first and seldom later. From time to time the beam goes off for a dark spectrum. Time and
    dose are those under the beam, counted from the dosimeter's readings.
    """

    name = "rl-stability"
    needs = (XrayTube, Dosimeter, Spectrometer)

    tube_voltage = FloatParameter("Tube voltage", units="kV", default=50, minimum=5, maximum=450)
    tube_current = FloatParameter("Tube current", units="mA", default=1.0, minimum=1e-4, maximum=1000)
    duration = FloatParameter("Duration", units="min", default=180, minimum=0.1, maximum=60_000)
    first_interval = FloatParameter("First interval", units="s", default=10, minimum=1, maximum=3600)
    longest_interval = FloatParameter("Longest interval", units="s", default=600, minimum=1, maximum=36_000)
    dark_interval = FloatParameter(
        "Dark interval", units="s", default=1800, minimum=10, maximum=360_000, description="between dark spectra"
    )
    settling_time = FloatParameter("Settling time", units="s", default=1.0, minimum=0, maximum=3600)
    dose_time = FloatParameter("Dose time", units="s", default=2.0, minimum=0.1, maximum=600)
    automatic_exposure = BooleanParameter("Automatic exposure", default=True)
    integration_time = FloatParameter(
        "Integration time", units="s", default=0.5, minimum=1e-3, maximum=60, description="first guess if automatic"
    )
    averages = IntegerParameter("Averages", default=3, minimum=1, maximum=1000, description="exposures a spectrum")
    band_start = FloatParameter("Band start", units="nm", default=0, minimum=0, maximum=5000)
    band_end = FloatParameter("Band end", units="nm", default=5000, minimum=0, maximum=5000)

    series = Stream(
        "series",
        "Radioluminescence over time",
        elapsed="s",
        ratio=Scalar("count nm/Gy", errors=True),
        dose="Gy",
        dose_rate=Scalar("Gy/s", errors=True),
        integration_time="s",
        saturated="1",
        counts=Spectrum("count"),
        primary=("elapsed", "ratio"),
    )
    dark = Stream(
        "dark",
        "Spectra without beam",
        elapsed="s",
        counts=Spectrum("count"),
        primary=("wavelength", "counts"),
    )

    def _moments(self) -> list[float]:
        return dense_then_sparse(self.duration * 60, self.first_interval, self.longest_interval)

    def estimate(self) -> Estimate:
        """Estimate from the parameters alone."""
        seconds = self.duration * 60 + self.dose_time + self.integration_time * (self.averages + 1)
        records = len(self._moments())
        return Estimate(
            duration=seconds * 1.01 + 30,
            beam_time=seconds,
            milliampere_seconds=seconds * self.tube_current,
            operating_points=((self.tube_voltage, self.tube_current),),
            records=records,
            bytes_to_write=records * 2048 * 8,
        )

    def axes(self, bench: Bench) -> Mapping[str, Array]:
        """Ask the spectrometer for its wavelengths."""
        return {"wavelength": bench.spectrometer.wavelengths_nm()}

    def measure(self, bench: Bench, run: Run) -> None:
        """Measure in stretches of beam between dark spectra."""
        irradiation = run.keep("irradiation", lambda: Irradiation(bench.clock.now))
        exposure = self._exposure_time(bench, run, irradiation)
        dark, dark_at = None, 0.0
        with contextlib.ExitStack() as beam:
            for moment in run.progress(self._moments()):
                if dark is None or irradiation.exposed - dark_at >= self.dark_interval:
                    beam.close()
                    dark, dark_at = bench.spectrometer.spectrum(exposure, self.averages).counts, irradiation.exposed
                    run.record(self.dark, elapsed=dark_at, counts=dark)
                    beam.enter_context(irradiation.beam(bench.tube, self.tube_voltage, self.tube_current))
                    run.wait(self.settling_time)
                run.wait(max(0.0, moment - irradiation.exposed))
                self._read(bench, run, irradiation, dark, exposure)

    def _exposure_time(self, bench: Bench, run: Run, irradiation: Irradiation) -> float:
        if not self.automatic_exposure:
            return float(self.integration_time)
        with irradiation.beam(bench.tube, self.tube_voltage, self.tube_current):
            run.wait(self.settling_time)
            irradiation.reading(bench.dosimeter.dose_rate(self.dose_time).value)
            found = suitable_integration_time(bench.spectrometer, self.integration_time)
        run.note(f"integration time {found:.4g} s")
        return found

    def _read(self, bench: Bench, run: Run, irradiation: Irradiation, dark: Array, exposure: float) -> None:
        """Take one spectrum beside a dose reading."""
        dose_rate = bench.dosimeter.dose_rate(self.dose_time)
        light = bench.spectrometer.spectrum(exposure, self.averages)
        irradiation.reading(dose_rate.value)
        wavelengths = bench.spectrometer.wavelengths_nm()
        band = band_within(wavelengths, self.band_start, self.band_end)
        optics = Optics.of(wavelengths, bench.spectrometer.calibration())
        seen = net_rate(optics, light.counts, dark, exposure, band)
        error = np.hypot(seen.uncertainty, seen.value * dose_rate.uncertainty / dose_rate.value) / dose_rate.value
        run.record(
            self.series,
            elapsed=irradiation.exposed,
            ratio=seen.value / dose_rate.value,
            ratio_errors=float(error),
            dose=irradiation.dose,
            dose_rate=dose_rate.value,
            dose_rate_errors=dose_rate.uncertainty,
            integration_time=exposure,
            saturated=float(bool(light.saturated[in_band(wavelengths, band)].any())),
            counts=light.counts,
        )

    def analyse(self, data: RunData) -> Sequence[FigureOfMerit]:
        """Find what is left, the time to 95 %, and how the spectrum changed."""
        if has_no_spectra(data):
            return light_figures(data)
        band = band_within(data.axes["series"]["wavelength"], self.band_start, self.band_end)
        return stability_figures(data[self.series], data[self.dark], Optics.of_run(data, "series"), band)

    def drawings(self, data: RunData) -> Sequence[Drawing]:
        """Draw what is left over time, and over dose."""
        if has_no_spectra(data):
            return light_drawings(data)
        return stability_drawings(data[self.series], data.sample.name if data.sample else "the sample")
