"""Frames in a run file: as they were taken, packed or not, counted, and there after a kill."""

import resource
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt
import pytest

from app.engine.circumstances import stream_layouts
from config.bench_file import Output
from procedures.streams import Image, Stream
from storage import bitshuffle, frames
from storage.layout import ColumnLayout, Compression, RunHeader, StreamLayout
from storage.reader import open_run, verify
from storage.recovery import recover, recover_folder
from storage.writer import RunWriter
from tests.storage.conftest import END

Start = Callable[..., "subprocess.Popen[str]"]
Frames = npt.NDArray[np.generic]


def stream(shape: tuple[int, int], dtype: str = "u2", packed: Compression | None = "bitshuffle-lz4") -> StreamLayout:
    return StreamLayout("video", (ColumnLayout("image", "count", shape, dtype, compression=packed),))


def pictures(shape: tuple[int, int, int], dtype: str, seed: int) -> Frames:
    rng = np.random.default_rng(seed)
    if dtype == "f4":
        return rng.normal(size=shape).astype(dtype)
    return rng.poisson(100, size=shape).astype(dtype)


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "f4"])
@pytest.mark.parametrize("shape", [(3, 5), (64, 64), (513, 511)], ids=["tiny", "panel", "odd"])
def test_a_packed_frame_is_what_the_filter_of_hdf5_reads(
    tmp_path: Path, header: RunHeader, dtype: str, shape: tuple[int, int]
) -> None:
    taken = pictures((5, *shape), dtype, seed=1)
    path = tmp_path / "run.h5"
    with RunWriter(path, header, [stream(shape, dtype)]) as writer:
        for n, frame in enumerate(taken):
            writer.record("video", {"image": frame}, n)
        writer.finish("completed", [], END)
    assert verify(path)
    with h5py.File(path) as file:  # with hdf5plugin alone, and nothing of ours
        column = file["entry/video/image"]
        assert column.id.get_create_plist().get_filter(0)[0] == bitshuffle.FILTER
        assert column.chunks == (1, *shape)
        assert np.array_equal(column[()], taken)


@pytest.mark.skipif(sys.platform == "win32", reason="the filter's library keeps its functions to itself there")
def test_chunks_are_those_of_the_filter_pipeline(tmp_path: Path) -> None:
    import hdf5plugin

    (taken,) = pictures((1, 300, 401), "u2", seed=2)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        column = file.create_dataset("x", data=taken, chunks=taken.shape, **hdf5plugin.Bitshuffle(cname="lz4"))
        compress = bitshuffle.compressor()
        assert compress is not None
        assert column.id.read_direct_chunk((0, 0))[1] == compress(taken)


def test_without_functions_to_pack_with_hdf5_does_it(
    tmp_path: Path, header: RunHeader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "compressor", lambda: None)
    taken = pictures((3, 64, 64), "u2", seed=3)
    with RunWriter(tmp_path / "run.h5", header, [stream((64, 64))]) as writer:
        for n, frame in enumerate(taken):
            writer.record("video", {"image": frame}, n)
        writer.finish("completed", [], END)
    assert verify(tmp_path / "run.h5")
    with open_run(tmp_path / "run.h5") as run:
        assert np.array_equal(run.streams["video"]["image"], taken)


def test_a_frame_whose_memory_the_camera_uses_again_is_kept_as_it_was(tmp_path: Path, header: RunHeader) -> None:
    memory = np.zeros((512, 512), "u2")
    path = tmp_path / "run.h5"
    with RunWriter(path, header, [stream((512, 512), packed=None)], flush_after=0.001) as writer:
        for n in range(200):
            memory[:] = n
            writer.record("video", {"image": memory}, n)
        memory[:] = 999
        writer.finish("completed", [], END)
    with open_run(path) as run:
        assert run.verify()
        for n in range(200):
            assert np.all(run.streams["video"].read("image", n, n + 1) == n)


@pytest.mark.parametrize("packed", [None, "bitshuffle-lz4"])
def test_a_camera_that_is_faster_than_the_disk_waits_and_loses_nothing(
    tmp_path: Path, header: RunHeader, packed: Compression | None
) -> None:
    shape, path = (480, 640), tmp_path / "run.h5"
    taken = pictures((8, *shape), "u2", seed=4)
    with RunWriter(path, header, [stream(shape, packed=packed)], max_pending_bytes=4_000_000) as writer:
        for n in range(10):
            writer.record("video", {"image": taken[n % 8]}, n)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for n in range(10, 160):
            writer.record("video", {"image": taken[n % 8]}, n)
        writer.finish("completed", [], END)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * 1024 < 150 * taken[0].nbytes / 2, "the frames have been piled up in memory"
    with open_run(path) as run:
        assert run.verify()
        assert run.streams["video"].rows == 160
        assert all(np.array_equal(run.streams["video"].read("image", n, n + 1)[0], taken[n % 8]) for n in range(160))


def test_a_video_larger_than_what_is_read_at_once_is_read_in_parts(tmp_path: Path, header: RunHeader) -> None:
    taken = pictures((6, 64, 64), "u2", seed=5)
    path = tmp_path / "run.h5"
    with RunWriter(path, header, [stream((64, 64))]) as writer:
        for n, frame in enumerate(taken):
            writer.record("video", {"image": frame}, n)
        writer.finish("completed", [], END)
    with open_run(path, limit=3 * taken[0].nbytes) as run:
        with pytest.raises(Exception, match="read them in parts"):
            run.streams["video"]["image"]
        assert np.array_equal(run.streams["video"].read("image", 2, 5), taken[2:5])
        assert run.verify()


