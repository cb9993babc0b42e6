"""A connection over which a camera answers in lines of text and sends its frames as blocks of bytes.

It is no VISA session: pyvisa-py looks at what it receives in pieces of a few kilobytes, which takes longer than the
network does for the megabytes of a frame.
"""

from __future__ import annotations

import contextlib
import re
import socket

from config.mistake import UserMistake
from drivers.errors import BadReply, ConnectionLost

_ADDRESS = re.compile(r"TCPIP\d*::(?P<host>[^:]+)::(?P<port>\d+)::SOCKET", re.IGNORECASE)
LONGEST_LINE = 4096
LARGEST_BLOCK = 1 << 30


class FrameSocket:
    """A socket that asks questions; its errors name the instrument and the command.

    After an answer that did not come, or was none, the next question starts on a new connection, so that no late answer
    is taken for the one to another question.

    Parameters
    ----------
    resource
        ``TCPIP::host::port::SOCKET``.
    instrument
        How errors name it.
    timeout_s
        s

    Raises
    ------
    UserMistake
        If the resource is no such address.
    ConnectionLost
        If nobody is there.
    """

    def __init__(self, resource: str, instrument: str, timeout_s: float) -> None:
        match = _ADDRESS.fullmatch(resource.strip())
        if match is None:
            raise UserMistake(
                f"instruments.camera.resource = '{resource}' is no address of the form TCPIP::host::port::SOCKET"
            )
        self._address = (match["host"], int(match["port"]))
        self._resource, self._instrument, self._timeout = resource, instrument, timeout_s
        self._socket: socket.socket | None = None
        self._held = b""
        self._asked = ""
        self._connect()

    def _connect(self) -> socket.socket:
        try:
            made = socket.create_connection(self._address, timeout=self._timeout)
        except OSError as error:
            raise ConnectionLost(
                self._instrument, f"nobody answers at {self._resource} ({error})", self._asked
            ) from error
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket, self._held = made, b""
        return made

    def send(self, command: str) -> None:
        """Send a command that has no answer."""
        self._asked = command
        connection = self._socket or self._connect()
        if self._held:
            # an answer that nobody asked for would be taken for the next one
            self.close()
            connection = self._connect()
        try:
            connection.sendall(command.encode("ascii") + b"\n")
        except OSError as error:
            raise self._lost(error) from error

    def ask(self, question: str) -> str:
        """Ask, and return the line that is the answer, without its end.

        Raises
        ------
        ConnectionLost
            If none comes.
        """
        self.send(question)
        return self._line_until(b"\n").decode("latin-1").rstrip("\r")

    def ask_frame(self, question: str, timeout_s: float) -> tuple[str, bytearray]:
        """Ask for a line that ends in an IEEE 488.2 definite-length block (``...,#8........`` and the bytes).

        Parameters
        ----------
        question
            What is asked.
        timeout_s
            After which bytes that do not come are lost, s.

        Returns
        -------
        tuple
            What stands before the block, and its bytes. An answer without a block has no bytes.
        """
        self.send(question)
        self._open().settimeout(timeout_s)
        try:
            return self._frame_answer()
        finally:
            if self._socket is not None:
                self._socket.settimeout(self._timeout)

    def _frame_answer(self) -> tuple[str, bytearray]:
        start = self._line_until(b"#", b"\n")
        if start.endswith(b"\n"):
            return start.decode("latin-1").strip(), bytearray()
        digits = self._exactly(1)
        if not digits.isdigit() or digits == b"0":
            raise self.bad("the answer holds no definite-length block", repr(bytes(start + digits)))
        length = self._exactly(int(digits))
        if not length.isdigit() or int(length) > LARGEST_BLOCK:
            raise self.bad("the block's length is no number, or too large", repr(bytes(length)))
        content = self._exactly(int(length))
        if self._exactly(1) != b"\n":
            raise self.bad(f"the block does not end after its {int(length)} bytes", repr(bytes(start)))
        return start[:-1].decode("latin-1").rstrip(","), content

    def _line_until(self, *ends: bytes) -> bytes:
        taken = b""
        while True:
            taken += self._held
            self._held = b""
            found = [position for end in ends if (position := taken.find(end)) >= 0]
            if found:
                line, self._held = taken[: min(found) + 1], taken[min(found) + 1 :]
                return line[:-1] if len(ends) == 1 else line
            if len(taken) > LONGEST_LINE:
                raise self.bad("the answer has no end", repr(taken[:40]))
            self._held = self._receive()

    def _exactly(self, count: int) -> bytearray:
        content = bytearray(count)
        view = memoryview(content)
        held = self._held[:count]
        view[: len(held)] = held
        self._held = self._held[count:]
        have = len(held)
        connection = self._open()
        while have < count:
            try:
                received = connection.recv_into(view[have:])
            except OSError as error:
                raise self._lost(error) from error
            if received == 0:
                raise self._lost(ConnectionResetError("the instrument closed the connection"))
            have += received
        return content

    def _receive(self) -> bytes:
        try:
            received = self._open().recv(65536)
        except OSError as error:
            raise self._lost(error) from error
        if not received:
            raise self._lost(ConnectionResetError("the instrument closed the connection"))
        return received

    def _open(self) -> socket.socket:
        if self._socket is None:
            raise ConnectionLost(self._instrument, "the connection is closed", self._asked)
        return self._socket

    def _lost(self, error: OSError) -> ConnectionLost:
        self.close()
        if isinstance(error, TimeoutError):
            return ConnectionLost(self._instrument, "no answer in time", self._asked)
        return ConnectionLost(self._instrument, f"connection lost ({error})", self._asked)

    def bad(self, why: str, reply: str) -> BadReply:
        """Make the error for an answer that is none; the next question starts on a new connection."""
        self.close()
        return BadReply(self._instrument, why, self._asked, reply)

    def close(self) -> None:
        """Close the connection; any number of times."""
        connection, self._socket, self._held = self._socket, None, b""
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.close()
