"""Other code in the same process may close pyvisa's manager, of which there is one for all."""

import pyvisa

from drivers.wire import Wire
from sim_instruments.wire.server import WireInstrument, WireServer
from sim_instruments.world.clock import RealClock


class Echo(WireInstrument):
    """Answers with the question."""

    def handle(self, message: bytes) -> bytes:
        return message + b"\n"


def test_a_wire_opens_after_somebody_closed_the_manager() -> None:
    clock = RealClock()
    server = WireServer(clock)
    address = server.serve_tcp("echo", Echo())
    try:
        for _ in range(2):
            wire = Wire(address, "echo", read_termination="\n", write_termination="\n")
            wire.write("A?")
            assert wire.read() == "A?"
            wire.close()
            pyvisa.ResourceManager("@py").close()
    finally:
        clock.close()
        server.close()
