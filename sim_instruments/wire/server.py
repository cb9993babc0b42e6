"""Serves simulated instruments on loopback, in one thread, so that what happens first is answered first."""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
LONGEST_MESSAGE = 1_000_000
"""Bytes without a terminator after which a client is cut off."""


class WireClock(Protocol):
    """What the server needs of the world's clock."""

    def now(self) -> float:
        """Return the time, s."""
        ...

    def request(self, t: float, reply: Callable[[], None]) -> None:
        """Say that somebody waits for a reply that is due at that time, and call `reply` then."""
        ...

    def before_advance(self, hook: Callable[[], None]) -> None:
        """Have `hook` called each time before the clock moves on."""
        ...


@dataclass(frozen=True)
class Reply:
    """An answer that the instrument gives later than at once."""

    content: bytes
    after: float = 0.0
    """s"""


class WireInstrument(ABC):
    """A simulated instrument's protocol: bytes in, bytes out.

    Attributes
    ----------
    terminator
        What ends a message from the client; it is taken off before `handle`.
    listens_only
        Whether it never answers; its messages are handled before those of others that arrive together with them.
    """

    terminator: ClassVar[bytes] = b"\n"
    listens_only: ClassVar[bool] = False

    @abstractmethod
    def handle(self, message: bytes) -> bytes | Reply | None:
        """Answer one message (without its terminator); None where the real one stays silent.

        The answer includes its own terminator.
        """

    def connected(self) -> None:
        """Take note that a client connected."""

    def disconnected(self) -> None:
        """Take note that a client went away."""


class Disturbance(Protocol):
    """What may go wrong on the way: see `sim_instruments.faults`."""

    def on_reply(self, instrument: str, reply: bytes) -> tuple[bytes | None, float]:
        """Return the reply as it arrives (None: never) and how much later, s."""
        ...

    def refuses(self, instrument: str) -> bool:
        """Say whether the connection is cut."""
        ...


@dataclass(eq=False)
class _Line:
    """One client's connection, or the serial line."""

    name: str
    instrument: WireInstrument
    read: Callable[[], bytes]
    write: Callable[[bytes], None]
    close: Callable[[], None]
    buffer: bytearray = field(default_factory=bytearray)
    awaiting: int = 0


