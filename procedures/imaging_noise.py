"""Noise of a run's images: signal to noise, noise power, indicative DQE, and how they go with the dose."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from analysis.clipped_pixels import SPOILING_SHARE
from analysis.dose_series import dose_at_snr, low_dose_series
from analysis.edge_response import SlantedEdge
from analysis.figure import FigureOfMerit
from analysis.image_noise import (
    NoisePowerSpectrum,
    detective_quantum_efficiency,
    noise_power_spectrum,
    signal_to_noise,
)
from analysis.radiograph import FEWEST_FRAMES, direct_hits
from procedures.image_region import region_of, slices_of
from procedures.run_data import Array, RunData
from procedures.theoretical_sensitivity import beam_spectrum

MOST_FRAMES, LARGEST_SIDE = 8, 1024
"""That a noise power spectrum is taken from: twice what IEC 62220-1 asks for."""
SMALLEST_TILE = 16
SNR_METHOD = "mean over standard deviation about a plane"
NPS_METHOD = "noise power spectrum (IEC 62220-1), radial average"
DQE_METHOD = "MTF2 S2/(NPS q), indicative"


def noise_figures(
    data: RunData, transmission: Array, pitch: float, edge: SlantedEdge | None, problem: str
) -> list[FigureOfMerit]:
    """Return the image's signal to noise, and noise power and DQE of the open beam's frames.

    Parameters
    ----------
    data
        Of the run.
    transmission
        The averaged image.
    pitch
        Of its pixels, m.
    edge
        Its edge; None: there is no DQE without.
    problem
        Why nothing can be read off the image; empty if something can.
    """
    wanted = [float(one) for one in data.parameters["noise_frequencies"]]
    if problem:
        refused = [FigureOfMerit.refused("snr", "1", SNR_METHOD, problem)]
        return refused + _refused("normalized_noise_power", "mm2", NPS_METHOD, problem, wanted)
    part = even_part(data, transmission)
    snr = _at_dose(data, 0, signal_to_noise(transmission, part), part)
    try:
        noise = noise_power_spectrum(_open_frames(data, transmission), pitch, fixed_pattern=False)
    except ValueError as error:
        return [snr, *_refused("normalized_noise_power", "mm2", NPS_METHOD, str(error), wanted)]
    figures = [snr, *(noise.figure(frequency) for frequency in wanted)]
    return figures + (_dqe(data, edge, noise, wanted) if edge is not None else [])


def _at_dose(data: RunData, row: int, snr: FigureOfMerit, part: tuple[slice, slice]) -> FigureOfMerit:
    """Say of how many frames, of what exposure and of what dose in all, and where."""
    columns = data["radiograph"]
    known = {name: float(columns[name][row]) for name in ("frames", "exposure_time")}
    dose = float(columns["dose"][row])
    rows, columns_of = part
    place = {"x": columns_of.start, "y": rows.start, "width": columns_of.stop - columns_of.start}
    snr = snr.with_details(**known, **place, height=rows.stop - rows.start)
    return snr.at_condition(dose=(dose, "Gy")) if dose > 0 else snr


def even_part(data: RunData, transmission: Array) -> tuple[slice, slice]:
    """Return where the image is even: as given, or the brightest of half overlapping tiles of a quarter of its side."""
    given = region_of(str(data.parameters["noise_region"]), "noise_region")
    if given is not None:
        rows, columns = transmission.shape
        return slices_of(given, (rows, columns), "noise_region")
    sides = [min(size, max(SMALLEST_TILE, size // 4)) for size in transmission.shape]
    starts = [
        range(0, size - side + 1, max(1, side // 2)) for size, side in zip(transmission.shape, sides, strict=True)
    ]
    tiles = [(slice(y, y + sides[0]), slice(x, x + sides[1])) for y in starts[0] for x in starts[1]]
    usable = np.isfinite(transmission)
    best, brightest = tiles[0], -math.inf
    for tile in tiles:
        if usable[tile].mean() > 0.9 and (level := float(np.nanmean(transmission[tile]))) > brightest:
            best, brightest = tile, level
    return best


def _open_frames(data: RunData, transmission: Array) -> Array:
    """Return the flat frames' middle, over their mean: only what changes from frame to frame is wanted.

    Masked pixels and direct hits count as the mean.
    """
    shape = transmission.shape
    first = [max(0, (size - LARGEST_SIDE) // 2) for size in shape]
    part = tuple(slice(start, start + min(size, LARGEST_SIDE)) for start, size in zip(first, shape, strict=True))
    frames, darks = data.images["flat"]["image"], data.images["dark"]["image"]
    stack = np.stack([np.asarray(frames[row])[part] for row in range(min(len(frames), MOST_FRAMES))])
    if len(stack) < 2:
        raise ValueError("one frame does not tell fixed pattern from noise, two are needed")
    count = int(data.parameters["frames"])
    dark = np.mean([np.asarray(one)[part] for one in darks[: min(count, MOST_FRAMES)]], axis=0)
    hit = direct_hits(stack) if len(stack) >= FEWEST_FRAMES else np.zeros(stack.shape, dtype=bool)
    level = np.where(hit, 0, stack).sum(axis=0, dtype=np.float64) / np.maximum(1, (~hit).sum(axis=0)) - dark
    blind = ~np.isfinite(transmission[part]) | (level <= 0)
    open_beam: Array = (stack - dark) / np.where(blind, 1.0, level)
    open_beam[hit | blind] = 1.0
    return open_beam


def _dqe(data: RunData, edge: SlantedEdge, noise: NoisePowerSpectrum, wanted: Sequence[float]) -> list[FigureOfMerit]:
    flat = data["flat"]
    used = slice(0, min(len(flat["time"]), MOST_FRAMES))
    dose = float(np.mean((flat["dose_rate"] * flat["exposure_time"])[used])) if len(flat["time"]) else math.nan
    if not dose > 0:
        return _refused("dqe", "1", DQE_METHOD, "the dose of the flat frames is not known", wanted)
    try:
        spectrum = beam_spectrum(float(data.parameters["tube_voltage"]), data.geometry)
    except ValueError as error:
        return _refused("dqe", "1", DQE_METHOD, f"the beam's spectrum is not known: {error}", wanted)
    reading = float(np.mean((flat["dose_rate_errors"] / flat["dose_rate"])[used]))
    spread = math.hypot(data.calibration("dosimeter", "relative_uncertainty", 0.0), reading)
    fluence = spectrum.fluence_per_kerma * dose
    return list(detective_quantum_efficiency(edge, noise, fluence, wanted, fluence_relative_uncertainty=spread))


def series_figures(data: RunData) -> list[FigureOfMerit]:
    """Return the signal to noise at each dose of a series, its exponent, and the dose at which it is enough."""
    criterion = float(data.parameters["snr_criterion"])
    part = series_part(data)
    doses, ratios = series_points(data)
    exponent_method = "line of log SNR on log dose"
    known = [(dose, one.value) for dose, one in zip(doses, ratios, strict=True) if one.value is not None and dose > 0]
    if len(known) < 3:
        reason = f"{len(known)} images have a dose and an SNR, at least 3 are needed"
        exponent = FigureOfMerit.refused("snr_exponent", "1", exponent_method, reason)
    else:
        exponent = low_dose_series([dose for dose, _ in known], [value for _, value in known])
    if not np.isfinite(doses).all():
        reason = "the dose rate was not read"
        enough = FigureOfMerit.refused("dose_at_snr", "uGy", "log SNR interpolated on log dose", reason)
    else:
        common = data.calibration("dosimeter", "relative_uncertainty", 0.0)
        enough = dose_at_snr(doses, ratios, criterion, common)
    return [*(_at_dose(data, row + 1, one, part) for row, one in enumerate(ratios)), exponent, enough]


def series_part(data: RunData) -> tuple[slice, slice]:
    """Return where the averaged image is even."""
    if not data.records("radiograph"):
        return slice(0, 0), slice(0, 0)
    return even_part(data, np.asarray(data.images["radiograph"]["transmission"][0], dtype=np.float64))


def series_points(data: RunData) -> tuple[Array, list[FigureOfMerit]]:
    """Return the dose of each image of a series, Gy, and its signal to noise where the averaged image is even."""
    rows = np.arange(1, data.records("radiograph"))
    images = data.images["radiograph"]["transmission"]
    if not len(rows):
        return np.empty(0), []
    part = series_part(data)
    found = []
    for row in rows:
        image: npt.NDArray[np.float64] = np.asarray(images[int(row)], dtype=np.float64)
        full = float(data["radiograph"]["full_pixels"][row])
        if full > SPOILING_SHARE:
            found.append(FigureOfMerit.refused("snr", "1", SNR_METHOD, f"saturated: {full:.1%} of the pixels"))
        else:
            found.append(signal_to_noise(image, part))
    return np.asarray(data["radiograph"]["dose"][rows], dtype=np.float64), found


def _refused(name: str, unit: str, method: str, reason: str, frequencies: Sequence[float]) -> list[FigureOfMerit]:
    return [FigureOfMerit.refused(name, unit, method, reason, at={"frequency": (one, "lp/mm")}) for one in frequencies]
