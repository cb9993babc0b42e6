"""The dosimeter of a bench that has none in the beam: a calibration of this beam, made once and stored."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from config.bench_file import Geometry
from config.mistake import UserMistake
from drivers.dose_table_file import DoseTableEntry, DoseTableFile, read_dose_table, write_dose_table
from drivers.dose_table_interpolation import interpolate
from drivers.errors import InstrumentError
from drivers.roles import DoseRate, Dosimeter, DriverOptions, Identity, Surroundings, TubeStatus, XrayTube, exclusive

__all__ = ["DoseTable", "DoseTableEntry", "DoseTableOptions", "write_dose_table"]

SAME_DISTANCE = 1e-3
"""Relative difference of two distances that counts as none: 0.2 % of dose rate."""
SAME_THICKNESS = 1e-3


class DoseTableOptions(DriverOptions):
    """What a bench file may say of a dose table."""

    rescale_distance: bool = Field(False, description="allow another distance than the table's, by 1/r2")
    distance_uncertainty_m: float = Field(0.001, ge=0, lt=1, description="of either distance, m, when rescaled")
    status_interval_s: float = Field(0.2, gt=0, le=10, description="between two readings of the tube's monitors")


class DoseTable(Dosimeter):
    """Dose rates from a stored calibration of this beam and what the tube says of itself.

    The table holds for its filters and distance; it is interpolated in tube current and voltage and never extrapolated
    (see `drivers.dose_table_interpolation`). With the beam off it reads zero.

    Parameters
    ----------
    resource
        Path of the file that the ``dose-calibration`` procedure wrote.
    options
        See `DoseTableOptions`.
    surroundings
        Of the bench.

    Raises
    ------
    UserMistake
        If there is no such file, or it is no dose table.
    """

    Options: ClassVar[type[DriverOptions]] = DoseTableOptions
    options: DoseTableOptions
    needs_tube: ClassVar[bool] = True
    """The bench's tube and geometry must be attached before it can say anything."""

    def __init__(
        self, resource: str, options: DriverOptions | None = None, surroundings: Surroundings | None = None
    ) -> None:
        super().__init__(resource, options, surroundings)
        self.table: DoseTableFile = read_dose_table(resource)
        self._tube: XrayTube | None = None
        self._rescaled_by: float | None = None
        self._rescaling_uncertainty = 0.0

    @property
    def identity(self) -> Identity:
        """The run that the table was made from."""
        return Identity("xraybench", "dose table", self.table.made_from, self.table.date.isoformat())

    @property
    def calibration_uncertainty(self) -> float:
        """Relative: of the dosimeter that the table was made with, and of a rescaled distance."""
        return math.hypot(self.table.calibration_uncertainty, self._rescaling_uncertainty)

    def attach_tube(self, tube: XrayTube) -> None:
        """Take the tube whose voltage, current and state are looked up."""
        self._tube = tube

    def attach_geometry(self, geometry: Geometry) -> None:
        """Check that the table was measured in this geometry.

        Raises
        ------
        UserMistake
            If filters differ, or the distance does and the options do not allow to rescale it.
        """
        table = self.table.geometry
        if not _same_filters(table, geometry):
            raise UserMistake(
                f"dose table {self.resource} was measured with {table}, the bench has {geometry}: "
                f"measure a table with these filters (xraybench run dose-calibration)"
            )
        here, there = geometry.distance_m, table.distance_m
        if abs(here / there - 1) <= SAME_DISTANCE:
            self._rescaled_by, self._rescaling_uncertainty = 1.0, 0.0
            return
        if not self.options.rescale_distance:
            raise UserMistake(
                f"dose table {self.resource} was measured at {there * 100:.4g} cm, the bench's sample is at "
                f"{here * 100:.4g} cm: measure another table, or set instruments.dosimeter.options.rescale_distance"
            )
        self._rescaled_by = (there / here) ** 2
        self._rescaling_uncertainty = 2 * self.options.distance_uncertainty_m * math.hypot(1 / here, 1 / there)

    @exclusive
    def dose_rate(self, duration: float = 1.0) -> DoseRate:
        """Look up the dose rate for what the tube's monitors read, averaged over `duration` s.

        The uncertainty is that of the table's points, of the interpolation and of the monitors' mean.

        Raises
        ------
        UserMistake
            If the table does not contain this operating point.
        """
        if not (math.isfinite(duration) and duration > 0):
            raise ValueError(f"a dose rate is measured over a positive time, not {duration} s")
        if self._tube is None or self._rescaled_by is None:
            raise InstrumentError(self.name, "no tube or no geometry is attached to the dose table")
        readings = self._monitors(self._tube, duration)
        if not any(reading.beam_on for reading in readings):
            return DoseRate(0.0, 0.0, duration)
        if not all(reading.beam_on for reading in readings):
            raise InstrumentError(self.name, "the beam went on or off while its dose rate was looked up")
        voltage = math.fsum(reading.voltage_kv for reading in readings) / len(readings)
        currents = [reading.current_ma for reading in readings]
        current = math.fsum(currents) / len(currents)
        found = interpolate(self.table.entries, voltage, current)
        scatter = math.fsum((value - current) ** 2 for value in currents) / max(1, len(currents) - 1)
        from_current = found.slope * math.sqrt(scatter / len(currents))
        return DoseRate(
            self._rescaled_by * found.dose_rate,
            self._rescaled_by * math.hypot(found.uncertainty, from_current),
            duration,
        )

    def _monitors(self, tube: XrayTube, duration: float) -> list[TubeStatus]:
        count = max(1, round(duration / self.options.status_interval_s))
        readings = []
        for _ in range(count):
            self.wait(duration / count)
            readings.append(tube.status())
        return readings

    def zero(self) -> None:
        """Do nothing: a table has no zero to correct."""

    def settings(self) -> Mapping[str, float | str | bool]:
        """Return which table it is and how it was rescaled."""
        return {
            "table": self.resource,
            "rescaled_by": self._rescaled_by if self._rescaled_by is not None else 1.0,
            "points": float(len(self.table.entries)),
        }

    def calibration(self) -> Mapping[str, float | str]:
        """Return the table's origin and its uncertainty."""
        return {
            "relative_uncertainty": self.calibration_uncertainty,
            "made_from": self.table.made_from,
            "date": self.table.date.isoformat(),
        }

    def close(self) -> None:
        """Do nothing: the file was read when it was opened."""


def _same_filters(first: Geometry, second: Geometry) -> bool:
    def sheets(geometry: Geometry) -> dict[str, float]:
        found: dict[str, float] = {}
        for sheet in geometry.filters:
            found[sheet.material] = found.get(sheet.material, 0.0) + sheet.thickness_mm
        return found

    mine, theirs = sheets(first), sheets(second)
    return mine.keys() == theirs.keys() and all(
        math.isclose(mine[material], theirs[material], rel_tol=SAME_THICKNESS) for material in mine
    )
