"""The USB connection of a spectrometer, through pyseabreeze: found by serial number or model, checked, never stale."""

from __future__ import annotations

import contextlib
import errno
import importlib
import struct
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import usb.core
from seabreeze.pyseabreeze import SeaBreezeAPI, SeaBreezeDevice, SeaBreezeError
from seabreeze.pyseabreeze.features.spectrometer import SeaBreezeSpectrometerFeatureOOI
from seabreeze.pyseabreeze.transport import (
    USBTransport,
    USBTransportDeviceInUse,
    USBTransportError,
    USBTransportHandle,
)

from config.mistake import UserMistake
from drivers.errors import BadReply, ConnectionLost, WrongInstrument

Answer = TypeVar("Answer")

SYNCHRONISATION = 0x69
"""What ends a spectrum (USB2000+ data sheet, "Request spectra"); without it the bytes are of something else."""

_MALFORMED = (struct.error, ValueError, IndexError, AssertionError, SeaBreezeError)
"""How seabreeze fails on an answer that is none."""


@dataclass(frozen=True)
class Wanted:
    """Which spectrometer: any where both are empty."""

    model: str = ""
    serial: str = ""

    @classmethod
    def of(cls, resource: str) -> Wanted:
        """Read a resource: nothing, a serial number, a model, ``usb::MODEL`` or ``usb::MODEL::SERIAL``.

        Raises
        ------
        UserMistake
            If it is none of these.
        """
        parts = resource.split("::")
        if "://" in resource or resource == "":
            return cls()
        if parts[0].lower() == "usb" and 2 <= len(parts) <= 3 and all(parts[1:]):
            return cls(_model(parts[1]), parts[2] if len(parts) == 3 else "")
        if len(parts) > 1:
            raise UserMistake(
                f"instruments.spectrometer.resource '{resource}': allowed are nothing (the only one), a serial number, "
                f"a model such as USB2000PLUS, usb::MODEL or usb::MODEL::SERIAL"
            )
        known = {_model(name) for name in SeaBreezeAPI.supported_models()}
        return cls(model=_model(resource)) if _model(resource) in known else cls(serial=resource)

    def fits(self, device: SeaBreezeDevice) -> bool:
        """Say whether an opened device is this one."""
        return self.model in ("", _model(device.model)) and self.serial in ("", device.serial_number)

    def __str__(self) -> str:
        """Say it as errors do."""
        return " ".join(part for part in (self.model, self.serial) if part) or "a spectrometer"


def _model(name: str) -> str:
    """Write a model's name as seabreeze does: USB2000+ is USB2000PLUS."""
    return name.upper().replace("+", "PLUS").replace("-", "").replace(" ", "")


def usb_backend(module: str, resource: str) -> Any:
    """Return the pyusb backend of a module, or None for pyusb's own choice.

    Parameters
    ----------
    module
        Name of a module with pyusb's ``get_backend()``; empty for pyusb's own choice.
    resource
        If it is an address (``SCHEME://...``), ``get_backend`` is told it.

    Raises
    ------
    UserMistake
        If there is no such module, or it is no backend.
    """
    if not module and "://" in resource:
        raise UserMistake(
            f"instruments.spectrometer.resource = '{resource}' is no device on this machine's USB: name the module "
            f"that reaches it (instruments.spectrometer.options.usb_backend)"
        )
    if not module:
        return None
    try:
        get_backend = importlib.import_module(module).get_backend
        backend = get_backend(resource) if "://" in resource else get_backend()
    except (ImportError, AttributeError, ValueError) as error:
        raise UserMistake(f"instruments.spectrometer.options.usb_backend = '{module}': {error}") from error
    if backend is None:
        raise UserMistake(f"instruments.spectrometer.options.usb_backend = '{module}': the backend cannot be loaded")
    return backend


