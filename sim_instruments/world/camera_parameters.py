"""The simulated cameras: sensors, lenses and screens of the published measurements, and what can be changed of them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class CameraParameters:
    """What is true of a camera and what it looks at.

    Parameters
    ----------
    kind
        Which of `CAMERAS` it is made from.
    maker, model
        As it calls itself.
    columns, rows
        Of the sensor.
    sensor_pixel_m, pixel_m
        Distance of the pixels on the sensor, and in the object's plane.
    sigma_m
        Standard deviation of the Gaussian blur, in the object's plane.
    aperture_m
        Side of the square over which a pixel averages, in the object's plane; 0: `sigma_m` includes it.
    bits
        Of the converter.
    full_well
        Electrons at full scale, gain 0 dB.
    electrons_per_photon
        Photoelectrons for each photon that the screen emits; for a panel, electrons for each keV absorbed.
    screen_formula, screen_density, screen_thickness_m
        What absorbs X-rays, kg/m3 and m, where the holder has no scintillator.
    screen_photons_per_kev
        That it emits.
    prnu, shading
        Relative standard deviation of the pixels' responses, and how much less light the corners get.
    dark_rate, read_noise
        Electrons per second, and electrons.
    offset
        Of the converter, part of full scale.
    dead_fraction
        Of pixels that see nothing or are always full.
    hits_per_gray_m2, hit_electrons
        Direct X-ray hits of the sensor for each Gy at the object and m2 in its plane, and the mean charge of one.
    shortest_s, longest_s, readout_s
        Exposures, and how long a frame takes to be read out.
    largest_gain_db
        0: it has no gain that could be set.
    triggers
        Whether it has a trigger.
    """

    kind: str = "chen24"
    maker: str = "xraybench"
    model: str = "simulated camera"
    columns: int = 640
    rows: int = 480
    sensor_pixel_m: float = 5.6e-6
    pixel_m: float = 1.4e-6
    sigma_m: float = 14.0e-6
    aperture_m: float = 1.4e-6
    bits: int = 8
    full_well: float = 13_000.0
    electrons_per_photon: float = 1.0
    screen_formula: str = "CsPbBr3C28.1H74.8N9.35Si9.35O14"
    screen_density: float = 1640.0
    screen_thickness_m: float = 25e-6
    screen_photons_per_kev: float = 10.0
    prnu: float = 0.015
    shading: float = 0.15
    dark_rate: float = 20.0
    read_noise: float = 12.0
    offset: float = 0.02
    dead_fraction: float = 2e-5
    hits_per_gray_m2: float = 1e9
    hit_electrons: float = 4000.0
    shortest_s: float = 1e-4
    longest_s: float = 60.0
    readout_s: float = 1.0 / 60.0
    largest_gain_db: float = 24.0
    triggers: bool = True

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if (
                isinstance(value, float | int)
                and not isinstance(value, bool)
                and not (math.isfinite(value) and value >= 0)
            ):
                msg = f"the simulated camera's {field.name} must be finite and not negative, not {value}"
                raise ValueError(msg)
        if not (1 <= self.columns <= 4096 and 1 <= self.rows <= 4096 and self.bits in (8, 10, 12, 14, 16)):
            msg = f"a sensor of {self.columns} x {self.rows} pixels with {self.bits} bits cannot be simulated"
            raise ValueError(msg)
        if not 0.0 <= self.offset < 0.5 or self.pixel_m <= 0 or self.full_well <= 0 or self.prnu > 0.2:
            msg = "the simulated camera's offset, pixel_m, full_well or prnu cannot be"
            raise ValueError(msg)


CAMERAS: dict[str, dict[str, Any]] = {
    # Chen24: DMK 21BU at a 4x objective, its nanocrystals in silicone for a screen; the blur is such that the contrast
    # at 20 lp/mm is a little above 0.2
    "chen24": {"maker": "The Imaging Source", "model": "DMK21BUxx (simulated)"},
    # Ma21 says nothing of its camera; its blur goes by the sample, the aperture included
    "ma21": {
        "model": "sCMOS (simulated)",
        "columns": 1024, "rows": 1024, "sensor_pixel_m": 6.5e-6, "pixel_m": 9.0e-6, "sigma_m": 19.0e-6,
        "aperture_m": 0.0, "bits": 16, "full_well": 30_000.0, "electrons_per_photon": 0.15, "screen_formula": "CsPbBr3",
        "screen_density": 4800.0, "screen_thickness_m": 116e-6, "dark_rate": 2.0, "read_noise": 2.0,
        "prnu": 0.01, "offset": 0.005, "hits_per_gray_m2": 1e10,
    },
    # Dong24: 64 x 64 pixels of 200 um read out one after the other; charge without a screen or a lens in between
    "dong24": {
        "model": "64 x 64 panel (simulated)",
        "columns": 64, "rows": 64, "sensor_pixel_m": 200e-6, "pixel_m": 200e-6, "sigma_m": 45.6e-6,
        "aperture_m": 200e-6, "bits": 16, "full_well": 1e9, "electrons_per_photon": 217.0,
        "screen_formula": "C17H78N11Pb10I31", "screen_density": 4000.0, "screen_thickness_m": 300e-6,
        "screen_photons_per_kev": 1.0, "dark_rate": 2e7, "read_noise": 1.5e7, "prnu": 0.03, "shading": 0.0,
        "dead_fraction": 5e-4, "hits_per_gray_m2": 0.0, "shortest_s": 1e-3, "readout_s": 0.1,
        "largest_gain_db": 0.0, "triggers": False,
    },
    "large": {
        "model": "4 megapixel sCMOS (simulated)",
        "columns": 2048, "rows": 2048, "sensor_pixel_m": 6.5e-6, "pixel_m": 6.5e-6, "sigma_m": 15.0e-6,
        "aperture_m": 6.5e-6, "bits": 16, "full_well": 30_000.0,
        "electrons_per_photon": 0.25, "screen_formula": "CsPbBr3", "screen_density": 4800.0,
        "screen_thickness_m": 116e-6, "dark_rate": 0.5, "read_noise": 1.6, "prnu": 0.01, "offset": 0.005,
        "hits_per_gray_m2": 1e10,
    },
}  # fmt: skip
"""What is different in each kind; full wells, noise and light are assumed, blur and pixels are METROLOGY's."""


def camera_parameters(given: Mapping[str, Any] | None) -> CameraParameters:
    """Return the parameters of a kind of camera, with those given instead of its own.

    Raises
    ------
    ValueError
        If there is no such kind or parameter, or a value cannot be.
    """
    wanted = dict(given or {})
    kind = wanted.get("kind", "chen24")
    if kind not in CAMERAS:
        msg = f"no simulated camera is named '{kind}', but {', '.join(CAMERAS)}"
        raise ValueError(msg)
    known = {field.name: field for field in dataclasses.fields(CameraParameters)}
    for name, value in wanted.items():
        if name not in known:
            msg = f"'{name}' is not a parameter of the simulated camera: {', '.join(known)}"
            raise ValueError(msg)
        default = known[name].default
        right = (
            isinstance(value, bool)
            if isinstance(default, bool)
            else isinstance(value, str)
            if isinstance(default, str)
            else isinstance(value, int | float) and not isinstance(value, bool)
        )
        if not right:
            msg = f"'{name}' of the simulated camera cannot be {value!r}"
            raise ValueError(msg)
    return CameraParameters(**{**CAMERAS[kind], **wanted})
