"""Taking frames into a run file."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass

from config.mistake import UserMistake
from drivers.bench import Bench
from drivers.roles import Camera, DoseRate, Dosimeter, Frame, Region
from procedures.imaging_sequence import Taken
from procedures.irradiation import Irradiation
from procedures.run import Run
from procedures.streams import Stream


@dataclass(frozen=True)
class CameraSettings:
    """With which frames are taken."""

    exposure_time: float
    """s; 0: as the camera is set."""
    gain: float
    region: Region | None

    def apply(self, camera: Camera) -> None:
        """Set the camera; what it cannot do is named.

        Raises
        ------
        UserMistake
            If the camera cannot.
        """
        if camera.trigger != "internal":
            camera.set_trigger("internal")
        camera.set_region(self.region)
        if self.exposure_time:
            camera.set_exposure(self.exposure_time)
        if self.gain:
            camera.set_gain(self.gain)
            return
        with suppress(UserMistake):  # a camera whose gain is what it is, or does not begin at 0
            camera.set_gain(0.0)


@dataclass(frozen=True)
class Beam:
    """That frames are taken in."""

    kilovolts: float
    milliamps: float
    settling_time: float
    """s"""
    dose_time: float
    """s that the dosimeter is read; 0: it is not."""


DARK = DoseRate(0.0, 0.0, 0.0)
UNKNOWN = DoseRate(math.nan, math.nan, 0.0)


class FrameTaker:
    """Takes frames and records them.

    Parameters
    ----------
    bench, run
        Of the measurement.
    beam
        To take them in.
    taken
        What the run has so far.
    """

    def __init__(self, bench: Bench, run: Run, beam: Beam, taken: Taken) -> None:
        self._bench = bench
        self._run = run
        self._beam = beam
        self._taken = taken
        self._camera = bench.camera
        self._seen_lost, self._seen_incomplete = self._camera.lost_frames, self._camera.incomplete_frames
        self._rate = DARK
        self._monitored = beam.dose_time > 0 and bench.has(Dosimeter)
        self._irradiation = Irradiation(bench.clock.now, earlier_dose=taken.irradiated)

    @property
    def dose_rate(self) -> float:
        """Of the beam that is on, Gy/s; NaN where there is no dosimeter."""
        return self._rate.value

    @contextmanager
    def beam_on(self) -> Iterator[None]:
        """Have the beam on, settled, and its dose rate read, inside a ``with`` block."""
        beam = self._beam
        with self._irradiation.beam(self._bench.tube, beam.kilovolts, beam.milliamps):
            try:
                self._run.wait(beam.settling_time)
                self._rate = UNKNOWN
                if self._monitored:
                    self._rate = self._bench.dosimeter.dose_rate(beam.dose_time)
                    self._irradiation.reading(self._rate.value)
                yield
            finally:
                self._rate = DARK

    def one(self, stream: Stream) -> Frame:
        """Take one frame, whose exposure begins now."""
        try:
            frame = self._camera.frame()
        finally:
            self._count()
        self._record(stream, frame)
        return frame

    def video(self, stream: Stream, count: int) -> tuple[Frame, Frame]:
        """Take frames as fast as the camera does; return the first and the last."""
        first = last = None
        with closing(self._camera.frames(count)) as frames:
            for frame in frames:
                first, last = first or frame, frame
                self._count()
                self._record(stream, frame)
        assert first is not None  # noqa: S101  (count is at least 1)
        assert last is not None  # noqa: S101
        return first, last

    def _count(self) -> None:
        """Count what the camera has lost since the last look."""
        lost, incomplete = self._camera.lost_frames, self._camera.incomplete_frames
        self._taken.lost += lost - self._seen_lost
        self._taken.incomplete += incomplete - self._seen_incomplete
        self._seen_lost, self._seen_incomplete = lost, incomplete

    def _record(self, stream: Stream, frame: Frame) -> None:
        """Record a frame as the camera gave it."""
        if not self._monitored:
            self._taken.irradiated = math.nan
        elif self._rate.value > 0:
            self._irradiation.reading(self._rate.value)
            self._taken.irradiated = self._irradiation.dose
        self._run.record(
            stream,
            fetched=frame.time,
            number=frame.number,
            exposure_time=frame.exposure_time,
            full_scale=frame.full_scale,
            dose_rate=self._rate.value,
            dose_rate_errors=self._rate.uncertainty,
            irradiated=self._taken.irradiated,
            mean=float(frame.pixels.mean()),
            full_pixels=float(frame.saturated.mean()),
            lost=self._taken.lost,
            incomplete=self._taken.incomplete,
            image=frame.pixels,
        )
