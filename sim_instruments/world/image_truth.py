"""The true figures of merit of images: closed forms of the camera's physics, without its noise being drawn."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim_instruments.world.camera import CameraPhysics


def _limiting_resolution(camera: CameraPhysics, *, threshold: float, voltage_kv: float) -> float:
    """Frequency at which the contrast of line pairs has fallen to a threshold, lp/mm."""
    low, high = 1e-3, 1e3
    while high / low > 1.0 + 1e-9:
        middle = math.sqrt(low * high)
        if camera.line_pair_contrast(middle, voltage_kv) > threshold:
            low = middle
        else:
            high = middle
    return low


def _snr(
    camera: CameraPhysics,
    *,
    voltage_kv: float,
    dose: float,
    exposure_time: float,
    frames: float,
    flat_dose: float,
    flat_exposure_time: float,
    flat_frames: float,
    dark_frames: float,
    light: float = 1.0,
) -> float:
    """Signal to noise of a pixel in the open beam, after the correction by flat and dark frames.

    `dose` and `flat_dose` are those of one frame, Gy, `light` is what the place on the sensor gets. Frames of the
    flat's exposure time share its dark frames, whose noise cancels where the transmission is one.
    """
    image = camera.relative_noise_power(voltage_kv, dose, exposure_time, light) / frames
    flat = camera.relative_noise_power(voltage_kv, flat_dose, flat_exposure_time, light) / flat_frames
    if not math.isclose(exposure_time, flat_exposure_time):
        image += camera.relative_dark_noise_power(voltage_kv, dose, exposure_time, light) / dark_frames
        flat += camera.relative_dark_noise_power(voltage_kv, flat_dose, flat_exposure_time, light) / dark_frames
    # the mean and the mean square of a quotient, to the second order of what it is divided by, which is not symmetric
    skew = camera.relative_third_moment(voltage_kv, flat_dose, light) / flat_frames**2
    mean = 1.0 + flat - skew + 3.0 * flat**2
    square = (1.0 + image) * (1.0 + 3.0 * flat - 4.0 * skew + 15.0 * flat**2)
    return mean / math.sqrt(square - mean**2)


def _dose_at_snr(
    camera: CameraPhysics, *, criterion: float, voltage_kv: float, dose_rate: float, frames: float, **flat: float
) -> float:
    """Dose of an image whose signal to noise is the criterion, uGy; its exposure time goes with it."""
    low, high = 1e-9, 1e-1
    while high / low > 1.0 + 1e-9:
        middle = math.sqrt(low * high)
        dose = middle / frames
        found = _snr(camera, voltage_kv=voltage_kv, dose=dose, exposure_time=dose / dose_rate, frames=frames, **flat)
        if found < criterion:
            low = middle
        else:
            high = middle
    return low * 1e6


def _noise_power(
    camera: CameraPhysics, *, voltage_kv: float, dose: float, exposure_time: float, line_pairs_per_mm: float
) -> float:
    """Noise power of a frame over the square of its signal, mm2: not blurred, so white but for direct hits."""
    power = camera.relative_noise_power(voltage_kv, dose, exposure_time, camera.typical_light, line_pairs_per_mm)
    return power * (camera.parameters.pixel_m * 1e3) ** 2


def _dqe(
    camera: CameraPhysics, *, voltage_kv: float, dose: float, exposure_time: float, line_pairs_per_mm: float
) -> float:
    """Return the detective quantum efficiency, by the photons of the beam's whole spectrum."""
    power = _noise_power(
        camera, voltage_kv=voltage_kv, dose=dose, exposure_time=exposure_time, line_pairs_per_mm=line_pairs_per_mm
    )
    return camera.mtf(line_pairs_per_mm) ** 2 / (power * 1e-6 * camera.photons_per_gray(voltage_kv) * dose)


CAMERA: dict[str, Callable[..., float]] = {
    "mtf": lambda camera, *, line_pairs_per_mm: camera.mtf(line_pairs_per_mm),
    "mtf50": lambda camera: camera.frequency_at(0.5),
    "mtf20": lambda camera: camera.frequency_at(0.2),
    "nyquist": lambda camera: 0.5e-3 / camera.parameters.pixel_m,
    "contrast": lambda camera, *, line_pairs_per_mm, voltage_kv: camera.line_pair_contrast(
        line_pairs_per_mm, voltage_kv
    ),
    "limiting_resolution": _limiting_resolution,
    "snr": _snr,
    "dose_at_snr": _dose_at_snr,
    "normalized_noise_power": _noise_power,
    "dqe": _dqe,
}
"""Figures of the camera and its screen; frequencies in line pairs per mm, noise averaged over the sensor."""
