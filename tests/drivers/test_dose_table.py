"""The stored calibration of a beam as a dosimeter."""

from __future__ import annotations

import datetime as dt
import math
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from config.bench_file import Filter, Geometry, Limits
from config.mistake import UserMistake
from drivers.dose_table import DoseTable, DoseTableEntry, DoseTableOptions, write_dose_table
from drivers.dose_table_file import read_dose_table
from drivers.dose_table_interpolation import interpolate
from drivers.errors import InstrumentError
from drivers.roles import Identity, Surroundings, TubeStatus, XrayTube
from drivers.spellman_options import SpellmanOptions
from drivers.spellman_xrv import SpellmanTube
from sim_instruments.wire.server import WireServer
from sim_instruments.wire.spellman_xrv import SpellmanXRVWire
from sim_instruments.world.beam import kerma_rate
from sim_instruments.world.clock import VirtualClock
from sim_instruments.world.geometry import Geometry as WorldGeometry
from sim_instruments.world.world import World

CHEN24 = Geometry(distance_m=0.262, filters=(Filter(material="Al", thickness_mm=0.4),))
WORLD = WorldGeometry(filters={"Al": 0.4e-3}, distance_m=0.262)
DAY = dt.date(2026, 3, 14)


class QuietTube(XrayTube):
    """A tube that says what it is told to say."""

    full_scale = (160.0, 5.0)
    identity = Identity("none", "tube of a test")

    def __init__(self) -> None:
        super().__init__("")
        self.now: Callable[[], TubeStatus] = lambda: TubeStatus(False, True, True, 0.0, 0.0)

    def reads(self, voltage_kv: float, current_ma: float) -> None:
        self.now = lambda: TubeStatus(True, True, True, voltage_kv, current_ma)

    def status(self) -> TubeStatus:
        return self.now()

    def settings(self) -> Mapping[str, float | str | bool]:
        return {}

    def _send_operating_point(self, voltage_kv: float, current_ma: float) -> None: ...

    def _send_high_voltage(self, on: bool) -> None: ...

    def close(self) -> None: ...


def true_rate(voltage_kv: float, current_ma: float) -> float:
    return kerma_rate(voltage_kv, current_ma, WORLD)


def measured(voltages: tuple[float, ...] = (30.0, 40.0, 50.0), relative: float = 0.005) -> list[DoseTableEntry]:
    currents = (0.2, 0.4, 0.8, 1.6, 2.4)
    return [DoseTableEntry(v, i, true_rate(v, i), relative * true_rate(v, i)) for v in voltages for i in currents]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "beam.dose-table.toml"
    write_dose_table(path, measured(), CHEN24, 0.05, "run-17", DAY)
    return path


@pytest.fixture
def dosimeter(table: Path) -> DoseTable:
    clock = VirtualClock()
    dosimeter = DoseTable(str(table), DoseTableOptions(), Surroundings(clock=clock))
    dosimeter.attach_geometry(CHEN24)
    return dosimeter


@pytest.fixture
def tube(dosimeter: DoseTable) -> QuietTube:
    tube = QuietTube()
    dosimeter.attach_tube(tube)
    return tube


def test_what_was_written_is_read_again_to_the_last_bit(tmp_path: Path) -> None:
    path = tmp_path / "table.toml"
    entries = [DoseTableEntry(np.float64(50), np.float64(0.1) * 3, np.float64(1) / 3, 1e-300)]
    write_dose_table(path, entries, CHEN24, np.float64(0.05), 'a "quoted" µ run', DAY)
    found = read_dose_table(path)
    assert found.entries == tuple(entries)
    assert (found.geometry, found.calibration_uncertainty) == (CHEN24, 0.05)
    assert (found.made_from, found.date) == ('a "quoted" µ run', DAY)
    assert [place.name for place in tmp_path.iterdir()] == ["table.toml"]


def test_a_measured_point_is_itself(dosimeter: DoseTable, tube: QuietTube) -> None:
    tube.reads(40.02, 0.8)  # the monitor's noise is no other voltage
    rate = dosimeter.dose_rate(1.0)
    assert rate.value == pytest.approx(true_rate(40, 0.8), rel=1e-9)
    assert rate.uncertainty == pytest.approx(0.005 * true_rate(40, 0.8), rel=1e-6)


def test_between_two_currents_it_is_a_line_with_the_uncertainty_of_both(dosimeter: DoseTable, tube: QuietTube) -> None:
    tube.reads(50, 1.2)
    rate = dosimeter.dose_rate(1.0)
    assert rate.value == pytest.approx(true_rate(50, 1.2), rel=1e-9)
    ends = 0.5 * 0.005 * math.hypot(true_rate(50, 0.8), true_rate(50, 1.6))
    assert rate.uncertainty == pytest.approx(ends, rel=1e-6)


