"""Radioluminescence spectrum of a scintillator, beside a reference if wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from analysis.figure import FigureOfMerit
from config.loading import sample_file
from drivers.bench import Bench
from drivers.roles import Dosimeter, Spectrometer, XrayTube
from procedures.drawing import Drawing, Points
from procedures.exposure import suitable_integration_time
from procedures.parameters import BooleanParameter, FloatParameter, IntegerParameter, Parameter
from procedures.procedure import Estimate, Procedure
from procedures.rl_analysis import Optics, band_within, in_band, spectrum_figures, spectrum_of
from procedures.run import Run
from procedures.run_data import RunData
from procedures.streams import Scalar, Spectrum, Stream


class RLSpectrum(Procedure):
    """Radioluminescence spectrum: peak, width, centroid and intensity, beside a reference scintillator if wanted."""

    name = "rl-spectrum"
    needs = (XrayTube, Dosimeter, Spectrometer)

    tube_voltage = FloatParameter("Tube voltage", units="kV", default=50, minimum=5, maximum=450)
    tube_current = FloatParameter("Tube current", units="mA", default=1.0, minimum=1e-4, maximum=1000)
    settling_time = FloatParameter("Settling time", units="s", default=1.0, minimum=0, maximum=3600)
    dose_time = FloatParameter(
        "Dose time", units="s", default=2.0, minimum=0.1, maximum=600, description="of a dosimeter reading"
    )
    automatic_exposure = BooleanParameter("Automatic exposure", default=True, description="choose the integration time")
    integration_time = FloatParameter(
        "Integration time", units="s", default=0.5, minimum=1e-3, maximum=60, description="first guess if automatic"
    )
    averages = IntegerParameter("Averages", default=10, minimum=1, maximum=10_000, description="exposures a spectrum")
    band_start = FloatParameter("Band start", units="nm", default=0, minimum=0, maximum=5000)
    band_end = FloatParameter("Band end", units="nm", default=5000, minimum=0, maximum=5000)
    reference = Parameter(
        "Reference", default="", description="name of a sample file of the reference scintillator; empty for none"
    )

    spectra = Stream(
        "spectra",
        "Radioluminescence spectrum",
        net=Spectrum("count/s"),
        counts=Spectrum("count"),
        dark=Spectrum("count"),
        integration_time="s",
        saturated="1",
        dose_rate=Scalar("Gy/s", errors=True),
        tube_current="mA",
        is_reference="1",
        primary=("wavelength", "net"),
    )

    def estimate(self) -> Estimate:
        """Estimate from the parameters alone."""
        spectra = 2 if self.reference else 1
        exposure = self.integration_time * (self.averages + 1)
        beam = 2 * self.settling_time + self.dose_time + 2 * exposure
        return Estimate(
            duration=spectra * (beam + exposure + 1.0),
            beam_time=spectra * beam,
            milliampere_seconds=spectra * beam * self.tube_current,
            operating_points=((self.tube_voltage, self.tube_current),),
            records=spectra,
            bytes_to_write=spectra * 2048 * 48,
        )

    def check(self, bench: Bench) -> None:
        """Check that the reference exists as well."""
        if self.reference:
            sample_file(self.reference)
        super().check(bench)

    def axes(self, bench: Bench) -> Mapping[str, npt.NDArray[np.float64]]:
        """Ask the spectrometer for its wavelengths."""
        return {"wavelength": bench.spectrometer.wavelengths_nm()}

    def measure(self, bench: Bench, run: Run) -> None:
        """Measure the sample, then the reference."""
        placed = self.sample.name if self.sample else ""
        for name in run.progress([placed, self.reference] if self.reference else [placed]):
            if name != placed:
                run.place(name)
                placed = name
            self._measure_one(bench, run, is_reference=bool(self.reference) and name == self.reference)

    def _measure_one(self, bench: Bench, run: Run, *, is_reference: bool) -> None:
        spectrometer = bench.spectrometer
        wavelengths = spectrometer.wavelengths_nm()
        band = band_within(wavelengths, self.band_start, self.band_end)
        time = float(self.integration_time)
        if self.automatic_exposure:
            with bench.tube.beam(kilovolts=self.tube_voltage, milliamps=self.tube_current):
                run.wait(self.settling_time)
                time = suitable_integration_time(spectrometer, time)
            run.note(f"integration time {time:.4g} s")
        dark = spectrometer.spectrum(time, self.averages).counts
        with bench.tube.beam(kilovolts=self.tube_voltage, milliamps=self.tube_current) as reached:
            run.wait(self.settling_time)
            dose = bench.dosimeter.dose_rate(self.dose_time)
            exposure = spectrometer.spectrum(time, self.averages)
        saturated = bool(exposure.saturated[in_band(wavelengths, band)].any())
        if saturated:
            run.warn("the spectrum is saturated: it is recorded, and no figure will be taken from it")
        run.record(
            self.spectra,
            net=(exposure.counts - dark) / time,
            counts=exposure.counts,
            dark=dark,
            integration_time=time,
            saturated=float(saturated),
            dose_rate=dose.value,
            dose_rate_errors=dose.uncertainty,
            tube_current=reached.current_ma,
            is_reference=float(is_reference),
        )

    def analyse(self, data: RunData) -> Sequence[FigureOfMerit]:
        """Find peak, width, centroid, intensity."""
        wavelengths = data.axes["spectra"]["wavelength"]
        band = band_within(wavelengths, self.band_start, self.band_end)
        calibration = data.calibration("dosimeter", "relative_uncertainty", 0.0)
        return spectrum_figures(data[self.spectra], Optics.of_run(data, "spectra"), band, calibration)

    def drawings(self, data: RunData) -> Sequence[Drawing]:
        """Draw the spectra after dark subtraction, with the noise of their pixels."""
        spectra, optics = data[self.spectra], Optics.of_run(data, "spectra")
        drawn = []
        for row in range(len(spectra["time"])):
            net = spectrum_of(row, spectra, optics)
            name = (
                (data.sample.name if data.sample else "sample") if not spectra["is_reference"][row] else self.reference
            )
            top = float(net.counts.max()) or 1.0
            drawn.append(Points(optics.wavelengths, net.counts / top, net.uncertainty / top, label=name, joined=True))
        return (
            Drawing(
                f"Radioluminescence at {self.tube_voltage:g} kV, {self.tube_current:g} mA",
                "Wavelength (nm)",
                "Counts after dark subtraction, over the highest",
                drawn,
                quoted=("peak_wavelength", "fwhm"),
            ),
        )
