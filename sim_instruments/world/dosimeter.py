"""The dosimeter's physics (signatures; bodies follow)."""
class DosimeterPhysics:
    """Reached as ``world.dosimeter``."""
    ranges: tuple[str, ...]
    """("low", "medium", "high")"""
    def reading(self, duration: float, t_end: float | None = None, range_name: str = "high") -> float: """Mean dose rate in Gy/s over the past `duration` s incl. calibration and random error; inf when overloaded."""; raise NotImplementedError
    def dose(self, t_start: float, t_end: float | None = None, range_name: str = "high") -> float: """Dose in Gy since t_start (one random error per t_start)."""; raise NotImplementedError
    def charge(self, dose: float) -> float: """Charge in C behind a dose in Gy (or current in A behind a dose rate)."""; raise NotImplementedError
    def full_scale(self, range_name: str) -> float: """Largest dose rate of a range, Gy/s."""; raise NotImplementedError
    def overloaded(self, range_name: str = "high", t: float | None = None) -> bool: """Dose rate above the range, or out-of-range fault."""; raise NotImplementedError