@pytest.mark.parametrize("filters", [{"Al": 0.4e-3}, {"Al": 2.5e-3}, {"SiO2": 26e-3}, {"Cu": 1e-3}])
@pytest.mark.parametrize("voltages", [(30.0, 60.0), (30.0, 40.0, 50.0, 60.0), (40.0, 45.0, 50.0)])
def test_between_two_voltages_the_truth_is_within_the_added_uncertainty_or_there_is_no_value(
    filters: dict[str, float], voltages: tuple[float, ...]
) -> None:
    geometry = WorldGeometry(filters=filters, distance_m=1.0)
    entries = [DoseTableEntry(v, i, kerma_rate(v, i, geometry), 0.0) for v in voltages for i in (0.5, 1.0)]
    found = 0
    for voltage in (32.0, 36.0, 42.0, 44.0, 48.0, 55.0):
        try:
            rate = interpolate(entries, voltage, 0.7)
        except UserMistake:
            continue
        found += 1
        assert abs(rate.dose_rate - kerma_rate(voltage, 0.7, geometry)) <= 1.5 * rate.uncertainty
        assert 0 < rate.uncertainty < 0.26 * rate.dose_rate
    assert found >= 3 or voltages == (30.0, 60.0)


def test_a_table_too_coarse_for_a_hard_beam_gives_no_value() -> None:
    quartz = WorldGeometry(filters={"SiO2": 26e-3}, distance_m=1.0)
    entries = [DoseTableEntry(v, 1.0, kerma_rate(v, 1.0, quartz), 0.0) for v in (30.0, 60.0)]
    with pytest.raises(UserMistake, match="too coarse for 42 kV"):
        interpolate(entries, 42.0, 1.0)


def test_noise_of_the_current_monitor_is_in_the_uncertainty(dosimeter: DoseTable, tube: QuietTube) -> None:
    random = np.random.default_rng(3)
    tube.now = lambda: TubeStatus(True, True, True, 50.0, float(random.normal(0.8, 0.04)))
    rate = dosimeter.dose_rate(4.0)
    expected = math.hypot(0.005, 0.05 / math.sqrt(20))
    assert rate.uncertainty / rate.value == pytest.approx(expected, rel=0.35)


@pytest.mark.parametrize(
    ("voltage", "current", "said"),
    [
        (60, 1, "tube voltage 60 kV is outside the dose table (30 to 50 kV)"),
        (25, 1, "tube voltage 25 kV is outside the dose table (30 to 50 kV)"),
        (50, 2.6, "tube current 2.6 mA is outside the dose table (0.2 to 2.4 mA at 50 kV)"),
        (45, 0.1, "tube current 0.1 mA is outside the dose table (0.2 to 2.4 mA at 40 kV)"),
        (0, 0, "tube voltage 0 kV is outside"),
    ],
)
def test_nothing_is_extrapolated(
    dosimeter: DoseTable, tube: QuietTube, voltage: float, current: float, said: str
) -> None:
    tube.reads(voltage, current)
    with pytest.raises(UserMistake) as refused:
        dosimeter.dose_rate(1.0)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_outermost_current_as_its_noisy_monitor_reads_it_is_in_proportion(
    dosimeter: DoseTable, tube: QuietTube
) -> None:
    tube.reads(50, 0.197)
    assert dosimeter.dose_rate(1.0).value == pytest.approx(true_rate(50, 0.197), rel=1e-9)


def test_beam_off_reads_nothing(dosimeter: DoseTable, tube: QuietTube) -> None:
    rate = dosimeter.dose_rate(1.0)
    assert (rate.value, rate.uncertainty) == (0.0, 0.0)


def test_beam_that_goes_off_meanwhile_is_an_error_and_no_mean(dosimeter: DoseTable, tube: QuietTube) -> None:
    on, off = TubeStatus(True, True, True, 50, 0.8), TubeStatus(False, True, True, 0, 0)
    statuses = iter([on, on, off, off, off])
    tube.now = lambda: next(statuses)
    with pytest.raises(InstrumentError, match="went on or off"):
        dosimeter.dose_rate(1.0)


def test_without_a_tube_it_says_so(dosimeter: DoseTable) -> None:
    with pytest.raises(InstrumentError, match="no tube"):
        dosimeter.dose_rate(1.0)


def test_another_filter_is_refused_in_one_line(dosimeter: DoseTable) -> None:
    thicker = CHEN24.model_copy(update={"filters": (Filter(material="Al", thickness_mm=0.5),)})
    copper = CHEN24.model_copy(update={"filters": (Filter(material="Cu", thickness_mm=0.4),)})
    for geometry in (thicker, copper, CHEN24.model_copy(update={"filters": ()})):
        with pytest.raises(UserMistake, match=r"measured with 0\.4 mm Al.*the bench has"):
            dosimeter.attach_geometry(geometry)


