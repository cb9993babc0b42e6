"""From the corrected images of a run to its figures of merit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.clipped_pixels import SPOILING_SHARE
from analysis.digitization import rounding_uncertainty
from analysis.edge_response import SlantedEdge
from analysis.figure import FigureOfMerit
from analysis.line_groups import find_line_groups
from analysis.line_pairs import METHOD as LINE_PAIR_METHOD
from analysis.line_pairs import LinePairsRefused, line_pair_contrast, resolvable_frequency
from analysis.slanted_edge import mtf_figures
from procedures.image_region import regions_of, slices_of
from procedures.imaging_noise import noise_figures, series_figures
from procedures.run_data import Array, RunData

ANALYSES = ("edge", "line pairs", "noise")
"""What is looked for in the image; its noise always is."""
Part = tuple[slice, slice]
FRAMES_OF_ZERO = 2
"""Dark frames that are looked at for how their level was rounded."""
NEAR = 0.1
"""A group of line pairs belongs to a nominal frequency that is nearer than this."""


@dataclass(frozen=True)
class ImageOfRun:
    """The averaged image of a run, or the reason why nothing can be read off it."""

    transmission: Array
    pixel_pitch: float
    """m in the object's plane."""
    problem: str = ""

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """True at pixels to leave out."""
        return ~np.isfinite(self.transmission)


def pixel_pitch(data: RunData) -> float:
    """Return the size of a pixel in the object's plane, m."""
    axes = data.axes["radiograph"]
    values = next((axis for axis in (axes["horizontal"], axes["vertical"]) if len(axis) > 1), None)
    return math.nan if values is None else float(values[1] - values[0]) * 1e-6


def image_of_run(data: RunData, row: int = 0) -> ImageOfRun:
    """Return a corrected image of a run, the averaged one by default."""
    pitch = pixel_pitch(data)
    if row >= data.records("radiograph"):
        return ImageOfRun(np.empty((0, 0)), pitch, "the run ended before the image was complete")
    image = np.asarray(data.images["radiograph"]["transmission"][row], dtype=np.float64)
    full = float(data["radiograph"]["full_pixels"][row])
    problem = ""
    if full > SPOILING_SHARE:
        problem = f"saturated: {full:.1%} of the pixels are at full scale: lower exposure or gain"
    elif not np.isfinite(image).any():
        problem = "no pixel of the image can be used: dark and flat frames give no correction (see the journal)"
    return ImageOfRun(image, pitch, problem)


def imaging_figures(data: RunData) -> list[FigureOfMerit]:
    """Return resolution or contrast, noise, what a dose series shows, and how many frames were lost.

    Parameters
    ----------
    data
        With the streams of `procedures.imaging.Imaging`.
    """
    image = image_of_run(data)
    figures: list[FigureOfMerit] = []
    edge: SlantedEdge | None = None
    if data.parameters["analysis"] == "edge":
        edge, found = edge_of(data, image)
        figures += found
    elif data.parameters["analysis"] == "line pairs":
        contrasts = [figure for figure, _ in contrasts_of(data, image)]
        figures += [*contrasts, resolvable_frequency(contrasts, float(data.parameters["contrast_threshold"]))]
    figures += noise_figures(data, image.transmission, image.pixel_pitch, edge, image.problem)
    if data.parameters["kind"] == "dose series":
        figures += series_figures(data)
    if data.parameters["kind"] == "time lapse":
        figures += lapse_figures(data)
    return figures


def regions(data: RunData, shape: tuple[int, int]) -> list[Part]:
    """Return the regions that the user gave."""
    text = str(data.parameters["regions"])
    return [slices_of(one, shape, "regions") for one in regions_of(text, "regions")]


def edge_of(data: RunData, image: ImageOfRun) -> tuple[SlantedEdge | None, list[FigureOfMerit]]:
    """Return the edge's response and its figures."""
    if image.problem:
        names = ("mtf50", "mtf20")
        return None, [FigureOfMerit.refused(one, "lp/mm", "slanted edge (ISO 12233)", image.problem) for one in names]
    given = regions(data, image.transmission.shape[:2])
    edge, figures = mtf_figures(
        image.transmission, pixel_pitch=image.pixel_pitch, region=given[0] if given else None, mask=image.mask
    )
    return edge, [figure.with_details(pixel_size_um=image.pixel_pitch * 1e6) for figure in figures]


def contrasts_of(data: RunData, image: ImageOfRun) -> list[tuple[FigureOfMerit, Part | None]]:
    """Return the contrast at each nominal frequency, and where its group was."""
    nominal = sorted(float(one) for one in data.parameters["line_pairs"])
    if image.problem:
        return [(_no_contrast(frequency, image.problem), None) for frequency in nominal]
    parts = _parts(data, image, nominal)
    zero = _zero_uncertainty(data)
    return [_contrast(image, frequency, part, zero) for frequency, part in zip(nominal, parts, strict=True)]


