"""Published detectors: the file is what the tables say, and a new detector is drawn among them with its voltage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.report.literature import draw, measured_detectors
from config.literature_file import detectors
from config.mistake import UserMistake
from storage.layout import ColumnLayout, RunHeader, StreamLayout
from storage.writer import RunWriter

pytestmark = pytest.mark.usefixtures("untraced")

STREAM = StreamLayout("points", (ColumnLayout("field", "V/cm"),))


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def written(name: str, values: dict[str, float], *, field: bool = True, sample: str = "new film") -> Path:
        path = tmp_path / name
        header = RunHeader(
            "a run", "sensitivity", name, "2026-03-01T12:00:00+01:00", parameters={"tube_voltage": (40.0, "kV")},
            sample={"name": sample}, provenance={"simulated": True},
        )  # fmt: skip
        figures: list[dict[str, object]] = [
            {"name": figure, "value": value, "uncertainty": 0.1 * value, "interval": None, "unit": "x", "method": "m",
             "warnings": [], "at": {"field": [-100.0, "V/cm"]} if field else {}}
            for figure, value in values.items()
        ]  # fmt: skip
        with RunWriter(path, header, [STREAM]) as writer:
            writer.record("points", {"field": 1.0}, 0.0)
            writer.finish("completed", figures, header.start_time)
        return path

    return written


def test_the_file_holds_both_tables_and_plausible_numbers() -> None:
    content = detectors().content
    review = [one for one in content.detectors if one.paper == "Tie23"]
    assert sum(one.sensitivity is not None for one in review) == 24, "table 2"
    first = [one for one in review if one.resistivity_ohm_cm or one.mobility_electrons or one.mu_tau_electrons]
    assert len(first) == 22, "table 1"
    assert all(one.tube_voltage_kv is None for one in review), "the tables do not state it"
    assert all(one.original for one in review)
    for one in content.detectors:
        for value, low, high in (
            (one.sensitivity, 0.5, 1e6), (one.lod_ngy_s, 0.1, 1e4), (one.resistivity_ohm_cm, 1e6, 1e14),
            (one.mobility_electrons, 1e-3, 1e3), (one.mu_tau_electrons, 1e-7, 0.1), (one.activation_energy_ev, 0.1, 2),
        ):  # fmt: skip
            assert value is None or low <= value <= high, one
        if one.mobility_electrons and one.mu_tau_electrons:
            lifetime = one.mu_tau_electrons / one.mobility_electrons
            assert 1e-7 < lifetime < 1e-1, f"{one.name}: a lifetime of {lifetime} s"
    assert content.left_out


def test_a_new_detector_is_drawn_among_them_with_its_tube_voltage(write) -> None:
    files = [
        write("s.h5", {"sensitivity": 5000.0, "lod_iupac": 30.0}),
        write("h.h5", {"mu_tau": 1e-4}, field=False),
        write("r.h5", {"resistivity": 1e9}, field=False),
    ]
    (new,) = measured_detectors(files)
    assert new.name == "new film (simulated)"
    assert (new.sensitivity.value, new.lod.value, new.mu_tau.value, new.resistivity.value) == (5000, 30, 1e-4, 1e9)
    upper, lower = draw(detectors().content.detectors, [new]).axes
    entries = [text.get_text() for text in upper.get_legend().get_texts()]
    assert any("new film (simulated), this work: 40 kV, -100 V/cm, lod_iupac" in entry for entry in entries)
    assert any("kV not stated" in entry for entry in entries)
    assert any("Dong24" in entry and "50 kV" in entry for entry in entries)
    assert "40 kV" in upper.texts[-1].get_text()
    assert "new film" in lower.get_legend().get_texts()[-1].get_text()


def test_the_command_lists_draws_and_says_what_it_left_out(write, command, tmp_path) -> None:
    path = write("s.h5", {"sensitivity": 5000.0, "lod_iupac": 30.0})
    said = command("literature", "--with", path)
    assert said.status == 0
    assert "left out" in said.out
    assert (tmp_path / "s-literature.png").read_bytes().startswith(b"\x89PNG")
    document = command("literature", "--with", path, "--json").document
    assert document["measured"][0]["sensitivity"]["value"] == 5000
    with pytest.raises(UserMistake, match="no sensitivity, mu_tau or resistivity"):
        measured_detectors([write("x.h5", {"slope": 1.0})])