def test_two_sheets_of_a_filter_are_one_of_both_thicknesses(dosimeter: DoseTable) -> None:
    sheets = (Filter(material="Al", thickness_mm=0.3), Filter(material="Al", thickness_mm=0.1))
    dosimeter.attach_geometry(CHEN24.model_copy(update={"filters": sheets}))


def test_another_distance_is_refused_unless_the_bench_file_lets_it_be_rescaled(table: Path) -> None:
    farther = CHEN24.model_copy(update={"distance_m": 0.524})
    strict = DoseTable(str(table))
    with pytest.raises(UserMistake, match=r"26\.2 cm.*52\.4 cm.*rescale_distance"):
        strict.attach_geometry(farther)
    options = DoseTableOptions(rescale_distance=True, distance_uncertainty_m=0.001)
    lenient = DoseTable(str(table), options, Surroundings(clock=VirtualClock()))
    tube = QuietTube()
    lenient.attach_geometry(farther)
    lenient.attach_tube(tube)
    tube.reads(50, 0.8)
    assert lenient.dose_rate(1.0).value == pytest.approx(true_rate(50, 0.8) / 4, rel=1e-6)
    placing = 2 * 0.001 * math.hypot(1 / 0.262, 1 / 0.524)
    assert lenient.calibration_uncertainty == pytest.approx(math.hypot(0.05, placing))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("format = 1", "format = 2"), "format"),
        (lambda text: text.replace("distance_m", "distance"), "geometry.distance"),
        (lambda text: text.replace("voltage_kv = 30.0", "voltage_kv = nan"), "entries.0.voltage_kv"),
        (lambda text: text.replace("current_ma = 0.4", "current_ma = 0.2"), "30 kV, 0.2 mA is there twice"),
        (lambda text: text.replace("calibration_uncertainty = 0.05", "calibration_uncertainty = 5"), "less than 1"),
        (lambda text: text[: len(text) // 2], "no TOML"),
    ],
)
def test_a_damaged_table_is_refused_in_one_line(table: Path, change: Callable[[str], str], said: str) -> None:
    table.write_text(change(table.read_text()))
    with pytest.raises(UserMistake) as refused:
        DoseTable(str(table))
    assert said in str(refused.value)
    assert str(table) in str(refused.value)


def test_a_missing_table_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UserMistake, match="xraybench run dose-calibration"):
        DoseTable(str(tmp_path / "none.toml"))


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [DoseTableEntry(50, 1, math.nan, 0.1)],
        [DoseTableEntry(50, 1, -1e-3, 1e-5)],
        [DoseTableEntry(50, 1, 1e-3, 1e-5), DoseTableEntry(50, 1, 1.1e-3, 1e-5)],
    ],
)
def test_what_could_not_be_read_again_is_not_written(tmp_path: Path, entries: list[DoseTableEntry]) -> None:
    path = tmp_path / "table.toml"
    path.write_text("the table before")
    with pytest.raises(ValueError, match=r"no dose table|no measured point"):
        write_dose_table(path, entries, CHEN24, 0.05, "run", DAY)
    assert path.read_text() == "the table before"


def test_with_a_real_tube_it_reads_what_the_world_holds(table: Path) -> None:
    world = World(2, VirtualClock(), geometry=WORLD)
    server = WireServer(world.clock, world.lock)
    surroundings = Surroundings(limits=Limits(tube_current_ma=3, tube_power_w=180), clock=world.clock)
    tube = SpellmanTube(server.serve_tcp("tube", SpellmanXRVWire(world)), SpellmanOptions(), surroundings)
    dosimeter = DoseTable(str(table), DoseTableOptions(), surroundings)
    dosimeter.attach_geometry(CHEN24)
    dosimeter.attach_tube(tube)
    assert dosimeter.dose_rate(1.0).value == 0
    for voltage, current in ((30, 0.2), (50, 1.0), (40, 2.4)):
        with tube.beam(voltage, current):
            rate = dosimeter.dose_rate(2.0)
            truth = float(world.beam.dose_rate())
        # the tube is cold (0.3 % less output), the point's own uncertainty is 0.5 %
        assert abs(rate.value - truth) < 3 * rate.uncertainty + 0.003 * truth
    tube.close()
    server.close()
    world.close()


def test_the_file_is_plain_toml(table: Path) -> None:
    content = tomllib.loads(table.read_text())
    assert content["date"] == DAY
    assert content["geometry"]["filters"] == [{"material": "Al", "thickness_mm": 0.4}]
    assert len(content["entries"]) == 15
