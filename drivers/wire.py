"""The VISA connection under every message-based driver: fast, checked, and never one answer behind."""

from __future__ import annotations

import contextlib
import logging
import select
import socket
from typing import Any

import pyvisa
from pymeasure.adapters import VISAAdapter
from pyvisa.constants import InterfaceType

from drivers.errors import BadReply, ConnectionLost

log = logging.getLogger(__name__)


class _TellingSocket(socket.socket):
    """A socket that says so when the other end has closed the connection.

    pyvisa-py takes the empty answer of `recv` for "nothing yet" and asks again, in a busy loop, until the timeout
    (its ``TCPIPSocketSession.read``).
    """

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        received = super().recv(bufsize, flags)
        if not received and bufsize:
            raise ConnectionResetError("the instrument closed the connection")
        return received


class Wire(VISAAdapter):
    """A PyMeasure adapter whose errors name the instrument and the command.

    `TCPIP::...::SOCKET` through pyvisa-py leaves Nagle's algorithm on and cannot set ``VI_ATTR_TCPIP_NODELAY``: each
    write that is followed by a query then waits about 40 ms for a delayed acknowledgement. The option is set on the
    session's socket here.

    An answer that did not come in time may come later, and would then answer the next question. So the connection is
    made anew after every failed read, and before a question when there are bytes that nobody asked for.

    pyvisa-py also opens a socket at an address where nobody listens, and learns that its peer has gone only by waiting
    for the whole timeout; both are errors at once here.

    Parameters
    ----------
    resource
        VISA address.
    instrument
        How errors name it.
    timeout_s
        s
    visa_library
        As `pyvisa.ResourceManager` takes it; by default pyvisa-py for sockets, pyvisa's own choice for other lines.
    settings
        Attributes of the VISA resource: terminations and so on; those of one kind of line only as PyMeasure takes
        them, ``asrl={"baud_rate": 9600}``.

    Raises
    ------
    ConnectionLost
        If nobody is at the address.
    """

    def __init__(
        self, resource: str, instrument: str, timeout_s: float = 2.0, visa_library: str = "", **settings: Any
    ) -> None:
        self.instrument = instrument
        self._asked = ""
        self._stale = False
        self.connection: Any
        try:
            # a plain socket needs no vendor's library, whose hang-ups could not be heard
            is_socket = resource.upper().startswith("TCPIP") and resource.upper().endswith("::SOCKET")
            manager = _manager(visa_library or ("@py" if is_socket else ""))
            self._opening = (resource, {"timeout": timeout_s * 1000, **_of_interface(manager, resource, settings)})
            super().__init__(resource, manager.visalib, **self._opening[1])
            self._without_delay()
        except (pyvisa.Error, OSError, ValueError) as error:
            self.close()
            raise ConnectionLost(instrument, f"nobody answers at {resource} ({error})") from error

    def _without_delay(self) -> None:
        if self.connection.interface_type is not InterfaceType.tcpip:
            return
        sessions = getattr(self.connection.visalib, "sessions", None)
        if sessions is None:  # a vendor's VISA library, which knows the attribute
            with contextlib.suppress(pyvisa.Error):
                self.connection.set_visa_attribute(pyvisa.constants.ResourceAttribute.tcpip_nodelay, True)
            return
        session = sessions[self.connection.session]
        plain = session.interface
        if not isinstance(plain, socket.socket):
            return
        plain.getpeername()  # raises where the connection was refused, which pyvisa-py does not look at
        timeout = plain.gettimeout()
        telling = _TellingSocket(plain.family, plain.type, plain.proto, fileno=plain.detach())
        telling.settimeout(timeout)
        telling.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        session.interface = telling

    def _unasked(self) -> bytes:
        """Return the first of the bytes that came without a question; raise if the other end has gone."""
        sessions = getattr(self.connection.visalib, "sessions", None)
        session: Any = sessions.get(self.connection.session) if sessions is not None else None
        interface = getattr(session, "interface", None)
        if not isinstance(interface, _TellingSocket):
            return b""
        if session._pending_buffer:
            return bytes(session._pending_buffer[:40])
        if not select.select([interface], [], [], 0)[0]:
            return b""
        return interface.recv(40, socket.MSG_PEEK)

    def _prepare(self, command: str) -> None:
        self._asked = command
        if not self._stale:
            try:
                unasked = self._unasked()
            except (pyvisa.Error, OSError) as error:
                # the instrument may have been switched off and on meanwhile: nobody may go on as if it had not
                raise self._lost(error) from error
            if unasked:
                log.warning("%s: dropped %r, which nobody asked for", self.instrument, unasked)
                self._stale = True
        if self._stale:
            self._renew()

    def _renew(self) -> None:
        resource, settings = self._opening
        self._hang_up()
        try:
            self.connection = self.manager.open_resource(resource, **settings)
            self._without_delay()
        except (pyvisa.Error, OSError, ValueError) as error:
            raise ConnectionLost(
                self.instrument, f"nobody answers at {resource} any more ({error})", self._asked
            ) from error
        self._stale = False

    def _lost(self, error: Exception) -> ConnectionLost:
        self._stale = True
        if (
            isinstance(error, pyvisa.errors.VisaIOError)
            and error.error_code == pyvisa.constants.StatusCode.error_timeout
        ):
            return ConnectionLost(self.instrument, "no answer in time", self._asked)
        return ConnectionLost(self.instrument, f"connection lost ({error})", self._asked)

    def _write(self, command: str, **kwargs: Any) -> None:
        self._prepare(command)
        try:
            self.connection.write(command, **kwargs)
        except (pyvisa.Error, OSError) as error:
            raise self._lost(error) from error

    def _write_bytes(self, content: bytes, **kwargs: Any) -> None:
        self._prepare(content.decode("latin-1"))
        try:
            self.connection.write_raw(content, **kwargs)
        except (pyvisa.Error, OSError) as error:
            raise self._lost(error) from error

    def _read(self, **kwargs: Any) -> str:
        try:
            return str(self.connection.read(**kwargs))
        except UnicodeDecodeError as error:
            self._stale = True
            raise BadReply(self.instrument, "the answer is no text", self._asked, repr(error.object[:40])) from error
        except (pyvisa.Error, OSError) as error:
            raise self._lost(error) from error

    def _read_bytes(self, count: int, break_on_termchar: bool = False, **kwargs: Any) -> bytes:
        try:
            return bytes(super()._read_bytes(count, break_on_termchar=break_on_termchar, **kwargs))
        except (pyvisa.Error, OSError) as error:
            raise self._lost(error) from error

    def bad(self, why: str, reply: str) -> BadReply:
        """Make the error for an answer that is none; the next question starts on a new connection."""
        self._stale = True
        return BadReply(self.instrument, why, self._asked, reply)

    def close(self) -> None:
        """Close the connection; any number of times."""
        self._hang_up()
        with contextlib.suppress(pyvisa.Error, OSError, AttributeError):
            super().close()

    def _hang_up(self) -> None:
        """Close the session, and have pyvisa-py forget it.

        pyvisa-py (0.8) keeps every session that was ever opened in a process: `PyVisaLibrary.close` leaves it in
        `sessions`. An instrument that is asked once a second all night whether it is back would fill the memory.
        """
        with contextlib.suppress(pyvisa.Error, OSError, AttributeError):
            number = self.connection.session
            self.connection.close()
            sessions = getattr(self.connection.visalib, "sessions", None)
            if sessions is not None:
                sessions.pop(number, None)


_managers: dict[str, pyvisa.ResourceManager] = {}


def _manager(visa_library: str) -> pyvisa.ResourceManager:
    """Look for the VISA library once: pyvisa starts compilers and linkers to find it, 0.1 s each time.

    pyvisa has one manager a library in the whole process, and any other code in it may close that: it is then made
    anew.
    """
    known = _managers.get(visa_library)
    if known is not None:
        with contextlib.suppress(pyvisa.errors.InvalidSession):
            assert known.session is not None  # noqa: S101  (raises where it was closed)
            return known
    _managers[visa_library] = pyvisa.ResourceManager(visa_library)
    return _managers[visa_library]


def _of_interface(manager: pyvisa.ResourceManager, resource: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings that hold for the resource's kind of line."""
    kind = manager.resource_info(resource).interface_type
    common = {name: value for name, value in settings.items() if name not in InterfaceType.__members__}
    return {**settings.get(kind.name, {}), **common}
