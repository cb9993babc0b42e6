"""The bench's clock: real, scaled, or virtual.

`RealClock` runs with the wall clock, or a fixed multiple of it. `VirtualClock` moves only when somebody waits,
which makes a long measurement quick and, from one seed, the same each time. Both have the shape of the
drivers' clock protocol and, for the simulated instruments, calls at a moment (`call_at`), at intervals
(`every`) and the announcement of a reply that a client is blocked on (`request`).
"""

from sim_instruments.world.interrupt import Interrupt, InterruptLike
from sim_instruments.world.real_clock import RealClock
from sim_instruments.world.schedule import FailedCall, Scheduled
from sim_instruments.world.virtual_clock import VirtualClock

SimulationClock = RealClock | VirtualClock

__all__ = ["FailedCall", "Interrupt", "InterruptLike", "RealClock", "Scheduled", "SimulationClock", "VirtualClock"]
