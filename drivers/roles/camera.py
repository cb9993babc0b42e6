"""The camera's role: takes frames; also a panel or anything else that reads out as an image."""

from __future__ import annotations

import logging
import math
from abc import abstractmethod
from collections.abc import Generator
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from config.mistake import UserMistake, nearest
from drivers.errors import ConnectionLost, Inhibited, InstrumentError
from drivers.roles.role import DriverOptions, Role, exclusive

log = logging.getLogger(__name__)

Trigger = Literal["internal", "software", "external"]
"""A frame begins when the last one is over, when `Camera.fire` is called, or with an edge at the camera's input."""

MOST_INCOMPLETE_IN_A_ROW = 20
"""After which a camera is taken to be out of order."""
_LOOK_EVERY_S = 0.1


@dataclass(frozen=True)
class Region:
    """Part of the sensor that is read out, in pixels."""

    x: int
    y: int
    width: int
    height: int

    def __str__(self) -> str:
        """Say it as an operator would."""
        return f"{self.width} x {self.height} at ({self.x}, {self.y})"


@dataclass(frozen=True, eq=False)
class Frame:
    """One complete image, as the camera gives it: nothing is subtracted or scaled."""

    pixels: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
    """(rows, columns)"""
    full_scale: int
    """The largest value that a pixel can have; such a pixel is saturated and holds no measurement."""
    exposure_time: float
    """s"""
    number: int
    """The camera's own count: a gap is a frame that was lost."""
    time: float
    """When it was fetched, s on the bench's clock."""

    @property
    def saturated(self) -> npt.NDArray[np.bool_]:
        """(rows, columns) true where a pixel is at full scale."""
        return np.asarray(self.pixels >= self.full_scale)


class CameraOptions(DriverOptions):
    """What a bench file may say of any camera."""

    timeout_s: float = Field(2.0, gt=0, le=600, description="how long a frame may be late beyond its exposure, s")
    pixel_size_um: float | None = Field(
        None, gt=0, description="pixel distance in the object's plane, um; by default the camera's own / magnification"
    )
    magnification: float = Field(1.0, gt=0, description="of the lens: sensor size over object size")
    full_scale: int | None = Field(
        None, gt=0, le=65_535, description="largest value of a pixel, where the sensor has fewer bits than the format"
    )
    pixel_format: str = Field("", description="Mono8, Mono12p, ...; by default as the camera is set")


