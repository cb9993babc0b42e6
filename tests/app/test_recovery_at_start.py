"""Before a run begins, what killed runs have left is recovered into copies; nothing that was there is touched."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import storage
from storage.journal import journal_path
from storage.reader import RunFile, open_run, verify
from storage.recovery import recover_folder, recover_left_runs, recovered_path

LEAVE = """
import os, sys
from storage.layout import ColumnLayout, RunHeader, StreamLayout
from storage.writer import RunWriter
for path in sys.argv[1:]:
    header = RunHeader("t", "p", path, "2025-03-01T12:00:00+01:00")
    writer = RunWriter(path, header, [StreamLayout("s", (ColumnLayout("x", "V"),))])
    for n in range(100):
        writer.record("s", {"x": n}, n)
    writer._stop()
os._exit(9)
"""
"""Begin runs, record, and die without a word."""


def leave(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
    root = Path(storage.__file__).parents[1]
    died = subprocess.run([sys.executable, "-c", LEAVE, *map(str, paths)], cwd=root, check=False)
    assert died.returncode == 9
    for path in paths:
        with open_run(path) as run:
            assert run.status == "running"


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def measure(command: Any, tmp_path: Path) -> Callable[[], Any]:
    """Run something short into the folder."""
    settings = ("tube_voltages=30", "tube_currents=0.5:2:3", "repeats=1", "dose_time=0.5")
    words = [word for setting in settings for word in ("--set", setting)]
    return lambda: command("run", "dose-calibration", *words, "--out", tmp_path, "--json")


def test_a_run_recovers_what_was_left_yesterday_and_says_so(measure: Callable[[], Any], tmp_path: Path) -> None:
    left = tmp_path / "2025-03-01" / "run.h5"
    leave(left, tmp_path / "flat.h5")
    before = contents(tmp_path)
    said = measure()
    assert said.status == 0, said.err
    after = contents(tmp_path)
    assert {path: after[path] for path in before} == before, "something that was there was touched"
    told = [entry for entry in said.document["journal"] if entry["kind"] == "recovery"]
    assert len(told) == 2
    for path in (left, tmp_path / "flat.h5"):
        assert any(str(path) in entry["message"] for entry in told)
        assert verify(recovered_path(path))
        with open_run(recovered_path(path)) as run:
            assert run.status == "recovered"
            assert list(run.streams["s"]["x"]) == list(range(100))
    assert "recovered into run.recovered.h5" in said.err
    with open_run(Path(said.document["run_file"])) as run:
        assert run.status == "completed"
        assert sum(event["kind"] == "recovery" for event in run.journal) == 2
    # once is enough
    assert [entry for entry in measure().document["journal"] if entry["kind"] == "recovery"] == []


def test_a_left_run_that_cannot_be_read_is_told_and_stops_nothing(measure: Callable[[], Any], tmp_path: Path) -> None:
    left = tmp_path / "run.h5"
    leave(left)
    left.write_bytes(left.read_bytes()[:300])
    said = measure()
    assert said.status == 0
    (told,) = (entry for entry in said.document["journal"] if entry["kind"] == "recovery")
    assert "not recovered" in told["message"]
    assert str(left) in told["message"]


def test_a_mistake_recovers_nothing(command: Any, tmp_path: Path) -> None:
    leave(tmp_path / "run.h5")
    before = contents(tmp_path)
    assert command("run", "dose-calibration", "--set", "tube_voltages=500", "--out", tmp_path).status == 2
    assert contents(tmp_path) == before


def test_only_files_with_a_journal_beside_them_are_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leave(tmp_path / "a.h5", tmp_path / "b.h5", tmp_path / "deep" / "c.h5", tmp_path / "deep" / "er" / "d.h5")
    journal_path(tmp_path / "b.h5").unlink()
    (tmp_path / "e.journal.jsonl").write_text("{}\n")
    looked_at: list[str] = []

    def looking(path: Path) -> RunFile:
        looked_at.append(path.name)
        return open_run(path)

    monkeypatch.setattr("storage.recovery.open_run", looking)
    assert [one.original.name for one in recover_left_runs(tmp_path)] == ["a.h5"]
    assert looked_at == ["a.h5"]
    assert [one.original.name for one in recover_left_runs(tmp_path, levels=1)] == ["c.h5"]
    assert recover_left_runs(tmp_path / "nowhere", levels=3) == []
    # asked to, it looks at everything and everywhere
    assert [one.original.name for one in recover_folder(tmp_path)] == ["b.h5", "d.h5"]


def test_the_command_recovers_in_subfolders_as_its_help_says(command: Any, tmp_path: Path) -> None:
    leave(tmp_path / "2025-03-01" / "run.h5")
    (found,) = command("recover", tmp_path, "--json").document
    assert found["records"] == {"s": 100}
    assert Path(found["recovered"]).is_file()
    assert command("recover", tmp_path, "--json").document == []
