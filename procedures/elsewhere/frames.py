"""Frames of a camera from elsewhere: the response of an edge, the contrast of line pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.edge_response import SlantedEdge
from analysis.figure import FigureOfMerit
from analysis.line_pairs import LinePairsRefused, line_pair_contrast
from analysis.radiograph import average_frames, radiograph
from analysis.slanted_edge import mtf_figures
from config.mistake import UserMistake
from procedures.drawing import Curve, Drawing
from procedures.elsewhere.analysis_only import AnalysisOnly
from procedures.parameters import FloatListParameter, FloatParameter, IntegerParameter, ListParameter, Parameter
from procedures.run_data import Array, RunData
from procedures.streams import Image, Stream


@dataclass(frozen=True)
class CorrectedFrame:
    """Mean of the frames, corrected as far as dark and flat frames came along."""

    image: Array
    mask: npt.NDArray[np.bool_]
    warnings: tuple[str, ...]


class Frames(AnalysisOnly):
    """Base of the analyses of frames, with dark and flat frames or without."""

    pixel_size = FloatParameter(
        "Pixel size", units="um", default=0, minimum=0, maximum=1e6, description="in the object's plane; 0: not known"
    )
    region = Parameter("Region", default="", description="x, y, width, height in pixels; empty: found")

    frames = Stream("frames", "Frames", saturation="count", image=Image("count", "f4"), primary=("time", "image"))
    dark = Stream("dark", "Frames without beam", image=Image("count", "f4"), primary=("time", "image"))
    flat = Stream("flat", "Frames of the open beam", image=Image("count", "f4"), primary=("time", "image"))

    def corrected(self, data: RunData) -> CorrectedFrame:
        """Average and correct."""
        level = float(data["frames"]["saturation"][0])
        seen = average_frames(
            np.stack(list(data.images["frames"]["image"])), saturation=level if np.isfinite(level) else None
        )
        if "dark" not in data.streams or "flat" not in data.streams:
            why = "frames are not corrected by dark and flat ones: an offset or an uneven beam falsifies the response"
            return CorrectedFrame(seen.mean, seen.saturated, (*seen.warnings, why))
        dark, flat = (average_frames(np.stack(list(data.images[name]["image"]))) for name in ("dark", "flat"))
        try:
            found = radiograph(seen, dark, flat)
        except ValueError as mistake:
            raise UserMistake(f"{self.name}: {mistake}") from mistake
        return CorrectedFrame(found.transmission, found.mask, found.warnings)

    def part(self, shape: tuple[int, ...]) -> tuple[slice, slice] | None:
        """Return the region that is given; None for none."""
        text = str(self.region).strip()
        if not text:
            return None
        try:
            x, y, width, height = (int(word) for word in text.replace(";", ",").split(","))
        except ValueError:
            raise UserMistake(f"region = {text}: must be x, y, width, height in pixels") from None
        if min(x, y) < 0 or min(width, height) < 1 or x + width > shape[1] or y + height > shape[0]:
            raise UserMistake(f"region = {text}: is not within the image of {shape[1]} x {shape[0]} pixels")
        return slice(y, y + height), slice(x, x + width)

    @property
    def pitch(self) -> float | None:
        """Pixel size, m; None when not known."""
        return float(self.pixel_size) * 1e-6 or None


class EdgeFrames(Frames):
    """Modulation transfer of a slanted edge (ISO 12233) in frames from elsewhere."""

    name = "slanted-edge"

    edge_order = IntegerParameter("Edge order", default=5, minimum=1, maximum=5, description="of the edge's polynomial")
    window = ListParameter("Window", choices=("tukey", "hamming"), default="tukey")
    variant = ListParameter("Variant", choices=("corrected", "as published"), default="corrected")

    def _edge(self, data: RunData) -> tuple[SlantedEdge | None, list[FigureOfMerit]]:
        found = self.corrected(data)
        edge, figures = mtf_figures(
            found.image,
            pixel_pitch=self.pitch,
            region=self.part(found.image.shape),
            mask=found.mask,
            edge_order=int(self.edge_order),
            window=self.window,
            variant=self.variant,
        )
        return edge, [figure.with_warnings(*found.warnings) for figure in figures]

    def analyse(self, data: RunData) -> Sequence[FigureOfMerit]:
        """Find the frequencies at which 50 and 20 % are left."""
        return self._edge(data)[1]

    def drawings(self, data: RunData) -> Sequence[Drawing]:
        """Draw the response."""
        edge, _ = self._edge(data)
        if edge is None:
            return ()
        scale, unit = (1.0, "cycles/pixel") if self.pitch is None else (1.0 / (self.pitch * 1e3), "lp/mm")
        curve = Curve(edge.frequencies * scale, edge.sfr, label="MTF")
        return (Drawing("Slanted edge", f"Spatial frequency ({unit})", "MTF", (), (curve,), quoted=("mtf50", "mtf20")),)


class LinePairFrames(Frames):
    """Contrast of line pairs in frames from elsewhere."""

    name = "line-pairs"

    frequencies = FloatListParameter(
        "Frequencies", units="lp/mm", default=[0.0], minimum=0, maximum=1000, longest=100,
        description="nominal; 0: the strongest of the region",
    )  # fmt: skip

    def analyse(self, data: RunData) -> Sequence[FigureOfMerit]:
        """Find the contrast at each frequency."""
        found = self.corrected(data)
        if any(self.frequencies) and self.pitch is None:
            raise UserMistake("line-pairs: frequencies in lp/mm need the pixel size: --set pixel_size='5.6 um'")
        figures = []
        for frequency in self.frequencies:
            try:
                figure = line_pair_contrast(
                    found.image,
                    frequency=frequency or None,
                    pixel_pitch=self.pitch,
                    region=self.part(found.image.shape),
                    mask=found.mask,
                ).contrast
            except LinePairsRefused as refusal:
                at = {"frequency": (frequency, "lp/mm")} if frequency else {}
                figure = FigureOfMerit.refused("contrast", "1", "Michelson contrast", str(refusal), at=at)
            figures.append(figure.with_warnings(*found.warnings))
        return figures
