"""What a setting followed by a question costs on the simulated wire: untuned pyvisa-py, and our wire.

``TCPIP::...::SOCKET`` through pyvisa-py leaves Nagle's algorithm on: the second small packet waits until the first is
acknowledged, and the other end delays that by about 40 ms. Run with ``python -m benchmarks.nodelay``.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import pyvisa

from benchmarks._verdicts import Verdicts, load
from drivers.wire import Wire
from sim_instruments.wire.server import WireInstrument, WireServer
from sim_instruments.world.clock import RealClock

LEAST_RATIO = 20.0
"""Untuned over tuned, below which the tuning does not work. Only where acknowledgements are delayed: Linux."""
LARGEST_OVER_BARE = 4.0
"""Ours over pyvisa-py with the socket option set and nothing else.

Our wire looks before each message whether the other end has gone or bytes lie there that nobody asked for; each look
lets go of the interpreter, which the simulated meter's thread of this same process then takes.
"""


class Meter(WireInstrument):
    """Takes a setting, answers a question, thinks no time."""

    def handle(self, message: bytes) -> bytes | None:
        """Answer questions."""
        return b"1.0\n" if message.endswith(b"?") else None


def cost(exchange: Callable[[], object], times: int) -> float:
    """Return the median duration of an exchange, s."""
    exchange()
    durations = []
    for _ in range(times):
        began = time.perf_counter()
        exchange()
        durations.append(time.perf_counter() - began)
    return statistics.median(durations)


def main() -> int:
    """Measure and print; return 1 if a ratio is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=2000)
    times = parser.parse_args().times
    clock = RealClock()
    server = WireServer(clock)
    resource = server.serve_tcp("meter", Meter())
    settings: dict[str, Any] = {"read_termination": "\n", "write_termination": "\n"}
    manager: Any = pyvisa.ResourceManager("@py")
    untuned = manager.open_resource(resource, **settings)
    bare = manager.open_resource(resource, **settings)
    bare.visalib.sessions[bare.session].interface.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    ours = Wire(resource, "meter", 2.0, **settings)

    def exchange_untuned() -> None:
        untuned.write("SET 1")
        untuned.query("GET?")

    def exchange_bare() -> None:
        bare.write("SET 1")
        bare.query("GET?")

    def exchange_ours() -> None:
        ours.write("SET 1")
        ours.write("GET?")
        ours.read()

    slow, quick, tuned = cost(exchange_untuned, 25), cost(exchange_bare, times), cost(exchange_ours, times)
    for connection in (untuned, bare, ours):
        connection.close()
    server.close()
    clock.close()
    print(f"a setting and a question ({load()}); medians")
    print(f"untuned pyvisa-py     {slow * 1e3:8.3f} ms")
    print(f"pyvisa-py, NODELAY    {quick * 1e3:8.3f} ms")
    print(f"our wire              {tuned * 1e3:8.3f} ms")
    verdicts = Verdicts()
    if sys.platform == "linux":
        verdicts.at_least("untuned over our wire", slow / tuned, LEAST_RATIO)
    verdicts.at_most("our wire over pyvisa-py with NODELAY", tuned / quick, LARGEST_OVER_BARE)
    return verdicts.conclude()


if __name__ == "__main__":
    sys.exit(main())
