"""``xraybench runs``: what the catalogue finds, as a table, as JSON, as CSV."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path

import pytest

from app.pytest_plugin import SimulatedBench
from procedures.iv import CurrentVoltage
from storage.notes import add_tag


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("measured")
    opened = SimulatedBench(folder, sample="dong24-mixed")
    try:
        outcome = opened.run(CurrentVoltage(), voltages="-10:10:11", readings=4)
    finally:
        opened.close()
    assert outcome.run_file is not None
    add_tag(outcome.run_file, "=HYPERLINK")
    return outcome.run_file


@pytest.fixture
def folder(measured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda *a, **k: str(tmp_path / "cache"))
    (tmp_path / "runs").mkdir()
    shutil.copyfile(measured, tmp_path / "runs" / "a.h5")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


def test_runs_lists_the_default_folder_and_filters(folder, command) -> None:
    (run,) = command("runs", "--json").document
    assert (run["procedure"], run["status"], run["tags"]) == ("iv", "completed", ["=HYPERLINK"])
    assert {one["name"]: one["unit"] for one in run["figures"]}["resistivity"] == "ohm cm"
    assert command("runs", folder, "--figure", "resistivity>1e9", "--json").document == []
    assert (
        len(command("runs", folder, "--figure", "resistivity>1e7 ohm cm", "--sample", "MIXED", "--json").document) == 1
    )
    said = command("runs", folder, "--sort", "resistivity")
    assert said.status == 0
    assert "1 of 1 run files" in said.out
    assert "resistivity" in said.out


def test_csv_has_a_line_for_each_figure_and_no_formula(folder, command) -> None:
    rows = list(csv.DictReader(io.StringIO(command("runs", folder, "--csv").out)))
    (resistivity,) = (row for row in rows if row["figure"] == "resistivity")
    assert float(resistivity["low"]) < float(resistivity["value"]) < float(resistivity["high"])
    assert resistivity["tags"] == "'=HYPERLINK"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "nowhere is no folder"),
        (["--status", "complete"], "did you mean 'completed'"),
        (["--figure", "resistvity>3"], "did you mean 'resistivity'"),
        (["--sort", "resistvity"], "did you mean 'resistivity'"),
        (["--figure", "resistivity=3"], "signs are"),
        (["--since", "yesterday"], "yesterday"),
        (["--limit", "0"], "limit 0"),
    ],
)
def test_a_mistake_gets_one_line(words, said, folder, command) -> None:
    answer = command("runs", *words)
    assert answer.status == 2
    assert answer.out == ""
    assert said in answer.err
    assert len(answer.err.splitlines()) == 1


def test_on_a_narrow_terminal_a_run_is_a_paragraph_whose_path_can_be_copied(folder, command, monkeypatch) -> None:
    from rich.console import Console

    monkeypatch.setattr("app.cli.runs.console", lambda: Console(width=80))
    lines = command("runs").out.splitlines()
    assert f"    {Path('runs') / 'a.h5'}" in lines
    assert any(line.startswith("    resistivity: ") and line.endswith("ohm cm") for line in lines)
    assert "│" not in "".join(lines)


def test_where_no_run_fits_it_is_said_and_no_table_is_empty(folder, command) -> None:
    said = command("runs", "--tag", "none-has-this").out
    assert "no run file meets this" in said
    assert "│" not in said
