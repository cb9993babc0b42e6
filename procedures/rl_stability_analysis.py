"""From spectra over time to what is left of the light and how its colour changed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from analysis.chromaticity import chromaticity
from analysis.figure import FigureOfMerit
from analysis.spectral_peaks import fwhm, peak_wavelength
from analysis.stability import ratio_to_monitor, relative_slope, remaining, t95
from procedures.drawing import Drawing, Points
from procedures.rl_analysis import Optics, net_rate, spectrum_of
from procedures.run_data import Array

FEWEST = 6


def _usable(series: Mapping[str, Array]) -> npt.NDArray[np.intp]:
    return np.flatnonzero((series["saturated"] == 0) & (series["dose_rate"] > 0))


def _dark_of(series: Mapping[str, Array], dark: Mapping[str, Array], row: int) -> Array:
    """Return the last dark spectrum before a record."""
    before = np.flatnonzero(dark["time"] <= series["time"][row])
    spectrum: Array = dark["counts"][before[-1]]
    return spectrum


def stability_figures(
    series: Mapping[str, Array], dark: Mapping[str, Array], optics: Optics, band: tuple[float, float]
) -> list[FigureOfMerit]:
    """Return what is left, the time to 95 %, the slope, and peak, width and colour at the beginning and at the end.

    Parameters
    ----------
    series, dark
        Columns of the streams.
    optics
        Of the spectrometer.
    band
        That is integrated, nm.
    """
    rows = _usable(series)
    if len(rows) < FEWEST:
        reason = f"{len(rows)} spectra that can be used, at least {FEWEST} are needed"
        return [FigureOfMerit.refused("remaining", "%", "smooth course", reason)]
    light = np.array(
        [
            net_rate(
                optics, series["counts"][row], _dark_of(series, dark, row), series["integration_time"][row], band
            ).value
            for row in rows
        ]
    )
    elapsed = series["elapsed"][rows]
    ratio = ratio_to_monitor(light, series["dose_rate"][rows])
    lost = len(series["saturated"]) - len(rows)
    warnings = (f"{lost} spectra are saturated and left out",) if lost else ()
    dose = float(series["dose"][rows[-1]])
    found = [remaining(elapsed, ratio), t95(elapsed, ratio), relative_slope(elapsed, ratio)]
    figures = [figure.with_details(dose_gy=dose).with_warnings(*warnings) for figure in found]
    for row in (int(rows[0]), int(rows[-1])):
        at = (float(series["elapsed"][row]), "s")
        figures += [figure.at_condition(time=at) for figure in _spectrum_figures(series, dark, row, optics, band)]
    return figures


def _spectrum_figures(
    series: Mapping[str, Array], dark: Mapping[str, Array], row: int, optics: Optics, band: tuple[float, float]
) -> list[FigureOfMerit]:
    """Return peak, width and chromaticity of one spectrum."""
    one = {name: series[name][row : row + 1] for name in ("counts", "saturated")}
    net = spectrum_of(0, {**one, "dark": _dark_of(series, dark, row)[np.newaxis]}, optics)
    # a photon carries power in proportion to 1/wavelength; per nm, not per pixel
    power = net.counts / (net.wavelengths_nm * net.pixel_widths_nm)
    spread = net.uncertainty / (net.wavelengths_nm * net.pixel_widths_nm)
    return [
        peak_wavelength(net, band).with_systematic(optics.wavelength_uncertainty),
        fwhm(net, band),
        *chromaticity(net.wavelengths_nm, power, spread),
    ]


def stability_drawings(series: Mapping[str, Array], name: str) -> list[Drawing]:
    """Draw what is left over time."""
    rows = _usable(series)
    if not len(rows):
        return []
    start = float(series["ratio"][rows[: max(1, len(rows) // 20)]].mean())
    elapsed = series["elapsed"][rows]
    unit, scale = ("h", 3600.0) if elapsed.max() > 7200 else ("min", 60.0)
    share, error = series["ratio"][rows] / start * 100, series["ratio_errors"][rows] / start * 100
    return [
        Drawing(
            f"Radioluminescence of {name} under the beam, {series['dose'][rows[-1]]:.4g} Gy in all",
            f"Time under the beam ({unit})",
            "Radioluminescence over dose rate (% of the start)",
            (Points(elapsed / scale, share, error),),
            quoted=("remaining", "t95"),
        )
    ]
