import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from config.mistake import UserMistake
from storage.errors import UnreadableRunFile
from storage.journal import journal_path, parse_journal
from storage.layout import RunHeader, StreamLayout
from storage.reader import open_run, verify
from storage.recovery import recover, recover_folder, recovered_path
from storage.writer import RunWriter
from storage.writer_identity import WriterIdentity

Point = Callable[[int], dict[str, float]]


@pytest.fixture
def left(tmp_path: Path, header: RunHeader, sweep: StreamLayout, spectra: StreamLayout, point: Point) -> Path:
    """A run whose writer went away without finishing it."""
    full = replace(header, parameters={"tube_voltage": (30.0, "kV")}, provenance={"packages": {"numpy": "2"}})
    with RunWriter(tmp_path / "run.h5", full, [sweep, spectra]) as writer:
        writer.event(0.0, "info", "beam", "beam on")
        for n in range(3000):
            writer.record("sweep", point(n), n)
        writer.record("spectra", {"dose_rate": 1, "counts": np.arange(64), "counts_errors": np.ones(64)}, 1)
    return tmp_path / "run.h5"


def test_everything_is_in_the_copy_and_the_original_is_untouched(left: Path) -> None:
    before = left.read_bytes(), journal_path(left).read_bytes()
    copy = recover(left)
    assert (left.read_bytes(), journal_path(left).read_bytes()) == before
    assert verify(copy)
    with open_run(left) as original, open_run(copy) as run:
        assert (run.status, original.status) == ("recovered", "running")
        assert run.end_time is not None
        for name in ("title", "procedure", "uid", "start_time", "parameters", "provenance", "units"):
            assert getattr(run, name) == getattr(original, name), name
        assert {n: s.layout.columns for n, s in run.streams.items()} == {
            n: s.layout.columns for n, s in original.streams.items()
        }
        for name, stream in original.streams.items():
            for column in stream:
                assert np.array_equal(run.streams[name][column], stream[column])
        assert run.streams["sweep"].rows == 3000
        assert [e["kind"] for e in run.journal] == ["writer", "beam", "recovered"]
        assert run.journal[-1]["original"] == "run.h5"


def test_recovering_twice_makes_one_copy(left: Path) -> None:
    assert [r.path for r in recover_folder(left.parent)] == [recovered_path(left)]
    copy = recovered_path(left).read_bytes()
    assert recover(left) == recovered_path(left)
    assert recover(recovered_path(left)) == recovered_path(left)
    assert recover_folder(left.parent) == []
    assert recovered_path(left).read_bytes() == copy


def test_a_torn_last_line_of_the_journal_is_left_out(left: Path) -> None:
    with journal_path(left).open("ab") as journal:
        journal.write(b'{"time": 3.0, "kind": "trip", "mess')
    with open_run(recover(left)) as run:
        assert [e["kind"] for e in run.journal] == ["writer", "beam", "recovered"]


def test_a_run_without_its_journal_recovers(left: Path) -> None:
    journal_path(left).unlink()
    with open_run(recover(left)) as run:
        assert run.streams["sweep"].rows == 3000


def test_records_that_the_journal_counted_and_the_file_lacks_are_said_to_be_lost(left: Path) -> None:
    with journal_path(left).open("a") as journal:
        journal.write('{"time": 9, "kind": "synced", "records": {"sweep": 3007}}\n')
    (recovered,) = recover_folder(left.parent)
    assert recovered.lost == {"sweep": 7, "spectra": 0}
    assert "7 of sweep" in recovered.message
    assert recovered.path is not None
    with open_run(recovered.path) as run:
        assert run.journal[-1]["lost"] == {"sweep": 7, "spectra": 0}


def test_columns_of_unequal_length_are_cut_to_the_shortest(left: Path) -> None:
    import h5py

    with h5py.File(left, "r+", libver=("v110", "v110")) as file:
        file["entry/sweep/signal"].resize(2990, axis=0)
    with open_run(left) as run:
        assert {len(run.streams["sweep"][name]) for name in run.streams["sweep"]} == {2990}
    (recovered,) = recover_folder(left.parent)
    assert (recovered.records["sweep"], recovered.lost["sweep"]) == (2990, 10)


