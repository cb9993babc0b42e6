"""How fast frames come into a run file, as a share of what the disk takes, and whether the memory stays flat.

Run with ``python -m benchmarks.video``. The same frames are written to a plain file and into run files, by turns, so
that a busy machine is busy for all; each is done when the disk has it all (fsync).
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
import numpy.typing as npt
import psutil

from benchmarks._verdicts import Verdicts, load
from storage import frames as frame_writing
from storage.layout import ColumnLayout, Compression, RunHeader, StreamLayout
from storage.reader import open_run
from storage.writer import RunWriter

SIDE = 2048
LEAST_SHARE = 0.85
"""Of the speed of writing the same bytes to a plain file."""
LEAST_GAIN = 1.5
"""Of packing with every core over HDF5's own packing, where there are two cores or more."""
MOST_GROWTH = 64.0
"""MB by which the memory may grow after the first third of the frames, when the queue has long been full."""
SMALL = (480, 640)
HEADER = RunHeader("video", "video", "0", "2025-01-01T00:00:00+00:00")

Frame = npt.NDArray[np.uint16]

FOLDER: Path | None = None


def camera_frames(shape: tuple[int, int], count: int) -> list[Frame]:
    """Frames with the noise of photons, which packs as a camera's does."""
    rng = np.random.default_rng(1)
    return [rng.poisson(1000.0, shape).astype(np.uint16) for _ in range(count)]


def plain_file(frames: list[Frame], count: int, path: Path) -> float:
    """Write to a file and wait for the disk, s."""
    start = time.perf_counter()
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL)
    for n in range(count):
        os.write(descriptor, frames[n % len(frames)].data)
    os.fsync(descriptor)
    taken = time.perf_counter() - start
    os.close(descriptor)
    return taken


def recorded(frames: list[Frame], count: int, path: Path, packed: Compression | None) -> tuple[float, float, float]:
    """Record into a run file; s until the disk has every frame, s until it is sealed, processor seconds until then."""
    layout = StreamLayout("video", (ColumnLayout("image", "count", frames[0].shape, "u2", compression=packed),))
    with RunWriter(path, HEADER, [layout]) as writer:
        working, start = time.process_time(), time.perf_counter()
        for n in range(count):
            writer.record("video", {"image": frames[n % len(frames)]}, float(n))
        writer.end_records()
        there = time.perf_counter() - start
        writer.finish("completed", [], HEADER.start_time)
        sealed = time.perf_counter() - start
        worked = time.process_time() - working
    with open_run(path) as run:
        video = run.streams["video"]
        for n in (0, count // 2, count - 1):
            if video.rows != count or not np.array_equal(video.read("image", n, n + 1)[0], frames[n % len(frames)]):
                raise SystemExit(f"{path}: frame {n} of {video.rows} is not what was recorded")
    return there, sealed, worked


def by_turns(ways: dict[str, Callable[[Path], float]], rounds: int, size: float) -> dict[str, list[float]]:
    """Times of each way, s, in rounds; prints the speeds."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for round_number in range(rounds + 1):
        for name, way in ways.items():
            with tempfile.TemporaryDirectory(prefix="video-", dir=FOLDER) as folder:
                seconds = way(Path(folder) / "run.h5")
            if round_number:  # the first one warms up
                taken[name].append(seconds)
    for name, seconds_of in taken.items():
        speeds = ", ".join(f"{size / seconds:.0f}" for seconds in seconds_of)
        print(f"{name:<42} {size / statistics.median(seconds_of):>6.0f} MB/s  ({speeds})")
    return taken


def share(of: list[float], over: list[float]) -> float:
    """Median over the rounds of how much faster the first is than the second."""
    return statistics.median(b / a for a, b in zip(of, over, strict=True))


def memory(count: int, packed: Compression | None) -> float:
    """MB by which the process has grown while it recorded, after the first third."""
    frames = camera_frames(SMALL, 8)
    layout = StreamLayout("video", (ColumnLayout("image", "count", SMALL, "u2", compression=packed),))
    process, held = psutil.Process(), []
    with tempfile.TemporaryDirectory(prefix="video-", dir=FOLDER) as folder:
        with RunWriter(Path(folder) / "run.h5", HEADER, [layout]) as writer:
            for n in range(count):
                writer.record("video", {"image": frames[n % 8]}, float(n))
                if n % 50 == 0:
                    held.append(process.memory_info().rss / 1e6)
            writer.finish("completed", [], HEADER.start_time)
        held.append(process.memory_info().rss / 1e6)
    first = max(1, len(held) // 3)
    print(
        f"memory over {count} frames of {SMALL[1]} x {SMALL[0]}, {packed or 'uncompressed'}: at most "
        f"{max(held[:first]):.0f} MB in the first third, {max(held[first:]):.0f} MB later"
    )
    return max(held[first:]) - max(held[:first])


def main() -> int:
    """Print a line for each way; return 1 if a figure is missed."""
    global FOLDER
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=200, help="of 2048 x 2048 pixels, in each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--small-frames", type=int, default=10_000, help="of 640 x 480 pixels, for the memory")
    parser.add_argument("--folder", type=Path, help="on the disk that is meant (default: the system's for such files)")
    given = parser.parse_args()
    FOLDER, count = given.folder, given.frames
    frames = camera_frames((SIDE, SIDE), 8)
    size = count * frames[0].nbytes / 1e6
    print(f"{count} frames of {SIDE} x {SIDE} x 16 bit, {size:.0f} MB ({load()})")
    seals: list[float] = []
    busy: list[float] = []

    def into_a_run_file(path: Path) -> float:
        there, sealed, _ = recorded(frames, count, path, None)
        seals.append((sealed - there) / there)
        return there

    def packed(path: Path) -> float:
        there, _, worked = recorded(frames, count, path, "bitshuffle-lz4")
        busy.append(worked / there)
        return there

    def packed_by_hdf5(path: Path) -> float:
        with mock.patch.object(frame_writing, "compressor", return_value=None):
            return recorded(frames, count, path, "bitshuffle-lz4")[0]

    taken = by_turns(
        {
            "plain file": lambda path: plain_file(frames, count, path),
            "run file, uncompressed": into_a_run_file,
            "run file, bitshuffle and LZ4": packed,
            "run file, bitshuffle and LZ4 by HDF5 alone": packed_by_hdf5,
        },
        given.rounds,
        size,
    )
    raw, ours, by_us, by_hdf5 = taken.values()
    print(f"sealing takes {statistics.median(seals):.2f} of the time of recording, uncompressed")
    print(f"while it packs, {statistics.median(busy):.2f} of {os.cpu_count()} cores are busy for it")
    verdicts = Verdicts()
    verdicts.at_least("run file, uncompressed, over plain file", share(ours, raw), LEAST_SHARE)
    if (os.cpu_count() or 1) > 1:
        verdicts.at_least("packed with every core, over HDF5 alone", share(by_us, by_hdf5), LEAST_GAIN)
    ways: tuple[Compression | None, ...] = (None, "bitshuffle-lz4")
    for way in ways:
        growth = memory(given.small_frames, way)
        verdicts.at_most(f"growth of the memory, {way or 'uncompressed'}", growth, MOST_GROWTH, "MB")
    return verdicts.conclude()


if __name__ == "__main__":
    sys.exit(main())
