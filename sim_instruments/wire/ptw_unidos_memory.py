"""What the UNIDOS keeps in its memory and gives out as JSON: chamber, settings, network."""

from __future__ import annotations

import json
from collections.abc import Mapping

CHAMBER = "7c0e5f0a-23c1-4f0e-9a8e-0d1f3b2a4c55"
"""The chamber's identifier."""


def records(gray_per_coulomb: float, settings: Mapping[str, object]) -> dict[str, str]:
    """Return the answer to each command that reads the memory; the chamber also by its identifier.

    Parameters
    ----------
    gray_per_coulomb
        The chamber's calibration factor.
    settings
        The measurement's, as they are now.
    """
    chamber = {
        "calibrationFactor": gray_per_coulomb,
        "calibrationFactorUnit": "Gy/C",
        "guid": CHAMBER,
        "manufacturer": "PTW",
        "measuredQuantity": "air kerma",
        "name": "1 litre chamber",
        "nominalHv": 400,
        "radiationQuality": "RQR 5",
        "serialNumber": "000123",
        "typeNumber": "TM32002",
    }
    contents: dict[str, object] = {
        "RDA": [chamber],
        CHAMBER: chamber,
        "RMR": {"correction": 1.0, "detectorGuid": CHAMBER, **settings},
        "RIR": {"serialNumber": "123456", "softwareVersion": "1.2.4", "typeNumber": "TM10052"},
        "RSR": {"brightness": 80, "locale": "en", "startAsMaster": False},
        "RHR": [],
        "REC": {"dns": "", "ipv4": "127.0.0.1", "ipv6": ""},
        "RAC": {"enabled": False, "ssid": ""},
    }
    return {name: json.dumps(content) for name, content in contents.items()} | {"CHR": ""}
