"""What scripts lean on: one JSON document, figures that come again from the file alone, four exit statuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config.loading import bench_file

SHORT = ["--set", "tube_currents=0.5:2:4", "--set", "repeats=2", "--set", "averages=1"]


@pytest.fixture(scope="module")
def linearity(command: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A short linearity run on the simulated bench."""
    folder = tmp_path_factory.mktemp("runs")
    said = command(
        "run", "rl-linearity", "--preset", "chen24-rl-linearity", *SHORT, "--seed", 5, "--out", folder, "--json"
    )
    assert said.status == 0, said.err
    return said.document


def without_times(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "run_file"}


def test_the_same_seed_gives_the_same_document_and_another_seed_another(
    linearity: Any, command: Any, tmp_path: Path
) -> None:
    again = command(
        "run", "rl-linearity", "--preset", "chen24-rl-linearity", *SHORT, "--seed", 5, "--out", tmp_path, "--json",
        "--speed", "max",
    )  # fmt: skip
    assert without_times(again.document) == without_times(linearity)
    other = command(
        "run", "rl-linearity", "--preset", "chen24-rl-linearity", *SHORT, "--seed", 6, "--out", tmp_path, "--json"
    )
    assert other.document["figures"] != linearity["figures"]


def test_analyse_gives_the_figures_again_bit_for_bit_and_leaves_the_file_alone(linearity: Any, command: Any) -> None:
    file = Path(linearity["run_file"])
    before = file.read_bytes()
    said = command("analyse", file, "--json")
    assert said.status == 0
    assert said.err == ""
    assert said.document["figures"] == linearity["figures"]
    assert file.read_bytes() == before
    both = command("analyse", file, file, "--json")
    assert [one["figures"] for one in both.document] == [linearity["figures"]] * 2


def test_analyse_can_look_at_another_band(linearity: Any, command: Any) -> None:
    said = command("analyse", linearity["run_file"], "--set", "band_start=520", "--set", "band_end=530 nm", "--json")
    narrow, whole = (
        next(figure["value"] for figure in document["figures"] if figure["name"] == "slope")
        for document in (said.document, linearity)
    )
    assert 0.2 * whole < narrow < 0.6 * whole


def test_show_tells_everything_about_a_run(linearity: Any, command: Any) -> None:
    said = command("show", linearity["run_file"], "--json")
    assert (said.status, said.err) == (0, "")
    shown = said.document
    assert (shown["status"], shown["intact"]) == ("completed", True)
    assert shown["procedure"] == "rl-linearity"
    for name in ("tube_voltage", "tube_currents", "repeats"):
        assert shown["parameters"][name] == linearity["parameters"][name], name
    assert shown["units"]["tube_voltage"] == "kV"
    assert sum(stream["records"] for stream in shown["streams"].values()) == linearity["records"]
    assert [figure["name"] for figure in shown["figures"]] == [figure["name"] for figure in linearity["figures"]]
    for ours, theirs in zip(shown["figures"], linearity["figures"], strict=True):
        assert (ours["value"], ours["uncertainty"]) == (theirs["value"], theirs["uncertainty"])
    assert shown["provenance"]["seed"] == 5
    assert shown["provenance"]["preset"] == "chen24-rl-linearity"
    assert "[instruments.tube]" in shown["provenance"]["bench_file"]
    assert shown["geometry"]["distance_m"] == 0.262
    assert "UNIDOS" in str(shown["instruments"]["dosimeter"]["identity"])
    assert {"begin", "safe"} <= {entry["kind"] for entry in shown["journal"]}


def test_people_get_tables_with_the_same_figures(linearity: Any, command: Any) -> None:
    for words in (("show", linearity["run_file"]), ("analyse", linearity["run_file"])):
        said = command(*words)
        assert said.status == 0
        for figure in linearity["figures"]:
            assert figure["name"] in said.out


def bench_with(folder: Path, *lines: str) -> Path:
    path = folder / "bench.toml"
    text = bench_file("sim").text
    for line in lines:
        name = line.partition(" ")[0]
        text = "\n".join(line if old.startswith(f"{name} ") else old for old in text.splitlines())
    path.write_text(text)
    return path


def test_exit_3_when_the_light_is_too_much_and_still_one_document(command: Any, tmp_path: Path) -> None:
    path = bench_with(tmp_path)
    # so much light that even the spectrometer's shortest exposure saturates
    path.write_text(path.read_text() + "\n[simulation.world.spectrometer]\ncollection = 10.0\n")
    said = command(
        "run", "rl-linearity", "--preset", "chen24-rl-linearity", "--bench", path, "--out", tmp_path, "--json"
    )
    document = said.document
    assert said.status == 3
    assert document["status"] == "aborted"
    assert "saturate" in document["reason"]
    assert document["figures"] == []
    assert "saturate" in said.err
    assert "Traceback" not in said.err, "it is the user's light, not the program's fault"
    shown = command("show", document["run_file"], "--json").document
    assert (shown["status"], shown["figures"]) == ("aborted", [])


def test_exit_2_leaves_stdout_empty(command: Any, tmp_path: Path) -> None:
    said = command("run", "rl-linearity", "--set", "tube_voltage=100", "--out", tmp_path, "--json")
    assert (said.status, said.out) == (2, "")
    assert len(said.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_exit_3_when_the_dose_budget_trips_the_run(command: Any, tmp_path: Path) -> None:
    said = command(
        "run", "dose-calibration", "--bench", bench_with(tmp_path, "dose_per_run_gy = 0.02"), "--out", tmp_path,
        "--json",
    )  # fmt: skip
    document = said.document
    assert said.status == 3
    assert document["status"] == "aborted"
    assert "dose budget" in document["reason"]
    assert any(entry["kind"] == "trip" for entry in document["journal"])
    assert document["products"] == [], "half a calibration must not pass for a whole one"
    assert list(tmp_path.rglob("*.dose-table.toml")) == []
    assert "dose budget" in said.err
    assert command("show", document["run_file"], "--json").document["status"] == "aborted"
