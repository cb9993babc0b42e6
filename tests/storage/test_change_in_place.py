"""Large files are sealed and amended in place: killed at every single call to the system, none loses a frame."""

import json
import subprocess
import sys
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import h5py
import numpy as np
import pytest

import storage.amendment
from config.mistake import UserMistake
from storage import redo_log
from storage.errors import RunFileError, UnreadableRunFile
from storage.layout import ColumnLayout, RunHeader, StreamLayout
from storage.notes import add_note
from storage.reader import open_run, verify
from storage.recovery import recover, recover_folder
from storage.redo_log import Change, ChangedFile, left_change, log_path
from storage.seal import append_analysis
from storage.writer import RunWriter

END = "2025-03-01T12:30:00+01:00"
FRAMES = np.arange(20 * 32 * 48, dtype="u2").reshape(20, 32, 48)
VIDEO = StreamLayout("video", (ColumnLayout("image", "count", (32, 48), "u2"), ColumnLayout("n", "1")))
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(autouse=True)
def every_file_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage.amendment, "COPIED_UP_TO", 0)
    monkeypatch.setattr(storage.amendment, "_cloned", lambda *_: False)


def record(path: Path, header: RunHeader) -> RunWriter:
    writer = RunWriter(path, header, [VIDEO])
    for n, frame in enumerate(FRAMES):
        writer.record("video", {"image": frame, "n": n}, n)
    return writer


@pytest.fixture
def sealed(tmp_path: Path, header: RunHeader) -> Path:
    with record(tmp_path / "run.h5", header) as writer:
        writer.finish("completed", [{"name": "slope", "value": 1.0}], END)
    return tmp_path / "run.h5"


def whole(path: Path) -> None:
    with open_run(path) as run:
        assert np.array_equal(run.streams["video"]["image"], FRAMES)
        assert np.array_equal(run.streams["video"]["n"], np.arange(len(FRAMES)))


def test_a_large_file_is_sealed_and_amended_without_a_copy(sealed: Path) -> None:
    inode = sealed.stat().st_ino
    assert append_analysis(sealed, [{"name": "slope", "value": 2.0}]) == 2
    add_note(sealed, "in place")
    assert sealed.stat().st_ino == inode
    assert [path.name for path in sealed.parent.iterdir()] == ["run.h5"]
    assert verify(sealed)
    whole(sealed)
    with open_run(sealed) as run:
        assert (run.status, run.end_time) == ("completed", END)
        assert [analysis.number for analysis in run.analyses] == [1, 2]
        assert [note.text for note in run.notes] == ["in place"]
    with h5py.File(sealed, "r") as file:  # as any other program opens it
        assert file["entry/status"][()].decode() == "completed"


def test_a_reader_that_watches_sees_the_run_end(tmp_path: Path, header: RunHeader) -> None:
    path = tmp_path / "run.h5"
    with record(path, header) as writer:
        while writer._file.flushed() != {"video": len(FRAMES)}:
            writer._closing.wait(0.005)
        with open_run(path) as run:
            assert run.live
            writer.finish("completed", [], END)
            run.refresh()
            assert run.status == "completed"
            assert np.array_equal(run.streams["video"]["image"], FRAMES)


# The change is made again and again, each time by a child that is killed at its next call to the system that alters
# a file; of what it would have written half is. What it leaves is for the parent to look at.
KILLED = """
import json, os, shutil, signal, sys
from pathlib import Path
import storage.amendment
from storage.notes import add_note
from storage.seal import seal
from tests.storage import test_change_in_place as judge
from storage.layout import RunHeader
from storage.journal import journal_path
storage.amendment.COPIED_UP_TO = 0
storage.amendment._cloned = lambda *_: False
os.fsync = lambda _: None  # the system outlives the process; a busy disk takes its time
folder, what = Path(sys.argv[1]), sys.argv[2]
path = folder / "run.h5"
header = RunHeader("t", "p", "u", "2025-03-01T12:00:00+01:00")
writer = judge.record(path, header)
writer.end_records()
digests = writer._file.digests()
if what == "seal":
    writer.close()
    change = lambda: seal(path, "completed", judge.END, [], digests)
else:
    writer.finish("completed", [], judge.END)
    change = lambda: add_note(path, "last words", "nobody")
before = {p: p.read_bytes() for p in folder.iterdir()}

def dying(name, call, calls, last):
    def altered(*given, **named):
        calls.append(name)
        if len(calls) > last:
            if name == "write":
                call(given[0], bytes(given[1])[: len(given[1]) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*given, **named)
    return altered

moment = 0
while True:
    for p in folder.iterdir():
        p.unlink()
    for p, content in before.items():
        p.write_bytes(content)
    child = os.fork()
    if child == 0:
        calls = []
        for name in ("write", "fsync", "ftruncate", "replace", "unlink"):
            setattr(os, name, dying(name, getattr(os, name), calls, moment))
        try:
            change()
        except BaseException as fault:
            print(repr(fault), file=sys.stderr)
            os._exit(1)
        print(json.dumps(calls), flush=True)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if status == 0:
        break
    assert os.WIFSIGNALED(status), status
    print(judge.look(path, what), flush=True)
    moment += 1
"""


def look(path: Path, what: str) -> str:
    """See that what a killed process left is whole, and go on with it; return what it is."""
    found = "log" if left_change(path) is not None else "no log"
    whole(path)
    with open_run(path) as run:
        assert run.status in ("running", "completed")
        done = run.digests is not None if what == "seal" else bool(run.notes)
    if what == "seal":
        recovered = recover(path)
        assert (recovered == path) == done
        path = recovered
    add_note(path, "the next one", "nobody")
    assert verify(path)
    whole(path)
    with open_run(path) as run:
        words = ["last words"] * (done and what == "note") + ["the next one"]
        assert [note.text for note in run.notes] == words
    left = {p.name for p in path.parent.iterdir()} - {"run.h5", "run.recovered.h5", "run.journal.jsonl"}
    assert not left, left
    return f"{found}, {'done' if done else 'as before'}"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("what", ["seal", "note"])
