"""What an imaging run looks like: the image with its regions, the MTF, contrasts, noise against dose, a time lapse."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.figure import NORMAL_95, FigureOfMerit
from analysis.line_pairs import line_pair_contrast
from procedures.drawing import Box, Curve, Drawing, Points, Raster
from procedures.imaging_analysis import ImageOfRun, Part, contrasts_of, edge_of, image_of_run
from procedures.imaging_noise import even_part, series_points
from procedures.run_data import RunData

FINEST_SHOWN = 1.0
"""cycles/pixel up to which an MTF is drawn"""


def imaging_drawings(data: RunData) -> list[Drawing]:
    """Draw what a run has."""
    image = image_of_run(data)
    drawings: list[Drawing] = []
    if not image.problem:
        analysis = data.parameters["analysis"]
        boxes = [(even_part(data, image.transmission), "noise")]
        more: list[Drawing] = []
        if analysis == "edge":
            more, boxes = _edge(data, image, boxes)
        elif analysis == "line pairs":
            more, boxes = _line_pairs(data, image, boxes)
        drawings = [_image(data, image, boxes), *more]
    if data.parameters["kind"] == "dose series" and data.records("radiograph") > 1:
        drawings.append(_series(data))
    if data.parameters["kind"] == "time lapse" and data.records("object"):
        drawings.append(_lapse(data))
    return drawings


def _name(data: RunData) -> str:
    return data.sample.name if data.sample else "the camera's screen"


def _image(data: RunData, image: ImageOfRun, boxes: list[tuple[Part, str]]) -> Drawing:
    millimetre = image.pixel_pitch * 1e3
    rows, columns = image.transmission.shape
    return Drawing(
        f"{data.parameters['placed'] or 'Open beam'}, {data.parameters['tube_voltage']:g} kV: {_name(data)}",
        "x (mm)",
        "y (mm)",
        raster=Raster(image.transmission, columns * millimetre, rows * millimetre, "Transmission"),
        boxes=[
            Box(
                part[1].start * millimetre,
                part[0].start * millimetre,
                (part[1].stop - part[1].start) * millimetre,
                (part[0].stop - part[0].start) * millimetre,
                label,
            )
            for part, label in boxes
        ],
        quoted=("snr",),
    )


def _edge(
    data: RunData, image: ImageOfRun, boxes: list[tuple[Part, str]]
) -> tuple[list[Drawing], list[tuple[Part, str]]]:
    edge, _ = edge_of(data, image)
    if edge is None or edge.frequencies_lp_mm is None:
        return [], boxes
    boxes = [*boxes, ((slice(*edge.region.rows), slice(*edge.region.columns)), "edge")]
    shown = edge.frequencies <= FINEST_SHOWN
    response = edge.sfr[shown]
    spread = None if edge.sfr_uncertainty is None else NORMAL_95 * edge.sfr_uncertainty[shown]
    x = edge.frequencies_lp_mm[shown]
    # what lies where the response has gone is noise; a little of it is enough to see that
    last = int(np.argmax(response < 0.02)) or len(x)
    reach = slice(0, min(len(x), max(2, round(1.3 * last))))
    curve = Curve(
        x[reach],
        response[reach],
        None if spread is None else (response - spread)[reach],
        None if spread is None else (response + spread)[reach],
        "slanted edge, 95 % interval",
    )
    nyquist = edge.nyquist[0]
    if edge.pixel_pitch is not None:
        nyquist = 0.5e-3 / edge.pixel_pitch
    marks = [(nyquist, "Nyquist")] if nyquist <= x[reach][-1] else []
    pixel_um = image.pixel_pitch * 1e6
    profile = Points(edge.distance * pixel_um, edge.esf, label="edge spread function", joined=True)
    near = max(edge.region.half_width * pixel_um, 1e-9)
    inside = np.abs(profile.x) <= near
    return [
        Drawing(
            f"Modulation transfer, edge at {edge.angle:.2f} degrees: {_name(data)}",
            "Spatial frequency (lp/mm)",
            "Modulation transfer",
            curves=(curve,),
            quoted=("mtf50", "mtf20"),
            marks=marks,
        ),
        Drawing(
            f"Edge spread: {_name(data)}",
            "Distance from the edge (um)",
            "Transmission across the edge, 0 to 1",
            (Points(profile.x[inside], profile.y[inside], label=profile.label, joined=True),),
        ),
    ], boxes


def _line_pairs(
    data: RunData, image: ImageOfRun, boxes: list[tuple[Part, str]]
) -> tuple[list[Drawing], list[tuple[Part, str]]]:
    found = contrasts_of(data, image)
    figures = [(figure, part) for figure, part in found if figure.value is not None and part is not None]
    if not figures:
        return [], boxes
    boxes = [*boxes, *((part, f"{figure.at['frequency'][0]:g} lp/mm") for figure, part in figures)]
    x = np.array([figure.at["frequency"][0] for figure, _ in figures])
    y = np.array([figure.value for figure, _ in figures], dtype=np.float64)
    half = NORMAL_95 * np.array([figure.uncertainty or 0.0 for figure, _ in figures])
    threshold = float(data.parameters["contrast_threshold"])
    reach = np.array([0.0, 1.1 * x.max()])
    return [
        Drawing(
            f"Contrast of line pairs: {_name(data)}",
            "Spatial frequency (lp/mm)",
            "Contrast (Imax - Imin)/(Imax + Imin)",
            (Points(x, y, half, label="measured, 95 % interval"),),
            (Curve(reach, np.full(2, threshold), label=f"threshold {threshold:g}"),),
            quoted=("limiting_resolution",),
        ),
        _profiles(image, figures),
    ], boxes


def _profiles(image: ImageOfRun, figures: Sequence[tuple[FigureOfMerit, Part]]) -> Drawing:
    """Draw one period of the coarsest and the finest group."""
    drawn = []
    for figure, part in (*figures[:1], *figures[1:][-1:]):
        frequency = figure.at["frequency"][0]
        pairs = line_pair_contrast(
            image.transmission,
            frequency=frequency,
            pixel_pitch=image.pixel_pitch,
            region=part,
            mask=image.mask,
            resamples=2,
        )
        drawn.append(Points(pairs.phase, pairs.profile, label=f"{frequency:g} lp/mm", joined=True))
    return Drawing("Profile of a line pair, averaged along the lines", "Part of a period", "Transmission", drawn)


def _series(data: RunData) -> Drawing:
    doses, ratios = series_points(data)
    seen = [
        (dose * 1e6, one.value, one.uncertainty or 0.0) for dose, one in zip(doses, ratios, strict=True) if one.value
    ]
    x, y, error = (
        (np.array(column, dtype=np.float64) for column in zip(*seen, strict=True)) if seen else 3 * [np.empty(0)]
    )
    criterion = float(data.parameters["snr_criterion"])
    curves = (Curve(np.array([x.min(), x.max()]), np.full(2, criterion), label=f"SNR {criterion:g}"),) if seen else ()
    return Drawing(
        f"Signal to noise against dose: {_name(data)}",
        "Dose of an image (uGy)",
        "Signal to noise ratio of a pixel",
        (Points(x, y, error, label="measured"),),
        curves,
        log_x=True,
        log_y=True,
        quoted=("snr_exponent", "dose_at_snr"),
    )


def _lapse(data: RunData) -> Drawing:
    averaged = int(data.parameters["frames"])
    seen = data["object"]
    return Drawing(
        f"Time lapse: {_name(data)}",
        "Time since the start (s)",
        "Mean of a frame (count)",
        (Points(seen["time"][averaged:], seen["mean"][averaged:], joined=True),),
        quoted=("recorded_frames", "lost_frames", "incomplete_frames", "frame_rate"),
    )
