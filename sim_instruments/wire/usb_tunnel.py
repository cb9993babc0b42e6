"""A pyusb backend whose only device is a simulated USB2000+, reached over loopback.

``usb.core.find(backend=get_backend("usb-sim://127.0.0.1:40123"))`` finds it, and so does an unmodified ``seabreeze``
after `register`. Opening, closing and resetting exchange nothing with the other end, so that a garbage collector may
do them in whatever thread it runs.
"""
# ruff: noqa: ARG002  (pyusb says which arguments a backend's methods have)

from __future__ import annotations

import array
import contextlib
import errno
import socket
import sys
import threading
import types
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import usb.backend
import usb.core

SCHEME = "usb-sim"
OCEAN_OPTICS, USB2000PLUS = 0x2457, 0x101E
PATIENCE_S = 30.0
"""Real seconds, beyond ten times a transfer's own timeout, after which a silent other end counts as gone."""

_ENDPOINTS = ((0x01, 512), (0x82, 512), (0x86, 512), (0x81, 64))


@dataclass(frozen=True)
class _Device:
    host: str
    port: int


class _Handle:
    """An opened device; connects when the first transfer is made."""

    def __init__(self, device: _Device) -> None:
        self._device = device
        self._socket: socket.socket | None = None
        self._received = bytearray()
        self._lock = threading.Lock()

    def exchange(self, request: bytes, patience: float = 0.0) -> list[bytes]:
        """Send a line and return the words of the answer.

        Raises
        ------
        usb.core.USBError
            If the device refuses, does not answer in time or is not there any more.
        """
        with self._lock:
            try:
                answer = self._ask(request, PATIENCE_S + 10 * patience)
            except OSError as error:
                self._disconnect()
                raise usb.core.USBError("No such device (it may have been disconnected)", None, errno.ENODEV) from error
        kind, *words = answer.split(b" ", 2)
        if kind == b"error":
            number, text = int(words[0]), words[1].decode()
            failure = usb.core.USBTimeoutError if number == errno.ETIMEDOUT else usb.core.USBError
            raise failure(text, None, number)
        return [kind, *words]

    def _ask(self, request: bytes, patience: float) -> bytes:
        if self._socket is None:
            self._socket = socket.create_connection((self._device.host, self._device.port), timeout=5.0)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.settimeout(patience)
        self._socket.sendall(request + b"\n")
        while b"\n" not in self._received:
            received = self._socket.recv(65536)
            if not received:
                raise ConnectionResetError(errno.ECONNRESET, "the simulated bench closed the connection")
            self._received += received
        line, _, rest = bytes(self._received).partition(b"\n")
        self._received = bytearray(rest)
        return line

    def _disconnect(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
        self._socket = None
        self._received.clear()

    def close(self) -> None:
        """Close the connection; any number of times."""
        with self._lock:
            self._disconnect()


class TunnelBackend(usb.backend.IBackend):
    """The USB of one simulated bench.

    Parameters
    ----------
    host, port
        Where the bench serves its spectrometer.
    """

    def __init__(self, host: str, port: int) -> None:
        super().__init__()
        self._device = _Device(host, port)

    def enumerate_devices(self) -> Iterator[_Device]:
        """Yield the spectrometer, if it is plugged in."""
        handle = _Handle(self._device)
        try:
            handle.exchange(b"present")
        except usb.core.USBError:
            return
        finally:
            handle.close()
        yield self._device

    def get_parent(self, dev: _Device) -> None:
        """Return no hub."""

    def get_device_descriptor(self, dev: _Device) -> types.SimpleNamespace:
        """Return the descriptor of a USB2000+; bus and address tell several benches apart."""
        return types.SimpleNamespace(
            bLength=18,
            bDescriptorType=1,
            bcdUSB=0x0200,
            bDeviceClass=0xFF,
            bDeviceSubClass=0,
            bDeviceProtocol=0,
            bMaxPacketSize0=64,
            idVendor=OCEAN_OPTICS,
            idProduct=USB2000PLUS,
            bcdDevice=0x0002,
            iManufacturer=0,
            iProduct=0,
            iSerialNumber=0,
            bNumConfigurations=1,
            bus=dev.port >> 8,
            address=dev.port & 0xFF,
            port_number=1,
            port_numbers=(1,),
            speed=3,
        )

    def get_configuration_descriptor(self, dev: _Device, config: int) -> types.SimpleNamespace:
        """Return the only configuration's descriptor."""
        _only_the_first(config)
        return types.SimpleNamespace(
            bLength=9,
            bDescriptorType=2,
            wTotalLength=18 + 7 * len(_ENDPOINTS),
            bNumInterfaces=1,
            bConfigurationValue=1,
            iConfiguration=0,
            bmAttributes=0x80,
            bMaxPower=250,
            extra_descriptors=[],
        )

    def get_interface_descriptor(self, dev: _Device, intf: int, alt: int, config: int) -> types.SimpleNamespace:
        """Return the only interface's descriptor."""
        _only_the_first(intf, alt, config)
        return types.SimpleNamespace(
            bLength=9,
            bDescriptorType=4,
            bInterfaceNumber=0,
            bAlternateSetting=0,
            bNumEndpoints=len(_ENDPOINTS),
            bInterfaceClass=0xFF,
            bInterfaceSubClass=0,
            bInterfaceProtocol=0,
            iInterface=0,
            extra_descriptors=[],
        )

    def get_endpoint_descriptor(self, dev: _Device, ep: int, intf: int, alt: int, config: int) -> types.SimpleNamespace:
        """Return a bulk endpoint's descriptor."""
        _only_the_first(intf, alt, config)
        address, packet = _ENDPOINTS[ep]
        return types.SimpleNamespace(
            bLength=7,
            bDescriptorType=5,
            bEndpointAddress=address,
            bmAttributes=2,
            wMaxPacketSize=packet,
            bInterval=0,
            bRefresh=0,
            bSynchAddress=0,
            extra_descriptors=[],
        )

    def open_device(self, dev: _Device) -> _Handle:
        """Open the device; whether it is there shows with the first transfer."""
        return _Handle(dev)

    def close_device(self, dev_handle: _Handle) -> None:
        """Close the device."""
        dev_handle.close()

    def set_configuration(self, dev_handle: _Handle, config_value: int) -> None:
        """Accept the only configuration."""

    def get_configuration(self, dev_handle: _Handle) -> int:
        """Return the only configuration's number."""
        return 1

    def set_interface_altsetting(self, dev_handle: _Handle, intf: int, altsetting: int) -> None:
        """Accept the only setting."""

    def claim_interface(self, dev_handle: _Handle, intf: int) -> None:
        """Accept the claim."""

    def release_interface(self, dev_handle: _Handle, intf: int) -> None:
        """Accept the release."""

    def is_kernel_driver_active(self, dev_handle: _Handle, intf: int) -> bool:
        """Say that no kernel driver holds the device."""
        return False

    def clear_halt(self, dev_handle: _Handle, ep: int) -> None:
        """Accept: a halted endpoint is halted for as long as its fault lasts."""

    def reset_device(self, dev_handle: _Handle) -> None:
        """Reset the device: what was not read is gone."""
        dev_handle.close()

    def bulk_write(self, dev_handle: _Handle, ep: int, intf: int, data: array.array[int], timeout: int) -> int:
        """Write to a bulk endpoint; return the number of bytes that were taken."""
        _, count = dev_handle.exchange(b"out %02x %s" % (ep, bytes(data).hex().encode()), timeout / 1e3)
        return int(count)

    def bulk_read(self, dev_handle: _Handle, ep: int, intf: int, buff: array.array[int], timeout: int) -> int:
        """Fill a buffer from a bulk endpoint; return the number of bytes."""
        answer = [b"again", b"%d" % timeout]
        while answer[0] == b"again":
            answer = dev_handle.exchange(b"in %02x %d %d" % (ep, len(buff), int(answer[1])), timeout / 1e3)
        received = bytes.fromhex(answer[1].decode()) if len(answer) > 1 else b""
        buff[: len(received)] = array.array("B", received)
        return len(received)


def _only_the_first(*numbers: int) -> None:
    if any(numbers):
        raise IndexError


def get_backend(resource: str) -> TunnelBackend:
    """Return the USB of the bench that serves its spectrometer at ``usb-sim://HOST:PORT``.

    Raises
    ------
    ValueError
        If the resource is none of this kind.
    """
    address = urlsplit(resource)
    if address.scheme != SCHEME or not address.hostname or not address.port:
        msg = f"'{resource}' is no address of a simulated spectrometer, such as {SCHEME}://127.0.0.1:40123"
        raise ValueError(msg)
    return TunnelBackend(address.hostname, address.port)


def register(resource: str, name: str) -> None:
    """Make the bench's USB known to pyusb as ``usb.backend.NAME``, so that a program can ask for it by that name.

    Parameters
    ----------
    resource
        ``usb-sim://HOST:PORT``
    name
        For example what ``seabreeze.use("pyseabreeze", pyusb_backend=NAME)`` is to be told.
    """
    backend = get_backend(resource)
    module = types.ModuleType(f"usb.backend.{name}")
    module.__dict__["get_backend"] = lambda find_library=None: backend  # noqa: ARG005  (pyusb's signature)
    sys.modules[module.__name__] = module
