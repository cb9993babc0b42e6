"""Any GenICam camera, through `harvesters` and the GenTL producer (``.cti``) of its maker."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from config.mistake import UserMistake
from drivers.errors import ConnectionLost, InstrumentError
from drivers.genicam_features import Features
from drivers.pixel_formats import pixel_format, unpack
from drivers.roles.camera import CameraOptions, Frame
from drivers.roles.role import DriverOptions, Identity, Surroundings, exclusive
from drivers.sfnc_camera import SfncCamera

if TYPE_CHECKING:
    from harvesters.core import Harvester

log = logging.getLogger(__name__)


class GenICamOptions(CameraOptions):
    """What a bench file may say of a GenICam camera."""

    cti: str = Field("", description="path of the GenTL producer, where the resource is the camera's serial number")
    buffers: int = Field(8, ge=2, le=256, description="frames that the producer may hold")


class HarvestersFeatures(Features):
    """Features through the GenApi of `genicam`."""

    def __init__(self, name: str, node_map: Any) -> None:
        super().__init__(name)
        self._nodes = node_map

    @property
    def _failures(self) -> tuple[type[Exception], ...]:
        from genicam.genapi import GenericException

        return (GenericException, AttributeError)

    def _access(self, feature: str) -> int:
        if not self._nodes.has_node(feature):
            return 0
        return int(self._nodes.get_node(feature).node.get_access_mode())

    def _exists(self, feature: str) -> bool:
        return self._access(feature) > 1  # neither "not implemented" nor "not available"

    def _writable(self, feature: str) -> bool:
        return self._access(feature) in (2, 4)  # write only, read and write

    def _value(self, feature: str) -> object:
        return getattr(self._nodes, feature).value

    def _assign(self, feature: str, value: float | str) -> None:
        node = getattr(self._nodes, feature)
        node.value = value if isinstance(value, str) else type(node.value)(value)

    def _bounds(self, feature: str) -> tuple[float, float]:
        node = getattr(self._nodes, feature)
        return float(node.min), float(node.max)

    def _choices(self, feature: str) -> tuple[str, ...]:
        return tuple(str(symbol) for symbol in getattr(self._nodes, feature).symbolics)

    def _execute(self, feature: str) -> None:
        getattr(self._nodes, feature).execute()


class GenICamCamera(SfncCamera):
    """A camera behind a GenTL producer.

    Parameters
    ----------
    resource
        ``/path/to/producer.cti`` for its first camera, ``/path/to/producer.cti::SERIAL`` for one of several, or the
        serial number (or the producer's name for the camera) alone with ``options.cti``.
    options
        See `GenICamOptions`.
    surroundings
        Of the bench.

    Raises
    ------
    UserMistake
        If `harvesters` is not installed, or there is no such producer.
    ConnectionLost
        If the producer finds no such camera.
    """

    Options: ClassVar[type[DriverOptions]] = GenICamOptions
    options: GenICamOptions

    def __init__(
        self, resource: str, options: DriverOptions | None = None, surroundings: Surroundings | None = None
    ) -> None:
        super().__init__(resource, options, surroundings)
        producer, wanted = self._producer()
        self._harvester = _harvester()
        self._acquirer: Any = None
        try:
            self._harvester.add_file(str(producer), check_existence=True, check_validity=True)
            self._harvester.update()
            self._connect(producer, wanted)
            acquirer: Any = self._acquirer
            self._features = HarvestersFeatures(self.name, acquirer.remote_device.node_map)
            self._identity = self._who()
            self._prepare()
        except BaseException as error:
            self.close()
            if isinstance(error, OSError):
                raise UserMistake(f"instruments.camera: {producer} is no GenTL producer: {error}") from error
            raise

    def _producer(self) -> tuple[Path, str]:
        """Return the producer's path and what the camera is called."""
        path, _, wanted = self.resource.partition("::")
        if self.options.cti:
            path, wanted = self.options.cti, self.resource
        producer = Path(path).expanduser()
        if not producer.is_file():
            raise UserMistake(
                f"instruments.camera: there is no GenTL producer '{path}'; give the maker's .cti file as resource or "
                f"as options.cti"
            )
        return producer, wanted

    def _connect(self, producer: Path, wanted: str) -> None:
        known = [_properties(info) for info in self._harvester.device_info_list]
        for number, properties in enumerate(known):
            if not wanted or wanted in properties.values():
                try:
                    self._acquirer = self._harvester.create(number)
                except Exception as error:  # the producers' exceptions have nothing in common
                    raise ConnectionLost(self.name, f"the camera cannot be opened: {error}", str(producer)) from error
                self._found = properties
                self._acquirer.num_buffers = self.options.buffers
                self._acquirer.add_callback(self._acquirer.Events.INCOMPLETE_BUFFER, _counting(self))
                return
        names = ", ".join(properties.get("serial_number") or properties["id_"] for properties in known) or "none"
        raise ConnectionLost(self.name, f"no camera '{wanted}' was found; there is {names}", str(producer))

    def _who(self) -> Identity:
        def first(feature: str, key: str) -> str:
            return self._features.text(feature) or self._found.get(key, "")

        return Identity(
            first("DeviceVendorName", "vendor"),
            first("DeviceModelName", "model"),
            first("DeviceSerialNumber", "serial_number") or self._found.get("id_", ""),
            self._features.text("DeviceFirmwareVersion"),
        )

    @property
    def features(self) -> Features:
        """The camera's features."""
        return self._features

    # --- frames

    _dropped = 0

    def _start(self, count: int) -> None:
        del count
        self._dropped = 0
        try:
            self._acquirer.start()
        except self._failures as error:
            raise InstrumentError(self.name, f"does not begin to take frames: {error}", "AcquisitionStart") from error

    def _stop(self) -> None:
        if self._acquirer is None or not self._acquirer.is_acquiring():
            return
        try:
            self._acquirer.stop()
        except self._failures as error:
            raise InstrumentError(self.name, f"does not stop taking frames: {error}", "AcquisitionStop") from error

    def _fetch(self, timeout: float) -> Frame | None:
        before = self._dropped
        try:
            buffer = self._acquirer.try_fetch(timeout=timeout, is_raw=True)
        except self._failures as error:
            raise ConnectionLost(self.name, f"the frame was lost: {error}", self.frame_command) from error
        if buffer is None:
            if self._dropped > before:
                return None
            raise TimeoutError
        try:
            return self._frame_of(buffer)
        finally:
            buffer.parent.queue_buffer(buffer)

    def _frame_of(self, buffer: Any) -> Frame:
        name = self._format_of(buffer)
        form = pixel_format(name)
        if form is None:
            raise InstrumentError(
                self.name, f"sends {name}, which is no monochrome format known here", "PixelFormat", name
            )
        width, height = int(buffer.width), int(buffer.height)
        start = self._or_zero(buffer, "image_offset")
        try:
            pixels = unpack(
                memoryview(buffer.raw_buffer)[start:], form, width, height, self._or_zero(buffer, "padding_x")
            )
        except ValueError as error:
            raise InstrumentError(self.name, str(error), self.frame_command) from error
        return Frame(
            pixels,
            self.full_scale_of(form.full_scale),
            self._exposure_or_nothing(),
            self._or_zero(buffer, "frame_id"),
            self.clock.now(),
        )

    def _format_of(self, buffer: Any) -> str:
        from harvesters.util.pfnc import dict_by_ints

        code = self._or_zero(buffer, "pixel_format")
        return str(dict_by_ints.get(code, "")) or self.pixel_format

    def _or_zero(self, buffer: Any, what: str) -> int:
        """Return what the producer says of a buffer; many do not say all of it."""
        try:
            return int(getattr(buffer, what))
        except self._failures:
            return 0

    @property
    def _failures(self) -> tuple[type[Exception], ...]:
        from genicam.genapi import GenericException
        from genicam.gentl import GenericException as ProducerException

        return (GenericException, ProducerException, AttributeError)

    @exclusive
    def close(self) -> None:
        """Close the connection; any number of times."""
        acquirer, self._acquirer = self._acquirer, None
        if acquirer is not None:
            acquirer.destroy()
        self._harvester.reset()


def _harvester() -> Harvester:
    try:
        from harvesters.core import Harvester
    except ImportError as error:
        raise UserMistake(
            f"instruments.camera: GenICam cameras need the extra 'camera': pip install xraybench[camera] ({error})"
        ) from error
    # it says at warning level what is counted here
    logging.getLogger("harvesters").setLevel(logging.ERROR)
    return Harvester()


def _counting(camera: GenICamCamera) -> Any:
    from harvesters.core import Callback

    class Count(Callback):
        """Take note of a buffer that was incomplete, which `harvesters` gives back to the producer by itself."""

        def emit(self, context: object = None) -> None:
            del context
            camera._dropped += 1

    return Count()


def _properties(info: Any) -> dict[str, str]:
    return {key: str(value) for key, value in info.property_dict.items() if isinstance(value, str)}