class SeaBreezeConnection:
    """An opened spectrometer; errors name the instrument and the command.

    An answer that did not come in time may come later, and would then answer the next question. So the device is opened
    anew after every failed question; `opened_anew` is called then.

    Parameters
    ----------
    instrument
        How errors name it.
    wanted
        Which spectrometer.
    backend
        As `usb.core.find` takes it.
    timeout_s
        Of a short answer; a spectrum may take its exposure longer.

    Raises
    ------
    ConnectionLost
        If there is none, or it cannot be opened.
    WrongInstrument
        If there are others only.
    """

    def __init__(self, instrument: str, wanted: Wanted, backend: Any, timeout_s: float) -> None:
        self._instrument = instrument
        self._wanted = wanted
        self._backend = backend
        self._timeout_ms = max(1, round(timeout_s * 1e3))
        self._stale = False
        self._closed = False
        self.opened_anew: Callable[[], None] = lambda: None
        self._device: SeaBreezeDevice = self._open()
        # from now on no other will do
        self._wanted = Wanted(_model(self._device.model), self._device.serial_number)

    @property
    def device(self) -> SeaBreezeDevice:
        """The device as seabreeze opened it."""
        return self._device

    def ask(self, command: str, question: Callable[[SeaBreezeDevice], Answer]) -> Answer:
        """Put a question to the device.

        Parameters
        ----------
        command
            How errors name it.
        question
            Gets the device.

        Raises
        ------
        ConnectionLost
            If no answer comes in time, or the device has gone.
        BadReply
            If the answer is none.
        """
        if self._closed:
            raise ConnectionLost(self._instrument, "the connection is closed", command)
        if self._stale:
            self._open_anew()
        try:
            return question(self._device)
        except (usb.core.USBError, USBTransportError) as error:
            self._stale = True
            raise self._lost(error, command) from error
        except _MALFORMED as error:
            self._stale = True
            raise BadReply(self._instrument, f"the answer is none ({error})", command) from error

    def close(self) -> None:
        """Close the device; any number of times."""
        if not self._closed:
            self._closed = True
            _close(self._device)

    def _open_anew(self) -> None:
        _close(self._device)
        self._device = self._open()
        self._stale = False
        self.opened_anew()

    def _open(self) -> SeaBreezeDevice:
        opened: list[SeaBreezeDevice] = []
        refused: list[str] = []
        for handle in self._plugged_in():
            device = SeaBreezeDevice(handle)
            try:
                device.open()
            except USBTransportDeviceInUse:
                refused.append(f"{device.model} is in use by another program")
            except (usb.core.USBError, USBTransportError, *_MALFORMED) as error:
                refused.append(f"{device.model} cannot be opened ({_explained(error)})")
                _close(device)
            else:
                opened.append(device)
        return self._chosen(opened, refused)

    def _chosen(self, opened: list[SeaBreezeDevice], refused: list[str]) -> SeaBreezeDevice:
        fitting = [device for device in opened if self._wanted.fits(device)]
        found = ", ".join([*(f"{device.model} {device.serial_number}" for device in opened), *refused])
        for device in opened:
            if len(fitting) != 1 or device is not fitting[0]:
                _close(device)
        if len(fitting) == 1:
            _check_synchronisation(fitting[0])
            return fitting[0]
        if len(fitting) > 1:
            raise UserMistake(f"{self._instrument}: there are several, name one by its serial number: {found}")
        if opened:
            raise WrongInstrument(self._instrument, f"{self._wanted} is asked for, but there is {found}")
        raise ConnectionLost(
            self._instrument, f"{self._wanted} is not on the USB" + (f": {found}" if found else ""), "list devices"
        )

    def _plugged_in(self) -> list[USBTransportHandle]:
        try:
            devices = list(
                usb.core.find(
                    find_all=True,
                    custom_match=lambda device: (device.idVendor, device.idProduct) in USBTransport.vendor_product_ids,
                    backend=self._backend,
                )
            )
        except usb.core.NoBackendError as error:
            raise ConnectionLost(
                self._instrument, "pyusb finds no libusb on this machine: install libusb-1.0", "list devices"
            ) from error
        except usb.core.USBError as error:
            raise self._lost(error, "list devices") from error
        for device in devices:
            device.default_timeout = self._timeout_ms
        return [USBTransportHandle(device) for device in devices]

    def _lost(self, error: Exception, command: str) -> ConnectionLost:
        why = "no answer in time" if isinstance(error, usb.core.USBTimeoutError) else "connection lost"
        return ConnectionLost(self._instrument, f"{why} ({_explained(error)})", command)


def _explained(error: Exception) -> str:
    if getattr(error, "errno", None) == errno.EACCES:
        return "permission denied: run seabreeze_os_setup once, then unplug and plug in again"
    return str(error) or type(error).__name__


def _close(device: SeaBreezeDevice) -> None:
    with contextlib.suppress(usb.core.USBError, USBTransportError, RuntimeError):
        device.close()


def _check_synchronisation(device: SeaBreezeDevice) -> None:
    """Let each spectrum be refused that lacks its last packet: seabreeze does not look at it.

    Whatever has the length of a spectrum would pass for one otherwise.
    """
    feature = device.f.spectrometer
    if not isinstance(feature, SeaBreezeSpectrometerFeatureOOI):
        return
    read = type(feature)._get_spectrum_raw
    # weak: a cycle would let the device live on, and reset itself whenever it is collected
    weak = weakref.ref(feature)

    def checked() -> Any:
        raw = read(weak())
        if raw[-1] != SYNCHRONISATION:
            raise ValueError(f"the spectrum ends in 0x{int(raw[-1]):02x} and not in 0x{SYNCHRONISATION:02x}")
        return raw

    feature._get_spectrum_raw = checked
