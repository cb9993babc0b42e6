"""The beam is SpekPy's, falls with the square of the distance, and its dose is the integral of its rate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sim_instruments.world import spectrum as spectra
from sim_instruments.world.absorption import absorbed_energy_per_kerma, mass_fractions, photoelectric
from sim_instruments.world.beam import kerma_per_charge, kerma_rate
from sim_instruments.world.geometry import CHEN24, DONG24, MA21, Filters, Geometry
from sim_instruments.world.spectrum import TubeSpectrum
from sim_instruments.world.world import World

MakeWorld = Callable[..., World]

ALUMINIUM = (("Al", 0.4e-3),)
QUARTZ = (("Be", 127e-6), ("SiO2", 26e-3))


@pytest.mark.parametrize(("kv", "filters"), [(30.0, ALUMINIUM), (50.0, QUARTZ)])
def test_the_shipped_table_is_what_spekpy_calculates(kv: float, filters: Filters) -> None:
    fresh = spectra.calculate(kv, filters, 12.0)
    shipped = spectra._table()[spectra.key_of(kv, filters, 12.0)]
    assert shipped.kerma == pytest.approx(fresh.kerma, rel=1e-3)
    assert shipped.fluence == pytest.approx(fresh.fluence, rel=1e-3, abs=1e-3 * fresh.fluence.max())
    assert shipped.exponent == pytest.approx(fresh.exponent, rel=1e-3)


def test_kerma_between_the_nodes_is_spekpys_within_its_own_steps() -> None:
    import spekpy

    fresh = spekpy.Spek(kvp=37.0, th=12, dk=0.5, z=100).filter("Al", 0.4).get_kerma() * 1e-6
    assert kerma_per_charge(37.0, ALUMINIUM) == pytest.approx(fresh, rel=2e-3)


def test_reference_values_at_one_metre() -> None:
    for kv, mean_kev, micrograys in ((30.0, 18.2, 110.0), (50.0, 25.4, 222.0), (60.0, 28.7, 263.0)):
        beam = spectra.spectrum(kv, ALUMINIUM)
        assert beam.mean_energy_kev == pytest.approx(mean_kev, abs=0.1)
        assert beam.kerma * 1e6 == pytest.approx(micrograys, rel=0.005)


def test_the_exponent_of_the_kilovoltage_depends_on_the_filter() -> None:
    def mean_exponent(filters: Filters) -> float:
        return float(np.log2(kerma_per_charge(60.0, filters) / kerma_per_charge(30.0, filters)))

    assert mean_exponent(ALUMINIUM) == pytest.approx(1.26, abs=0.01)
    assert mean_exponent((("SiO2", 26e-3),)) == pytest.approx(8.2, abs=0.1)


def test_the_papers_dose_rates_come_out() -> None:
    assert kerma_rate(50.0, 1.0, DONG24) * 1e9 == pytest.approx(3405.0, abs=0.1)
    assert kerma_rate(30.0, 2.4, CHEN24) * 1e3 == pytest.approx(3.84, rel=0.005)
    assert kerma_rate(60.0, 6.46, CHEN24) * 1e3 == pytest.approx(24.7, rel=0.005)
    assert kerma_rate(50.0, 0.854, MA21) * 1e6 == pytest.approx(189.0, rel=0.005)


def test_distance_counts_squared() -> None:
    near, far = Geometry(distance_m=0.5), Geometry(distance_m=1.5)
    assert kerma_rate(40.0, 1.0, near) / kerma_rate(40.0, 1.0, far) == pytest.approx(9.0)


def test_dose_is_the_integral_of_the_dose_rate(make_world: MakeWorld) -> None:
    world = make_world("chen24", CHEN24)
    tube, clock = world.tube, world.clock
    tube.set_voltage_kv(30.0)
    for step in range(6):
        tube.set_current_ma(0.4 * (step + 1))
        tube.switch_on()
        clock.sleep(2.0 + 0.37 * step)
        if step == 3:
            world.set_geometry(Geometry(filters={"Al": 0.4e-3}, distance_m=0.5))
        tube.switch_off()
        clock.sleep(0.8)
    times = np.linspace(0.0, clock.now(), 400_001)
    rates = world.beam.dose_rate(times)
    numeric = np.trapezoid(rates, times)
    assert world.beam.dose() == pytest.approx(numeric, rel=2e-4)
    middle = float(times[200_000])
    assert world.beam.dose(middle) == pytest.approx(np.trapezoid(rates[:200_001], times[:200_001]), rel=2e-4)


def test_a_steady_beam_gives_its_dose_for_hours(make_world: MakeWorld) -> None:
    world = make_world("chen24", CHEN24, kv=60.0, ma=6.46, settings={"tube": {"warm_up": 0.0}})
    before = world.beam.dose()
    world.clock.sleep(180 * 60.0)
    assert world.beam.dose() - before == pytest.approx(180 * 60.0 * kerma_rate(60.0, 6.46, CHEN24), rel=1e-9)


def test_a_cold_tube_gives_a_little_less(make_world: MakeWorld) -> None:
    world = make_world(kv=50.0, ma=1.0)
    cold = float(world.beam.dose_rate())
    world.clock.sleep(7200.0)
    assert float(world.beam.dose_rate()) / cold == pytest.approx(1.003, abs=2e-4)


def test_spectra_are_kept_and_a_spoilt_cache_file_is_made_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls: list[float] = []

    def calculate(kv: float, filters: Filters, angle: float) -> TubeSpectrum:
        calls.append(kv)
        return TubeSpectrum(np.array([1.0, 2.0]), np.array([3.0, 4.0]), 5e-6, 1.5)

    monkeypatch.setattr(spectra, "calculate", calculate)
    monkeypatch.setattr(spectra, "_cache_file", lambda key: tmp_path / "deep" / f"{hash(key)}.npz")
    filters = (("Cu", 1e-3),)
    for _ in range(2):
        monkeypatch.setattr(spectra, "_known", {})
        assert spectra.spectrum(80.0, filters).kerma == 5e-6
    assert calls == [80.0]
    (kept,) = (tmp_path / "deep").iterdir()
    kept.write_bytes(kept.read_bytes()[:40])
    monkeypatch.setattr(spectra, "_known", {})
    assert spectra.spectrum(80.0, filters).exponent == 1.5
    assert calls == [80.0, 80.0]
    monkeypatch.setattr(spectra, "_known", {})
    assert spectra.spectrum(80.0, filters).exponent == 1.5
    assert calls == [80.0, 80.0]


def test_a_filter_of_no_known_material_is_named() -> None:
    with pytest.raises(ValueError, match="Unobtainium"):
        spectra.calculate(50.0, (("Unobtainium", 1e-3),), 12.0)


def test_the_table_of_absorption_is_xraydbs() -> None:
    import xraydb

    beam = spectra.spectrum(50.0, ALUMINIUM)
    fractions = mass_fractions("CsPbBr3")
    expected = sum(
        fraction * xraydb.mu_elam(symbol, beam.energies_kev * 1e3, kind="photo")
        for symbol, fraction in fractions.items()
    )
    assert photoelectric("CsPbBr3", beam.energies_kev) == pytest.approx(0.1 * expected, rel=1e-6)
    assert sum(fractions.values()) == pytest.approx(1.0)


def test_a_thick_absorber_takes_all_the_energy() -> None:
    beam = spectra.spectrum(30.0, ALUMINIUM)
    # mean energy fluence per kerma from the spectrum itself
    incident = float(beam.fluence @ beam.energies_kev) * 1.602176634e-16 * 1e4 / beam.kerma
    assert absorbed_energy_per_kerma(beam, "CsPbBr3", 4750.0, 0.01) == pytest.approx(incident, rel=1e-6)
    thin = absorbed_energy_per_kerma(beam, "CsPbBr3", 4750.0, 1e-9)
    assert absorbed_energy_per_kerma(beam, "CsPbBr3", 4750.0, 2e-9) == pytest.approx(2 * thin, rel=1e-3)


@pytest.mark.parametrize("formula", ["", "cspbbr3", "Cs(PbBr3)", "XxBr"])
def test_what_is_no_formula_is_refused(formula: str) -> None:
    with pytest.raises(ValueError, match=r"formula|element"):
        mass_fractions(formula)