def test_a_kill_at_any_call_to_the_system_loses_nothing(tmp_path: Path, start: Start, what: str) -> None:
    out, complaints = start(KILLED, tmp_path, what).communicate(timeout=100)
    assert not complaints
    *ends, calls = out.splitlines()
    called = json.loads(calls)
    assert len(ends) == len(called)
    # the log is made only of what the disk has, and the file touched only when it has the log
    named, dropped = called.index("replace"), called.index("unlink")
    assert called[named - 1] == "fsync", "the log is not with the disk when it gets its name"
    assert called[:named].count("fsync") == 2, "what was appended is not with the disk before the log is made"
    assert called[named + 1] == "fsync", "its name is not with the disk before the file is touched"
    assert called[dropped - 1] == "fsync", "the file is not with the disk before the log is dropped"
    # each child writes its own moment down, and bytes that stay the same are not written: one of them may need a write
    # more or less than the last, so the stages must come in their order, and nearly where the last one had them
    assert [stage for stage, _ in groupby(ends)] == ["no log, as before", "log, done", "no log, done"]
    assert abs(ends.index("log, done") - (named + 1)) <= 2
    assert abs(ends.index("no log, done") - (dropped + 1)) <= 2


def changed(path: Path) -> Change:
    """Write down, but do not make, a change of a file."""
    with ChangedFile(path) as file:
        with h5py.File(file, "r+") as tree:
            tree["entry"].attrs["torn"] = 1
        change, appended = file.change()
    with path.open("ab") as grown:
        grown.write(appended)
    log_path(path).write_bytes(change.encoded())
    return change


def test_a_log_that_is_torn_or_of_another_file_is_not_believed(sealed: Path, tmp_path: Path) -> None:
    change = changed(sealed)
    assert left_change(sealed) == change
    for content in (b"", change.encoded()[:-1], change.encoded().replace(b"\0\0\0\1", b"\0\0\0\2", 1)):
        log_path(sealed).write_bytes(content)
        assert left_change(sealed) is None
        assert verify(sealed)
    other = tmp_path / "other.h5"
    other.write_bytes(bytes(sealed.stat().st_size))
    log_path(other).write_bytes(change.encoded())
    assert left_change(other) is None
    with pytest.raises(UnreadableRunFile):
        open_run(other)
    assert not any(other.read_bytes())


def test_a_log_of_another_file_is_in_the_way_and_is_kept(sealed: Path) -> None:
    change = changed(sealed)
    foreign = Change(
        change.size_before,
        change.size_after,
        tuple(redo_log.Piece(piece.place, b"\1" * len(piece.old), b"\2" * len(piece.old)) for piece in change.pieces),
    )
    log_path(sealed).write_bytes(foreign.encoded())
    with pytest.raises(RunFileError, match="belongs to another file"):
        add_note(sealed, "lost")
    assert Change.decoded(log_path(sealed).read_bytes()) == foreign
    assert verify(sealed)


def test_a_full_disk_leaves_the_file_as_it_was(sealed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = sealed.read_bytes()
    for step in ("_write", "_write_log"):
        with monkeypatch.context() as patched:

            def full(*_: object) -> None:
                raise OSError(28, "No space left on device")

            patched.setattr(redo_log, step, full)
            with pytest.raises(RunFileError, match="No space left"):
                add_note(sealed, "lost")
        assert sealed.read_bytes() == content
        assert [path.name for path in sealed.parent.iterdir()] == ["run.h5"]


def test_an_unfinished_run_with_a_strangers_log_is_still_recovered(tmp_path: Path, header: RunHeader) -> None:
    path = tmp_path / "run.h5"
    record(path, header).close()
    log_path(path).write_bytes(b"nothing of ours")
    (found,) = recover_folder(tmp_path)
    assert found.records == {"video": len(FRAMES)}
    assert found.path is not None
    whole(found.path)


def test_a_changed_file_reads_as_it_is_to_be(tmp_path: Path) -> None:
    path = tmp_path / "bytes"
    rng = np.random.default_rng(3)
    kept = bytearray(rng.bytes(20_000))
    path.write_bytes(kept)
    with ChangedFile(path) as file:
        for _ in range(200):
            place, length = int(rng.integers(0, 30_000)), int(rng.integers(1, 9000))
            data = rng.bytes(length)
            if rng.random() < 0.3:
                kept.extend(bytes(max(0, place + length - len(kept))))
                kept[place : place + length] = data
                file.seek(place)
                assert file.write(data) == length
            file.seek(place)
            assert file.read(length) == bytes(kept[place : place + length])
        change, appended = file.change()
    assert path.stat().st_size == 20_000
    redo_log.change_in_place(path, Change.decoded(change.encoded()), appended)
    assert path.read_bytes() == bytes(kept)


def test_a_hostile_log_is_refused(sealed: Path) -> None:
    import hashlib

    for body in (
        redo_log._MARK + redo_log._HEAD.pack(10, 10, 2**63),
        redo_log._MARK + redo_log._HEAD.pack(10, 10, 1) + redo_log._PIECE.pack(8, 2**32 - 1) + b"xx",
        redo_log._MARK + redo_log._HEAD.pack(10, 2**63, 0),
        redo_log._MARK,
    ):
        log_path(sealed).write_bytes(body + hashlib.sha256(body).digest())
        assert left_change(sealed) is None
        try:
            assert verify(sealed)
        except UserMistake as fault:
            raise AssertionError(str(fault)) from fault