class Camera(Role):
    """Takes frames.

    An incomplete buffer is counted in `incomplete_frames` and never returned; `lost_frames` counts the gaps in the
    camera's own numbers. While frames are being taken, no setting can be changed.
    """

    role = "camera"
    Options: ClassVar[type[DriverOptions]] = CameraOptions
    options: CameraOptions

    incomplete_frames = 0
    """Buffers that arrived incomplete since the connection was opened; none of them was returned."""
    lost_frames = 0
    """Frames that the camera took and that never arrived, since the connection was opened."""
    _taking = False
    _last_number: int | None = None

    # --- what the camera is

    @property
    @abstractmethod
    def sensor_shape(self) -> tuple[int, int]:
        """Rows and columns of the whole sensor."""

    @property
    @abstractmethod
    def sensor_pixel_size(self) -> float | None:
        """Distance of the sensor's pixels, m; None where the camera does not know it."""

    @property
    def pixel_size(self) -> float:
        """Distance of the pixels in the object's plane, m.

        Raises
        ------
        UserMistake
            If neither the camera nor the bench file says.
        """
        if self.options.pixel_size_um is not None:
            return self.options.pixel_size_um * 1e-6
        own = self.sensor_pixel_size
        if own is None:
            raise UserMistake(
                f"{self.name} does not know the size of its pixels: "
                f"give instruments.camera.options.pixel_size_um in the bench file"
            )
        return own / self.options.magnification

    # --- settings

    @property
    @abstractmethod
    def exposure_limits(self) -> tuple[float, float]:
        """Shortest and longest exposure, s."""

    @property
    @abstractmethod
    def exposure_time(self) -> float:
        """Exposure that is set, s."""

    @property
    @abstractmethod
    def gain_limits(self) -> tuple[float, float]:
        """Smallest and largest gain, in the camera's unit (dB with nearly all)."""

    @property
    @abstractmethod
    def gain(self) -> float:
        """Gain that is set."""

    @property
    @abstractmethod
    def pixel_formats(self) -> tuple[str, ...]:
        """The monochrome formats that it can send and that are understood here."""

    @property
    @abstractmethod
    def pixel_format(self) -> str:
        """Format that is set."""

    @property
    @abstractmethod
    def region(self) -> Region:
        """Part of the sensor that is read out."""

    @property
    @abstractmethod
    def trigger(self) -> Trigger:
        """What begins a frame."""

    @exclusive
    def set_exposure(self, seconds: float) -> None:
        """Set the exposure time, s.

        Raises
        ------
        UserMistake
            If the camera cannot expose for so long or short, or its exposure cannot be set at all.
        """
        self._check_idle("exposure")
        self._check_within("exposure", seconds, self.exposure_limits, "s")
        self._send_exposure(seconds)

    @exclusive
    def set_gain(self, gain: float) -> None:
        """Set the gain, in the camera's unit.

        Raises
        ------
        UserMistake
            If the camera has no such gain, or none that can be set.
        """
        self._check_idle("gain")
        self._check_within("gain", gain, self.gain_limits, "")
        self._send_gain(gain)

    @exclusive
    def set_pixel_format(self, name: str) -> None:
        """Set the pixel format, by its PFNC name.

        Raises
        ------
        UserMistake
            If the camera has no such format, or it is not understood here.
        """
        self._check_idle("pixel format")
        if name not in self.pixel_formats:
            raise UserMistake(f"{self.name} has no pixel format '{name}'; {nearest(name, self.pixel_formats)}")
        self._send_pixel_format(name)

    @exclusive
    def set_region(self, region: Region | None) -> None:
        """Set which part of the sensor is read out; None: all of it.

        Raises
        ------
        UserMistake
            If it is not on the sensor, or the camera cannot read out such a part.
        """
        self._check_idle("region")
        rows, columns = self.sensor_shape
        wanted = Region(0, 0, columns, rows) if region is None else region
        inside = 0 <= wanted.x < wanted.x + wanted.width <= columns and 0 <= wanted.y < wanted.y + wanted.height <= rows
        if not inside or wanted.width < 1 or wanted.height < 1:
            raise UserMistake(f"region {wanted} is not on the sensor of {self.name}, which has {columns} x {rows}")
        self._send_region(wanted)
        if self.region != wanted:
            raise UserMistake(f"{self.name} cannot read out {wanted}; the nearest is {self.region}")

    @exclusive
    def set_trigger(self, trigger: Trigger) -> None:
        """Set what begins a frame.

        Raises
        ------
        UserMistake
            If the camera cannot be triggered so.
        """
        self._check_idle("trigger")
        self._send_trigger(trigger)

    @abstractmethod
    def _send_exposure(self, seconds: float) -> None: ...

    @abstractmethod
    def _send_gain(self, gain: float) -> None: ...

    @abstractmethod
    def _send_pixel_format(self, name: str) -> None: ...

    @abstractmethod
    def _send_region(self, region: Region) -> None: ...

    @abstractmethod
    def _send_trigger(self, trigger: Trigger) -> None: ...

    # --- frames

    def frame(self, timeout: float | None = None) -> Frame:
        """Take one frame, whose exposure begins after this was called.

        Parameters, errors
            As `frames`.
        """
        taken = self.frames(1, timeout)
        try:
            return next(taken)
        finally:
            taken.close()

    def frames(self, count: int, timeout: float | None = None) -> Generator[Frame, None, None]:
        """Take frames one after the other, each handed out as soon as it is there.

        With a software trigger each frame is fired when it is asked for.

        Parameters
        ----------
        count
            How many complete frames.
        timeout
            s that each may take; by default its exposure and ``options.timeout_s``. With an external trigger this
            includes the wait for the edge.

        Yields
        ------
        Frame
            Complete ones only.

        Raises
        ------
        ConnectionLost
            If a frame did not come in time; it names what was asked for.
        InstrumentError
            If buffer after buffer is incomplete, or frames are being taken already.
        Inhibited
            If the bench was told to stop meanwhile.
        """
        if count < 1:
            raise ValueError(f"{count} frames cannot be taken")
        if timeout is not None and not (math.isfinite(timeout) and timeout > 0):
            raise ValueError(f"{timeout} s is no timeout")
        return self._frames(count, timeout)

    def _frames(self, count: int, timeout: float | None) -> Generator[Frame, None, None]:
        with self.lock:
            self._check_idle("frames")
            exposure, trigger = self._exposure_or_nothing(), self.trigger
            self._taking, self._last_number = True, None
        whole = False
        try:
            with self.lock:
                self._start(count)
            for _ in range(count):
                with self.lock:
                    frame = self._complete_frame(trigger, timeout or exposure + self.options.timeout_s)
                yield frame
            whole = True
        finally:
            with self.lock:
                self._taking = False
                try:
                    self._stop()
                except InstrumentError as error:
                    if whole:
                        raise
                    # why it ends early is what counts
                    log.warning("%s", error)

    def full_scale_of(self, format_full_scale: int) -> int:
        """Return the value at which a pixel is saturated: that of the format, or what the bench file says."""
        return min(format_full_scale, self.options.full_scale or format_full_scale)

    def _exposure_or_nothing(self) -> float:
        try:
            return self.exposure_time
        except UserMistake:  # a camera that exposes as it likes
            return 0.0

    def _complete_frame(self, trigger: Trigger, timeout: float) -> Frame:
        for _ in range(MOST_INCOMPLETE_IN_A_ROW):
            if trigger == "software":
                self._fire()
            frame = self._fetch_in_time(timeout, trigger)
            if frame is None:
                self.incomplete_frames += 1
                continue
            if self._last_number is not None and frame.number > self._last_number + 1:
                self.lost_frames += frame.number - self._last_number - 1
            self._last_number = frame.number
            return frame
        raise InstrumentError(
            self.name, f"{MOST_INCOMPLETE_IN_A_ROW} buffers in a row were incomplete", self.frame_command
        )

    def _fetch_in_time(self, timeout: float, trigger: Trigger) -> Frame | None:
        deadline = self.clock.now() + timeout
        while True:
            if self.surroundings.stop.is_set():
                raise Inhibited(self.name, "the bench was told to stop")
            left = deadline - self.clock.now()
            if left <= 0:
                why = " (external trigger)" if trigger == "external" else ""
                raise ConnectionLost(self.name, f"no frame within {timeout:g} s{why}", self.frame_command)
            try:
                return self._fetch(min(left, _LOOK_EVERY_S))
            except TimeoutError:
                continue

    frame_command = "AcquisitionStart"
    """What a frame is asked for with, as errors name it."""

    @abstractmethod
    def _start(self, count: int) -> None:
        """Begin to take frames; what was taken before is forgotten."""

    @abstractmethod
    def _fetch(self, timeout: float) -> Frame | None:
        """Return the next frame, None where its buffer is incomplete; raise `TimeoutError` if there is none yet."""

    @abstractmethod
    def _stop(self) -> None:
        """Take no more frames; any number of times."""

    @abstractmethod
    def _fire(self) -> None:
        """Give the software trigger."""

    def make_safe(self) -> None:
        """Do nothing: a camera energises nothing, and who takes frames stops by itself."""

    # --- checks

    def _check_idle(self, what: str) -> None:
        if self._taking:
            raise InstrumentError(self.name, f"is taking frames: its {what} cannot be set or begun meanwhile")

    def _check_within(self, quantity: str, value: float, limits: tuple[float, float], unit: str) -> None:
        low, high = limits
        if not (math.isfinite(value) and low <= value <= high):
            raise UserMistake(f"{quantity} {value:g} {unit} is not within {self.name}'s {low:g} to {high:g} {unit}")