RECORDING = """
import sys
import numpy as np
from storage.layout import ColumnLayout, Compression, RunHeader, StreamLayout
from storage.writer import RunWriter
path, packed = sys.argv[1], sys.argv[2] == "packed"
header = RunHeader("t", "p", "u", "2025-03-01T12:00:00+01:00")
video = ColumnLayout("image", "count", (480, 640), "u2", compression="bitshuffle-lz4" if packed else None)
writer = RunWriter(path, header, [StreamLayout("video", (ColumnLayout("n", "1"), video))], flush_after=0.002)
noise = np.random.default_rng(0).poisson(200, (480, 640)).astype("u2")
noise[0, 0] = 0
print("recording", flush=True)
said = False
for n in range(100_000):
    noise[0, 0] = n % 65_536
    writer.record("video", {"n": n, "image": noise}, n)
    if not said and writer._file.flushed()["video"] > int(sys.argv[3]):
        said = True
        print("now", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize(("packed", "moment"), [("packed", 3), ("packed", 60), ("plain", 40)])
def test_a_killed_recording_of_frames_recovers(tmp_path: Path, start: Start, packed: str, moment: int) -> None:
    path = tmp_path / "run.h5"
    process = start(RECORDING, path, packed, moment)
    assert process.stdout is not None
    assert process.stdout.readline() == "recording\n", process.communicate()[1]
    assert process.stdout.readline() == "now\n"
    process.kill()
    process.wait()
    (recovered,) = recover_folder(tmp_path)
    assert recovered.lost == {"video": 0}
    copy = recover(path)
    assert verify(copy)
    with open_run(copy) as run:
        data = run.streams["video"]
        assert data.rows > moment
        assert np.array_equal(data["n"], np.arange(data.rows))
        assert np.array_equal(data["image"][:, 0, 0], np.arange(data.rows))
        assert np.all(data["image"][:, 1:] == data["image"][0, 1:])


def test_a_frame_that_never_came_to_the_file_is_not_recovered_as_zeros(tmp_path: Path, header: RunHeader) -> None:
    taken = pictures((6, 64, 64), "u2", seed=6)
    path = tmp_path / "run.h5"
    with RunWriter(path, header, [stream((64, 64))]) as writer:
        for n, frame in enumerate(taken):
            writer.record("video", {"image": frame}, n)
    with h5py.File(path, "r+") as file:  # as after a power cut: the rows are there, the last frames are not
        kept = file["entry/video/image"]
        chunks = [kept.id.read_direct_chunk((n, 0, 0)) for n in range(4)]
        kept.resize(0, axis=0)
        kept.resize(6, axis=0)
        for n, (mask, chunk) in enumerate(chunks):
            kept.id.write_direct_chunk((n, 0, 0), chunk[:-1] if n == 3 else chunk, mask)
    copy = recover(path)
    with open_run(copy) as run:
        assert {len(run.streams["video"][name]) for name in ("time", "image")} == {3}
        assert np.array_equal(run.streams["video"]["image"], taken[:3])
        assert run.journal[-1]["lost"] == {"video": 3}


FOLLOWER = """
import sys
import numpy as np
from storage.reader import open_run
seen = []
with open_run(sys.argv[1]) as run:
    assert run.live
    print("looking", flush=True)
    while len(seen) < 4:
        run.refresh()
        video = run.streams["video"]
        if video.rows and (not seen or video.rows > seen[-1]):
            seen.append(video.rows)
            last = video.read("image", video.rows - 1)[0]
            assert last[0, 0] == video.rows - 1 and np.all(last[1:] == 7), last
print(*seen)
"""


@pytest.mark.parametrize("packed", [None, "bitshuffle-lz4"])
def test_somebody_may_watch_a_video_while_it_is_recorded(
    tmp_path: Path, header: RunHeader, start: Start, packed: Compression | None
) -> None:
    path = tmp_path / "run.h5"
    frame = np.full((600, 512), 7, "u2")
    with RunWriter(path, header, [stream((600, 512), packed=packed)], flush_after=0.002) as writer:
        follower = start(FOLLOWER, path)
        n = 0
        while follower.poll() is None and n < 60_000:
            frame[0, 0] = n
            writer.record("video", {"image": frame}, n)
            n += 1
            writer._closing.wait(0.005)  # a camera takes time, too, and the disk is not for this test alone
        out, complaints = follower.communicate(timeout=30)
        assert follower.returncode == 0, complaints
    seen = [int(rows) for rows in out.split()[1:]]
    assert all(a < b for a, b in pairwise(seen))


def test_a_bench_file_asks_for_packed_frames() -> None:
    video = Stream("video", primary=("x", "image"), image=Image("count"), mean="count")
    axes = {"x": np.arange(8.0), "y": np.arange(6.0)}
    for wanted, compression in (("plain", None), ("packed", "bitshuffle-lz4")):
        (layout,) = stream_layouts([video], axes, Output(frames=wanted).frames)
        assert [column.compression for column in layout.columns] == [compression, None]
