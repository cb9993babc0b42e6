"""Basler cameras through the maker's own `pypylon`, for those who have no GenTL producer of theirs at hand."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from config.mistake import UserMistake
from drivers.errors import ConnectionLost, InstrumentError
from drivers.genicam_features import Features
from drivers.pixel_formats import pixel_format, unpack
from drivers.roles.camera import CameraOptions, Frame
from drivers.roles.role import DriverOptions, Identity, Surroundings, exclusive
from drivers.sfnc_camera import SfncCamera


class BaslerOptions(CameraOptions):
    """What a bench file may say of a Basler camera."""

    buffers: int = Field(8, ge=2, le=256, description="frames that the driver may hold")


class PylonFeatures(Features):
    """Features through `pypylon`."""

    def __init__(self, name: str, node_map: Any) -> None:
        super().__init__(name)
        self._nodes = node_map

    @property
    def _failures(self) -> tuple[type[Exception], ...]:
        from pypylon import genicam

        return (genicam.GenericException, AttributeError)

    def _node(self, feature: str) -> Any:
        return self._nodes.GetNode(feature)

    def _exists(self, feature: str) -> bool:
        from pypylon import genicam

        try:
            node = self._node(feature)
        except self._failures:
            return False
        return node is not None and bool(genicam.IsAvailable(node))

    def _writable(self, feature: str) -> bool:
        from pypylon import genicam

        return self._exists(feature) and bool(genicam.IsWritable(self._node(feature)))

    def _value(self, feature: str) -> object:
        return self._node(feature).GetValue()

    def _assign(self, feature: str, value: float | str) -> None:
        node = self._node(feature)
        if isinstance(value, str):
            node.FromString(value)
        else:
            node.SetValue(type(node.GetValue())(value))

    def _bounds(self, feature: str) -> tuple[float, float]:
        node = self._node(feature)
        return float(node.GetMin()), float(node.GetMax())

    def _choices(self, feature: str) -> tuple[str, ...]:
        return tuple(str(symbol) for symbol in self._node(feature).GetSymbolics())

    def _execute(self, feature: str) -> None:
        self._node(feature).Execute()


class BaslerCamera(SfncCamera):
    """A Basler camera; with ``PYLON_CAMEMU`` set in the environment, the maker's emulator.

    Parameters
    ----------
    resource
        Its serial number, or empty for the first that is found.
    options
        See `BaslerOptions`.
    surroundings
        Of the bench.

    Raises
    ------
    UserMistake
        If `pypylon` is not installed.
    ConnectionLost
        If there is no such camera.
    """

    Options: ClassVar[type[DriverOptions]] = BaslerOptions
    options: BaslerOptions

    def __init__(
        self, resource: str, options: DriverOptions | None = None, surroundings: Surroundings | None = None
    ) -> None:
        super().__init__(resource, options, surroundings)
        try:
            from pypylon import genicam, pylon
        except ImportError as error:
            raise UserMistake(
                f"instruments.camera: Basler's driver needs the extra 'basler': pip install xraybench[basler] ({error})"
            ) from error
        self._pylon: Any = pylon
        self._failures: tuple[type[Exception], ...] = (genicam.GenericException,)
        self._camera: Any = None
        factory = pylon.TlFactory.GetInstance()
        known = list(factory.EnumerateDevices())
        chosen = next((info for info in known if resource in ("", info.GetSerialNumber())), None)
        if chosen is None:
            names = ", ".join(info.GetSerialNumber() for info in known) or "none"
            raise ConnectionLost(self.name, f"no camera '{resource}' was found; there is {names}")
        try:
            self._camera = pylon.InstantCamera(factory.CreateDevice(chosen))
            self._camera.Open()
        except self._failures as error:
            self.close()
            raise ConnectionLost(self.name, f"the camera cannot be opened: {error}") from error
        try:
            self._camera.MaxNumBuffer.SetValue(self.options.buffers)
            self._features = PylonFeatures(self.name, self._camera.GetNodeMap())
            self._identity = Identity(
                self._features.text("DeviceVendorName") or "Basler",
                chosen.GetModelName(),
                chosen.GetSerialNumber(),
                self._features.text("DeviceFirmwareVersion"),
            )
            self._prepare()
        except BaseException:
            self.close()
            raise

    @property
    def features(self) -> Features:
        """The camera's features."""
        return self._features

    def _start(self, count: int) -> None:
        del count
        try:
            self._camera.StartGrabbing(self._pylon.GrabStrategy_OneByOne)
        except self._failures as error:
            raise InstrumentError(self.name, f"does not begin to take frames: {error}", "AcquisitionStart") from error

    def _fetch(self, timeout: float) -> Frame | None:
        try:
            result = self._camera.RetrieveResult(
                max(1, round(timeout * 1e3)), self._pylon.TimeoutHandling_ThrowException
            )
        except self._failures as error:
            if "timed out" in str(error).lower() or "timeout" in type(error).__name__.lower():
                raise TimeoutError from error
            raise ConnectionLost(self.name, f"the frame was lost: {error}", self.frame_command) from error
        try:
            return self._frame_of(result) if result.GrabSucceeded() else None
        finally:
            result.Release()

    def _frame_of(self, result: Any) -> Frame:
        name = self.pixel_format
        form = pixel_format(name)
        if form is None:
            raise InstrumentError(
                self.name, f"sends {name}, which is no monochrome format known here", "PixelFormat", name
            )
        try:
            pixels = unpack(
                bytes(result.GetBuffer()), form, result.GetWidth(), result.GetHeight(), result.GetPaddingX()
            )
        except ValueError as error:
            raise InstrumentError(self.name, str(error), self.frame_command) from error
        full_scale = self.full_scale_of(form.full_scale)
        return Frame(pixels, full_scale, self._exposure_or_nothing(), int(result.GetBlockID()), self.clock.now())

    def _stop(self) -> None:
        if self._camera is not None and self._camera.IsGrabbing():
            self._camera.StopGrabbing()

    def _fire(self) -> None:
        # a trigger before the camera waits for one would be lost
        if not self._camera.WaitForFrameTriggerReady(1000, self._pylon.TimeoutHandling_Return):
            raise InstrumentError(self.name, "is not ready for a trigger after 1 s", "TriggerSoftware")
        super()._fire()

    @exclusive
    def close(self) -> None:
        """Close the connection; any number of times."""
        camera, self._camera = self._camera, None
        if camera is not None:
            camera.Close()
