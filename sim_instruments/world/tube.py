"""The X-ray tube's physics (signatures; bodies follow)."""
import numpy as np
from numpy.typing import NDArray
Floats = NDArray[np.float64]
class TubePhysics:
    """High voltage and tube current, with their rise and fall. Reached as ``world.tube``."""
    def set_voltage_kv(self, voltage_kv: float) -> None: """Set the programmed kilovoltage (applied while HV is on)."""
    def set_current_ma(self, current_ma: float) -> None: """Set the programmed tube current."""
    def switch_on(self) -> bool:
        """Switch HV on; False (and stays off) when the interlock is open or a fault is latched."""
        raise NotImplementedError
    def switch_off(self) -> None: """Switch HV off (decays; ignored while a stuck-beam fault is active)."""
    high_voltage_on: bool
    interlock_closed: bool
    faults: frozenset[str]
    """latched fault names: "arc", "interlock", "overvoltage", ...; cleared with clear_faults()"""
    programmed_voltage_kv: float
    programmed_current_ma: float
    def voltage_kv(self, t: Floats | float | None = None) -> Floats: """True kV now or at times (past >= 100 s kept)."""; raise NotImplementedError
    def current_ma(self, t: Floats | float | None = None) -> Floats: """True mA now or at times."""; raise NotImplementedError
    def read_voltage_kv(self) -> float: """Monitor read-back with its noise (own stream)."""; raise NotImplementedError
    def read_current_ma(self) -> float: """Monitor read-back with its noise."""; raise NotImplementedError
    def open_interlock(self) -> None: """Door opens: HV off at once."""
    def close_interlock(self) -> None: """Door closes; HV stays off."""
    def arc(self) -> None: """HV off at once, fault 'arc' latched."""
    def trip(self, fault: str) -> None: """HV off, `fault` latched."""
    def clear_faults(self) -> None: """Reset latched faults whose cause is gone."""
