"""Dose rate against tube current at several tube voltages, stored for benches without a dosimeter in the beam."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from analysis.figure import FigureOfMerit
from analysis.linearity import power_law_exponent
from analysis.scattered_line import fit_line_with_scatter
from drivers.bench import Bench
from drivers.roles import Dosimeter, XrayTube
from procedures.beam_sweep import ORDERS, ordered
from procedures.parameters import FloatListParameter, FloatParameter, IntegerParameter, ListParameter
from procedures.procedure import Estimate, Procedure
from procedures.run import Run
from procedures.run_data import RunData
from procedures.streams import Scalar, Stream

UNIT = "uGy/(s mA)"
MICRO = 1e6


class DoseCalibration(Procedure):
    """Dose rate against tube current at several tube voltages, stored as a table for the dose-table driver."""

    name = "dose-calibration"
    needs = (XrayTube, Dosimeter)

    tube_voltages = FloatListParameter("Tube voltages", units="kV", default="30, 40, 50", minimum=5, maximum=450)
    tube_currents = FloatListParameter(
        "Tube currents", units="mA", default="0.2:1.0:5", minimum=1e-4, maximum=1000, description="FROM:TO:HOW MANY"
    )
    repeats = IntegerParameter("Repeats", default=2, minimum=1, maximum=1000, description="visits to each current")
    order = ListParameter("Order", choices=ORDERS, default="up and down")
    settling_time = FloatParameter("Settling time", units="s", default=2.0, minimum=0, maximum=3600)
    dose_time = FloatParameter(
        "Dose time", units="s", default=5.0, minimum=0.1, maximum=600, description="of a dosimeter reading"
    )

    sweep = Stream(
        "sweep",
        "Dose rate against tube current",
        tube_current="mA",
        dose_rate=Scalar("Gy/s", errors=True),
        tube_voltage="kV",
        primary=("tube_current", "dose_rate"),
    )

    def estimate(self) -> Estimate:
        """Estimate from the parameters alone."""
        points = len(self.tube_voltages) * len(self.tube_currents) * self.repeats
        beam = self.settling_time + self.dose_time + 0.5
        return Estimate(
            duration=points * (beam + 0.5),
            beam_time=points * beam,
            milliampere_seconds=beam * self.repeats * len(self.tube_voltages) * sum(self.tube_currents),
            operating_points=tuple((kv, ma) for kv in self.tube_voltages for ma in self.tube_currents),
            records=points,
            bytes_to_write=points * 40,
        )

    def measure(self, bench: Bench, run: Run) -> None:
        """Measure voltage by voltage."""
        steps = [
            (voltage, current)
            for voltage in self.tube_voltages
            for current in ordered(self.tube_currents, self.repeats, self.order)
        ]
        for voltage, current in run.progress(steps):
            with bench.tube.beam(kilovolts=voltage, milliamps=current) as reached:
                run.wait(self.settling_time)
                dose = bench.dosimeter.dose_rate(self.dose_time)
                run.record(
                    self.sweep,
                    tube_current=reached.current_ma,
                    dose_rate=dose.value,
                    dose_rate_errors=dose.uncertainty,
                    tube_voltage=voltage,
                )

    def analyse(self, data: RunData) -> Sequence[FigureOfMerit]:
        """Fit dose rate on current per voltage, and how it goes with the voltage."""
        sweep = data[self.sweep]
        calibration = data.calibration("dosimeter", "relative_uncertainty", 0.0)
        figures: list[FigureOfMerit] = []
        rates: list[tuple[float, FigureOfMerit]] = []
        for voltage in dict.fromkeys(sweep["tube_voltage"].tolist()):
            rows = sweep["tube_voltage"] == voltage
            current, rate, error = (sweep[name][rows] for name in ("tube_current", "dose_rate", "dose_rate_errors"))
            if len(set(current.tolist())) < 3:
                reason = f"{int(rows.sum())} readings at {voltage:g} kV: a line needs three different currents"
                figures.append(FigureOfMerit.refused("dose_rate_per_current", UNIT, "line", reason))
                continue
            fit = fit_line_with_scatter(current, rate, error)
            per_current = fit.slope_figure("Gy/(s mA)", "dose_rate_per_current")
            per_current = per_current.with_systematic(abs(fit.slope) * calibration).scaled(MICRO, UNIT)
            rates.append((voltage, per_current))
            exponent = power_law_exponent(current, rate, error)
            figures += [
                figure.at_condition(tube_voltage=(voltage, "kV"))
                for figure in (
                    per_current,
                    fit.intercept_figure("Gy/s").scaled(1e9, "nGy/s"),
                    fit.r2_figure(),
                    exponent,
                )
            ]
        return [*figures, self._voltage_exponent(rates)]

    @staticmethod
    def _voltage_exponent(rates: Sequence[tuple[float, FigureOfMerit]]) -> FigureOfMerit:
        """Return the exponent of dose rate on voltage; it holds for this filter only."""
        name, method = "voltage_exponent", "power law of dose rate per current on tube voltage"
        known = [(voltage, figure.value, figure.statistical or 0.0) for voltage, figure in rates if figure.value]
        if len(known) < 3:
            return FigureOfMerit.refused(name, "1", method, f"{len(known)} tube voltages were measured, needs 3")
        voltages, values, errors = (np.array(column) for column in zip(*known, strict=True))
        return power_law_exponent(voltages, values, errors, name=name).with_warnings("holds for this filter only")

    def products(self, data: RunData, stem: Path) -> Sequence[Path]:
        """Write the table that the dose-table driver reads."""
        from drivers.dose_table import DoseTableEntry, write_dose_table

        sweep = data[self.sweep]
        entries = []
        for voltage in dict.fromkeys(sweep["tube_voltage"].tolist()):
            for setting in self._settings(sweep["tube_current"][sweep["tube_voltage"] == voltage]):
                rows = (sweep["tube_voltage"] == voltage) & (np.abs(sweep["tube_current"] / setting - 1) < 0.02)
                rates, errors = sweep["dose_rate"][rows], sweep["dose_rate_errors"][rows]
                scatter = float(rates.std(ddof=1)) if len(rates) > 1 else 0.0
                error = max(scatter, float(np.sqrt(np.mean(errors**2)))) / np.sqrt(len(rates))
                current = float(sweep["tube_current"][rows].mean())
                entries.append(DoseTableEntry(voltage, current, float(rates.mean()), float(error)))
        path = stem.with_name(f"{stem.name}.dose-table.toml")
        write_dose_table(
            path,
            entries,
            data.geometry,
            data.calibration("dosimeter", "relative_uncertainty", 0.05),
            stem.name,
            datetime.now().astimezone().date(),
        )
        return [path]

    @staticmethod
    def _settings(currents: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> list[float]:
        """Return the different settings among currents that were read back."""
        found: list[float] = []
        for current in np.sort(currents):
            if not found or current / found[-1] - 1 >= 0.02:
                found.append(float(current))
        return found
