"""The current preamplifier's physics (signatures; bodies follow)."""
from typing import Literal
import numpy as np
from numpy.typing import NDArray
Floats = NDArray[np.float64]
class PreampPhysics:
    """An SR570-like transimpedance amplifier. Reached as ``world.preamp``; the wire sets the attributes."""
    sensitivity: float
    """A/V"""
    gain_mode: Literal["low_noise", "high_bandwidth", "low_drift"]
    filter_type: Literal["6dB_highpass", "12dB_highpass", "6dB_bandpass", "6dB_lowpass", "12dB_lowpass", "none"]
    lowpass_hz: float
    highpass_hz: float
    input_offset_current: float
    """A; 0 when off"""
    bias_v: float
    """V; set_bias() on the world follows; 0 when off"""
    invert: bool
    blanked: bool
    overloaded: bool
    def bandwidth_hz(self) -> float: """-3 dB bandwidth at this sensitivity and gain mode."""; raise NotImplementedError
    def output_voltage(self, times: Floats | None = None) -> Floats: """Output in V at increasing times (now), through poles and filters, clipped at +-5 V."""; raise NotImplementedError
    def reset_filter(self) -> None: """Clear the filter's state (SR570 ROLD)."""
