"""Files that are damaged, hostile or something else get one line, never a traceback of the HDF5 library."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from config.mistake import UserMistake
from storage.errors import UnreadableRunFile
from storage.layout import RunHeader, StreamLayout
from storage.reader import RunFile, open_run
from storage.writer import RunWriter

Point = Callable[[int], dict[str, float]]


@pytest.fixture
def path(tmp_path: Path, header: RunHeader, sweep: StreamLayout, point: Point) -> Path:
    with RunWriter(tmp_path / "run.h5", header, [sweep]) as writer:
        for n in range(2000):
            writer.record("sweep", point(n), n)
        writer.finish("completed", [{"name": "slope", "value": 1.0}], "2025-03-01T12:30:00+01:00")
    return tmp_path / "run.h5"


def read_all(run: RunFile) -> None:
    """Everything that a user could ask of a run file."""
    for stream in run.streams.values():
        for column in stream:
            stream[column]
    _ = run.status, run.journal, run.analyses, run.figures, run.digests, run.writer, run.end_time
    run.verify()


def refusal(path: Path) -> str:
    with pytest.raises(UnreadableRunFile) as raised, open_run(path) as run:
        read_all(run)
    assert isinstance(raised.value, UserMistake)
    assert "\n" not in str(raised.value)
    assert str(path) in str(raised.value)
    return str(raised.value)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "none.h5")
    assert "no such file" in refusal(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"x", b"a,b\n1,2\n", b"\x89HDF\r\n\x1a\n", b"\x89HDF\r\n\x1a\n" + bytes(5000)]
)
def test_what_is_no_hdf5_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "run.h5").write_bytes(content)
    refusal(tmp_path / "run.h5")


def test_another_programs_hdf5_file_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "run.h5", "w") as file:
        file["x"] = 1
    assert "it has no /entry" in refusal(tmp_path / "run.h5")
    with h5py.File(tmp_path / "run.h5", "w") as file:
        file["entry/format"] = np.bytes_("something else")
    assert "is no run file of xraybench" in refusal(tmp_path / "run.h5")


def test_a_file_of_a_later_format_says_so(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["entry/format"].attrs["version"] = 2
    assert "has format 2; this version reads 1" in refusal(path)


@pytest.mark.parametrize("part", np.linspace(0.01, 0.999, 12))
def test_a_truncated_file_is_refused(path: Path, part: float) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * part)])
    refusal(path)


def test_a_file_with_flipped_bytes_is_refused_or_its_checksum_tells(path: Path) -> None:
    rng = np.random.default_rng(4)
    whole = bytearray(path.read_bytes())
    unnoticed = 0
    for _ in range(25):
        damaged = bytearray(whole)
        for position in rng.integers(0, len(whole), size=4):
            damaged[position] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        try:
            with open_run(path) as run:
                read_all(run)
                unnoticed += bool(run.verify()) and any(
                    not np.array_equal(run.streams["sweep"][c], np.arange(2000) + i / 10)
                    for i, c in enumerate(list(run.streams["sweep"])[1:], 1)
                )
        except UnreadableRunFile as fault:
            assert "\n" not in str(fault)  # noqa: PT017
    assert unnoticed == 0


def external_link(file: h5py.File, elsewhere: Path) -> None:
    file["entry/sweep/signal"] = h5py.ExternalLink(elsewhere, "secret")


def soft_link(file: h5py.File, elsewhere: Path) -> None:
    file["entry/sweep/signal"] = h5py.SoftLink("/entry/sweep/dose_rate")


def raw_data_elsewhere(file: h5py.File, elsewhere: Path) -> None:
    file["entry/sweep"].create_dataset("signal", (100,), "f8", external=[(str(elsewhere), 0, 800)])


def virtual_data(file: h5py.File, elsewhere: Path) -> None:
    layout = h5py.VirtualLayout((100,), "f8")
    layout[:] = h5py.VirtualSource(str(elsewhere), "secret", (100,))
    file["entry/sweep"].create_virtual_dataset("signal", layout)


def huge_column(file: h5py.File, elsewhere: Path) -> None:
    file["entry/sweep"].create_dataset("signal", (2**50,), "f8", chunks=(1024,))


def huge_chunk(file: h5py.File, elsewhere: Path) -> None:
    file["entry/sweep"].create_dataset("signal", (3,), "f8", chunks=(2**28,), maxshape=(None,))


def text_column(file: h5py.File, elsewhere: Path) -> None:
    file["entry/sweep/signal"] = ["a", "b"]


def compound_column(file: h5py.File, elsewhere: Path) -> None:
    file["entry/sweep/signal"] = np.zeros(3, dtype=[("a", "f8")])


def scalar_column(file: h5py.File, elsewhere: Path) -> None:
    file["entry/sweep/signal"] = 1.0


def no_column(file: h5py.File, elsewhere: Path) -> None:
    file["entry/sweep/somewhere_else"] = 1.0


def group_for_a_column(file: h5py.File, elsewhere: Path) -> None:
    file["entry/sweep"].create_group("signal")


@pytest.mark.parametrize(
    ("put", "why"),
    [
        (external_link, "link to somewhere else"),
        (soft_link, "link to somewhere else"),
        (raw_data_elsewhere, "in another file"),
        (virtual_data, "in another file"),
        (huge_column, "declares"),
        (huge_chunk, "declares"),
        (text_column, "of a kind that no run file holds"),
        (compound_column, "of a kind that no run file holds"),
        (scalar_column, "is no column"),
        (no_column, "it has no /entry/sweep/signal"),
        (group_for_a_column, "is no dataset"),
    ],
)
def test_a_hostile_column_is_refused(
    path: Path, tmp_path: Path, put: Callable[[h5py.File, Path], None], why: str
) -> None:
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["secret"] = np.ones(100)
    with h5py.File(path, "r+") as file:
        del file["entry/sweep/signal"]
        put(file, secret)
    assert why in refusal(path)


def test_a_header_that_bites_its_own_tail_ends(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["entry/sample/loop"] = file["entry"]
        file["entry/user/again"] = file["entry/user"]
    refusal(path)


def test_a_group_that_contains_itself_is_no_endless_checksum(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["entry/loop"] = file["entry"]
    assert "nested deeper" in refusal(path)


@pytest.mark.parametrize("name", ["status", "checksum/digests", "analysis/0001/slope/figure", "parameters"])
def test_a_missing_or_senseless_part_is_refused(path: Path, name: str) -> None:
    with h5py.File(path, "r+") as file:
        del file[f"entry/{name}"]
        file[f"entry/{name}"] = np.bytes_("{[")
    refusal(path)
