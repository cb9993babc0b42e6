"""Analyses many run files again, on every processor of this machine or of a cluster; the figures are those of one."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.mistake import UserMistake

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Analysed:
    """What an analysis gave: figures of merit as dictionaries, or why there are none."""

    path: str
    figures: tuple[Mapping[str, Any], ...] = ()
    fault: str = ""


def run_files(paths: Sequence[Path]) -> list[Path]:
    """List run files: those that are named, as often as they are, and the others in folders that are named.

    Raises
    ------
    UserMistake
        If a folder holds none.
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        inside = sorted(one for one in path.rglob("*.h5") if not one.name.startswith("."))
        if not inside:
            raise UserMistake(f"{path}: there is no run file in this folder")
        found += [one for one in inside if one not in found]
    return found


def analyse_file(path: str, options: Mapping[str, Any]) -> Analysed:
    """Analyse one file; what is wrong with it is told and does not end the others."""
    from app.engine.reading import analyse_path

    try:
        return Analysed(path, tuple(figure.as_dict() for figure in analyse_path(Path(path), options)))
    except UserMistake as mistake:
        return Analysed(path, fault=str(mistake))
    except Exception as error:
        return Analysed(path, fault=f"{type(error).__name__}: {error}")


def analyse_here(paths: Sequence[Path], options: Mapping[str, Any], jobs: int, progress: Progress) -> list[Analysed]:
    """Analyse on this machine.

    Parameters
    ----------
    jobs
        Processes; 1 stays in this one.
    progress
        Told how many of how many are done.

    Returns
    -------
    list of Analysed
        In the order of `paths`.
    """
    names = [str(path) for path in paths]
    if jobs == 1 or len(names) == 1:
        found = {}
        for number, name in enumerate(names):
            progress(number, len(names))
            found[name] = analyse_file(name, options)
        return [found[name] for name in names]
    found = {}
    with _one_thread_each(), ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting = {pool.submit(analyse_file, name, options): name for name in names}
        progress(0, len(names))
        for done in as_completed(waiting):
            name = waiting[done]
            try:
                found[name] = done.result()
            except BrokenProcessPool as error:
                found[name] = Analysed(name, fault=f"its process ended: {error}")
            progress(len(found), len(names))
    return [found[name] for name in names]


def analyse_on_cluster(
    paths: Sequence[Path], options: Mapping[str, Any], scheduler: str, progress: Progress
) -> list[Analysed]:
    """Analyse on a Dask cluster, whose workers have this version of xraybench and see the same files.

    Parameters
    ----------
    scheduler
        Its address: ``tcp://host:8786``.

    Raises
    ------
    UserMistake
        If Dask is not installed, or nobody answers there, or a worker has another version of xraybench.
    """
    try:
        from distributed import Client
        from distributed import as_completed as completed
    except ImportError as error:
        raise UserMistake("a cluster needs Dask: pip install -c constraints.txt -e .[cluster]") from error
    names = [str(path.resolve()) for path in paths]
    try:
        client = Client(scheduler, timeout=10, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise UserMistake(f"--scheduler {scheduler}: no Dask scheduler answers there ({error})") from error
    with client:
        _check_versions(client, scheduler)
        # pure=False: the same path may hold another run today than yesterday
        waiting = client.map(analyse_file, names, options=dict(options), pure=False, retries=2)
        found = {}
        progress(0, len(names))
        for done in completed(waiting, loop=client.loop):
            analysed = done.result() if done.status == "finished" else None
            if analysed is None:
                index = [one.key for one in waiting].index(done.key)
                analysed = Analysed(names[index], fault=f"its worker failed: {done.exception()}")
            found[analysed.path] = analysed
            progress(len(found), len(names))
    return [
        Analysed(str(path), found[name].figures, found[name].fault) for path, name in zip(paths, names, strict=True)
    ]


def _versions() -> dict[str, str]:
    from app.engine.circumstances import package_versions

    return {name: package_versions().get(name, "") for name in ("xraybench", "numpy", "scipy", "h5py")}


def _check_versions(client: Any, scheduler: str) -> None:
    """Refuse workers whose figures could differ."""
    own = _versions()
    try:
        theirs = client.run(_versions)
    except Exception as error:
        raise UserMistake(f"--scheduler {scheduler}: a worker cannot load xraybench ({error})") from error
    if not theirs:
        raise UserMistake(f"--scheduler {scheduler}: this cluster has no workers")
    for worker, versions in theirs.items():
        for name, version in own.items():
            if versions.get(name) != version:
                raise UserMistake(
                    f"--scheduler {scheduler}: worker {worker} has {name} {versions.get(name)}, here it is {version}; "
                    "install the same, or the figures may differ"
                )


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Keep the numerical library of each new process to one thread: the processes already use every core."""
    added = [name for name in _THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(added, "1"))
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]
