"""From frames of a run to corrected images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.radiograph import AveragedFrames, FlatFieldCorrection, average_frames, flat_field_correction
from drivers.roles import Frame
from procedures.run_data import Array


def averaged(frames: Sequence[Frame]) -> AveragedFrames:
    """Average frames without what X-rays hit directly."""
    return average_frames(np.stack([frame.pixels for frame in frames]), saturation=float(frames[0].full_scale))


@dataclass(frozen=True)
class Corrected:
    """A corrected image."""

    transmission: Array
    uncertainty: Array
    full_pixels: float
    """Share of the pixels that the beam saturated, with or without the object."""
    hits: int
    """Values that were left out as direct hits."""


@dataclass(frozen=True)
class Correction:
    """What corrects the frames of a run.

    Attributes
    ----------
    dark, flat
        Averages.
    by
        None where they give no correction: every pixel of an image is NaN then.
    problem
        Why there is none.
    """

    dark: AveragedFrames
    flat: AveragedFrames
    by: FlatFieldCorrection | None
    problem: str = ""

    @classmethod
    def of(cls, dark: AveragedFrames, flat: AveragedFrames) -> Correction:
        """Make a correction, or say why there is none: the run is to go on, and its frames to be kept."""
        try:
            return cls(dark, flat, flat_field_correction(dark, flat))
        except ValueError as error:
            return cls(dark, flat, None, str(error))

    def of_other_exposure(self, dark: AveragedFrames, exposure_ratio: float) -> Correction:
        """Correction of frames of another exposure time.

        Parameters
        ----------
        dark
            Of that exposure time.
        exposure_ratio
            The flat's exposure time over theirs.
        """
        by = None if self.by is None else self.by.of_other_exposure(dark, exposure_ratio)
        return Correction(dark, self.flat, by, self.problem)

    def apply(self, seen: AveragedFrames) -> Corrected:
        """Correct averaged frames."""
        # pixels that are full in the dark are hot ones
        full = float(np.mean((self.flat.saturated | seen.saturated) & ~self.dark.saturated))
        if self.by is None:
            nothing = np.full(seen.mean.shape, np.nan)
            return Corrected(nothing, nothing, full, seen.hits)
        image = self.by.radiograph(seen)
        return Corrected(image.transmission, image.uncertainty, full, seen.hits)
