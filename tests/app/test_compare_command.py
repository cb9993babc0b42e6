"""``xraybench compare``: what may be compared is, with what the runs share; what may not says why."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from app.report.comparing import compare
from config.mistake import UserMistake
from storage.layout import ColumnLayout, RunHeader, StreamLayout
from storage.writer import RunWriter

STREAM = StreamLayout("points", (ColumnLayout("field", "V/cm"),))
BEGIN = datetime.fromisoformat("2026-03-01T12:00:00+01:00")


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def written(
        name: str, value: float, *, sample: str = "film", tube_voltage: float = 50.0, serial: str = "1",
        unit: str = "uC/(Gy cm2)", figure: str = "sensitivity",
    ) -> Path:  # fmt: skip
        path = tmp_path / name
        header = RunHeader(
            "a run", "sensitivity", name, (BEGIN + timedelta(hours=1)).isoformat(),
            parameters={"tube_voltage": (tube_voltage, "kV")}, sample={"name": sample, "thickness_um": 300.0},
            instruments={"dosimeter": {"identity": {"serial": serial}, "settings": {"range": name}, "calibration": {}}},
            geometry={"filters": [{"material": "Al", "thickness_mm": 1.0}]},
        )  # fmt: skip
        found = {
            "name": figure, "value": value, "uncertainty": 0.0510 * value, "interval": [0.9 * value, 1.1 * value],
            "unit": unit, "method": "line", "warnings": [], "at": {"field": [-100.0, "V/cm"]},
            "statistical": 0.01 * value, "systematic": 0.05 * value, "details": {"dose_calibration_uncertainty": 0.04},
        }  # fmt: skip
        with RunWriter(path, header, [STREAM]) as writer:
            writer.record("points", {"field": 1.0}, 0.0)
            writer.finish("completed", [found], header.start_time)
        return path

    return written


def test_the_same_sample_on_the_same_instruments_shares_everything_systematic(write) -> None:
    (row,) = compare([write("a.h5", 100.0), write("b.h5", 103.0)]).rows
    (pair,) = row.pairs
    assert pair.uncertainty == pytest.approx((1.0 + 1.03**2 + 0.15**2) ** 0.5)
    ((letters, mean),) = row.means
    assert letters == "A, B"
    assert mean.systematic == pytest.approx(0.05 * mean.value)


def test_another_sample_shares_the_dose_calibration_and_has_no_mean(write) -> None:
    (row,) = compare([write("a.h5", 100.0), write("b.h5", 106.0, sample="crystal")]).rows
    (pair,) = row.pairs
    assert pair.uncertainty**2 == pytest.approx(1.0 + 1.06**2 + 25 + 5.3**2 - 2 * 4.0 * 4.24)
    assert row.means == ()


def test_another_dosimeter_shares_nothing(write) -> None:
    (row,) = compare([write("a.h5", 100.0), write("b.h5", 106.0, serial="2")]).rows
    assert row.pairs[0].uncertainty ** 2 == pytest.approx(1.0 + 1.06**2 + 25 + 5.3**2)


def test_runs_at_different_tube_voltages_are_not_compared(write, command) -> None:
    files = [write("a.h5", 100.0), write("b.h5", 106.0, tube_voltage=30.0)]
    with pytest.raises(UserMistake, match="tube voltage of A is 50 kV, of B 30 kV"):
        compare(files)
    said = command("compare", *files)
    assert said.status == 2
    assert len(said.err.splitlines()) == 1

    dark = [write("c.h5", 1.0, figure="dark_current_density"),
            write("d.h5", 1.1, figure="dark_current_density", tube_voltage=30.0)]  # fmt: skip
    assert compare(dark).rows[0].refusal == "", "the tube has no part in it"


def test_other_units_are_refused_and_other_figures_are_named(write) -> None:
    with pytest.raises(UserMistake, match=r"unit of A is 'uC/\(Gy cm2\)', of B 'C/Gy'"):
        compare([write("a.h5", 100.0), write("b.h5", 1.0, unit="C/Gy")])
    with pytest.raises(UserMistake, match="no two of these runs"):
        compare([write("a2.h5", 100.0), write("b2.h5", 1.0, figure="mu_tau")])
    with pytest.raises(UserMistake, match="stands there twice"):
        compare([write("c.h5", 1.0)] * 2)


def test_the_document_has_every_pair_and_mean(write, command, tmp_path) -> None:
    files = [write(f"{n}.h5", 100.0 + n) for n in range(4)]
    document = command("compare", *files, "--json").document
    (figure,) = document["figures"]
    assert len(figure["differences"]) == 6
    assert figure["means"][0]["runs"] == ["A", "B", "C", "D"]
    assert json.dumps(document)
    table = command("compare", *files)
    assert "Birge ratio" in table.out
    assert "z = " in table.out
    bad = command("compare", *files, "--plot", tmp_path / "x.doc")
    assert (bad.status, ".png, .svg, .pdf" in bad.err) == (2, True)