class WireServer:
    """Serves any number of instruments, each on its own port of loopback or on a pseudo-terminal.

    Parameters
    ----------
    clock
        The world's.
    lock
        The world's: held while an instrument handles a message.
    disturbance
        What goes wrong on the way, if anything.
    """

    def __init__(
        self, clock: WireClock, lock: threading.RLock | None = None, disturbance: Disturbance | None = None
    ) -> None:
        self._clock = clock
        self._lock = lock if lock is not None else threading.RLock()
        self._disturbance = disturbance
        self._selector = selectors.DefaultSelector()
        self._turn = threading.RLock()
        self._lines: set[_Line] = set()
        self._listeners: list[socket.socket] = []
        self._closing = False
        self._alarm_out, self._alarm_in = socket.socketpair()
        self._alarm_out.setblocking(False)
        self._selector.register(self._alarm_out, selectors.EVENT_READ, self._drain_alarm)
        clock.before_advance(self.drain)
        self._thread = threading.Thread(target=self._serve, name="wires", daemon=True)
        self._thread.start()

    def serve_tcp(self, name: str, instrument: WireInstrument) -> str:
        """Serve an instrument on a free port of loopback.

        Returns
        -------
        str
            Its VISA address, ``TCPIP::127.0.0.1::PORT::SOCKET``.
        """
        listener = socket.create_server((LOOPBACK, 0))
        listener.setblocking(False)
        with self._turn:
            self._listeners.append(listener)
            self._selector.register(listener, selectors.EVENT_READ, lambda: self._accept(name, instrument, listener))
        self._alarm()
        return f"TCPIP::{LOOPBACK}::{listener.getsockname()[1]}::SOCKET"

    def serve_serial(self, name: str, instrument: WireInstrument) -> str:
        """Serve an instrument on a pseudo-terminal (not on Windows).

        Returns
        -------
        str
            Its VISA address, ``ASRL/dev/pts/N::INSTR``.
        """
        import pty
        import tty

        ours, theirs = pty.openpty()
        tty.setraw(theirs)
        os.set_blocking(ours, False)

        def close() -> None:
            for end in (ours, theirs):
                with contextlib.suppress(OSError):
                    os.close(end)

        line = _Line(name, instrument, lambda: os.read(ours, 65536), lambda data: _write_all(ours, data), close)
        with self._turn:
            self._lines.add(line)
            self._selector.register(ours, selectors.EVENT_READ, line)
        self._alarm()
        return f"ASRL{os.ttyname(theirs)}::INSTR"

    def drain(self) -> None:
        """Handle every byte that clients have sent until now."""
        if threading.current_thread() is self._thread:
            return
        with self._turn:
            while self._turn_once(0.0):
                pass

    def close(self) -> None:
        """Stop serving."""
        self._closing = True
        self._alarm()
        self._thread.join(timeout=5)
        with self._turn:
            for line in tuple(self._lines):
                self._drop(line)
            for listener in self._listeners:
                listener.close()
            self._selector.close()
            self._alarm_in.close()
            self._alarm_out.close()

    def _alarm(self) -> None:
        with contextlib.suppress(OSError):
            self._alarm_in.send(b"!")

    def _drain_alarm(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._alarm_out.recv(4096)

    def _serve(self) -> None:
        waiting = selectors.DefaultSelector()
        waiting.register(self._selector, selectors.EVENT_READ) if hasattr(self._selector, "fileno") else None
        while not self._closing:
            if hasattr(self._selector, "fileno"):
                # wait outside the turn: whoever drains must not wait for a client to speak
                waiting.select()
                with self._turn:
                    self._turn_once(0.0)
            else:
                with self._turn:
                    self._turn_once(0.01)
        waiting.close()

    def _turn_once(self, timeout: float) -> bool:
        """Handle what is there; return whether anything was."""
        if self._closing and not self._selector.get_map():
            return False
        ready = [key.data for key, _ in self._selector.select(timeout)]
        # what a listen-only instrument was told comes before a question to another: it was sent before it
        ready.sort(key=lambda item: not (isinstance(item, _Line) and item.instrument.listens_only))
        for item in ready:
            if isinstance(item, _Line):
                self._receive(item)
            else:
                item()
        return bool(ready)

    def _accept(self, name: str, instrument: WireInstrument, listener: socket.socket) -> None:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        if self._disturbance is not None and self._disturbance.refuses(name):
            client.close()
            return
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.setblocking(False)

        def write(data: bytes) -> None:
            with contextlib.suppress(BlockingIOError):
                data = data[client.send(data) :]
            if not data:
                return
            client.setblocking(True)
            client.settimeout(5.0)
            try:
                client.sendall(data)
            finally:
                client.setblocking(False)

        line = _Line(name, instrument, lambda: client.recv(65536), write, client.close)
        self._lines.add(line)
        self._selector.register(client, selectors.EVENT_READ, line)
        instrument.connected()

    def _drop(self, line: _Line) -> None:
        if line not in self._lines:
            return
        self._lines.discard(line)
        for key in tuple(self._selector.get_map().values()):
            if key.data is line:
                self._selector.unregister(key.fileobj)
        line.close()
        with self._lock:
            line.instrument.disconnected()

    def _receive(self, line: _Line) -> None:
        try:
            data = line.read()
        except BlockingIOError:
            return
        except OSError:
            data = b""
        cut = self._disturbance is not None and self._disturbance.refuses(line.name)
        if not data or cut or len(line.buffer) > LONGEST_MESSAGE:
            self._drop(line)
            return
        line.buffer += data
        terminator = line.instrument.terminator
        while (end := line.buffer.find(terminator)) >= 0:
            message = bytes(line.buffer[:end])
            del line.buffer[: end + len(terminator)]
            self._answer(line, message)

    def _answer(self, line: _Line, message: bytes) -> None:
        with self._lock:
            try:
                answer = line.instrument.handle(message)
            except Exception:
                log.exception("simulated %s failed on %r", line.name, message)
                self._drop(line)
                return
        if answer is None:
            return
        content, after = (answer.content, answer.after) if isinstance(answer, Reply) else (answer, 0.0)
        if self._disturbance is not None:
            disturbed, later = self._disturbance.on_reply(line.name, content)
            if disturbed is None:
                return
            content, after = disturbed, after + later
        if after <= 0:
            self._send(line, content)
            return
        self._clock.request(self._clock.now() + after, lambda: self._send(line, content))

    def _send(self, line: _Line, content: bytes) -> None:
        try:
            line.write(content)
        except OSError:
            with self._turn:
                self._drop(line)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:
            threading.Event().wait(0.001)
