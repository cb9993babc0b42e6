"""One state, many views: the same seed gives the same world, and faults are part of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from sim_instruments.faults import Fault, FaultKind
from sim_instruments.world.clock import VirtualClock
from sim_instruments.world.geometry import CHEN24, DONG24
from sim_instruments.world.world import World

MakeWorld = Callable[..., World]
Samples = Mapping[str, dict[str, Any]]


def _session(world: World) -> list[float]:
    world.set_bias("preamp", -3.0)
    seen: list[float] = []
    for _ in range(5):
        world.clock.sleep(1.0)
        seen += [world.dosimeter.reading(1.0), world.tube.read_current_ma(), float(world.preamp.output_voltage())]
        seen += world.spectrometer.expose(0.1).astype(float).tolist()[:50]
    return seen


def test_the_same_seed_gives_the_same_world_bit_for_bit(make_world: MakeWorld) -> None:
    first = _session(make_world("dong24", DONG24, kv=50.0, ma=0.5))
    assert _session(make_world("dong24", DONG24, kv=50.0, ma=0.5)) == first
    assert _session(make_world("dong24", DONG24, kv=50.0, ma=0.5, seed=2)) != first


def test_streams_do_not_disturb_each_other(make_world: MakeWorld) -> None:
    world, other = make_world(), make_world()
    world.random("dosimeter").random(1000)
    assert world.random("preamp").random() == other.random("preamp").random()
    assert world.random("dosimeter").random() != other.random("dosimeter").random()
    assert world.random("new") is world.random("new")


def test_an_opened_door_switches_the_beam_off_and_closing_it_does_not_switch_it_on(make_world: MakeWorld) -> None:
    world = make_world(kv=50.0, ma=1.0)
    now = world.clock.now()
    world.faults.add(Fault(FaultKind.DOOR_OPENED, at=now + 5.0, duration=10.0))
    world.clock.sleep(4.9)
    assert world.tube.high_voltage_on
    world.clock.sleep(0.2)
    assert (world.tube.high_voltage_on, world.tube.interlock_closed) == (False, False)
    world.clock.sleep(10.0)
    assert world.tube.interlock_closed
    assert not world.tube.high_voltage_on


def test_a_stuck_beam_stays_on_until_the_door_opens(make_world: MakeWorld) -> None:
    world = make_world(kv=50.0, ma=1.0)
    world.faults.add(Fault(FaultKind.STUCK_BEAM))
    world.tube.switch_off()
    world.clock.sleep(1.0)
    assert float(world.beam.dose_rate()) > 1e-5
    world.faults.add(Fault(FaultKind.DOOR_OPENED))
    world.clock.sleep(3.0)
    assert float(world.beam.dose_rate()) < 1e-12


def test_arcs_and_tube_faults_are_latched_by_name(make_world: MakeWorld) -> None:
    world = make_world(kv=50.0, ma=1.0)
    world.faults.add(Fault(FaultKind.ARC))
    world.faults.add(Fault(FaultKind.TUBE_FAULT, detail="over temperature"))
    assert world.tube.faults == {"arc", "over temperature"}
    assert not world.tube.high_voltage_on


def test_samples_are_exchanged(make_world: MakeWorld, samples: Samples) -> None:
    world = make_world("dong24", CHEN24)
    assert world.scintillator is None
    world.set_sample(samples["chen24"])
    assert world.photoconductor is None
    assert world.scintillator is not None
    assert float(world.device_current()) == 0.0
    world.set_sample(None)
    assert world.scintillator is None
    assert world.spectrometer.expose(0.01).max() < 3000


def test_sizes_come_from_the_sample_file_unless_the_world_knows_better(make_world: MakeWorld) -> None:
    assert make_world("dong24").photoconductor.truth.thickness_m == pytest.approx(300e-6)
    assert make_world("dong24").photoconductor.truth.area_m2 == pytest.approx(1e-5)
    assert make_world("chen24").scintillator.truth.thickness_m == pytest.approx(2.5e-6)
    assert make_world("chen24").scintillator.truth.absorber == "CsPbBr3"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tubes": {}}, "no part 'tubes'"),
        ({"dosimeter": {"calibration": 1.0}}, "calibration_error"),
        ({"tube": {"ripple": True}}, "must be a number"),
        ({"tube": {"voltage_time": 0.0}}, "positive"),
    ],
)
def test_a_wrong_setting_is_named(settings, message: str) -> None:
    clock = VirtualClock()
    with pytest.raises(ValueError, match=message):
        World(1, clock, settings=settings)
    clock.close()


def test_a_wrong_truth_is_refused(make_world: MakeWorld, samples: Samples) -> None:
    world = make_world()
    for change in ({"sensitivity": -1.0}, {"surprise": 1.0}, {"model": "magic"}, {"noise_density_at_0v_na_cm2": 1.0}):
        wrong = {**samples["dong24"], "world": {**samples["dong24"]["world"], **change}}
        with pytest.raises(ValidationError):
            world.set_sample(wrong)


def test_truth_knows_its_names(make_world: MakeWorld) -> None:
    world = make_world("ma21")
    assert world.truth("peak_wavelength") == pytest.approx(530.0, abs=0.05)
    assert world.truth("fwhm") == pytest.approx(22.0, abs=0.05)
    assert world.truth("remaining", dose=1e4) == 1.0
    assert world.truth("dose_rate", voltage_kv=50.0, current_ma=1.0) > 0
    with pytest.raises(KeyError, match="sensitivity"):
        world.truth("sensitivity", field=1.0)
    with pytest.raises(TypeError, match="dose_rate"):
        world.truth("slope", voltage_kv=50.0)
    device: World = make_world("dong24")
    assert device.truth("lod_currie", field=-100.0) / device.truth("lod_iupac", field=-100.0) == pytest.approx(
        3.29 * 2**0.5 / 3.0
    )
    assert device.truth("lod_line", field=-100.0, bandwidth_hz=15.0) < 20.0
    assert device.truth("mu_tau") == pytest.approx(7.81e-5)
    assert device.truth("normalized_sensitivity", field=-100.0) == pytest.approx(13_700 / 3007)


def test_a_first_beam_needs_none_of_the_heavy_libraries() -> None:
    code = """
