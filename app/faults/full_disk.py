"""A disk that fills up while a run is on: a small file system in memory where one may be mounted, a limit elsewhere."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from app.engine.engine import Engine, Request
from app.engine.events import Event, Recorded, State
from app.faults.launcher import Energised
from app.faults.subjects import campaign_bench
from app.opening import open_simulated
from storage.reader import open_run
from storage.recovery import recover_folder

SIZE = "16m"
FULL_AFTER = 400
"""records, after which something else takes what is left of the disk"""


@dataclass
class Filled:
    """What became of a run on a disk that filled up."""

    state: str
    reason: str
    records: int
    """That were taken"""
    kept: int
    """That can be read afterwards"""
    messages: int
    """Lines of the journal that say so"""
    problems: list[str] = field(default_factory=list)


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount a small file system in memory; for who may (root, on Linux).

    Raises
    ------
    OSError
        Where that cannot be done.
    """
    mount = shutil.which("mount")
    if sys.platform != "linux" or mount is None or os.geteuid() != 0:
        raise OSError("a file system in memory can be mounted by root on Linux only")
    folder.mkdir()
    done = subprocess.run(  # noqa: S603  (our own words)
        [mount, "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)], check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise OSError(done.stderr.strip())
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)  # noqa: S603, S607


def _fill_up(path: Path) -> None:
    size = 1 << 20
    with path.open("wb", buffering=0) as file:
        while size:
            try:
                file.write(bytes(size))
            except OSError:
                size //= 2


def fill(disk: Path, copies: Path) -> Filled:
    """Measure onto a small disk until it is full.

    Parameters
    ----------
    disk
        The small one.
    copies
        A folder with room, where the file is recovered.
    """
    recorded = 0

    def take_the_rest(event: Event) -> None:
        nonlocal recorded
        recorded += isinstance(event, Recorded)
        if recorded == FULL_AFTER and not (disk / "others").exists():
            _fill_up(disk / "others")

    bench, served = open_simulated(campaign_bench(), seed=1)
    try:
        procedure = Energised()
        procedure.set_values({"exposures": 2000, "records": 50})
        engine = Engine(bench)
        engine.watch(take_the_rest)
        outcome = engine.run(Request(procedure, folder=disk, seed=1))
        world = served.world
        notes = [note for note in outcome.notes if "No space left" in note.message]
        filled = Filled(str(outcome.state), outcome.reason, outcome.records, 0, len(notes))
        for holds, otherwise in (
            (not world.tube.high_voltage_on, "THE BEAM IS ON"),
            (world.bias_v() == 0.0, "THE BIAS IS ON"),
            (outcome.state is State.FAILED, f"the run is {outcome.state}"),
            ("No space left" in outcome.reason, "the reason does not say so"),
            (len(notes) == 1, f"{len(notes)} messages say so"),
        ):
            if not holds:
                filled.problems.append(otherwise)
    finally:
        bench.close()
    left = next(disk.rglob("*.h5"))
    for path in left.parent.glob(f"{left.stem}*"):
        shutil.copy(path, copies / path.name)
    recovered = recover_folder(copies)
    with open_run(recovered[0].path if recovered and recovered[0].path else copies / left.name) as file:
        filled.kept = file.streams["monitor"].rows
    if not 0 < filled.kept <= filled.records:
        filled.problems.append(f"{filled.kept} of {filled.records} records can be read")
    return filled
