"""The world: everything true about the simulated bench (signatures; bodies follow)."""
import threading
from collections.abc import Mapping
from typing import Any
import numpy as np
from sim_instruments.faults import Faults
from sim_instruments.world.clock import SimulationClock
class World:
    """World(seed, clock, sample=None, geometry=None, *, settings=None): composes the physics.

    sample: the sample file's content as a mapping with a ["world"] table; geometry: Geometry or a mapping with
    filters={"Al": 0.4e-3} (m), distance_m, output_factor; settings: the bench file's [simulation] table
    (e.g. {"dosimeter": {"calibration_error": "drawn"}, "tube": {...}}).
    """
    lock: threading.RLock
    clock: SimulationClock
    faults: Faults
    tube: Any
    beam: Any
    dosimeter: Any
    spectrometer: Any
    preamp: Any
    photoconductor: Any
    scintillator: Any
    def random(self, name: str) -> np.random.Generator: """The random stream of that name (same object each time)."""; raise NotImplementedError
    def set_sample(self, sample: Mapping[str, Any] | None) -> None: """Put another sample in."""
    def set_geometry(self, geometry: Any) -> None: """Change filters/distance."""
    def set_bias(self, source: str, volts: float, ramp_time: float = 0.0) -> None: """source: "source_meter" or "preamp": the voltage it applies from now (reached after ramp_time); they add up."""
    def bias_v(self, t: Any = None) -> Any: """Bias across the sample now (float) or at times (array)."""; raise NotImplementedError
    def device_current(self, times: Any = None, noise_bandwidth_hz: float | None = None) -> Any: """Current through the sample, A (0 without one)."""; raise NotImplementedError
    def truth(self, name: str, **conditions: float) -> float: """True figure of merit by the contract's name."""; raise NotImplementedError
    def close(self) -> None: """Close the clock."""
