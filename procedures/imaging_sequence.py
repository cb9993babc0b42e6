"""In which order an imaging run takes its frames, and what it has taken so far."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from analysis.radiograph import AveragedFrames
from drivers.roles import Frame
from procedures.frame_correction import Correction, averaged


class Phase(StrEnum):
    """What a frame is for."""

    DARK = "dark"
    FLAT = "flat"
    OBJECT = "object"
    SERIES = "dose series"
    LAPSE = "time lapse"
    VIDEO = "video"


LIT = frozenset(Phase) - {Phase.DARK}
WITH_OBJECT = frozenset({Phase.OBJECT, Phase.SERIES, Phase.LAPSE, Phase.VIDEO})


MOST_DARKS = 8
"""Of each exposure time of a dose series: their noise is then small beside that of single frames."""


@dataclass(frozen=True)
class Step:
    """One frame, or one video."""

    phase: Phase
    exposure_time: float
    """s"""
    index: int
    last: bool
    """of its phase at this exposure time"""


def _repeated(phase: Phase, exposure_time: float, count: int) -> Iterator[Step]:
    return (Step(phase, exposure_time, index, index == count - 1) for index in range(count))


def sequence(
    exposure_time: float, frames: int, series: Sequence[float], series_frames: int, lapse: int, *, video: bool
) -> list[Step]:
    """Return the steps of a run: dark frames of every exposure time, flat frames, the object.

    Parameters
    ----------
    exposure_time
        Of the averaged image, s.
    frames
        For each average.
    series
        Exposure times of the dose series, s.
    series_frames
        For each of its images.
    lapse
        Frames of the time lapse.
    video
        Whether these are taken in one go.
    """
    steps = list(_repeated(Phase.DARK, exposure_time, frames))
    for time in series:
        steps += _repeated(Phase.DARK, time, min(frames, MOST_DARKS))
    steps += _repeated(Phase.FLAT, exposure_time, frames)
    steps += _repeated(Phase.OBJECT, exposure_time, frames)
    for time in series:
        steps += _repeated(Phase.SERIES, time, series_frames)
    steps += _repeated(Phase.VIDEO, exposure_time, 1) if video else _repeated(Phase.LAPSE, exposure_time, lapse)
    return steps


@dataclass
class Taken:
    """What a run has so far; kept when it is interrupted."""

    placed: str | None = None
    """What is before the camera; None: not known."""
    frames: dict[tuple[Phase, float], list[Frame]] = field(default_factory=dict)
    correction: Correction | None = None
    """By dark and flat frames, once there are such."""
    lapse_began: float | None = None
    """s on the bench's clock."""
    late: int = 0
    """Frames of the time lapse that began late."""
    lost: int = 0
    """Frames that the camera took and that never arrived."""
    incomplete: int = 0
    """Frames that arrived incomplete, and were not recorded."""
    irradiated: float = 0.0
    """Gy at the object."""

    def add(self, step: Step, frame: Frame) -> None:
        """Keep a frame."""
        self.frames.setdefault((step.phase, step.exposure_time), []).append(frame)

    def averaged(self, phase: Phase, exposure_time: float) -> AveragedFrames:
        """Average frames without what X-rays hit directly."""
        return averaged(self.frames[phase, exposure_time])
