"""Notes and tags: kept in the run file, beside what was measured and never at its cost."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import h5py
import pytest

import storage.amendment
from config.mistake import UserMistake
from storage.errors import RunFileError
from storage.layout import RunHeader, StreamLayout
from storage.notes import MAX_NOTE, add_note, add_tag, remove_tag
from storage.reader import open_run, verify
from storage.seal import append_analysis
from storage.writer import RunWriter
from tests.storage.conftest import END

Point = Callable[[int], dict[str, float]]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def path(tmp_path: Path, header: RunHeader, sweep: StreamLayout, point: Point) -> Path:
    with RunWriter(tmp_path / "run.h5", header, [sweep]) as writer:
        for n in range(10):
            writer.record("sweep", point(n), n)
        writer.finish("completed", [{"name": "slope", "value": 1.0}], END)
    return tmp_path / "run.h5"


def test_notes_come_back_as_they_were_written_and_what_was_measured_keeps_its_digests(path: Path) -> None:
    with open_run(path) as run:
        assert (run.notes, run.tags) == ((), ())
        before = run.digests or {}
    add_note(path, "  The crystal was cleaved again: μτ\nlooks better.\n", author="Ada  Lovelace")
    with open_run(path) as viewer:  # somebody looks at the file meanwhile
        assert add_note(path, "second").number == 2
        assert len(viewer.notes) == 1
    with open_run(path) as run:
        first, second = run.notes
        assert (first.number, first.author) == (1, "Ada Lovelace")
        assert first.text == "The crystal was cleaved again: μτ\nlooks better."
        assert second.author  # whoever is logged in
        assert datetime.fromisoformat(first.date).tzinfo is not None
        assert {name: run.digests[name] for name in before} == before
        assert run.verify()
        assert run.file["entry/notes/0001"].attrs["NX_class"] == "NXnote"
        assert run.streams.keys() == {"sweep"}


def test_tags_are_a_set(path: Path) -> None:
    assert add_tag(path, "for the paper") == ("for the paper",)
    assert add_tag(path, " bad contact ") == ("bad contact", "for the paper")
    content = path.read_bytes()
    assert add_tag(path, "bad contact") == ("bad contact", "for the paper")
    assert remove_tag(path, "never given") == ("bad contact", "for the paper")
    assert path.read_bytes() == content, "nothing changed, so nothing is written"
    assert remove_tag(path, "for the paper") == ("bad contact",)
    append_analysis(path, [])
    with open_run(path) as run:
        assert run.tags == ("bad contact",)
        assert run.verify()
    assert remove_tag(path, "bad contact") == ()
    assert verify(path)


def test_a_note_that_something_else_changed_is_found(path: Path) -> None:
    add_note(path, "The shutter was open.")
    with h5py.File(path, "r+") as file:
        file["entry/notes/0001/data"][()] = b"The shutter was shut!"
    assert verify(path).damaged == ("entry/notes/0001/data",)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda path: add_note(path, " \n "), "empty"),
        (lambda path: add_note(path, "x" * (MAX_NOTE + 1)), "65,537 characters; a run file keeps 65,536"),
        (lambda path: add_tag(path, ""), "one line of 1 to 64"),
        (lambda path: add_tag(path, "two\nlines"), "one line of 1 to 64"),
        (lambda path: add_tag(path.with_name("none.h5"), "x"), "no such file"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_the_file_left_alone(
    path: Path, change: Callable[[Path], object], why: str
) -> None:
    content = path.read_bytes()
    with pytest.raises(UserMistake, match=why):
        change(path)
    assert path.read_bytes() == content


def test_a_run_that_goes_on_takes_no_notes(tmp_path: Path, header: RunHeader, sweep: StreamLayout) -> None:
    path = tmp_path / "run.h5"
    with RunWriter(path, header, [sweep]):
        with pytest.raises(UserMistake, match="has not ended"):
            add_note(path, "too early")
        with pytest.raises(UserMistake, match="has not ended"):
            add_tag(path, "early")


def test_a_crash_or_a_full_disk_in_the_middle_leaves_the_file_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for step in ("reserve", "replace_synced"):
        with monkeypatch.context() as patched:
            patched.setattr(storage.amendment, step, fail)
            with pytest.raises(RunFileError, match=r"the note cannot be added: .*No space left"):
                add_note(path, "lost")
        assert path.read_bytes() == content
    assert [p.name for p in path.parent.iterdir()] == ["run.h5"]


def test_what_another_program_changes_meanwhile_is_not_overwritten(path: Path) -> None:
    with pytest.raises(OSError, match="changed it meanwhile"), storage.amendment.amended(path, 0):
        path.write_bytes(path.read_bytes() + b"!")
    assert path.read_bytes().endswith(b"!")


def test_a_link_to_a_run_file_stays_one_and_the_mode_is_kept(path: Path) -> None:
    path.chmod(0o640)
    link = path.with_name("link.h5")
    link.symlink_to(path)
    add_note(link, "through the link")
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    with open_run(path) as run:
        assert len(run.notes) == 1


NOTING = """
import sys
from storage.notes import add_note, add_tag
for n in range(5):
    add_note(sys.argv[1], f"{sys.argv[2]}{n}")
    add_tag(sys.argv[1], f"{sys.argv[2]}{n}")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no locks on folders")
def test_two_processes_that_write_notes_lose_none(path: Path, start: Start) -> None:
    processes = [start(NOTING, path, name) for name in ("a", "b")]
    for process in processes:
        assert process.wait(60) == 0
    with open_run(path) as run:
        assert sorted(note.text for note in run.notes) == sorted(f"{name}{n}" for name in "ab" for n in range(5))
        assert [note.number for note in run.notes] == list(range(1, 11))
        assert len(run.tags) == 10
        assert run.verify()


KILLED = """
import os, sys
import storage.amendment
replace, when = storage.amendment.replace_synced, sys.argv[2]
def die(new, path):
    if when == "after":
        replace(new, path)
    os.kill(os.getpid(), 9)
storage.amendment.replace_synced = die
from storage.notes import add_note
add_note(sys.argv[1], "last words")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_in_the_middle_damages_nothing(path: Path, start: Start, when: str) -> None:
    digest = hashlib.sha256(path.read_bytes()).digest()
    assert start(KILLED, path, when).wait(60) == -9
    assert (hashlib.sha256(path.read_bytes()).digest() == digest) == (when == "before")
    assert verify(path)
    add_note(path, "the next one")
    with open_run(path) as run:
        assert [note.text for note in run.notes] == ["last words"] * (when == "after") + ["the next one"]
    assert [p.name for p in path.parent.iterdir()] == ["run.h5"], "what the killed process left is cleared away"
