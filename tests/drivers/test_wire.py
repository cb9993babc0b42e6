"""The connection under every message-based driver: what may come over it, and what must never come of it."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import pyvisa

from drivers.errors import BadReply, ConnectionLost
from drivers.wire import Wire
from sim_instruments.wire.server import WireInstrument, WireServer
from sim_instruments.world.clock import RealClock


class Echo(WireInstrument):
    """Answers each question with itself."""

    def handle(self, message: bytes) -> bytes | None:
        return b"<" + message + b">\n" if message.endswith(b"?") else None


class Peer:
    """The other end of one connection after the other, played line by line by a test."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.resource = f"TCPIP::127.0.0.1::{self._listener.getsockname()[1]}::SOCKET"
        self.lines: list[socket.socket] = []

    def accept(self) -> socket.socket:
        self._listener.settimeout(5)
        line, _ = self._listener.accept()
        line.settimeout(5)
        self.lines.append(line)
        return line

    def play(self, *acts: Callable[[], object]) -> threading.Thread:
        thread = threading.Thread(target=lambda: [act() for act in acts], daemon=True)
        thread.start()
        return thread

    def close(self) -> None:
        for line in (*self.lines, self._listener):
            line.close()


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    yield peer
    peer.close()


@pytest.fixture
def echo() -> Iterator[str]:
    clock = RealClock()
    server = WireServer(clock)
    yield server.serve_tcp("echo", Echo())
    server.close()
    clock.close()


def opened(peer: Peer, timeout_s: float = 5.0) -> tuple[Wire, socket.socket]:
    wire = Wire(peer.resource, "meter at X", timeout_s, read_termination="\n", write_termination="\n")
    return wire, peer.accept()


def test_delay_of_small_packets_is_off(echo: str) -> None:
    wire = Wire(echo, "echo")
    session = wire.connection.visalib.sessions[wire.connection.session]
    assert session.interface.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    wire.close()
    untuned: Any = pyvisa.ResourceManager("@py").open_resource(echo)
    assert not untuned.visalib.sessions[untuned.session].interface.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    untuned.close()


def test_it_is_still_off_after_a_reconnection(peer: Peer) -> None:
    wire, line = opened(peer, timeout_s=0.1)
    wire.write("A?")
    with pytest.raises(ConnectionLost, match="no answer in time"):
        wire.read()
    wire.write("B?")
    session = wire.connection.visalib.sessions[wire.connection.session]
    assert session.interface.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    wire.close()
    line.close()


def test_an_instrument_that_hangs_up_is_lost_at_once_and_not_after_the_timeout(peer: Peer) -> None:
    wire, line = opened(peer, timeout_s=30.0)
    wire.write("A?")
    hangs_up = peer.play(lambda: line.recv(10), line.close)
    began = time.monotonic()
    with pytest.raises(ConnectionLost, match=r"meter at X: .*closed the connection.*command 'A\?'"):
        wire.read()
    assert time.monotonic() - began < 5
    hangs_up.join()
    wire.close()


def test_an_instrument_that_hung_up_between_two_questions_is_an_error_once(peer: Peer) -> None:
    wire, line = opened(peer)
    line.shutdown(socket.SHUT_RDWR)
    line.close()
    with pytest.raises(ConnectionLost, match=r"closed the connection.*command 'A\?'"):
        wire.write("A?")
    answers = peer.play(lambda: peer.accept().sendall(b"7\n"))
    wire.write("A?")
    assert wire.read() == "7"
    answers.join()
    wire.close()


def test_a_half_answer_before_hanging_up_is_no_answer(peer: Peer) -> None:
    wire, line = opened(peer, timeout_s=30.0)
    wire.write("A?")
    peer.play(lambda: line.recv(10), lambda: line.sendall(b"3.14"), line.close).join()
    with pytest.raises(ConnectionLost):
        wire.read()
    wire.close()


def test_a_late_answer_never_answers_the_next_question(peer: Peer) -> None:
    wire, first = opened(peer, timeout_s=0.1)
    wire.write("A?")
    with pytest.raises(ConnectionLost, match=r"no answer in time.*'A\?'"):
        wire.read()

    def answer_late_and_then_rightly() -> None:
        second = peer.accept()
        first.sendall(b"answer to A\n")
        assert second.recv(10) == b"B?\n"
        second.sendall(b"answer to B\n")

    peer.play(answer_late_and_then_rightly)
    wire.connection.timeout = 5000
    wire._opening[1]["timeout"] = 5000
    wire.write("B?")
    assert wire.read() == "answer to B"
    wire.close()


