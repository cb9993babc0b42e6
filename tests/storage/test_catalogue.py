"""The index of run files: it knows what is in the files, follows them, and finds what was asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import h5py
import pytest

from config.mistake import UserMistake
from storage.catalogue import Catalogue, index_path
from storage.catalogue_query import FigureCondition, Query, moment
from storage.glance import glance
from storage.layout import ColumnLayout, RunHeader, StreamLayout
from storage.notes import add_tag
from storage.reader import open_run
from storage.writer import RunWriter

STREAM = StreamLayout("sweep", (ColumnLayout("voltage", "V"),))
DAY = datetime.fromisoformat("2026-03-01T12:00:00+01:00")


def figure(name: str, value: float | None, field: float | None = None, unit: str = "V") -> dict[str, object]:
    return {
        "name": name, "value": value, "uncertainty": None if value is None else 0.1, "interval": None, "unit": unit,
        "method": "m", "warnings": ["why"] if value is None else [],
        "at": {} if field is None else {"field": [field, "V/cm"]},
    }  # fmt: skip


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    (tmp_path / "runs" / "day").mkdir(parents=True)

    def written(
        name: str, figures: Sequence[dict[str, object]] = (), *, sample: str = "film", operator: str = "Ada",
        procedure: str = "iv", day: int = 0, status: str = "completed",
    ) -> Path:  # fmt: skip
        path = tmp_path / "runs" / name
        header = RunHeader(
            "a run", procedure, f"uid-{name}", (DAY + timedelta(days=day)).isoformat(), sample={"name": sample},
            user={"name": operator}, provenance={"bench": "sim", "preset": ""},
        )  # fmt: skip
        with RunWriter(path, header, [STREAM]) as writer:
            writer.record("sweep", {"voltage": 1.0}, 0.0)
            writer.finish(status, figures, header.start_time)
        return path

    return written


@pytest.fixture
def catalogue(tmp_path: Path, write: Callable[..., Path]) -> Catalogue:
    del write
    with Catalogue(tmp_path / "runs", tmp_path / "index.sqlite") as opened:
        yield opened


def names(catalogue: Catalogue, **query: object) -> list[str]:
    return [run.path.name for run in catalogue.find(Query(**query))]


def test_a_glance_sees_what_the_reader_sees(write: Callable[..., Path]) -> None:
    path = write("a.h5", [figure("slope", 2.0), figure("r2", None)], sample='"Ω" film')
    add_tag(path, "paper")
    seen = glance(path)
    with open_run(path) as run:
        assert seen.figures == run.figures
        assert (seen.uid, seen.title, seen.procedure, seen.status) == (run.uid, run.title, run.procedure, run.status)
        assert (seen.start_time, seen.end_time) == (run.start_time, run.end_time)
    assert (seen.sample, seen.operator, seen.bench, seen.tags) == ('"Ω" film', "Ada", "sim", ("paper",))


def test_new_changed_and_removed_files_appear_by_themselves(
    catalogue: Catalogue, write: Callable[..., Path], tmp_path: Path
) -> None:
    first = write("a.h5", [figure("slope", 2.0)])
    write("day/b.h5")
    assert (catalogue.update().read, catalogue.count()) == (2, 2)
    assert (catalogue.update().read, catalogue.update().unchanged) == (0, 2)

    add_tag(first, "paper")
    write("c.h5")
    changes = catalogue.update()
    assert (changes.read, changes.unchanged) == (2, 1)
    assert names(catalogue, tag="paper") == ["a.h5"]

    first.unlink()
    assert catalogue.update().removed == 1
    assert sorted(names(catalogue)) == ["b.h5", "c.h5"]
    assert catalogue.figure_names() == [], "the figures of a removed run are gone with it"

    with Catalogue(tmp_path / "runs", tmp_path / "index.sqlite") as again:
        assert again.update().read == 0, "the index is kept"


def test_runs_are_found_by_what_they_are(catalogue: Catalogue, write: Callable[..., Path]) -> None:
    write("old.h5", [figure("sensitivity", 900.0, -100.0), figure("sensitivity", 2000.0, -300.0)], day=-3)
    write("new.h5", [figure("sensitivity", 1500.0, -100.0, "uC/(Gy cm2)")], sample="TiO2 Film", operator="Grace")
    write("none.h5", [figure("sensitivity", None, -100.0)], procedure="hecht", status="aborted", day=2)
    catalogue.update()

    assert names(catalogue) == ["none.h5", "new.h5", "old.h5"], "the newest first"
    assert names(catalogue, sample="tio2") == ["new.h5"]
    assert names(catalogue, operator="grace") == ["new.h5"]
    assert names(catalogue, procedure="hecht") == names(catalogue, status="aborted") == ["none.h5"]
    assert names(catalogue, since=DAY, until=DAY + timedelta(days=1)) == ["new.h5"]
    assert names(catalogue, since=moment("2026-03-03")) == ["none.h5"]
    assert names(catalogue, limit=1, reverse=True) == ["old.h5"]

    def having(*conditions: str, **query: object) -> list[str]:
        return names(catalogue, figures=[FigureCondition.parse(one) for one in conditions], **query)

    assert having("sensitivity>1000", sort="path") == ["new.h5", "old.h5"]
    assert having("sensitivity@field=-100 > 1e3") == ["new.h5"]
    assert having("sensitivity>=900 V") == ["old.h5"], "a unit that was given must be the figure's"
    assert having("sensitivity") == ["new.h5", "old.h5"], "what was not determined is none"
    assert having("sensitivity<1000", "sensitivity>1000") == ["old.h5"]
    assert names(catalogue, sort="sensitivity") == ["old.h5", "new.h5", "none.h5"]
    assert names(catalogue, sort="sensitivity", reverse=True) == ["new.h5", "old.h5", "none.h5"]
    (old,) = catalogue.find(Query(sample="film", until=DAY - timedelta(days=1)))
    assert [(one.value, one.at["field"]) for one in old.figures] == [
        (900.0, (-100.0, "V/cm")), (2000.0, (-300.0, "V/cm"))
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "sensitivity>", ">3", "a=3", "a>3<4", "a@b>3", "a>nan", "a; DROP TABLE runs"])
def test_a_condition_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UserMistake, match="sensitivity>1000"):
        FigureCondition.parse(text)


def test_text_of_a_file_is_never_sql(catalogue: Catalogue, write: Callable[..., Path]) -> None:
    name = "'); DROP TABLE runs; --"
    write("a.h5", [figure(name, 1.0)], sample=name, operator="\ud800")
    catalogue.update()
    assert names(catalogue, sample=name) == ["a.h5"]
    assert catalogue.figure_names() == [name]


def test_what_cannot_be_read_is_listed_with_the_reason(catalogue: Catalogue, tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    (folder / "text.h5").write_text("no HDF5")
    with h5py.File(folder / "other.h5", "w") as file:
        file["x"] = 1
    (folder / ".a.h5.12.amended").write_text("a copy that is being changed")
    catalogue.update()
    found = {run.path.name: run for run in catalogue.find(Query(status="unreadable"))}
    assert found.keys() == {"text.h5", "other.h5"}
    assert "no HDF5 file" in found["text.h5"].fault
    assert catalogue.update().read == 0, "they are not read again and again"


def test_a_link_out_of_the_file_is_not_followed(
    write: Callable[..., Path], catalogue: Catalogue, tmp_path: Path
) -> None:
    path = write("a.h5")
    secret = write("day/secret.h5", sample="secret").rename(tmp_path / "secret.kept")
    with h5py.File(path, "r+") as file:
        del file["entry/sample"]
        file["entry/sample"] = h5py.ExternalLink(str(secret), "/entry/sample")
    catalogue.update()
    (run,) = catalogue.find()
    assert (run.status, run.sample) == ("unreadable", "")


def test_a_run_that_goes_on_is_there_and_its_end_is_seen(catalogue: Catalogue, tmp_path: Path) -> None:
    header = RunHeader("a run", "iv", "uid", DAY.isoformat(), sample={"name": "film"})
    with RunWriter(tmp_path / "runs" / "live.h5", header, [STREAM]) as writer:
        writer.record("sweep", {"voltage": 1.0}, 0.0)
        catalogue.update()
        assert [(run.status, run.sample) for run in catalogue.find()] == [("running", "film")]
        writer.finish("completed", [], header.start_time)
    catalogue.update()
    assert [run.status for run in catalogue.find()] == ["completed"]


def test_a_damaged_or_foreign_index_is_made_anew(write: Callable[..., Path], tmp_path: Path) -> None:
    write("a.h5")
    index = tmp_path / "index.sqlite"
    index.write_bytes(b"SQLite format 3\0" + b"rubbish" * 1000)
    with Catalogue(tmp_path / "runs", index) as catalogue:
        assert catalogue.update().read == 1
    with Catalogue(tmp_path / "runs", tmp_path / "runs" / "a.h5" / "impossible") as catalogue:
        assert catalogue.update().read == 1, "in memory, where no index can be written"


def test_each_folder_has_an_index_of_its_own(tmp_path: Path) -> None:
    assert index_path(tmp_path) == index_path(tmp_path / "x" / os.pardir)
    assert index_path(tmp_path) != index_path(tmp_path / "runs")
