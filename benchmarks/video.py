"""How fast frames come into a run file, as a share of what the disk takes, and whether the memory stays flat.

Run with ``python -m benchmarks.video``. The same frames are written to plain files and into run files, by turns and in
another order each round, so that a busy machine is busy for all; before each the disk has done what it had to do, and
each is done when the disk has it all. The plain file that is compared is waited for as often as a run file: no more of
it is lost in a power cut. How fast frames are packed is measured in memory where the system has files there.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import numpy.typing as npt
import psutil

from benchmarks._verdicts import Verdicts, load
from storage import frames as frame_writing
from storage.layout import ColumnLayout, Compression, RunHeader, StreamLayout
from storage.reader import open_run
from storage.writer import SYNC_BYTES, RunWriter

SIDE = 2048
LEAST_SHARE = 0.85
"""Of the speed of writing the same bytes to a plain file."""
LEAST_GAIN = 1.5
"""Of packing with every core over HDF5's own packing, where there are two cores or more."""
LEAST_CORES = 1.5
"""That frames which are packed keep busy, or would if nobody else did."""
MOST_SEALING = 0.2
"""Of the time of recording."""
MOST_GROWTH = 64.0
"""MB by which the memory may grow after the first third of the frames, when the queue has long been full."""
SMALL = (480, 640)
IN_MEMORY = Path("/dev/shm")
HEADER = RunHeader("video", "video", "0", "2025-01-01T00:00:00+00:00")

Frame = npt.NDArray[np.uint16]

FOLDER: Path | None = None


def camera_frames(shape: tuple[int, int], count: int) -> list[Frame]:
    """Frames with the noise of photons, which packs as a camera's does."""
    rng = np.random.default_rng(1)
    return [rng.poisson(1000.0, shape).astype(np.uint16) for _ in range(count)]


def plain_file(frames: list[Frame], count: int, path: Path, sync_bytes: float) -> float:
    """Write to a file and wait for the disk, after every so many bytes in a second thread, and at the end, s."""
    start = time.perf_counter()
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL)
    due, unsynced, ending = threading.Event(), 0, False

    def sync() -> None:
        while not ending:
            due.wait()
            due.clear()
            os.fsync(descriptor)

    syncing = threading.Thread(target=sync)
    syncing.start()
    for n in range(count):
        unsynced += os.write(descriptor, frames[n % len(frames)].data)
        if unsynced > sync_bytes:
            unsynced = 0
            due.set()
    ending = True
    due.set()
    syncing.join()
    os.fsync(descriptor)
    taken = time.perf_counter() - start
    os.close(descriptor)
    return taken


@dataclass(frozen=True)
class Recorded:
    """What a recording took: s until the disk has every frame, and for the sealing after it.

    Of processors: how many worked for it, and how many would have if nobody else had had them, in the mean while frames
    were taken; NaN where the system does not say.
    """

    there: float
    sealing: float
    cores: float
    cores_wanted: float