def test_an_answer_that_nobody_asked_for_is_dropped(peer: Peer, caplog: pytest.LogCaptureFixture) -> None:
    wire, first = opened(peer)
    wire.write("A?")
    first.sendall(b"answer to A\nanswer to A again\n")
    assert wire.read() == "answer to A"
    peer.play(lambda: peer.accept().sendall(b"answer to B\n"))
    wire.write("B?")
    assert wire.read() == "answer to B"
    assert "answer to A again" in caplog.text
    wire.close()


def test_bytes_that_are_no_text_are_a_bad_reply_and_the_next_question_starts_anew(peer: Peer) -> None:
    wire, first = opened(peer)
    wire.write("A?")
    first.sendall(b"\xff\xfe\xfd\n")
    with pytest.raises(BadReply, match="no text"):
        wire.read()
    peer.play(lambda: peer.accept().sendall(b"7\n"))
    wire.write("A?")
    assert wire.read() == "7"
    wire.close()


def test_an_answer_that_a_driver_finds_bad_ends_the_connection_too(peer: Peer) -> None:
    wire, first = opened(peer)
    wire.write("A?")
    first.sendall(b"x\nsome more\n")
    error = wire.bad("that is no number", wire.read())
    assert "meter at X: that is no number; command 'A?'; reply 'x'" in str(error)
    peer.play(lambda: peer.accept().sendall(b"7\n"))
    wire.write("A?")
    assert wire.read() == "7"
    wire.close()


def test_nobody_at_the_address_is_an_error_on_opening() -> None:
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    began = time.monotonic()
    with pytest.raises(ConnectionLost, match="nobody answers"):
        Wire(f"TCPIP::127.0.0.1::{port}::SOCKET", "meter", 30.0)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("address", ["", "nonsense", "TCPIP::127.0.0.1::SOCKET", "USB0::1::2::3::INSTR"])
def test_an_address_that_is_none_is_an_error_and_no_traceback(address: str) -> None:
    with pytest.raises(ConnectionLost, match="meter: nobody answers at"):
        Wire(address, "meter", 0.1)


def test_no_session_is_kept_after_closing_reconnecting_or_finding_nobody(peer: Peer) -> None:
    wire, line = opened(peer)
    sessions = wire.connection.visalib.sessions
    with_one = len(sessions)
    for _ in range(3):
        line.close()
        with pytest.raises(ConnectionLost):
            wire.write("A?")
        wire.write("A?")
        line = peer.accept()
        assert len(sessions) == with_one
    line.close()
    peer.close()
    for _ in range(4):
        with pytest.raises(ConnectionLost):
            wire.write("A?")
        assert len(sessions) <= with_one
    wire.close()
    assert len(sessions) == with_one - 1


def test_closing_twice_is_closing_once_and_writing_after_it_an_error(echo: str) -> None:
    wire = Wire(echo, "echo")
    wire.close()
    wire.close()
    with pytest.raises(ConnectionLost):
        wire.write("A?")


def test_ten_thousand_questions_get_their_own_answers(echo: str) -> None:
    wire = Wire(echo, "echo", read_termination="\n", write_termination="\n")
    for number in range(10_000):
        if wire_answer(wire, f"{number}?") != f"<{number}?>":
            pytest.fail(f"question {number} got another's answer")
    wire.close()


def wire_answer(wire: Wire, question: str) -> str:
    wire.write(question)
    return wire.read()


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals on Windows")
def test_a_serial_line_comes_back_after_a_timeout() -> None:
    clock = RealClock()
    server = WireServer(clock)
    resource = server.serve_serial("echo", Echo())
    wire = Wire(
        resource, "echo", 0.1, asrl={"baud_rate": 9600}, tcpip={}, read_termination="\n", write_termination="\n"
    )
    wire.write("no question")
    with pytest.raises(ConnectionLost, match="no answer in time"):
        wire.read()
    assert wire_answer(wire, "A?") == "<A?>"
    wire.close()
    server.close()
    clock.close()
