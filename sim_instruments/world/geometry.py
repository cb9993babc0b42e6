"""Where the sample stands in the beam, and what lies in between."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Filters = tuple[tuple[str, float], ...]
"""Filters as (material, thickness in m), sorted by material."""


@dataclass(frozen=True)
class Geometry:
    """Filters, distance and anode of a beam.

    Parameters
    ----------
    filters
        Thickness of each filter by material, m: ``{"Al": 0.4e-3}``. Elements and the names in
        `sim_instruments.world.spectrum.MATERIALS` are known.
    distance_m
        From the focal spot to the sample, m.
    anode_angle_deg
        Angle of the tungsten anode, degree.
    output_factor
        This tube's output over the calculated one.
    """

    filters: Mapping[str, float] = field(default_factory=lambda: {"Al": 0.4e-3}, hash=False)
    distance_m: float = 1.0
    anode_angle_deg: float = 12.0
    output_factor: float = 1.0

    def __post_init__(self) -> None:
        for name in ("distance_m", "anode_angle_deg", "output_factor"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                msg = f"the geometry's {name} must be positive, not {value}"
                raise ValueError(msg)
        for material, thickness in self.filters.items():
            if not (math.isfinite(thickness) and thickness >= 0):
                msg = f"the thickness of the {material} filter must not be negative, not {thickness} m"
                raise ValueError(msg)

    @property
    def filter_set(self) -> Filters:
        """The filters in a fixed order, those of no thickness left out."""
        return tuple(sorted((material, float(t)) for material, t in self.filters.items() if t > 0))

    @classmethod
    def of(cls, geometry: Geometry | Mapping[str, Any] | None) -> Geometry:
        """Return `geometry` itself, one made from a mapping of its parameters, or the default."""
        if geometry is None:
            return cls()
        return geometry if isinstance(geometry, Geometry) else cls(**geometry)


CHEN24 = Geometry(filters={"Al": 0.4e-3}, distance_m=0.262)
"""Chen24's filter; at this distance 30 kV, 2.4 mA give 3.83 mGy/s and 60 kV, 6.47 mA give 24.7 mGy/s."""

MA21 = Geometry(filters={"Al": 0.4e-3}, distance_m=1.0)
"""Ma21 names no filter; with this one 50 kV, 0.854 mA give its 189 uGy/s."""

DONG24 = Geometry(filters={"Be": 127e-6, "SiO2": 26e-3}, distance_m=0.4, output_factor=0.580997)
"""Dong24's window and quartz; the output factor makes it 3405 nGy/s per mA at 50 kV."""

PRESETS = {"chen24": CHEN24, "ma21": MA21, "dong24": DONG24}