def recorded(frames: list[Frame], count: int, path: Path, packed: Compression | None) -> Recorded:
    """Record into a run file, and look at what is in it."""
    layout = StreamLayout("video", (ColumnLayout("image", "count", frames[0].shape, "u2", compression=packed),))
    with RunWriter(path, HEADER, [layout]) as writer:
        worked, start = on_processors(), time.perf_counter()
        for n in range(count):
            writer.record("video", {"image": frames[n % len(frames)]}, float(n))
        # before the threads end, and take with them what the system knows of them
        cores, wanted = (on_processors() - worked) / (time.perf_counter() - start)
        writer.end_records()
        there = time.perf_counter() - start
        writer.finish("completed", [], HEADER.start_time)
        sealing = time.perf_counter() - start - there
    with open_run(path) as run:
        video = run.streams["video"]
        for n in (0, count // 2, count - 1):
            if video.rows != count or not np.array_equal(video.read("image", n, n + 1)[0], frames[n % len(frames)]):
                raise SystemExit(f"{path}: frame {n} of {video.rows} is not what was recorded")
    return Recorded(there, sealing, cores, wanted)


def on_processors() -> npt.NDArray[np.float64]:
    """Time that this process' threads were on a processor, and that plus the time they waited for one, s."""
    worked = waited = 0.0
    try:
        for task in Path("/proc/self/task").iterdir():
            with suppress(FileNotFoundError):
                on, off, _ = map(int, (task / "schedstat").read_text().split())
                worked, waited = worked + on * 1e-9, waited + off * 1e-9
    except OSError:  # not on this system
        return np.full(2, np.nan)
    return np.array([worked, worked + waited])


def by_turns(
    ways: dict[str, Callable[[Path], float]], rounds: int, size: float, folder: Path | None
) -> dict[str, list[float]]:
    """Times of each way, s, in rounds; prints the speeds."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for round_number in range(rounds + 1):
        names = list(ways)
        turned = round_number % len(names)
        for name in names[turned:] + names[:turned]:
            if hasattr(os, "sync"):
                os.sync()
            with tempfile.TemporaryDirectory(prefix="video-", dir=folder) as place:
                seconds = ways[name](Path(place) / "run.h5")
            if round_number:  # the first one warms up
                taken[name].append(seconds)
    for name, seconds_of in taken.items():
        speeds = ", ".join(f"{size / seconds:.0f}" for seconds in seconds_of)
        print(f"{name:<42} {size / statistics.median(seconds_of):>6.0f} MB/s  ({speeds})")
    return taken


def share(name: str, of: list[float], over: list[float]) -> float:
    """Median over the rounds of how much faster the first is than the second; prints it with its quartiles."""
    shares = [b / a for a, b in zip(of, over, strict=True)]
    low, median, high = np.percentile(shares, (25, 50, 75))
    print(f"{name}: {median:.2f}, half of the rounds within {low:.2f} to {high:.2f} ({load()})")
    return float(median)


def memory(shape: tuple[int, int], count: int, packed: Compression | None) -> float:
    """MB by which the process has grown while it recorded, after the first third."""
    frames = camera_frames(shape, 8)
    layout = StreamLayout("video", (ColumnLayout("image", "count", shape, "u2", compression=packed),))
    process, held = psutil.Process(), []
    with tempfile.TemporaryDirectory(prefix="video-", dir=FOLDER) as folder:
        with RunWriter(Path(folder) / "run.h5", HEADER, [layout]) as writer:
            for n in range(count):
                writer.record("video", {"image": frames[n % 8]}, float(n))
                if n % 10 == 0:
                    held.append(process.memory_info().rss / 1e6)
            writer.finish("completed", [], HEADER.start_time)
        held.append(process.memory_info().rss / 1e6)
        with open_run(Path(folder) / "run.h5") as run:
            told = [event["message"] for event in run.journal if event["kind"] == "writer_waited"]
    first = max(1, len(held) // 3)
    print(
        f"memory over {count} frames of {shape[1]} x {shape[0]}, {packed or 'uncompressed'}: at most "
        f"{max(held[:first]):.0f} MB in the first third, {max(held[first:]):.0f} MB later; "
        f"{told[0] if told else 'the measurement never waited for the disk'}"
    )
    return max(held[first:]) - max(held[:first])


def on_disk(frames: list[Frame], count: int, rounds: int, verdicts: Verdicts) -> None:
    """Compare what comes to the disk."""
    seals: list[float] = []

    def into_a_run_file(path: Path) -> float:
        took = recorded(frames, count, path, None)
        seals.append(took.sealing / took.there)
        return took.there

    ways: dict[str, Callable[[Path], float]] = {
        "plain file": lambda path: plain_file(frames, count, path, np.inf),
        "plain file, waited for as often": lambda path: plain_file(frames, count, path, SYNC_BYTES),
        "run file, uncompressed": into_a_run_file,
        "run file, bitshuffle and LZ4": lambda path: recorded(frames, count, path, "bitshuffle-lz4").there,
    }
    taken = by_turns(ways, rounds, count * frames[0].nbytes / 1e6, FOLDER)
    at_the_end, as_often, ours, by_us = taken.values()
    share("run file, uncompressed, over plain file that is waited for at the end alone", ours, at_the_end)
    share("run file, packed, over plain file", by_us, as_often)
    verdicts.at_least(
        "run file, uncompressed, over plain file", share("run file over plain file", ours, as_often), LEAST_SHARE
    )
    verdicts.at_most("sealing, of the time of recording", statistics.median(seals), MOST_SEALING)


def in_memory(frames: list[Frame], count: int, rounds: int, verdicts: Verdicts) -> None:
    """Compare how fast frames are packed where no disk stands in the way."""
    used: list[Recorded] = []

    def packed(path: Path) -> float:
        used.append(recorded(frames, count, path, "bitshuffle-lz4"))
        return used[-1].there

    def packed_by_hdf5(path: Path) -> float:
        with mock.patch.object(frame_writing, "compressor", return_value=None):
            return recorded(frames, count, path, "bitshuffle-lz4").there

    ways: dict[str, Callable[[Path], float]] = {
        "packed, in memory": packed,
        "packed by HDF5 alone, in memory": packed_by_hdf5,
    }
    folder = IN_MEMORY if IN_MEMORY.is_dir() else FOLDER
    by_us, by_hdf5 = by_turns(ways, rounds, count * frames[0].nbytes / 1e6, folder).values()
    cores, wanted = (statistics.median(getattr(took, name) for took in used) for name in ("cores", "cores_wanted"))
    print(f"while frames are packed, {cores:.2f} of {os.cpu_count()} cores work for it, and {wanted:.2f} would")
    if (os.cpu_count() or 1) > 1:
        gain = share("packed with every core, over HDF5 alone", by_us, by_hdf5)
        verdicts.at_least("packed with every core, over HDF5 alone", gain, LEAST_GAIN)
        verdicts.at_least("cores that packing would use at once", wanted, LEAST_CORES)


def main() -> int:
    """Print a line for each way; return 1 if a figure is missed."""
    global FOLDER
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=100, help="of 2048 x 2048 pixels, in each round")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--small-frames", type=int, default=10_000, help="of 640 x 480 pixels, for the memory")
    parser.add_argument("--large-frames", type=int, default=300, help="of 2048 x 2048 pixels, for the memory")
    parser.add_argument("--folder", type=Path, help="on the disk that is meant (default: the system's for such files)")
    given = parser.parse_args()
    FOLDER, count = given.folder, given.frames
    frames = camera_frames((SIDE, SIDE), 8)
    print(f"{count} frames of {SIDE} x {SIDE} x 16 bit, {count * frames[0].nbytes / 1e6:.0f} MB ({load()})")
    verdicts = Verdicts()
    on_disk(frames, count, given.rounds, verdicts)
    in_memory(frames, count, given.rounds, verdicts)
    ways: tuple[Compression | None, ...] = (None, "bitshuffle-lz4")
    for way in ways:
        for shape, number in ((SMALL, given.small_frames), ((SIDE, SIDE), given.large_frames)):
            growth = memory(shape, number, way)
            verdicts.at_most(
                f"growth of the memory, {shape[1]} pixels wide, {way or 'plain'}", growth, MOST_GROWTH, "MB"
            )
    return verdicts.conclude()


if __name__ == "__main__":
    sys.exit(main())
