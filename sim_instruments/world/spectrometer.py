"""The spectrometer's physics (signatures; bodies follow)."""
import numpy as np
from numpy.typing import NDArray
class SpectrometerPhysics:
    """A 2048-pixel CCD spectrometer. Reached as ``world.spectrometer``."""
    pixels: int = 2048
    wavelength_coefficients: tuple[float, ...]
    """nm; polynomial in the pixel number, lowest order first"""
    nonlinearity_coefficients: tuple[float, ...]
    """Ocean Optics convention, lowest order first: corrected = counts / poly(counts), counts above the offset"""
    saturation: int = 65535
    wavelengths_nm: NDArray[np.float64]
    def expose(self, integration_time: float, t_end: float | None = None) -> NDArray[np.uint16]: """Raw counts, (2048,), of the exposure that ends at t_end (now)."""; raise NotImplementedError
