"""Radiographs, what they resolve, and how they look at low dose and over time.

A run file keeps every raw frame in the streams `dark`, `flat` and `object`, and the corrected images in the stream
`radiograph`: `transmission` (32-bit, NaN where a pixel is masked) with `transmission_errors`, one record for each
image, on the axes `vertical` and `horizontal` in um of the object's plane, whose step is the pixel size. Analyses start
from these; `xraybench` or any other program can export them.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from analysis.figure import FigureOfMerit
from config.mistake import UserMistake
from drivers.bench import Bench
from drivers.roles import Camera, Frame, Region, XrayTube
from procedures.drawing import Drawing
from procedures.frame_correction import Correction, averaged
from procedures.frame_taking import Beam, CameraSettings, FrameTaker
from procedures.image_region import region_of, regions_of, slices_of
from procedures.imaging_analysis import ANALYSES, imaging_figures
from procedures.imaging_drawings import imaging_drawings
from procedures.imaging_sequence import LIT, MOST_DARKS, WITH_OBJECT, Phase, Step, Taken, sequence
from procedures.parameters import (
    BooleanParameter,
    FloatListParameter,
    FloatParameter,
    IntegerParameter,
    ListParameter,
    Parameter,
)
from procedures.procedure import Estimate, Procedure
from procedures.run import Run
from procedures.run_data import RunData
from procedures.streams import Column, CorrectedImage, Image, Scalar, Stream

KINDS = ("radiograph", "dose series", "time lapse")
LIKELY_PIXELS = 640 * 480
"""Of a frame, before the camera was asked."""
READOUT = 0.2
"""s that a frame takes besides its exposure, for the estimate."""

_FRAME: dict[str, str | Column] = {
    "fetched": "s",
    "number": "1",
    "exposure_time": "s",
    "full_scale": "count",
    "dose_rate": Scalar("Gy/s", errors=True),
    "irradiated": "Gy",
    "mean": "count",
    "full_pixels": "1",
    "lost": "1",
    "incomplete": "1",
    "image": Image("count"),
}


class Imaging(Procedure):
    """Radiograph of an object, dark and flat corrected: resolution, contrast, noise; at low dose, and over time.

    Frames without beam, with the open beam and with the object are repeated, averaged without what X-rays hit directly,
    and corrected. A dose series adds images of shorter exposures; a time lapse adds frames at a period, or as fast as
    the camera is, and counts those that are lost. Regions are in pixels of the frames.
    """

    name = "imaging"
    needs = (XrayTube, Camera)

    kind = ListParameter("Kind", choices=KINDS, default="radiograph")
    placed = Parameter(
        "Object", default="edge", description="what the operator places; simulated: edge, line-pairs, chip, pen"
    )
    tube_voltage = FloatParameter("Tube voltage", units="kV", default=50, minimum=5, maximum=450)
    tube_current = FloatParameter("Tube current", units="mA", default=1.0, minimum=1e-4, maximum=1000)
    exposure_time = FloatParameter(
        "Exposure time", units="s", default=1.0, minimum=0, maximum=3600, description="0: as the camera is set"
    )
    frames = IntegerParameter("Frames", default=8, minimum=1, maximum=1000, description="averaged for each image")
    gain = FloatParameter("Camera gain", default=0, minimum=0, maximum=100, description="dB with most cameras")
    readout_region = Parameter("Read-out region", default="", description="x, y, width, height in pixels; empty: all")
    settling_time = FloatParameter("Settling time", units="s", default=1.0, minimum=0, maximum=3600)
    dose_time = FloatParameter(
        "Dose time", units="s", default=2.0, minimum=0, maximum=600, description="0: no dosimeter is read"
    )
    exposure_times = FloatListParameter(
        "Exposure times", units="s", default="0.1:1:5", minimum=1e-6, maximum=3600, longest=100,
        group_by="kind", group_condition="dose series",
    )  # fmt: skip
    series_frames = IntegerParameter(
        "Frames each", default=1, minimum=1, maximum=100, group_by="kind", group_condition="dose series",
        description="averaged for each image of the dose series",
    )  # fmt: skip
    lapse_frames = IntegerParameter(
        "Frames of the time lapse", default=20, minimum=2, maximum=1_000_000, group_by="kind",
        group_condition="time lapse",
    )  # fmt: skip
    lapse_period = FloatParameter(
        "Period", units="s", default=0, minimum=0, maximum=86_400, group_by="kind", group_condition="time lapse",
        description="0: as fast as the camera",
    )  # fmt: skip
    beam_off_between = BooleanParameter(
        "Beam off between frames", default=False, group_by="kind", group_condition="time lapse"
    )
    analysis = ListParameter("Analysis", choices=ANALYSES, default="edge")
    regions = Parameter(
        "Analysed regions", default="", description="x, y, width, height; several with ; between; empty: found"
    )
    line_pairs = FloatListParameter(
        "Line pairs", units="lp/mm", default="6:20:8", minimum=1e-3, maximum=1000, longest=100, group_by="analysis",
        group_condition="line pairs",
    )  # fmt: skip
    contrast_threshold = FloatParameter(
        "Contrast threshold", default=0.2, minimum=0.001, maximum=0.999, group_by="analysis",
        group_condition="line pairs", description="at the limiting resolution",
    )  # fmt: skip
    noise_region = Parameter(
        "Region for the noise", default="", description="x, y, width, height of an even part; empty: the brightest"
    )
    snr_criterion = FloatParameter(
        "SNR criterion", default=5.0, minimum=0.1, maximum=1e4, group_by="kind", group_condition="dose series",
        description="whose dose is wanted",
    )  # fmt: skip
    noise_frequencies = FloatListParameter(
        "Noise frequencies", units="lp/mm", default="1", minimum=1e-3, maximum=1000, longest=50,
        description="of noise power and DQE",
    )  # fmt: skip

    radiograph = Stream(
        "radiograph",
        "Transmission of the object, dark and flat corrected",
        frames="1",
        exposure_time="s",
        dose="Gy",
        irradiated="Gy",
        full_pixels="1",
        hits="1",
        transmission=CorrectedImage("1", errors=True),
        primary=("horizontal", "transmission"),
    )
    object_frames = Stream("object", "Frames with the object", primary=("x", "image"), **_FRAME)
    dark_frames = Stream("dark", "Frames without beam", primary=("x", "image"), **_FRAME)
    flat_frames = Stream("flat", "Frames with the open beam", primary=("x", "image"), **_FRAME)

    _pixels = LIKELY_PIXELS

    # --- before

    @property
    def _is_series(self) -> bool:
        return bool(self.kind == "dose series")

    @property
    def _is_lapse(self) -> bool:
        return bool(self.kind == "time lapse")

    @property
    def _exposures(self) -> list[float]:
        """Of the dose series, besides the image that is averaged."""
        return sorted(self.exposure_times) if self._is_series else []

    @property
    def _is_video(self) -> bool:
        return bool(self._is_lapse and not self.lapse_period)

    def _steps(self) -> list[Step]:
        lapse = self.lapse_frames if self._is_lapse else 0
        return sequence(
            self.exposure_time, self.frames, self._exposures, self.series_frames, lapse, video=self._is_video
        )

    def estimate(self) -> Estimate:
        """Estimate from the parameters alone."""
        each = self.exposure_time + READOUT
        series = sum(time + READOUT for time in self._exposures)
        lapse = 0.0
        if self._is_lapse:
            lapse = self.lapse_frames * max(each, self.lapse_period)
        lit_lapse = self.lapse_frames * (each + self.settling_time) if self.beam_off_between else lapse
        before = 2 * (self.settling_time + self.dose_time + 1.0)
        beam = before + 2 * self.frames * each + self.series_frames * series + (lit_lapse if self._is_lapse else 0.0)
        images = 1 + len(self._exposures) + 2 * self._is_lapse
        taken = len(self._steps()) + (self.lapse_frames - 1 if self._is_video else 0)
        return Estimate(
            duration=before
            + 3 * self.frames * each
            + (min(self.frames, MOST_DARKS) + self.series_frames) * series
            + lapse,
            beam_time=beam,
            milliampere_seconds=beam * self.tube_current,
            operating_points=((self.tube_voltage, self.tube_current),),
            records=taken + images,
            bytes_to_write=self._pixels * (2 * taken + 8 * images),
        )

    def check(self, bench: Bench) -> None:
        """Check exposures, regions and the object as well."""
        camera = bench.get(Camera)
        region = self._region(camera)
        self._pixels = region.width * region.height
        super().check(bench)
        exposures = [time for time in (self.exposure_time, *self._exposures) if time]
        if exposures:
            low, high = camera.exposure_limits
            for time in exposures:
                if not low <= time <= high:
                    raise UserMistake(f"exposure time {time:g} s is not within the camera's {low:g} to {high:g} s")
        if self._is_series and not self.exposure_time:
            raise UserMistake("a dose series needs an exposure_time above 0: its flat frames have it")
        shape = (region.height, region.width)
        given = regions_of(self.regions, "regions")
        wanted = len(self.line_pairs) if self.analysis == "line pairs" else 1
        if len(given) not in (0, 1, wanted):
            raise UserMistake(f"regions: {len(given)} were given, {wanted} are wanted (one each), or one, or none")
        for one in given:
            slices_of(one, shape, "regions")
        noise = region_of(self.noise_region, "noise_region")
        if noise is not None:
            slices_of(noise, shape, "noise_region")
        _ = camera.pixel_size
        # a simulated bench knows what can be placed, and says so now
        bench.place_object(self.placed)
        bench.place_object("")

    def _region(self, camera: Camera) -> Region:
        rows, columns = camera.sensor_shape
        wanted = region_of(self.readout_region, "readout_region")
        if wanted is None:
            return Region(0, 0, columns, rows)
        slices_of(wanted, (rows, columns), "readout_region")
        return wanted

    def axes(self, bench: Bench) -> Mapping[str, npt.NDArray[np.float64]]:
        """Pixels of the sensor, and where they lie in the object's plane."""
        region = self._region(bench.camera)
        x, y = (np.arange(0.0, size) for size in (region.width, region.height))
        micrometres = bench.camera.pixel_size * 1e6
        return {"x": x + region.x, "y": y + region.y, "horizontal": x * micrometres, "vertical": y * micrometres}

    # --- measuring

    def measure(self, bench: Bench, run: Run) -> None:
        """Measure dark frames, flat frames, then the object."""
        taken = run.keep("frames", Taken)
        beam = Beam(self.tube_voltage, self.tube_current, self.settling_time, self.dose_time)
        taker = FrameTaker(bench, run, beam, taken)
        region = self._region(bench.camera)
        lit, exposure = False, None
        with contextlib.ExitStack() as on:
            for step in run.progress(self._steps()):
                wanted = self.placed if step.phase in WITH_OBJECT else ""
                if taken.placed != wanted:
                    on.close()
                    lit = False
                    self._have_placed(bench, run, wanted)
                    taken.placed = wanted
                if step.exposure_time != exposure:
                    exposure = step.exposure_time
                    CameraSettings(exposure, self.gain, region).apply(bench.camera)
                if step.phase is Phase.LAPSE:
                    if self.beam_off_between:
                        on.close()
                        lit = False
                    self._wait_until_due(bench, run, step, taken)
                if step.phase in LIT and not lit:
                    on.enter_context(taker.beam_on())
                    lit = True
                self._take(run, taker, step, taken)
        told = run.warn if taken.lost or taken.incomplete else run.note
        told(f"{taken.lost} frames lost, {taken.incomplete} incomplete ones not recorded")
        if taken.late:
            run.warn(f"{taken.late} of {self.lapse_frames} frames were late: {self.lapse_period:g} s is too short")

    def _have_placed(self, bench: Bench, run: Run, name: str) -> None:
        if name:
            run.ask(f"Place the object ({name}) before the camera, close the door, and confirm.")
        else:
            run.ask("Take any object out of the beam before the camera, close the door, and confirm.")
        bench.place_object(name)

    def _wait_until_due(self, bench: Bench, run: Run, step: Step, taken: Taken) -> None:
        now = bench.clock.now()
        if taken.lapse_began is None:
            taken.lapse_began = now
        due = taken.lapse_began + step.index * self.lapse_period
        taken.late += now > due + 0.01 * self.lapse_period
        run.wait(max(0.0, due - now))

    def _take(self, run: Run, taker: FrameTaker, step: Step, taken: Taken) -> None:
        """Take what a step asks for, and record the image that is complete with it."""
        if step.phase is Phase.VIDEO:
            for frame in taker.video(self.object_frames, self.lapse_frames):
                self._record_image(run, taker, step, taken, [frame])
            return
        frame = taker.one(self._stream_of(step.phase))
        if step.phase is Phase.LAPSE:
            if step.index == 0 or step.last:
                self._record_image(run, taker, step, taken, [frame])
            return
        taken.add(step, frame)
        if step.last and step.phase in WITH_OBJECT:
            self._record_image(run, taker, step, taken, taken.frames[step.phase, step.exposure_time])

    def _stream_of(self, phase: Phase) -> Stream:
        return {Phase.DARK: self.dark_frames, Phase.FLAT: self.flat_frames}.get(phase, self.object_frames)

    def _record_image(self, run: Run, taker: FrameTaker, step: Step, taken: Taken, frames: Sequence[Frame]) -> None:
        image = self._correction(run, taken, step).apply(averaged(frames))
        exposure = frames[0].exposure_time
        run.record(
            self.radiograph,
            frames=len(frames),
            exposure_time=exposure,
            dose=taker.dose_rate * exposure * len(frames) if exposure else math.nan,
            irradiated=taken.irradiated,
            full_pixels=image.full_pixels,
            hits=image.hits,
            transmission=image.transmission,
            transmission_errors=image.uncertainty,
        )

    def _correction(self, run: Run, taken: Taken, step: Step) -> Correction:
        if taken.correction is None:
            taken.correction = Correction.of(
                taken.averaged(Phase.DARK, self.exposure_time), taken.averaged(Phase.FLAT, self.exposure_time)
            )
            if taken.correction.problem:
                run.warn(f"the frames are recorded and cannot be corrected: {taken.correction.problem}")
        if step.exposure_time == self.exposure_time:
            return taken.correction
        return taken.correction.of_other_exposure(
            taken.averaged(Phase.DARK, step.exposure_time), self.exposure_time / step.exposure_time
        )

    # --- after

    def analyse(self, data: RunData) -> Sequence[FigureOfMerit]:
        """Find resolution, contrast and noise of the corrected images."""
        return imaging_figures(data)

    def drawings(self, data: RunData) -> Sequence[Drawing]:
        """Draw the image with its regions, and what was found in it."""
        return imaging_drawings(data)
