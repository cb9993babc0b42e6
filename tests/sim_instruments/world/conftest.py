"""Samples, and a beam that is on, for the tests of the world."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from sim_instruments.world.clock import VirtualClock
from sim_instruments.world.geometry import Geometry
from sim_instruments.world.world import World

CHEN24 = {
    "composition": "CsPbBr3",
    "density_g_cm3": 4.75,
    "thickness_um": 25.0,
    "world": {
        "model": "scintillator",
        "thickness_m": 2.5e-6,
        "light_yield_per_mev": 8000.0,
        "lines": [{"peak_nm": 526.0, "fwhm_nm": 21.0}],
        "dose_life_gy": 914.4,
        "exposure_scatter": 0.035,
    },
}
MA21 = {
    "world": {
        "model": "scintillator",
        "absorber": "B4Si3ZnCs0.3Pb0.2Br0.6O14",
        "density_kg_m3": 3000.0,
        "thickness_m": 1e-3,
        "light_yield_per_mev": 10100.0,
        "lines": [
            {"peak_nm": 530.0, "fwhm_nm": 22.0, "weight": 1.0},
            {"peak_nm": 595.0, "fwhm_nm": 9.0, "weight": 0.06},
            {"peak_nm": 616.0, "fwhm_nm": 9.0, "weight": 0.22},
            {"peak_nm": 654.0, "fwhm_nm": 10.0, "weight": 0.03},
            {"peak_nm": 701.0, "fwhm_nm": 11.0, "weight": 0.08},
        ],
        "excess_exponent": 0.1,
        "reference_dose_rate": 189e-6,
    }
}
DONG24_TIO2 = {
    "thickness_um": 300.0,
    "area_cm2": 0.1,
    "world": {
        "model": "photoconductor",
        "mu_tau_m2_per_v": 7.81e-9,
        "theoretical_sensitivity": 3007.0,
        "absorbed_fraction": 0.85,
        "sensitivity": 13700.0,
        "sensitivity_at_0v": 1500.0,
        "resistivity_ohm_cm": 7.44e10,
        "noise_density_na_cm2": 0.09544,
        "noise_density_at_0v_na_cm2": 0.02005,
        "dark_drift": 0.05,
        "slow_fraction": 0.0005,
    },
}
SAMPLES: dict[str, dict[str, Any]] = {"chen24": CHEN24, "ma21": MA21, "dong24": DONG24_TIO2}

MakeWorld = Callable[..., World]


@pytest.fixture
def samples() -> Mapping[str, dict[str, Any]]:
    return SAMPLES


@pytest.fixture
def make_world() -> Iterator[MakeWorld]:
    """Make worlds in virtual time; with kV and mA the beam is on and steady."""
    worlds: list[World] = []

    def make(
        sample: str | None = None,
        geometry: Geometry | None = None,
        *,
        seed: int = 20240325,
        kv: float = 0.0,
        ma: float = 0.0,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> World:
        world = World(seed, VirtualClock(), SAMPLES.get(sample or ""), geometry, settings=settings)
        worlds.append(world)
        if kv:
            world.tube.set_voltage_kv(kv)
            world.tube.set_current_ma(ma)
            assert world.tube.switch_on()
            world.clock.sleep(10.0)
        return world

    yield make
    for world in worlds:
        world.close()