import sys
from sim_instruments.world.world import World
from sim_instruments.world.clock import VirtualClock
from sim_instruments.world.geometry import CHEN24
world = World(1, VirtualClock(), {"world": {"model": "scintillator", "absorber": "CsPbBr3", "density_kg_m3": 4750.0,
    "thickness_m": 2.5e-6, "light_yield_per_mev": 8000.0, "lines": [{"peak_nm": 526.0, "fwhm_nm": 21.0}]}}, CHEN24)
for kv in (30.0, 47.0, 60.0):
    world.tube.set_voltage_kv(kv); world.tube.set_current_ma(1.0); world.tube.switch_on(); world.clock.sleep(5.0)
    assert world.spectrometer.expose(1.0).max() > 3000
world.close()
print([name for name in ("spekpy", "xraydb", "scipy", "pandas", "matplotlib", "xraybench") if name in sys.modules])
"""
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_past_of_the_dose_rate_is_there_for_a_long_trace(make_world: MakeWorld) -> None:
    world = make_world(kv=50.0, ma=1.0)
    for _ in range(40):
        world.tube.switch_off()
        world.clock.sleep(1.25)
        world.tube.switch_on()
        world.clock.sleep(1.25)
    times = world.clock.now() - 100.0 + np.arange(1000) * 0.1
    rates = world.beam.dose_rate(times)
    assert (rates > 0.9 * rates.max()).mean() == pytest.approx(0.4, abs=0.15)
    assert rates.min() < 1e-3 * rates.max()
