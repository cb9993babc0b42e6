"""A stored calibration of the beam stands in for the dosimeter: a bench that has none looks dose rates up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config.loading import bench_file
from drivers.dose_table_file import read_dose_table

pytestmark = pytest.mark.usefixtures("untraced")

SHORT = ["--set", "repeats=2", "--set", "averages=1"]


@pytest.fixture(scope="module")
def calibration(command: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The beam of the simulated bench, calibrated with its dosimeter."""
    said = command(
        "run", "dose-calibration", "--set", "tube_voltages=28, 30, 33", "--set", "tube_currents=0.2:2.4:6", "--set",
        "dose_time=2", "--seed", 3, "--out", tmp_path_factory.mktemp("calibration"), "--json",
    )  # fmt: skip
    assert said.status == 0, said.err
    return said.document


def without_a_dosimeter(folder: Path, table: Path, distance_m: float = 0.262) -> Path:
    text = bench_file("sim").text
    here = text.index("[instruments.dosimeter]")
    there = text.index("[instruments.spectrometer]")
    entry = f'[instruments.dosimeter]\ndriver = "dose-table"\nresource = "{table.as_posix()}"\n\n'
    path = folder / "bench.toml"
    path.write_text((text[:here] + entry + text[there:]).replace("distance_m = 0.262", f"distance_m = {distance_m}"))
    return path


def slope(document: dict[str, Any]) -> dict[str, Any]:
    (found,) = [one for one in document["figures"] if one["name"] == "slope"]
    return found


def test_the_table_lies_beside_the_run_file_and_the_journal_says_so(calibration: Any, command: Any) -> None:
    (table,) = (Path(name) for name in calibration["products"])
    file = Path(calibration["run_file"])
    assert table == file.with_name(f"{file.stem}.dose-table.toml")
    shown = command("show", file, "--json").document
    assert any(entry["kind"] == "product" and str(table) in entry["message"] for entry in shown["journal"])
    stored = read_dose_table(str(table))
    assert {entry.voltage_kv for entry in stored.entries} == {28.0, 30.0, 33.0}
    assert len(stored.entries) == 18
    assert stored.geometry.distance_m == 0.262
    assert stored.calibration_uncertainty == 0.05


def test_analysing_again_writes_no_second_table(calibration: Any, command: Any) -> None:
    folder = Path(calibration["run_file"]).parent
    before = sorted(folder.iterdir())
    assert command("analyse", calibration["run_file"], "--json").document["figures"] == calibration["figures"]
    assert sorted(folder.iterdir()) == before


def test_a_bench_with_the_table_finds_the_slope_that_one_with_the_dosimeter_finds(
    calibration: Any, command: Any, tmp_path: Path
) -> None:
    (table,) = calibration["products"]
    bench = without_a_dosimeter(tmp_path, Path(table))
    linearity = ("run", "rl-linearity", "--preset", "chen24-rl-linearity", *SHORT, "--seed", 4, "--out", tmp_path)
    looked_up = command(*linearity, "--bench", bench, "--json")
    assert looked_up.status == 0, looked_up.err
    with_dosimeter, with_table = slope(command(*linearity, "--json").document), slope(looked_up.document)
    low, high = with_table["interval"]
    assert low <= with_dosimeter["value"] <= high
    # both have the same dosimeter's calibration, so that they agree far better than either is known
    assert with_table["value"] == pytest.approx(with_dosimeter["value"], rel=0.01)
    assert with_table["uncertainty"] >= 0.05 * with_table["value"]


def test_the_table_refuses_another_distance_and_what_it_does_not_hold(
    calibration: Any, command: Any, tmp_path: Path
) -> None:
    (table,) = calibration["products"]
    farther = without_a_dosimeter(tmp_path, Path(table), distance_m=0.3)
    said = command("run", "rl-linearity", *SHORT, "--bench", farther, "--out", tmp_path / "runs", "--json")
    assert (said.status, said.out) == (2, "")
    assert "measured at 26.2 cm" in said.err
    beyond = without_a_dosimeter(tmp_path, Path(table))
    said = command(
        "run", "rl-linearity", *SHORT, "--set", "tube_voltage=45", "--set", "tube_currents=1:2:4", "--sample",
        "chen24-pnc-silicone", "--bench", beyond, "--out", tmp_path / "runs", "--json",
    )  # fmt: skip
    assert said.status == 1
    assert said.document["figures"] == [], "never a number from outside the table"
    assert "dose table" in said.document["reason"]
