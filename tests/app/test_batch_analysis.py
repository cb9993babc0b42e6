"""``xraybench analyse`` over many files: one processor, several, a cluster; the same figures bit for bit."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from app.pytest_plugin import SimulatedBench
from procedures.iv import CurrentVoltage

pytestmark = pytest.mark.usefixtures("untraced")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    for seed in (1, 2):
        opened = SimulatedBench(folder / str(seed), sample="dong24-mixed", seed=seed)
        try:
            outcome = opened.run(CurrentVoltage(), voltages="-10:10:11", readings=4)
        finally:
            opened.close()
        assert outcome.run_file is not None
        shutil.copyfile(outcome.run_file, folder / f"copy-{seed}.h5")
    return folder


def figures(document: list[dict]) -> list[tuple[str, str]]:
    return [(Path(one["run_file"]).name, json.dumps(one["figures"], sort_keys=True)) for one in document]


def test_processes_give_the_figures_of_one(archive, command) -> None:
    one = command("analyse", archive, "--jobs", 1, "--json").document
    two = command("analyse", archive, "--jobs", 2, "--json").document
    assert len(one) == 4
    assert figures(one) == figures(two)
    assert one[0]["figures"][0]["value"] is not None
    alone = command("analyse", one[0]["run_file"], "--json").document
    assert alone["figures"] == one[0]["figures"]
    assert len({text for _, text in figures(one)}) == 2, "two seeds, and copies of both"


def test_a_file_that_cannot_be_analysed_does_not_end_the_others(archive, command, tmp_path) -> None:
    bad = tmp_path / "bad.h5"
    bad.write_text("nothing")
    said = command("analyse", archive / "copy-1.h5", bad, "--jobs", 1, "--json")
    assert said.status == 1
    assert [("fault" in one, bool(one["figures"])) for one in said.document] == [(False, True), (True, False)]
    assert "bad.h5" in said.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--jobs", "0"], "--jobs 0"),
        (["--jobs", "2", "--scheduler", "tcp://127.0.0.1:1"], "give one of them"),
    ],
)
def test_a_mistake_gets_one_line(words, said, archive, command) -> None:
    answer = command("analyse", archive, *words)
    assert (answer.status, answer.out, len(answer.err.splitlines())) == (2, "", 1)
    assert said in answer.err


def test_an_empty_folder_is_a_mistake(command, tmp_path) -> None:
    answer = command("analyse", tmp_path)
    assert (answer.status, "no run file" in answer.err) == (2, True)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning:distributed")
def test_a_cluster_of_two_workers_gives_the_same_bits(archive, command, tmp_path) -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, local_directory=str(tmp_path)
    ) as cluster:
        there = command("analyse", archive, "--scheduler", cluster.scheduler_address, "--json")
        assert there.status == 0, there.err
        assert len(cluster.scheduler_info["workers"]) == 2
    here = command("analyse", archive, "--jobs", 1, "--json").document
    assert figures(there.document) == figures(here)
