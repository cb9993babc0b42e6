"""The direct detector's physics (signatures; bodies follow)."""
import numpy as np
from numpy.typing import NDArray
Floats = NDArray[np.float64]
class PhotoconductorPhysics:
    """A photoconductor under bias and beam. Reached as ``world.photoconductor`` (None for a scintillator)."""
    def current(self, times: Floats | float | None = None, noise_bandwidth_hz: float | None = None) -> Floats: """Current in A at increasing times, noise included; continues from the last time."""; raise NotImplementedError
    def mean_current(self, integration_time: float, t_end: float | None = None) -> float: """Mean over an integration window (source meter, NPLC), A."""; raise NotImplementedError
    def noiseless_current(self, times: Floats | float | None = None) -> Floats: """Expected current in A."""; raise NotImplementedError
