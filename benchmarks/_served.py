"""A simulated Keithley 2450 that takes no time of its own, served by a process of its own."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

from sim_instruments.wire.keithley_2450 import Keithley2450Wire
from sim_instruments.wire.server import WireServer
from sim_instruments.world.clock import RealClock
from sim_instruments.world.world import World

BY_RULE, BY_HEART = "simulated", "fixed"
"""The simulated instrument with an empty holder, and one that gives its last answer again without thinking."""


@contextlib.contextmanager
def served_2450(kind: str = BY_RULE) -> Iterator[str]:
    """Serve the instrument inside a `with` block.

    Yields
    ------
    str
        Its VISA address.
    """
    command = [sys.executable, "-m", "benchmarks._served", kind]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            address = server.stdout.readline().strip()
            if not address:
                raise SystemExit("the simulated 2450 does not start")
            yield address
        finally:
            server.stdin.close()
            server.wait(timeout=10)


def _answer_by_heart(listener: socket.socket, instrument: Keithley2450Wire) -> None:
    while True:
        client, _ = listener.accept()
        threading.Thread(target=_converse, args=(client, instrument), daemon=True).start()


def _converse(client: socket.socket, instrument: Keithley2450Wire) -> None:
    """Answer one client; voltages are put into the readings and nothing is calculated."""
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    volts = b"0"
    waiting = b""
    while data := client.recv(4096):
        *messages, waiting = (waiting + data).split(b"\n")
        for message in messages:
            if message.startswith(b":SOUR:VOLT "):
                volts = message[11:]
            elif message.startswith(b":READ?"):
                client.sendall(b"%b,1.143470E-09,136\n" % volts)
            else:
                answer = instrument.handle(message)
                if isinstance(answer, bytes):
                    client.sendall(answer)


def main() -> None:
    """Serve until stdin closes."""
    clock = RealClock()
    instrument = Keithley2450Wire(World(1, clock), no_latency=True)
    if sys.argv[1] == BY_HEART:
        listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=_answer_by_heart, args=(listener, instrument), daemon=True).start()
        print(f"TCPIP::127.0.0.1::{listener.getsockname()[1]}::SOCKET", flush=True)
    else:
        print(WireServer(clock).serve_tcp("source_meter", instrument), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