def test_rows_that_a_power_cut_made_unreadable_are_left_out(left: Path) -> None:
    import h5py

    # the end of the signal's last chunk lies beyond the end of the file, as when the disk never got it
    with h5py.File(left, "r") as file:
        chunk = file["entry/sweep/signal"].id.get_chunk_info(2)
        end = max(
            file[f"entry/sweep/{name}"].id.get_chunk_info(2).byte_offset
            for name in ("time", "dose_rate", "signal", "signal_errors", "dose_rate_errors", "temperature")
        )
    whole = left.read_bytes()
    if chunk.byte_offset > end:
        pytest.skip("the library laid the chunks out otherwise")
    left.write_bytes(whole[: end + 100])
    copy = recover(left)
    with open_run(copy) as run:
        rows = run.streams["sweep"].rows
        assert rows < 3000
        assert np.array_equal(run.streams["sweep"]["signal"], np.arange(rows) + 0.3)


def test_a_run_that_goes_on_is_left_alone(tmp_path: Path, header: RunHeader, sweep: StreamLayout, point: Point) -> None:
    with RunWriter(tmp_path / "run.h5", header, [sweep]) as writer:
        writer.record("sweep", point(0), 0)
        assert recover_folder(tmp_path) == []
        with pytest.raises(UserMistake, match="is still being written by process"):
            recover(tmp_path / "run.h5")
    assert not recovered_path(tmp_path / "run.h5").exists()


def test_finished_runs_and_foreign_files_are_left_alone(tmp_path: Path, header: RunHeader, sweep: StreamLayout) -> None:
    with RunWriter(tmp_path / "run.h5", header, [sweep]) as writer:
        writer.finish("failed", [], "2025-03-01T12:30:00+01:00")
    (tmp_path / "foreign.h5").write_bytes(b"not HDF5")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert recover_folder(tmp_path) == []
    assert recover(tmp_path / "run.h5") == tmp_path / "run.h5"
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_unreadable_run_is_reported_and_does_not_stop_the_next(left: Path) -> None:
    broken = left.with_name("a.h5")
    broken.write_bytes(left.read_bytes()[:300])
    journal_path(broken).write_bytes(journal_path(left).read_bytes())
    first, second = recover_folder(left.parent)
    assert (first.original, first.path) == (broken, None)
    assert str(broken) in first.message
    assert second.path == recovered_path(left)


def test_another_run_under_the_copys_name_is_not_taken_for_it(
    left: Path, header: RunHeader, sweep: StreamLayout
) -> None:
    with RunWriter(recovered_path(left), replace(header, run_uid="other"), [sweep]) as writer:
        writer.finish("completed", [], "2025-03-01T12:30:00+01:00")
    with pytest.raises(UnreadableRunFile, match="is another run than"):
        recover(left)


def test_a_later_process_of_the_same_number_is_not_the_writer(tmp_path: Path) -> None:
    parent = psutil.Process().parent()
    assert parent is not None
    host, started = WriterIdentity.of_this_process().host, parent.create_time()
    assert WriterIdentity(host, parent.pid, started).alive(tmp_path / "run.h5")
    assert not WriterIdentity(host, parent.pid, started - 3600).alive(tmp_path / "run.h5")


def test_a_writer_on_another_host_lives_while_its_journal_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = WriterIdentity("elsewhere", 1, 0.0)
    assert not elsewhere.alive(tmp_path / "run.h5")
    journal_path(tmp_path / "run.h5").touch()
    assert elsewhere.alive(tmp_path / "run.h5")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 700)
    assert not elsewhere.alive(tmp_path / "run.h5")


def test_a_journal_of_rubbish_is_an_empty_one() -> None:
    assert parse_journal(b"\0\0\0\n[1]\nnull\n\xff\xfe\n" + b"[" * 100_000) == []
