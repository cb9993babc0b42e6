"""What is the same in all GenICam cameras, whatever library carries their frames: settings by SFNC feature."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

from config.mistake import UserMistake
from drivers.genicam_features import Features
from drivers.pixel_formats import pixel_format
from drivers.roles.camera import Camera, Region, Trigger
from drivers.roles.role import Identity

EXPOSURE = ("ExposureTime", "ExposureTimeAbs")
"""us. The second name is that of SFNC 1.x, as older GigE cameras have it."""
GAIN = ("Gain", "GainRaw", "GainAbs")
_EXTERNAL_SOURCES = ("Line1", "Line0", "Line2", "Line3")


class SfncCamera(Camera):
    """A camera whose settings are GenICam features; subclasses connect and carry frames."""

    @property
    @abstractmethod
    def features(self) -> Features:
        """The camera's features."""

    def _prepare(self) -> None:
        """Take care that what is set stays: automatic exposure and gain off, one frame after the other."""
        for feature in ("ExposureAuto", "GainAuto"):
            self.features.set_where_there(feature, "Off")
        self.features.set_where_there("ExposureMode", "Timed")
        self.features.set_where_there("AcquisitionMode", "Continuous")
        self.features.set_where_there("TriggerSelector", "FrameStart")
        wanted = self.options.pixel_format
        if wanted:
            self.set_pixel_format(wanted)
        elif self.pixel_format not in self.pixel_formats:
            # a camera that is set to colour: the deepest monochrome it has, rather than none
            known = sorted(self.pixel_formats, key=lambda name: getattr(pixel_format(name), "bits", 0))
            if known:
                self.set_pixel_format(known[-1])

    @property
    def identity(self) -> Identity:
        """Who answered when the connection was opened."""
        return self._identity

    _identity: Identity

    def settings(self) -> Mapping[str, float | str | bool]:
        """Return what is set, as far as the camera has it."""
        region = self.region
        found: dict[str, float | str | bool] = {
            "pixel_format": self.pixel_format,
            "x": region.x,
            "y": region.y,
            "width": region.width,
            "height": region.height,
            "trigger": self.trigger,
            "incomplete_frames": self.incomplete_frames,
            "lost_frames": self.lost_frames,
        }
        for key, names in (("exposure_time_s", EXPOSURE), ("gain", GAIN)):
            feature = self.features.find(*names)
            if feature is not None:
                found[key] = self.features.number(feature) * (1e-6 if names is EXPOSURE else 1.0)
        return found

    # --- sensor

    @property
    def sensor_shape(self) -> tuple[int, int]:
        """Rows and columns of the whole sensor."""
        return self._largest("Height"), self._largest("Width")

    def _largest(self, side: str) -> int:
        sensor = self.features.find(f"{side}Max", f"Sensor{side}")
        if sensor is not None:
            return int(self.features.number(sensor))
        return int(self.features.limits(self.features.need("image size", side))[1])

    @property
    def sensor_pixel_size(self) -> float | None:
        """Distance of the sensor's pixels, m; None where the camera does not know it."""
        feature = self.features.find("SensorPixelWidth")  # um, SFNC 2.x
        return None if feature is None else self.features.number(feature) * 1e-6

    # --- settings

    @property
    def exposure_limits(self) -> tuple[float, float]:
        """Shortest and longest exposure, s."""
        low, high = self.features.limits(self.features.need("exposure time that can be set", *EXPOSURE))
        return low * 1e-6, high * 1e-6

    @property
    def exposure_time(self) -> float:
        """Exposure that is set, s."""
        return self.features.number(self.features.need("exposure time that can be read", *EXPOSURE)) * 1e-6

    def _send_exposure(self, seconds: float) -> None:
        self.features.set(self.features.need("exposure time that can be set", *EXPOSURE), seconds * 1e6)

    @property
    def gain_limits(self) -> tuple[float, float]:
        """Smallest and largest gain, in the camera's unit."""
        return self.features.limits(self.features.need("gain that can be set", *GAIN))

    @property
    def gain(self) -> float:
        """Gain that is set."""
        return self.features.number(self.features.need("gain that can be read", *GAIN))

    def _send_gain(self, gain: float) -> None:
        self.features.set(self.features.need("gain that can be set", *GAIN), gain)

    @property
    def pixel_formats(self) -> tuple[str, ...]:
        """The monochrome formats that it can send and that are understood here."""
        feature = self.features.need("pixel format", "PixelFormat")
        return tuple(name for name in self.features.choices(feature) if pixel_format(name) is not None)

    @property
    def pixel_format(self) -> str:
        """Format that is set."""
        return self.features.text(self.features.need("pixel format", "PixelFormat"))

    def _send_pixel_format(self, name: str) -> None:
        self.features.set("PixelFormat", name)

    @property
    def region(self) -> Region:
        """Part of the sensor that is read out."""
        x, y = (int(self.features.number(n)) if self.features.find(n) else 0 for n in ("OffsetX", "OffsetY"))
        return Region(x, y, int(self.features.number("Width")), int(self.features.number("Height")))

    def _send_region(self, region: Region) -> None:
        # offsets first make room: how large a region may be depends on where it begins
        for offset in ("OffsetX", "OffsetY"):
            self.features.set_where_there(offset, 0)
        for feature, value in (("Width", region.width), ("Height", region.height)):
            low, high = self.features.limits(feature)
            if not low <= value <= high:
                raise UserMistake(f"{self.name}: {feature} {value} is not within {low:g} to {high:g}")
            self.features.set(feature, value)
        for feature, value in (("OffsetX", region.x), ("OffsetY", region.y)):
            if value or self.features.find(feature):
                self.features.set(self.features.need("region that begins elsewhere than at 0", feature), value)

    @property
    def trigger(self) -> Trigger:
        """What begins a frame."""
        if self.features.text("TriggerMode") != "On":
            return "internal"
        return "software" if self.features.text("TriggerSource") == "Software" else "external"

    def _send_trigger(self, trigger: Trigger) -> None:
        if trigger == "internal":
            self.features.set_where_there("TriggerMode", "Off")
            return
        mode, source = self.features.need("trigger", "TriggerMode"), self.features.need("trigger", "TriggerSource")
        if trigger == "software":
            self.features.need("software trigger", "TriggerSoftware")
            self.features.set(source, "Software")
        else:
            known = self.features.choices(source)
            line = next((name for name in _EXTERNAL_SOURCES if name in known), None)
            if line is None:
                raise UserMistake(f"{self.name} has no input for a trigger, but {', '.join(known)}")
            self.features.set(source, line)
        self.features.set(mode, "On")

    def _fire(self) -> None:
        self.features.execute("TriggerSoftware")