def _zero_uncertainty(data: RunData) -> float:
    """Return how well the dark frames' rounded numbers tell the zero of the signal, as a share of the open beam's."""
    darks = data.images["dark"]["image"]
    rounded = rounding_uncertainty(darks[: min(len(darks), int(data.parameters["frames"]), FRAMES_OF_ZERO)])
    return rounded / float(np.mean(data["flat"]["mean"]) - np.mean(data["dark"]["mean"]))


def _parts(data: RunData, image: ImageOfRun, nominal: Sequence[float]) -> list[Part | None]:
    """Return a region for each nominal frequency: as given, or found in the image or in the one region given."""
    shape = image.transmission.shape[:2]
    given = regions(data, shape)
    if len(given) == len(nominal) > 1:
        return list(given)
    within = given[0] if given else (slice(0, shape[0]), slice(0, shape[1]))
    by_pixel = {frequency: frequency * image.pixel_pitch * 1e3 for frequency in nominal}
    wanted = [pixels for pixels in by_pixel.values() if pixels < 0.5]
    found = find_line_groups(image.transmission[within], wanted) if wanted else ()
    seen: list[tuple[float, Part]] = []
    for rows, columns in found:
        part = (
            slice(rows.start + within[0].start, rows.stop + within[0].start),
            slice(columns.start + within[1].start, columns.stop + within[1].start),
        )
        with_lines = line_pair_contrast(image.transmission, region=part, mask=image.mask, resamples=2)
        seen.append((with_lines.frequency, part))
    return [_nearest(pixels, seen) for pixels in by_pixel.values()]


def _nearest(frequency: float, seen: Sequence[tuple[float, Part]]) -> Part | None:
    near = [(abs(one / frequency - 1.0), part) for one, part in seen]
    best = min(near, key=lambda one: one[0], default=None)
    return best[1] if best is not None and best[0] < NEAR else None


def _contrast(image: ImageOfRun, frequency: float, part: Part | None, zero: float) -> tuple[FigureOfMerit, Part | None]:
    if part is None:
        return _no_contrast(frequency, "no group of line pairs of this frequency was found in the image"), None
    try:
        pairs = line_pair_contrast(
            image.transmission, frequency=frequency, pixel_pitch=image.pixel_pitch, region=part, mask=image.mask
        )
    except LinePairsRefused as refusal:
        return _no_contrast(frequency, str(refusal)), part
    measured = pairs.frequency_lp_mm or math.nan
    brightness = sum(float(end) for name in ("imax", "imin") if isinstance(end := pairs.contrast.details[name], float))
    figure = pairs.contrast.with_systematic(2.0 * (pairs.contrast.value or 0.0) * zero / brightness)
    figure = figure.at_condition(frequency=(frequency, "lp/mm")).with_details(measured_lp_mm=measured)
    if abs(measured / frequency - 1.0) > 0.03:
        figure = figure.with_warnings(
            f"the lines lie {measured:.4g} per mm and not {frequency:g}: is the pixel size right?"
        )
    return figure, part


def _no_contrast(frequency: float, reason: str) -> FigureOfMerit:
    at = {"frequency": (frequency, "lp/mm")}
    return FigureOfMerit.refused("contrast", "1", LINE_PAIR_METHOD, reason, at=at)


def lapse_figures(data: RunData) -> list[FigureOfMerit]:
    """Return how many frames of a time lapse were recorded, lost and incomplete, and how fast they came."""
    seen = data["object"]
    averaged = int(data.parameters["frames"])
    times = seen["fetched"][averaged:]
    method = "count of the frames recorded, and gaps in the camera's own count"
    counted = [
        FigureOfMerit("recorded_frames", float(len(times)), 0.0, None, "1", method),
        FigureOfMerit("lost_frames", float(seen["lost"][-1]) if len(times) else 0.0, 0.0, None, "1", method),
        FigureOfMerit(
            "incomplete_frames", float(seen["incomplete"][-1]) if len(times) else 0.0, 0.0, None, "1", method
        ),
    ]
    name, how = "frame_rate", "frames recorded over the time from first to last"
    if len(times) < 2 or times[-1] <= times[0]:
        return [*counted, FigureOfMerit.refused(name, "1/s", how, "fewer than two frames were recorded")]
    return [*counted, FigureOfMerit(name, (len(times) - 1) / float(times[-1] - times[0]), None, None, "1/s", how)]
